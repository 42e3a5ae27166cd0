from __future__ import annotations

import errno
import json
import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from sim.core.errors import StorageError
from sim.core.records import APPROVAL_REQUEST, EXPOSURE, RECEIPT, TASK, TRUTH
from sim.experiment.cells import create_chunk
from sim.metrics.base import Value
from sim.metrics.outcomes import OUTCOMES, measure
from sim.trace.ordering import COMMIT, VIEW, FaultRecord
from sim.trace.store import (
    MANIFEST,
    MARKET_TABLES,
    RECEIPT_NAMES,
    create_folder,
    load_manifest,
    seal,
    write_bytes,
    write_table,
    write_traces,
)
from tests.markets_world import get_policy, load_market
from tests.worlds import POLICIES, create_reacher, create_worker, load_world, run

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.trace.records import Trace

FILES = {"calls": b"one\x00two", "tasks": b"", "blocks": bytes(range(40))}
FACTS: dict[str, Any] = {"policy": "gateway", "seed": 1, "digests": ["00ff", "12ab"]}


def create_result(final: Path, files: dict[str, bytes] = FILES, **facts: Any) -> Path:
    """A sealed folder of a few bytes."""
    temporary = final.with_name(f"{final.name}.tmp")
    create_folder(temporary)
    for name, content in files.items():
        write_bytes(temporary / name, content)
    seal(temporary, final, FACTS | facts)
    return final


