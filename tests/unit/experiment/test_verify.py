from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from sim.cli.app import app
from sim.core.errors import InputError
from sim.experiment import verify as module
from sim.experiment.run import RunOptions, run_scenario
from sim.experiment.verify import check_files, find_first_difference, verify_result
from sim.scenario.load import load_scenario
from sim.trace.store import MANIFEST, create_manifest, describe_content
from tests.worlds import create_reacher, create_worker, write_scenario


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("verify")
    path = write_scenario(
        place,
        horizon="12s",
        replications=2,
        agents=[create_worker(count=2), create_reacher(count=1)],
        policies=["unguarded", "chain"],
    )
    result = run_scenario(load_scenario(path), RunOptions(workers=1, out=place / "out"))
    assert result.folder is not None
    return result.folder


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    copy = tmp_path / written.name
    shutil.copytree(written, copy)
    return copy


def find_cell(folder: Path, policy: str = "chain") -> Path:
    return next(folder.glob(f"{policy}-*/*/{MANIFEST}")).parent


def rewrite(cell: Path, table: str, change: Callable[[pa.Table], pa.Table]) -> Path:
    """Change a table and seal the result again, as whoever has the disk can."""
    path = next(cell.glob(f"{table}-*.parquet"))
    pq.write_table(change(pq.read_table(path)), path)
    for folder, name in ((cell, path.name), (cell.parent, f"{cell.name}/{MANIFEST}")):
        facts = json.loads((folder / MANIFEST).read_bytes())
        del facts["manifest"]
        facts["files"][name] = describe_content((folder / name).read_bytes())
        (folder / MANIFEST).write_bytes(create_manifest(facts))
    return path


def set_value(table: pa.Table, column: str, row: int, value: int) -> pa.Table:
    values = np.array(table[column]).copy()
    values[row] = value
    return table.set_column(table.column_names.index(column), column, pa.array(values))


def test_a_result_comes_out_as_it_was_stored(folder: Path) -> None:
    found = verify_result(folder)
    assert (found.damaged, found.differing, found.exit_code) == ([], [], 0)
    assert found.n_replications == 4
    assert found.n_files == 2 * (9 + 1)  # tables of a cell, and its manifest


def test_every_flipped_byte_of_a_manifest_and_of_the_outcomes_is_found(folder: Path) -> None:
    cell = find_cell(folder)
    for path in (cell.parent / MANIFEST, cell / MANIFEST, next(cell.glob("outcomes-*.parquet"))):
        content = path.read_bytes()
        for place in range(len(content)):
            path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
            _, damaged = check_files(folder)
            assert damaged, f"{path.name}, byte {place}"
        path.write_bytes(content)
    assert check_files(folder)[1] == []


def test_a_missing_and_a_cut_file_are_named(folder: Path) -> None:
    cell = find_cell(folder)
    tasks, views = next(cell.glob("tasks-*")), next(find_cell(folder, "unguarded").glob("views-*"))
    tasks.unlink()
    views.write_bytes(views.read_bytes()[:-1])
    found = verify_result(folder)
    assert found.exit_code == 4
    assert {Path(fault.place).name for fault in found.damaged} == {tasks.name, views.name}
    assert found.n_replications == 0  # nothing is run on a damaged result


@pytest.mark.parametrize(
    ("table", "column", "row"),
    [("transactions", "caps_effective", 0), ("headers", "n_transactions", 1), ("tasks", "task", 0)],
)
def test_a_record_changed_and_sealed_again_is_named(
    folder: Path, table: str, column: str, row: int
) -> None:
    cell = find_cell(folder)
    path = rewrite(cell, table, lambda rows: set_value(rows, column, row, 424242))
    assert check_files(folder)[1] == []  # digests alone cannot see it
    found = verify_result(folder, ["chain"])
    assert found.exit_code == 3
    assert [fault.place for fault in found.differing] == [
        f"{path}: row {row}, column {column} (replication 0)"
    ]
    assert "stored 424242, the run comes to" in found.differing[0].problem


def test_a_dropped_record_is_found(folder: Path) -> None:
    rewrite(find_cell(folder), "transactions", lambda rows: rows.slice(1))
    (fault,) = verify_result(folder, ["chain"]).differing
    assert "rows, the run comes to" in fault.problem


def test_a_result_of_other_code_is_said_to_be(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "compute_code_digest", lambda: "0" * 16)
    with pytest.raises(InputError, match="only that code can live through it again"):
        verify_result(folder)
    assert verify_result(folder, runs_again=False).exit_code == 0


def test_a_folder_that_is_no_result_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no finished result"):
        verify_result(tmp_path)


def test_the_first_difference_of_two_columns() -> None:
    old = pa.chunked_array([[1, 2], [3]])
    assert find_first_difference(old, pa.chunked_array([[1, 2, 3]])) is None
    assert find_first_difference(old, pa.chunked_array([[1, 2, 4]])) == 2


def test_the_command_ends_as_the_worst_it_found(folder: Path) -> None:
    assert CliRunner().invoke(app, ["verify", str(folder), "--quick"]).exit_code == 0
    path = next(find_cell(folder).glob("tasks-*"))
    path.write_bytes(path.read_bytes() + b"x")
    result = CliRunner().invoke(app, ["verify", str(folder), "--json", "--quiet"])
    assert result.exit_code == 4
    (document,) = json.loads(result.stdout)["results"]
    assert [fault["place"] for fault in document["damaged"]] == [str(path)]
