"""What `verify` has to find: damage byte by byte, and what was changed and sealed anew."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sim.core.errors import InputError, InvariantError, StorageError
from sim.experiment import verify as module
from sim.experiment.cell_store import find_cells
from sim.experiment.execute import Execution
from sim.experiment.integrity import take_inventory
from sim.experiment.run import SOURCES, RunOptions, run_scenario
from sim.experiment.run_cells import seal_policy
from sim.experiment.sweep import SweepOptions, run_sweep
from sim.experiment.verify import Kind, Verdict, VerifyOptions, verify
from sim.scenario.load import load_scenario
from sim.trace.store import MANIFEST, check_files, create_manifest, describe_content
from tests.worlds import create_reacher, create_worker, write_scenario

SETTINGS: dict[str, Any] = {
    "horizon": "15s",
    "replications": 3,
    "agents": [create_worker(count=2, cross_org_share=0.5), create_reacher(count=1)],
    "baseline": "gateway",
    "policies": ["gateway", "chain"],
}
SERIAL = VerifyOptions(workers=1)
QUICK = VerifyOptions(is_quick=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    loaded = load_scenario(write_scenario(folder, **SETTINGS))
    result = run_scenario(loaded, RunOptions(workers=1, out=folder / "out"))
    assert result.folder is not None
    return result.folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / made.name)


def find_family(folder: Path, policy: str = "chain") -> Path:
    (found,) = folder.glob(f"{policy}-*")
    return found


def find_cell(folder: Path, policy: str = "chain") -> Path:
    return find_cells(find_family(folder, policy))[0].path


def reseal(cell: Path, **changed: Any) -> None:
    """What an attacker does who knows the format: every digest of files is right again."""
    facts = json.loads((cell / MANIFEST).read_text()) | changed
    del facts["manifest"]
    facts["files"] = {name: describe_content((cell / name).read_bytes()) for name in facts["files"]}
    (cell / MANIFEST).write_bytes(create_manifest(facts))
    (stored,) = (each for each in find_cells(cell.parent).values() if each.path == cell)
    digests, exogenous = (
        [bytes.fromhex(text) for text in facts[key]] for key in module.OF_EACH_REPLICATION
    )
    seal_policy(cell.parent, [stored.span], digests, exogenous)


def edit(path: Path, column: str, row: int, value: Any) -> Any:
    """Change one value of a table; the value that stood there."""
    table = pq.read_table(path)
    values = table.column(column).to_pylist()
    was, values[row] = values[row], value
    index = table.column_names.index(column)
    changed = table.set_column(index, column, pa.array(values, table.schema.field(column).type))
    pq.write_table(changed, path)
    return was


def get_only(verdict: Verdict) -> Any:
    (finding,) = verdict.findings
    return finding


def test_what_was_written_is_as_stored(made: Path) -> None:
    verdict = verify(made, SERIAL)
    assert verdict.findings == []
    assert verdict.exit_codes == {0}
    assert verdict.n_replications == 2 * 3
    listed = [path for path in made.rglob("*") if path.is_file() and path.name != ".lock"]
    assert verdict.n_files == len(listed) + 2  # each cell's manifest is listed by its policy's too


def test_only_some_replications_and_policies_are_run_again(made: Path) -> None:
    options = VerifyOptions(replications=2, policies=("chain",), workers=1)
    verdict = verify(made, options)
    assert (verdict.findings, verdict.n_replications) == ([], 2)


def test_quick_runs_nothing_again(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "open_executor", None)
    assert verify(made, QUICK).exit_codes == {0}


# files


def flip_every_byte(path: Path, is_seen: Callable[[], bool]) -> list[int]:
    """Places of bytes whose change went unseen."""
    content = path.read_bytes()
    unseen = []
    for place in range(len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
        if not is_seen():
            unseen.append(place)
    path.write_bytes(content)
    return unseen


@pytest.mark.slow
@pytest.mark.parametrize("table", ["outcomes", "faults"])
def test_every_byte_of_a_table_is_watched(table: str, folder: Path, tmp_path: Path) -> None:
    """Alone under a manifest of its own, so that each flip reads one file."""
    (source,) = find_cell(folder).glob(f"{table}-*")
    alone = tmp_path / "alone"
    alone.mkdir()
    path = Path(shutil.copy(source, alone))
    listed = json.loads((find_cell(folder) / MANIFEST).read_text())["files"][path.name]
    (alone / MANIFEST).write_bytes(create_manifest({"files": {path.name: listed}}))
    assert check_files(alone)[1] == []
    assert flip_every_byte(path, lambda: len(check_files(alone)[1]) == 1) == []


@pytest.mark.slow
def test_every_byte_of_a_manifest_is_watched(folder: Path) -> None:
    for path in (find_family(folder) / MANIFEST, find_cell(folder) / MANIFEST):

        def is_seen(path: Path = path) -> bool:
            try:
                check_files(path.parent)
            except StorageError as error:
                return error.path == str(path)
            return False

        assert flip_every_byte(path, is_seen) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", [SOURCES, "world.yaml"])
def test_every_byte_beside_the_cells_is_watched(name: str, folder: Path) -> None:
    path = folder / name

    def is_seen() -> bool:
        try:
            return [error.path for error in check_files(folder, SOURCES)[1]] == [str(path)]
        except StorageError as error:
            return error.path == str(path)

    assert flip_every_byte(path, is_seen) == []


def list_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")


@pytest.mark.parametrize("harm", ["flip", "cut", "remove"])
def test_whatever_happens_to_whichever_file_it_is_named(harm: str, folder: Path) -> None:
    for path in list_files(folder):
        content = path.read_bytes()
        if harm == "flip":
            path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        elif harm == "cut":
            path.write_bytes(content[:-1])
        else:
            path.unlink()
        verdict = verify(folder, QUICK)
        assert str(path) in {finding.where for finding in verdict.findings}, path
        assert verdict.exit_codes == {4}
        path.write_bytes(content)
    assert verify(folder, QUICK).findings == []


def test_what_was_expected_is_said(folder: Path) -> None:
    path = next(find_cell(folder).glob("tasks-*"))
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[:-1])
    problem = get_only(verify(folder, QUICK)).problem
    assert problem == f"holds {size - 1} bytes, written were {size}"


def test_all_damage_is_told_and_nothing_is_run_again(folder: Path) -> None:
    for path in find_cell(folder).glob("[et]*.parquet"):
        path.unlink()
    verdict = verify(folder, SERIAL)
    assert len(verdict.findings) == len({finding.where for finding in verdict.findings}) == 3
    assert verdict.n_replications == 0


def test_a_table_put_beside_the_others_is_named(folder: Path) -> None:
    """Else it would be read with them."""
    path = find_cell(folder) / "outcomes-000009.parquet"
    shutil.copy(next(find_cell(folder).glob("outcomes-*")), path)
    finding = get_only(verify(folder, QUICK))
    assert (finding.where, finding.problem) == (str(path), "is in no manifest")


@pytest.mark.parametrize("name", ["", "nowhere", "out"])
def test_a_folder_that_is_no_result_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").touch()
    with pytest.raises(InputError, match="no result here"):
        take_inventory(tmp_path / name)


def test_a_policy_without_a_result_is_refused(made: Path) -> None:
    with pytest.raises(InputError, match="no result of 'chian' here") as caught:
        verify(made, VerifyOptions(policies=("chian",)))
    assert caught.value.nearest == "chain"


# what was changed and sealed anew


@pytest.mark.parametrize(
    ("table", "column", "row", "value"),
    [
        ("transactions", "code", 0, 41),
        ("transactions", "agent", 2, 77),
        ("outcomes", "num", 3, 123.0),
        ("headers", "state_root", 1, "00"),
    ],
)
def test_an_edited_table_is_found_however_well_it_is_sealed(
    table: str, column: str, row: int, value: Any, folder: Path
) -> None:
    cell = find_cell(folder)
    (path,) = cell.glob(f"{table}-*")
    was = edit(path, column, row, value)
    reseal(cell)
    assert verify(folder, QUICK).findings == []  # a digest of files alone would not see it
    verdict = verify(folder, SERIAL)
    finding = get_only(verdict)
    assert (finding.kind, finding.policy, finding.seed) == (Kind.DIFFERS, "chain", 1)
    found = finding.difference
    assert (found.table, found.row, found.column) == (path.name, row, column)
    assert (found.stored, found.recomputed) == (value, was)
    assert verdict.exit_codes == {3}


@pytest.mark.parametrize("key", module.OF_EACH_REPLICATION)
def test_another_digest_of_a_replication_is_found(key: str, folder: Path) -> None:
    cell = find_cell(folder)
    told = json.loads((cell / MANIFEST).read_text())[key]
    reseal(cell, **{key: [told[0], "0" * 32, told[2]]})
    found = get_only(verify(folder, SERIAL)).difference
    assert (found.column, found.replication) == (key, 1)
    assert (found.stored, found.recomputed) == ("0" * 32, told[1])


def test_another_lever_than_was_run_with_is_found(folder: Path) -> None:
    cell = find_cell(folder)
    levers = json.loads((cell / MANIFEST).read_text())["levers"]
    reseal(cell, levers=levers | {"fee": "0"})
    found = get_only(verify(folder, SERIAL)).difference
    assert found.column == "levers"


def test_a_policy_that_says_other_than_its_cells_is_found(folder: Path) -> None:
    family = find_family(folder)
    facts = json.loads((family / MANIFEST).read_text())
    del facts["manifest"]
    (family / MANIFEST).write_bytes(create_manifest(facts | {"digest": "0" * 32}))
    found = get_only(verify(folder, SERIAL)).difference
    assert (found.column, found.stored) == ("digest", "0" * 32)


def test_another_world_than_was_run_is_found(folder: Path) -> None:
    path = folder / "world.yaml"
    path.write_text(path.read_text().replace('"15s"', '"16s"'))
    listed = {"world.yaml": describe_content(path.read_bytes())}
    (folder / SOURCES).write_bytes(create_manifest({"files": listed}))
    verdict = verify(folder, SERIAL)
    assert {finding.difference.table for finding in verdict.findings if finding.difference} == {
        "world.yaml"
    }
    assert verdict.exit_codes == {3}


def test_a_promise_that_breaks_when_it_is_run_again_is_an_answer(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise InvariantError("I8 conservation", 7, "the supply", "another sum")

    monkeypatch.setattr("sim.experiment.cells.run_replication", fail)
    verdict = verify(made, SERIAL)
    assert verdict.exit_codes == {3}
    assert all("I8 conservation" in finding.problem for finding in verdict.findings)


# what this code cannot tell


def test_other_code_is_said_and_judged_only_where_it_comes_out_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for policy in ("gateway", "chain"):
        reseal(find_cell(folder, policy), code="0" * 16)
    verdict = verify(folder, SERIAL)
    assert (verdict.findings, verdict.other_code) == ([], ["0" * 16])
    edit(next(find_cell(folder).glob("outcomes-*")), "num", 0, 9.0)
    reseal(find_cell(folder))
    verdict = verify(folder, SERIAL)
    assert get_only(verdict).kind is Kind.UNDECIDED
    assert verdict.exit_codes == {5}


def test_levers_that_were_edited_since_cannot_be_run_again(folder: Path) -> None:
    path = folder / "world.yaml"
    document = json.loads(path.read_text())
    document["policies"] = ["gateway", {"name": "chain", "preset": "chain", "fee": 99}]
    path.write_text(json.dumps(document))
    listed = {"world.yaml": describe_content(path.read_bytes())}
    (folder / SOURCES).write_bytes(create_manifest({"files": listed}))
    finding = get_only(verify(folder, VerifyOptions(policies=("chain",), workers=1)))
    assert finding.kind is Kind.UNDECIDED
    assert "other levers" in finding.problem


# a sweep


def test_a_sweep_is_verified_cell_by_cell(tmp_path: Path) -> None:
    loaded = load_scenario(write_scenario(tmp_path, **SETTINGS | {"replications": 1}))
    options = SweepOptions(
        factors={"agents.worker.count": ("1", "2"), "policies.gateway.mediation": ("0.5",)},
        execution=Execution(workers=1),
        out=tmp_path / "out",
    )
    result = run_sweep(loaded, options)
    folder = result.folder.parent
    verdict = verify(folder, SERIAL)
    assert (verdict.findings, verdict.n_replications) == ([], result.n_cells)
    table = result.folder / "table.csv"
    table.write_bytes(table.read_bytes()[:-2] + b"9\n")
    assert get_only(verify(folder, QUICK)).where == str(table)
