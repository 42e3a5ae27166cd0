"""Rows of a finished run, read column by column: only what a picture or a page needs of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sim.core.errors import InputError, Position, StorageError
from sim.experiment.cells import compute_code_digest
from sim.experiment.stored import find_table_files, load_run
from sim.scenario.policies import compute_policy_digest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from sim.experiment.run import RunResult

Table = dict[str, "NDArray[Any]"]  # columns of one length, by name
Filters = list[tuple[str, str, Any]]  # all of them hold: column, comparison, value


class StoredResult(NamedTuple):
    """A run with the folder of each policy's tables."""

    run: RunResult
    folders: dict[str, Path]  # by policy, in the scenario's order

    @property
    def policies(self) -> tuple[str, ...]:
        """Policies in the order every picture shows them."""
        return tuple(self.folders)


def open_result(
    folder: Path, policies: Sequence[str] = (), seed: int | None = None
) -> StoredResult:
    """A folder that `sim run` named, every file of it checked.

    Errors: InputError for no result, an unknown policy or seed; StorageError for damage.
    """
    return find_tables(load_run(folder, policies, seed))


def find_tables(run: RunResult) -> StoredResult:
    """A run with the folders that its tables were written to.

    Errors: InputError if the run was never written.
    """
    return StoredResult(run, {name: find_folder(run, name) for name in run.policies})


def find_folder(run: RunResult, policy: str) -> Path:
    """Where the tables of one policy of a stored run are: by this code if there are several.

    Errors: InputError if the run was never written.
    """
    if run.folder is None:
        raise InputError(Position(run.loaded.name), "RESULT", "was run without being written")
    stem = f"{policy}-{compute_policy_digest(run.policies[policy])}-{run.seed}-"
    current = run.folder / (stem + compute_code_digest())
    if current.is_dir():
        return current
    return next(p for p in sorted(run.folder.iterdir()) if p.name[:-16] == stem)


def has_table(folder: Path, table: str) -> bool:
    """Whether a policy's folder has a table of this name."""
    return bool(find_table_files(folder, table))


def read_table(
    folder: Path, table: str, columns: Sequence[str], where: Filters | None = None
) -> Table:
    """Some columns of a table, of the rows that hold; empty columns where there is none.

    Files are read one by one, and of each only what is asked for stays in memory.
    Errors: StorageError if a file cannot be read or lacks a column.
    """
    parts = [_read_part(path, list(columns), where) for path in find_table_files(folder, table)]
    filled = [part for part in parts if part.num_rows]
    if not filled:
        return {name: np.zeros(0, dtype=np.int64) for name in columns}
    joined = pa.concat_tables(filled)
    return {name: joined.column(name).to_numpy() for name in columns}


def _read_part(path: Path, columns: list[str], where: Filters | None) -> pa.Table:
    try:
        return pq.read_table(path, columns=columns, filters=where)
    except OSError as error:
        raise StorageError(str(path), f"cannot be read: {error.strerror or error}") from error
    except pa.ArrowInvalid as error:
        problem = str(error).splitlines()[0]
        raise StorageError(str(path), f"is no table of this version: {problem}") from error


def take(table: Table, rows: NDArray[Any]) -> Table:
    """Rows of a table, by number or by flag."""
    return {name: column[rows] for name, column in table.items()}
