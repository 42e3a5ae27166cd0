"""Cells on disk: each whole or not there, found by name, and checked by digest when used again.

A cell of a run is a folder `FIRST-LAST` with its tables and a manifest. A cell of a sweep is one
file `FIRST-LAST-DIGEST.parquet`, named by the digest of its own bytes, with what made it in the
file's metadata. Either is written under a temporary name, flushed and renamed by the process
that ran it.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from bisect import bisect_right
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq

from sim.core.errors import StorageError
from sim.metrics.base import NullReason, Value
from sim.trace.store import (
    FACTS,
    create_folder,
    encode_table,
    get_temporary,
    load_manifest,
    replace_file,
    seal,
    write_table,
    write_traces,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from sim.trace.records import Trace

CELL = re.compile(r"([0-9]{6,})-([0-9]{6,})(?:-([0-9a-f]{32})\.parquet)?")


class Span(NamedTuple):
    """Replications of one cell, from the first to before the last."""

    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.first:06d}-{self.last:06d}"


class StoredCell(NamedTuple):
    """A cell found by its name; what is in it is not looked at yet."""

    span: Span
    path: Path


def find_cells(folder: Path) -> dict[int, StoredCell]:
    """Cells of one policy by their first replication; where two begin alike, the longer one."""
    if not folder.is_dir():
        return {}
    found = [(CELL.fullmatch(path.name), path) for path in folder.iterdir()]
    cells = [StoredCell(Span(int(m[1]), int(m[2])), path) for m, path in found if m]
    return {cell.span.first: cell for cell in sorted(cells)}


def remove_cell(cell: StoredCell) -> None:
    """Drop a damaged cell, so that nothing is mistaken for it.

    Errors: StorageError if the disk refuses.
    """
    try:
        if cell.path.is_dir():
            shutil.rmtree(cell.path)
        else:
            cell.path.unlink()
    except OSError as error:
        problem = f"cannot be removed: {error.strerror or error}"
        raise StorageError(str(cell.path), problem) from error


def plan_spans(ended: Iterable[Span], replications: int, size: int) -> list[Span]:
    """Cells that replications consist of: those that have ended, and between them new ones.

    New ones end at multiples of `size`, where an ended one begins, or at the last replication.
    """
    last = {span.first: span.last for span in ended}
    borders = sorted(last)
    spans = []
    at = 0
    while at < replications:
        if at not in last:
            after = bisect_right(borders, at)
            last[at] = min([replications, at - at % size + size, *borders[after : after + 1]])
        spans.append(Span(at, last[at]))
        at = last[at]
    return spans


def write_cell(
    folder: Path,
    facts: dict[str, Any],
    values: dict[str, list[Value]],
    traces: Sequence[Trace] | None,
) -> None:
    """Write a cell into its policy's folder: with its traces, or only what was measured.

    Errors: StorageError if the disk refuses; under the cell's name then stands what stood there.
    """
    span = Span(facts["first"], facts["last"])
    columns = create_value_columns(span.first, values)
    if traces is None:
        _write_file(folder, span, encode_table(columns, facts))
        return
    temporary = get_temporary(folder / str(span))
    create_folder(temporary)
    write_traces(temporary, span.first, traces)
    write_table(temporary / f"outcomes-{span.first:06d}.parquet", columns)
    seal(temporary, folder / str(span), facts)


def _write_file(folder: Path, span: Span, content: bytes) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{span}-{_compute_digest(content)}.parquet"
        replace_file(path, content)
        for other in folder.glob(f"{span}-*.parquet"):
            if other.name != path.name:  # a damaged one that this one replaces
                other.unlink()
    except OSError as error:
        raise StorageError(str(folder), f"cannot be written: {error.strerror or error}") from error


def check_cell(cell: StoredCell) -> dict[str, Any]:
    """What made a cell, once every byte of it is known to be what was written.

    Errors: StorageError naming the file that is missing, cut, changed, or another cell's.
    """
    facts = load_manifest(cell.path) if cell.path.is_dir() else _load_facts(cell)
    if (facts.get("first"), facts.get("last")) != cell.span:
        raise StorageError(str(cell.path), "holds other replications than its name says")
    return facts


def _load_facts(cell: StoredCell) -> dict[str, Any]:
    match = CELL.fullmatch(cell.path.name)
    try:
        content = cell.path.read_bytes()
    except OSError as error:
        problem = f"cannot be read: {error.strerror or error}"
        raise StorageError(str(cell.path), problem) from error
    if match is None or _compute_digest(content) != match[3]:
        raise StorageError(str(cell.path), "is not what was written: digests differ")
    facts: dict[str, Any] = json.loads(pq.read_schema(cell.path).metadata[FACTS.encode()])
    return facts


def _compute_digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def create_value_columns(first: int, values: dict[str, list[Value]]) -> dict[str, Any]:
    """One row for each outcome and replication."""
    rows = [
        (name, first + index, value)
        for name, listed in values.items()
        for index, value in enumerate(listed)
    ]
    return {
        "name": [name for name, _, _ in rows],
        "replication": np.array([replication for _, replication, _ in rows], dtype=np.int64),
        "num": np.array([value.num for _, _, value in rows]),
        "den": np.array([value.den for _, _, value in rows]),
        "n_obs": np.array([value.n_obs for _, _, value in rows], dtype=np.int64),
        "null_reason": [value.reason.value if value.reason else "" for _, _, value in rows],
    }


def read_values(
    cells: Iterable[Path], replications: int, names: Sequence[str]
) -> dict[str, list[Value]]:
    """Values of each outcome in the order of replications, of cells that come in that order.

    Errors: StorageError where the cells do not hold one value of each for every replication.
    """
    values: dict[str, list[Value]] = {name: [] for name in names}
    where = ""
    for path in cells:
        where = str(path)
        tables = sorted(path.glob("outcomes-*.parquet")) if path.is_dir() else [path]
        for table in tables:
            for row in pq.read_table(table, use_threads=False).to_pylist():
                if row["replication"] < replications and row["name"] in values:
                    reason = NullReason(row["null_reason"]) if row["null_reason"] else None
                    value = Value(row["num"], row["den"], row["n_obs"], reason)
                    values[row["name"]].append(value)
    missing = [name for name, listed in values.items() if len(listed) != replications]
    if missing:
        raise StorageError(where, f"holds no {missing[0]}: made by another version")
    return values
