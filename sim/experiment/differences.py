"""Two tables of the same cell: the first place where they are not the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

NOTHING = "nothing"  # what stands where one side has no such row or column


class Difference(NamedTuple):
    """A value that is stored otherwise than it comes out."""

    table: str  # file name
    row: int | None  # in the stored file, from 0; None: the table as a whole
    column: str
    stored: Any
    recomputed: Any
    replication: int | None = None

    def __str__(self) -> str:
        row = "" if self.row is None else f" row {self.row}"
        column = f" column {self.column}" if self.column else ""
        replication = "" if self.replication is None else f"replication {self.replication}, "
        values = f"stored {self.stored!r}, recomputed {self.recomputed!r}"
        return f"{replication}{self.table}{row}{column}: {values}"


def compare_files(stored: Path, fresh: Path, last: int) -> Difference | None:
    """First difference between two files of one name, over replications before `last`.

    A file that one side lacks differs as a whole.
    """
    for path, sides in ((stored, (NOTHING, "a table")), (fresh, ("a table", NOTHING))):
        if not path.is_file():
            return Difference(path.name, None, "", *sides)
    if stored.read_bytes() == fresh.read_bytes():
        return None
    table = pq.read_table(stored, use_threads=False)
    rows = np.arange(table.num_rows)
    if "replication" in table.column_names:
        rows = np.flatnonzero(table.column("replication").to_numpy() < last)
        table = table.take(rows)
    found = compare_tables(table, pq.read_table(fresh, use_threads=False))
    if found is None or found.row is None:
        return None if found is None else found._replace(table=stored.name)
    row = int(rows[found.row]) if found.row < len(rows) else found.row
    return found._replace(table=stored.name, row=row)


def compare_tables(stored: pa.Table, fresh: pa.Table) -> Difference | None:
    """First row at which two tables differ, and in it the first column, bit for bit."""
    if stored.column_names != fresh.column_names:
        names = ", ".join(stored.column_names), ", ".join(fresh.column_names)
        return Difference("", None, "", *names)
    n_rows = min(stored.num_rows, fresh.num_rows)
    first, column = n_rows, ""
    for name in stored.column_names:
        same = _compare_columns(stored.column(name)[:first], fresh.column(name)[:first])
        if not same.all():
            first, column = int(np.argmin(same)), name
    if column:
        return _describe(stored, fresh, first, column)
    if stored.num_rows != fresh.num_rows:
        here, there = (NOTHING if side.num_rows == n_rows else "a row" for side in (stored, fresh))
        return Difference("", n_rows, "", here, there)
    return None


def _compare_columns(stored: pa.ChunkedArray, fresh: pa.ChunkedArray) -> Any:
    """Whether each value is the same; nan is the same as nan."""
    if stored.type != fresh.type:
        return np.zeros(max(len(stored), 1), dtype=np.bool_)
    here, there = (side.to_numpy(zero_copy_only=False) for side in (stored, fresh))
    if here.dtype == np.float64:
        here, there = here.view(np.int64), there.view(np.int64)
    return here == there


def _describe(stored: pa.Table, fresh: pa.Table, row: int, column: str) -> Difference:
    replication = None
    if "replication" in stored.column_names:
        replication = int(fresh.column("replication")[row].as_py())
    here, there = (side.column(column)[row].as_py() for side in (stored, fresh))
    return Difference("", row, column, here, there, replication)
