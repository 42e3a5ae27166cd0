"""`failures.csv`: cells without a result, why, and the line that runs each again.

A sweep writes one beside its table. That of a run stands above the results of all policies and
seeds of its scenario; a later run takes out the cells it has a result for now, and no other.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

from sim.core.errors import StorageError
from sim.trace.store import encode_rows, replace_file

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from sim.experiment.progress import Failure

FAILURES = "failures.csv"
COLUMNS = ("policy", "settings", "seed", "first", "last", "exit_code", "cause", "replay")

Row = dict[str, Any]  # by column; numbers are text where it was read


def create_row(failure: Failure) -> Row:
    """One failed cell: what it was to run, how badly it ended, and why."""
    job = failure.job
    cells = (
        *(job.policy.name, " ".join(map(str, job.settings)), job.seed, job.first, job.last),
        *(failure.error.exit_code, failure.cause, failure.replay),
    )
    return dict(zip(COLUMNS, cells, strict=True))


def write_failures(
    folder: Path, failures: Sequence[Failure], is_kept: Callable[[Row], bool] = lambda _: False
) -> Path | None:
    """List what failed, and of what was listed before the rows that are kept; no file for none.

    Return: the file, None if there is nothing to list.
    Errors: StorageError if the disk refuses; what stood there then still does.
    """
    path = folder / FAILURES
    rows = [create_row(failure) for failure in failures]
    rows += [row for row in _read_rows(path) if is_kept(row)]
    if rows:
        rows.sort(key=lambda row: (row["policy"], row["settings"], *_get_numbers(row)))
        replace_file(path, encode_rows(COLUMNS, [list(row.values()) for row in rows]))
        return path
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(str(path), f"cannot be removed: {error.strerror or error}") from error
    return None


def _get_numbers(row: Row) -> tuple[int, int]:
    return int(row["seed"]), int(row["first"])


def _read_rows(path: Path) -> list[Row]:
    """Rows of a list that was written before; one that is no such list any more is dropped."""
    if not path.is_file():
        return []
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(str(path), f"cannot be read: {error}") from error
    return [row for row in rows if _is_sound(row)]


def _is_sound(row: Row) -> bool:
    numbers = (str(row.get(key)) for key in ("seed", "first", "last"))
    return tuple(row) == COLUMNS and all(map(str.isdecimal, numbers))