def read_all(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def refuse(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


# a folder is whole or not there


def test_a_sealed_folder_has_its_files_and_says_so(tmp_path: Path) -> None:
    final = create_result(tmp_path / "deep" / "result")
    assert read_all(final).keys() == {*FILES, MANIFEST}
    manifest = load_manifest(final)
    assert {key: manifest[key] for key in FACTS} == FACTS
    assert {name: entry["bytes"] for name, entry in manifest["files"].items()} == {
        name: len(content) for name, content in FILES.items()
    }
    assert [path.name for path in final.parent.iterdir()] == ["result"]


def test_a_result_of_that_name_is_replaced_whole(tmp_path: Path) -> None:
    create_result(tmp_path / "result", {"older": b"x", "calls": b"other"})
    final = create_result(tmp_path / "result")
    assert read_all(final) == read_all(create_result(tmp_path / "fresh"))


def test_a_folder_left_by_an_interrupted_run_starts_empty(tmp_path: Path) -> None:
    left = tmp_path / "result.tmp"
    left.mkdir()
    (left / "half").write_bytes(b"x")
    assert read_all(create_result(tmp_path / "result")).keys() == {*FILES, MANIFEST}


@pytest.mark.parametrize(
    ("target", "call"),
    [("os.fsync", 1), ("os.fsync", 3), ("os.fsync", 4), ("pathlib.Path.rename", 1)],
    ids=["first file", "last file", "manifest", "rename"],
)
def test_the_old_result_survives_a_disk_that_refuses(
    target: str, call: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    final = create_result(tmp_path / "result", {"calls": b"old"})
    before = read_all(final)
    room, name = target.rsplit(".", 1)
    owner = os if room == "os" else Path
    works, calls = getattr(owner, name), []

    def refuse_once(*args: Any) -> Any:
        calls.append(args)
        return refuse() if len(calls) == call else works(*args)

    monkeypatch.setattr(owner, name, refuse_once)
    with pytest.raises(StorageError, match="No space left on device") as caught:
        create_result(final)
    assert caught.value.exit_code == 4
    assert str(tmp_path) in caught.value.path
    assert final.is_dir()
    assert read_all(final) == before
    assert load_manifest(final)["files"].keys() == {"calls"}
    create_result(final)  # and once there is room, all is well
    assert read_all(final).keys() == {*FILES, MANIFEST}


def test_the_folder_gets_its_name_after_everything_is_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    works, rename = os.fsync, Path.rename

    def note_sync(file: int) -> None:
        events.append("sync")
        works(file)

    def note_rename(path: Path, target: Path) -> Path:
        events.append("rename")
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(Path, "rename", note_rename)
    create_result(tmp_path / "result")
    renamed = events.index("rename")
    assert events[:renamed].count("sync") >= len(FILES) + 1


def write_some_bytes(path: Path) -> None:
    write_bytes(path, b"x")


def write_some_table(path: Path) -> None:
    write_table(path, {"a": np.arange(10_000)})


WRITERS = [write_some_bytes, write_some_table]


@pytest.mark.parametrize("write", WRITERS)
def test_a_file_that_cannot_be_written_is_named(
    write: Callable[[Path], None], tmp_path: Path
) -> None:
    path = tmp_path / "nowhere" / "file"
    with pytest.raises(StorageError, match="cannot be written: No such file") as caught:
        write(path)
    assert caught.value.path == str(path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full device here")
@pytest.mark.parametrize("write", WRITERS)
def test_a_full_device_is_a_storage_error(write: Callable[[Path], None]) -> None:
    with pytest.raises(StorageError, match="No space left"):
        write(Path("/dev/full"))


def test_a_folder_below_a_file_cannot_be_created(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match="cannot be created") as caught:
        create_folder(tmp_path / "file" / "folder")
    assert str(tmp_path / "file") in caught.value.path


# what was written is what is read


def flip(content: bytes, place: int, mask: int) -> bytes:
    return content[:place] + bytes([content[place] ^ mask]) + content[place + 1 :]


@pytest.mark.parametrize("mask", [0x01, 0x20, 0x80, 0xFF])
@pytest.mark.parametrize("name", [name for name, content in FILES.items() if content])
def test_every_flip_of_a_byte_is_seen_and_the_file_named(
    name: str, mask: int, tmp_path: Path
) -> None:
    final = create_result(tmp_path / "result")
    for place in range(len(FILES[name])):
        (final / name).write_bytes(flip(FILES[name], place, mask))
        with pytest.raises(StorageError) as caught:
            load_manifest(final)
        assert caught.value.path == str(final / name)
    (final / name).write_bytes(FILES[name])
    load_manifest(final)


@pytest.mark.parametrize("mask", [0x01, 0x20, 0x80])
def test_every_flip_of_a_byte_of_the_manifest_is_seen(mask: int, tmp_path: Path) -> None:
    """Else a seed or a lever that nothing ran with stands there as if it had."""
    final = create_result(tmp_path / "result")
    content = (final / MANIFEST).read_bytes()
    unseen = []
    for place in range(len(content)):
        (final / MANIFEST).write_bytes(flip(content, place, mask))
        try:
            load_manifest(final)
        except StorageError:
            continue
        unseen.append(content[max(0, place - 9) : place + 9])
    assert unseen == []


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_missing_is_named(name: str, tmp_path: Path) -> None:
    final = create_result(tmp_path / "result")
    (final / name).unlink()
    with pytest.raises(StorageError) as caught:
        load_manifest(final)
    assert name in str(caught.value)


@pytest.mark.parametrize("size", [0, 1, 39])
def test_a_file_that_was_cut_is_named(size: int, tmp_path: Path) -> None:
    final = create_result(tmp_path / "result")
    (final / "blocks").write_bytes(FILES["blocks"][:size])
    with pytest.raises(StorageError, match="blocks"):
        load_manifest(final)


def test_a_file_that_grew_is_named(tmp_path: Path) -> None:
    final = create_result(tmp_path / "result")
    (final / "tasks").write_bytes(b"\n")
    with pytest.raises(StorageError, match="tasks"):
        load_manifest(final)


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"null", b"{}", b'{"files": 3}', b'{"files": {"calls": 1}}', b"\xff"]
)
def test_what_is_no_manifest_is_refused(text: bytes, tmp_path: Path) -> None:
    final = create_result(tmp_path / "result")
    (final / MANIFEST).write_bytes(text)
    with pytest.raises(StorageError, match=MANIFEST):
        load_manifest(final)


def test_a_folder_without_a_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be read"):
        load_manifest(tmp_path)


def test_a_manifest_has_no_time_of_day_and_no_place(tmp_path: Path) -> None:
    first = read_all(create_result(tmp_path / "a" / "result"))
    second = read_all(create_result(tmp_path / "b" / "other"))
    assert first == second
    text = first[MANIFEST].decode()
    assert str(tmp_path) not in text
    assert re.search(r"\b20\d\d-\d\d|\b1[6-9]\d{8}\b", text) is None
    assert list(json.loads(text)) == sorted(json.loads(text))


# traces as tables


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Trace]:
    folder = tmp_path_factory.mktemp("world")
    agents = [create_worker(count=3, cross_org_share=0.4), create_reacher(count=2)]
    world = load_world(folder, horizon="20s", agents=agents)
    return lambda policy: run(world, policy)


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    """A replication of a market, with sales, disputes and scores."""
    return run(load_market(tmp_path_factory.mktemp("market"), horizon="40s"), get_policy("chain"))


STORED = ("gateway", "anchored", "chain")
TABLES = (
    *("transactions", "tasks", "approvals", "exposure", "headers"),
    *("views", "commits", "faults"),
)


def test_a_part_of_a_result_is_one_file_a_table(
    trace: Callable[[str], Trace], tmp_path: Path
) -> None:
    traces = [trace("anchored"), trace("anchored")._replace(replication=1)]
    write_traces(tmp_path, 64, traces)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        f"{name}-000064.parquet" for name in TABLES
    )
    for name, n_rows in (
        ("transactions", len(traces[0].receipts)),
        ("tasks", len(traces[0].tasks)),
        ("exposure", len(traces[0].exposure)),
        ("headers", len(traces[0].headers)),
        ("views", len(traces[0].ordering.views)),
        ("commits", len(traces[0].ordering.commits)),
        ("faults", 0),
    ):
        table = pq.read_table(tmp_path / f"{name}-000064.parquet")
        assert table.num_rows == 2 * n_rows
        assert table["replication"].to_pylist() == [0] * n_rows + [1] * n_rows


