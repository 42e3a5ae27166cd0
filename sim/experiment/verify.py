"""`sim verify`: whether a result is what was written, and whether the run comes out so again."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow.parquet as pq

from sim.core.errors import InputError, Position, StorageError
from sim.experiment.cells import Job, compute_code_digest, run_job
from sim.experiment.explain import StoredRun
from sim.experiment.stored import NEEDED, get_cells
from sim.trace.store import MANIFEST, load_manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pyarrow as pa


class Fault(NamedTuple):
    """Something that is not as it was written, or does not come out so again."""

    place: str  # file, with row and column where that is known
    problem: str

    def __str__(self) -> str:
        return f"{self.place}: {self.problem}"


class Verification(NamedTuple):
    """What was looked at in a result, and what is wrong with it."""

    folder: Path
    n_files: int  # checked by digest
    n_replications: int  # lived through again
    damaged: list[Fault]  # files that are not what was written
    differing: list[Fault]  # records that are not what the run comes to

    @property
    def exit_code(self) -> int:
        """0 if all is as stored, 3 if the run is another, 4 if files are damaged."""
        return 3 if self.differing else 4 if self.damaged else 0


def verify_result(
    folder: Path,
    policies: Sequence[str] = (),
    *,
    runs_again: bool = True,
    on_cell: Callable[[str], None] = lambda _: None,
) -> Verification:
    """Check every file against its manifest; then live through every replication again.

    A ledger made afresh from the stored scenario decides everything once more, and each recorded
    table is compared with what it comes to. That finds what digests cannot: a table that was
    changed and sealed again. Files that are damaged are named, and nothing is run then.
    Errors: InputError for no result, an unknown policy, or one that other code made.
    """
    found, damaged = check_files(folder)
    n_files = sum(len(facts["files"]) for facts in found)
    if damaged or not runs_again:
        return Verification(folder, n_files, 0, damaged, [])
    stored = StoredRun(folder)
    chosen = stored.choose(tuple(policies))
    for facts in chosen:
        if facts["code"] != compute_code_digest():
            problem = (
                f"{facts['policy']} was run by code {facts['code']}, this is code "
                f"{compute_code_digest()}: only that code can live through it again; its files "
                "alone are checked by --quick"
            )
            raise InputError(Position(str(folder)), "RESULT", problem)
    differing = []
    for facts in chosen:
        for cell in get_cells(facts):
            on_cell(str(cell.relative_to(folder)))
            differing += compare_cell(stored, facts, cell)
    n_replications = sum(int(facts["replications"]) for facts in chosen)
    return Verification(folder, n_files, n_replications, [], differing)


def check_files(folder: Path) -> tuple[list[dict[str, Any]], list[Fault]]:
    """Manifests of a result, of policies and of cells, and the first damaged file of each.

    Errors: InputError where there is no result.
    """
    found: list[dict[str, Any]] = []
    damaged: list[Fault] = []
    manifests = sorted(folder.glob(f"*/{MANIFEST}"))
    if not manifests:
        raise InputError(Position(str(folder)), "RESULT", "no finished result in this folder")
    for path in manifests:
        facts = _check(path.parent, damaged)
        if facts is None:
            continue
        missing = [name for name in NEEDED if name not in facts]
        if missing:
            damaged.append(Fault(str(path), f"does not say {', '.join(missing)}"))
            continue
        found.append(facts)
        cells = (_check(cell, damaged) for cell in get_cells({**facts, "folder": path.parent}))
        found += [cell for cell in cells if cell is not None]
    return found, damaged


def _check(folder: Path, damaged: list[Fault]) -> dict[str, Any] | None:
    """Manifest of one folder; None if it or a file that it names is damaged, which is noted."""
    try:
        return load_manifest(folder)
    except StorageError as error:
        damaged.append(Fault(error.path, error.problem))
        return None


def compare_cell(stored: StoredRun, facts: dict[str, Any], cell: Path) -> list[Fault]:
    """Run a cell again into a folder of its own; the first difference of each table."""
    written = load_manifest(cell)
    with tempfile.TemporaryDirectory() as place:
        job = Job(
            scenario=str(stored.loaded.path),
            scenario_digest=stored.loaded.digest,
            policy=stored.get_policy(facts),
            seed=int(facts["seed"]),
            first=int(written["first"]),
            last=int(written["last"]),
            folder=place,
            settings=stored.loaded.settings,
        )
        result = run_job(job)
        faults = [
            fault
            for path in sorted(Path(place).glob("*/*.parquet"))
            if (fault := compare_table(cell / path.name, path)) is not None
        ]
    for index, digest in enumerate(result.digests):
        if digest.hex() != written["digests"][index]:
            place_of = f"{cell / MANIFEST}: digest of replication {job.first + index}"
            problem = f"stored {written['digests'][index]}, comes to {digest.hex()}"
            faults.append(Fault(place_of, problem))
    return faults


def compare_table(stored: Path, again: Path) -> Fault | None:
    """First record of a stored table that is not what the run comes to; None if there is none."""
    if not stored.is_file():
        return Fault(str(stored), "is not there, but the run writes it")
    old, new = pq.read_table(stored), pq.read_table(again)
    if old.column_names != new.column_names:
        return Fault(str(stored), f"has columns {old.column_names}, not {new.column_names}")
    if old.num_rows != new.num_rows:
        return Fault(str(stored), f"has {old.num_rows} rows, the run comes to {new.num_rows}")
    differing = [
        (row, name)
        for name in old.column_names
        if (row := find_first_difference(old[name], new[name])) is not None
    ]
    if not differing:
        return None
    row, name = min(differing)
    where = f"{stored}: row {row}, column {name}"
    if "replication" in old.column_names:
        where += f" (replication {old['replication'][row].as_py()})"
    stored_value, value = old[name][row].as_py(), new[name][row].as_py()
    return Fault(where, f"stored {stored_value!r}, the run comes to {value!r}")


def find_first_difference(old: pa.ChunkedArray, new: pa.ChunkedArray) -> int | None:
    """First row in which two columns of one length differ."""
    if old.equals(new):
        return None
    pairs = zip(old.to_pylist(), new.to_pylist(), strict=True)
    return next(row for row, (before, after) in enumerate(pairs) if before != after)
