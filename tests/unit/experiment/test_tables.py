from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sim.core.errors import InputError, StorageError
from sim.experiment.run import RunOptions, run_scenario
from sim.experiment.tables import find_tables, has_table, open_result, read_table
from sim.scenario.load import load_scenario
from sim.trace.store import MANIFEST, create_manifest, describe_content, write_table
from tests.worlds import create_worker, write_scenario


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A policy's result of two cells, beside one that its manifest does not name."""
    named = {}
    for part in range(3):
        first = 2 * part
        cell = tmp_path / f"{first:06d}-{first + 2:06d}"
        cell.mkdir()
        replication = np.repeat(np.arange(2) + first, 3)
        columns = {"replication": replication, "n": np.arange(6) + 10 * part}
        write_table(cell / f"things-{first:06d}.parquet", columns)
        (cell / MANIFEST).write_bytes(b"{}")
        if part < 2:
            named[f"{cell.name}/{MANIFEST}"] = describe_content(b"{}")
    (tmp_path / MANIFEST).write_bytes(create_manifest({"files": named}))
    return tmp_path


def test_parts_are_read_in_order_and_only_what_is_asked_for(folder: Path) -> None:
    table = read_table(folder, "things", ["n"])
    assert list(table) == ["n"]
    assert table["n"].tolist() == [0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15]


def test_rows_are_chosen_while_they_are_read(folder: Path) -> None:
    table = read_table(folder, "things", ["n"], [("replication", "==", 2), ("n", ">", 10)])
    assert table["n"].tolist() == [11, 12]


def test_a_table_that_is_not_there_is_empty(folder: Path) -> None:
    assert not has_table(folder, "sales")
    assert read_table(folder, "sales", ["price"])["price"].tolist() == []


def test_a_missing_column_is_a_matter_of_versions(folder: Path) -> None:
    with pytest.raises(StorageError, match=r"things-000000.*no table of this version"):
        read_table(folder, "things", ["worth"], [("worth", "==", 1)])


def test_what_is_no_table_is_said_to_be_none(folder: Path) -> None:
    (folder / "000000-000002" / "things-000000.parquet").write_bytes(b"no parquet")
    with pytest.raises(StorageError, match="things-000000"):
        read_table(folder, "things", ["n"])


@pytest.mark.slow
def test_a_stored_run_knows_the_folder_of_each_policy(tmp_path: Path) -> None:
    path = write_scenario(
        tmp_path, horizon="8s", agents=[create_worker()], policies=["unguarded", "gateway"]
    )
    result = run_scenario(
        load_scenario(path), RunOptions(replications=1, workers=1, out=tmp_path / "out")
    )
    assert result.folder is not None
    stored = open_result(result.folder)
    assert stored.policies == ("unguarded", "gateway")
    assert stored.folders == find_tables(result).folders
    assert all(folder.name.startswith(f"{p}-") for p, folder in stored.folders.items())
    assert list(open_result(result.folder, ["gateway"]).folders) == ["gateway"]


def test_a_run_that_was_never_written_has_no_tables(tmp_path: Path) -> None:
    path = write_scenario(tmp_path, horizon="4s", agents=[create_worker()], policies=["unguarded"])
    result = run_scenario(load_scenario(path), RunOptions(replications=1, workers=1))
    with pytest.raises(InputError, match="without being written"):
        find_tables(result)