def test_tables_of_a_market_are_stored_as_they_are(traded: Trace, tmp_path: Path) -> None:
    write_traces(tmp_path, 0, [traded, traded._replace(replication=1)])
    names = {path.name.removesuffix("-000000.parquet") for path in tmp_path.iterdir()}
    assert names == {*TABLES, *MARKET_TABLES}
    for name in MARKET_TABLES:
        records = getattr(traded.market, name)
        assert len(records)
        table = pq.read_table(tmp_path / f"{name}-000000.parquet")
        assert table.column_names == ["replication", *records.dtype.names]
        assert table["replication"].to_pylist() == [0] * len(records) + [1] * len(records)
        for column in records.dtype.names:
            assert table[column].to_pylist() == records[column].tolist() * 2


def test_headers_are_stored_as_they_are(trace: Callable[[str], Trace], tmp_path: Path) -> None:
    chain = trace("chain")
    write_traces(tmp_path, 0, [chain])
    rows = pq.read_table(tmp_path / "headers-000000.parquet").to_pylist()
    assert len(rows) == len(chain.headers) > 0
    for row, header in zip(rows, chain.headers, strict=True):
        expected = {
            key: value.hex() if isinstance(value, bytes) else value
            for key, value in header._asdict().items()
        }
        assert row == {"replication": 0, **expected}


