from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.experiment.differences import NOTHING, Difference, compare_files
from sim.trace.store import write_table

COLUMNS: dict[str, Any] = {
    "name": ["a", "a", "b", "b"],
    "replication": np.array([0, 1, 0, 1]),
    "num": np.array([1.0, np.nan, -0.0, 4.0]),
    "code": np.array([0, 13, 0, 2**62]),
}


def compare(folder: Path, stored: Any, fresh: Any, last: int = 2) -> Difference | None:
    paths = []
    for side, columns in (("stored", stored), ("fresh", fresh)):
        paths.append(folder / side / "outcomes-000000.parquet")
        paths[-1].parent.mkdir()
        if columns is not None:
            write_table(paths[-1], columns)
    return compare_files(*paths, last)


def change(name: str, row: int, value: Any) -> dict[str, Any]:
    column = COLUMNS[name]
    changed = column.copy()
    changed[row] = value
    return COLUMNS | {name: changed}


def take(rows: list[int]) -> dict[str, Any]:
    return {name: [column[row] for row in rows] for name, column in COLUMNS.items()}


def test_the_same_is_no_difference_nor_is_not_a_number(tmp_path: Path) -> None:
    assert compare(tmp_path, COLUMNS, COLUMNS) is None


def test_rows_past_those_that_were_run_again_do_not_count(tmp_path: Path) -> None:
    assert compare(tmp_path, change("num", 1, 9.0), take([0, 2]), last=1) is None


@pytest.mark.parametrize(
    ("name", "row", "value", "was"),
    [
        ("name", 2, "c", "b"),
        ("num", 0, 1.0 + 2**-52, 1.0),
        ("num", 3, np.nan, 4.0),
        ("code", 3, 2**62 - 1, 2**62),
        ("code", 1, 0, 13),
    ],
)
def test_one_value_is_named_by_row_and_column(
    name: str, row: int, value: Any, was: Any, tmp_path: Path
) -> None:
    found = compare(tmp_path, change(name, row, value), COLUMNS)
    assert found is not None
    assert found[:3] == ("outcomes-000000.parquet", row, name)
    assert found.stored == value or np.isnan(found.stored)
    assert found.recomputed == was
    assert found.replication == COLUMNS["replication"][row]
    assert f"row {row} column {name}: stored " in str(found)


def test_a_row_is_counted_in_the_stored_file(tmp_path: Path) -> None:
    """Where only the first replication was run again, rows of others stand in between."""
    found = compare(tmp_path, change("code", 2, 7), take([0, 2]), last=1)
    assert found is not None
    assert (found.row, found.column, found.stored, found.recomputed) == (2, "code", 7, 0)


def test_the_sign_of_nought_is_a_difference(tmp_path: Path) -> None:
    found = compare(tmp_path, change("num", 2, 0.0), COLUMNS)
    assert found is not None
    assert (found.row, found.column) == (2, "num")


def test_the_first_row_is_named_and_in_it_the_first_column(tmp_path: Path) -> None:
    stored = change("name", 3, "z") | {"num": np.array([1.0, 8.0, -0.0, 5.0])}
    found = compare(tmp_path, stored, COLUMNS)
    assert found is not None
    assert (found.row, found.column) == (1, "num")


@pytest.mark.parametrize(("rows", "sides"), [([0, 1], (NOTHING, "a row")), ([0], None)])
def test_missing_and_added_rows_are_named(rows: list[int], sides: Any, tmp_path: Path) -> None:
    found = compare(tmp_path, take(rows), COLUMNS)
    assert found is not None
    assert (found.row, found.column) == (len(rows), "")
    (tmp_path / "other").mkdir()
    added = compare(tmp_path / "other", COLUMNS, take(rows))
    assert added is not None
    assert (added.stored, added.recomputed) == ("a row", NOTHING)


def test_other_columns_and_other_types_are_named(tmp_path: Path) -> None:
    for index, other in enumerate(
        [
            {name: column for name, column in COLUMNS.items() if name != "code"},
            COLUMNS | {"code": COLUMNS["code"].astype(np.float64)},
        ]
    ):
        (tmp_path / str(index)).mkdir()
        assert compare(tmp_path / str(index), other, COLUMNS) is not None


def test_a_table_that_one_side_lacks_is_named(tmp_path: Path) -> None:
    found = compare(tmp_path, None, COLUMNS)
    assert found is not None
    assert (found.stored, found.recomputed) == (NOTHING, "a table")
