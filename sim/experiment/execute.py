"""Running cells: here, in processes, or on a Dask cluster; one function, whatever runs them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, Protocol

from sim.core.compiled import has_compiled_rules
from sim.core.errors import AmbitError, CellsFailedError, StorageError
from sim.experiment.cells import Job, JobResult, run_job
from sim.experiment.processes import Outcomes, ProcessPool, attempt
from sim.experiment.progress import Failure, Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

SHOWN_MAX = 5  # failures told in full


@dataclass(frozen=True, slots=True)
class Execution:
    """Where cells run. It changes how long they take, and no byte of what comes out."""

    workers: int | None = None  # processes; all processors if None
    scheduler: str = ""  # `local` or `tcp://host:port` for Dask; empty: no Dask
    cell_timeout_s: float | None = None  # a cell that takes longer fails


class Executor(Protocol):
    """Runs cells and says what each came to, in the order in which they end."""

    def run(self, jobs: Iterable[Job]) -> Outcomes:
        """Each cell and its result, or the error that it failed with."""


class Tally(NamedTuple):
    """How a number of cells went."""

    n_done: int
    failures: list[Failure]


def count_cores() -> int:
    """Processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def open_executor(execution: Execution, n_jobs: int) -> Iterator[Executor]:
    """What runs cells, until the end of the block.

    Errors: InputError for a scheduler that cannot be used.
    """
    workers = execution.workers or count_cores()
    if execution.scheduler:
        from sim.experiment.cluster import open_cluster  # noqa: PLC0415 - an extra, and heavy

        with open_cluster(execution.scheduler, workers, execution.cell_timeout_s) as cluster:
            yield cluster
    elif execution.cell_timeout_s is None and (workers == 1 or n_jobs == 1):
        yield Serial()
    else:
        yield ProcessPool(workers, execution.cell_timeout_s)


class Serial:
    """Runs cells one after another, in this process."""

    def __init__(self, run: Callable[[Job], JobResult] = run_job) -> None:
        self.run_one = run

    def run(self, jobs: Iterable[Job]) -> Outcomes:
        """Each cell and what it came to, in their order."""
        for job in jobs:
            yield job, attempt(job, self.run_one)


def run_cells(
    executor: Executor,
    jobs: Iterable[Job],
    progress: Progress,
    keep: Callable[[JobResult], None] = lambda _: None,
) -> Tally:
    """Run every cell; one that fails is noted while the others go on.

    Errors: StorageError at once: where one cell cannot be written, none can.
    """
    n_done, failures = 0, []
    with closing(executor.run(jobs)) as outcomes:
        for job, outcome in outcomes:
            if isinstance(outcome, StorageError):
                raise outcome
            if isinstance(outcome, AmbitError):
                failures.append(Failure(job, outcome))
                progress.failed(failures[-1])
                continue
            n_done += 1
            keep(outcome)
            progress.done(outcome)
    return Tally(n_done, failures)


def raise_failures(failures: Sequence[Failure], listed: Path | None = None) -> None:
    """End as badly as the worst cell did; nothing if none failed.

    `listed` is the file that names them all, if one was written.
    """
    if len(failures) == 1:
        raise failures[0].error
    if failures:
        told = [str(failure.error) for failure in failures[:SHOWN_MAX]]
        if len(failures) > SHOWN_MAX:
            told.append(f"and {len(failures) - SHOWN_MAX} more")
        problem = "\n".join([f"{len(failures)} cells failed, the others are finished:", *told])
        codes = tuple(failure.error.exit_code for failure in failures)
        raise CellsFailedError(problem, codes, "" if listed is None else str(listed))


def load_rules(jobs: Sequence[Job], executor: Executor) -> None:
    """Load the compiled rules here, before workers are forked that would each do so again.

    Where nothing is compiled yet, every policy is tried, so that each rule is compiled once.
    What fails here fails again where it is noted.
    """
    if not isinstance(executor, ProcessPool) or executor.cell_timeout_s is not None:
        return
    if has_compiled_rules() and sys.platform != "linux":
        return
    tried = {job.policy.name: job for job in jobs}
    for job in list(tried.values())[: 1 if has_compiled_rules() else None]:
        attempt(replace(job, first=0, last=1, folder=""), run_job)