def test_faults_are_stored_as_they_were_drawn(
    trace: Callable[[str], Trace], tmp_path: Path
) -> None:
    faults = (
        FaultRecord("crash", (1, 3), 5, 7, is_byzantine=False),
        FaultRecord("twins", (0,), 6, -1, is_byzantine=True),
    )
    chain = trace("chain")
    chain = chain._replace(ordering=chain.ordering._replace(faults=faults))
    write_traces(tmp_path, 0, [trace("chain"), chain._replace(replication=1)])
    assert pq.read_table(tmp_path / "faults-000000.parquet").to_pylist() == [
        {
            "replication": 1,
            "fault": fault.name,
            "validators": " ".join(map(str, fault.validators)),
            "from_us": fault.from_us,
            "until_us": fault.until_us,
            "is_byzantine": int(fault.is_byzantine),
        }
        for fault in faults
    ]


def test_equal_traces_are_equal_files(trace: Callable[[str], Trace], tmp_path: Path) -> None:
    for name in ("a", "b"):
        create_folder(tmp_path / name)
        write_traces(tmp_path / name, 0, [trace("layered")])
    assert read_all(tmp_path / "a") == read_all(tmp_path / "b")


def load_values(folder: Path, trace: Trace, policy: str) -> dict[str, Value]:
    """Outcomes measured from the stored tables alone."""

    def load(name: str, dtype: np.dtype[np.void]) -> np.ndarray:
        columns = pq.read_table(folder / f"{name}-000000.parquet").to_pydict()
        records = np.zeros(len(columns["replication"]), dtype=dtype)
        stored_as = RECEIPT_NAMES if dtype is RECEIPT else {}
        for column in dtype.names or ():
            records[column] = columns[stored_as.get(column, column)]
        return records

    live = create_chunk(trace, POLICIES[policy])
    headers = pq.read_table(folder / "headers-000000.parquet").to_pydict()
    stored = live._replace(
        receipts=load("transactions", RECEIPT),
        truths=load("transactions", TRUTH),
        tasks=load("tasks", TASK),
        approvals=load("approvals", APPROVAL_REQUEST),
        exposure=load("exposure", EXPOSURE),
        ordering=live.ordering._replace(views=load("views", VIEW), commits=load("commits", COMMIT)),
        messages=sum(headers["messages"]),
        n_bytes=sum(headers["n_bytes"]),
    )
    return measure([stored], OUTCOMES.values())


@pytest.fixture(scope="module")
def measured(
    trace: Callable[[str], Trace], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[dict[str, Value], dict[str, Value]]]:
    """Outcomes of some policies, measured from the run and from what it left on the disk."""
    both = {}
    for policy in STORED:
        folder, found = tmp_path_factory.mktemp(policy), trace(policy)
        write_traces(folder, 0, [found])
        live = measure([create_chunk(found, POLICIES[policy])], OUTCOMES.values())
        both[policy] = live, load_values(folder, found, policy)
    return both


@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("policy", STORED)
def test_outcomes_from_the_disk_are_those_of_the_run(
    policy: str, outcome: str, measured: dict[str, tuple[dict[str, Value], dict[str, Value]]]
) -> None:
    live, stored = measured[policy]
    assert stored[outcome] == live[outcome]


def test_a_receipt_is_stored_with_what_was_charged_and_moved(
    trace: Callable[[str], Trace], tmp_path: Path
) -> None:
    """A call that is dropped offers a fee and is charged none: both cannot be one column."""
    chain = trace("chain")
    receipts = chain.receipts.copy()
    receipts["fee"] = np.arange(len(receipts)) % 5
    receipts["amount"] = np.arange(len(receipts)) % 7
    write_traces(tmp_path, 0, [chain._replace(receipts=receipts)])
    stored = pq.read_table(tmp_path / "transactions-000000.parquet").to_pydict()
    for name in ("fee", "amount"):
        assert receipts[name].tolist() in stored.values()


def test_a_result_can_be_moved(tmp_path: Path) -> None:
    final = create_result(tmp_path / "result")
    shutil.move(final, tmp_path / "elsewhere")
    assert load_manifest(tmp_path / "elsewhere")["policy"] == "gateway"
