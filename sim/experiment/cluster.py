"""Cells on a Dask cluster: one on this machine, or any whose scheduler can be reached.

Workers write their own cells, so they and the run that asks need one file system in common.
"""

# ruff: noqa: PLC0415 - an extra: only who asks for it needs to have it
from __future__ import annotations

import logging
from contextlib import ExitStack, contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

from sim.core.errors import InputError, Position, StorageError, WorkerError
from sim.experiment.cells import Job, JobResult, compute_code_digest, format_replay, run_job
from sim.experiment.processes import Outcome, Outcomes, attempt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

LOCAL = "local"
AHEAD = 2  # cells that wait at each worker, so that none is idle
CONNECT_S = 10
DEATHS_MAX = 1  # a cell whose worker died is tried once more


@contextmanager
def open_cluster(
    scheduler: str, workers: int, cell_timeout_s: float | None
) -> Iterator[DaskExecutor]:
    """A cluster of this machine's processes, or one that runs elsewhere.

    Errors: InputError if Dask is not there, the address is none, or nobody answers.
    """
    where = Position("--scheduler")
    if cell_timeout_s is not None:
        problem = "a time limit for cells needs processes of this machine: leave one of them out"
        raise InputError(where, "--cell-timeout", problem)
    if scheduler != LOCAL and "://" not in scheduler:
        problem = f"expected local or an address such as tcp://10.0.0.1:8786, got {scheduler!r}"
        raise InputError(where, "", problem)
    try:
        import distributed
    except ImportError as error:
        problem = "Dask is not installed: pip install 'ambit-sim[dask]'"
        raise InputError(where, "", problem) from error
    dask: Any = distributed  # it says little of its types
    with ExitStack() as stack:
        address = scheduler
        if scheduler == LOCAL:
            address = stack.enter_context(
                dask.LocalCluster(
                    n_workers=workers,
                    threads_per_worker=1,
                    dashboard_address=None,
                    silence_logs=logging.ERROR,
                    scheduler_kwargs={"allowed_failures": DEATHS_MAX},
                )
            )
        try:
            client = stack.enter_context(
                dask.Client(address, timeout=CONNECT_S, set_as_default=False)
            )
        except (OSError, ValueError) as error:
            raise InputError(where, "", f"no scheduler answers at {scheduler}: {error}") from error
        yield DaskExecutor(stack.enter_context(client))


class DaskExecutor:
    """Runs cells wherever a cluster puts them."""

    def __init__(self, client: Any, run: Callable[[Job], JobResult] = run_job) -> None:
        self.client, self.run_one = client, run

    def run(self, jobs: Iterable[Job]) -> Outcomes:
        """Each cell and what it came to, as they end; only a few are at the cluster at a time."""
        import distributed

        dask: Any = distributed
        source, code = iter(jobs), compute_code_digest()
        held = {}
        n_ahead = AHEAD * max(1, sum(self.client.nthreads().values()))
        for job in islice(source, n_ahead):
            held[self._submit(job, code)] = job
        ended = dask.as_completed(list(held), loop=self.client.loop, raise_errors=False)
        try:
            for future in ended:
                job = held.pop(future)
                yield job, self._get_outcome(future, job)
                for other in islice(source, 1):
                    held[fresh := self._submit(other, code)] = other
                    ended.add(fresh)
        finally:
            self.client.cancel(list(held))

    def _submit(self, job: Job, code: str) -> Any:
        return self.client.submit(attempt_there, job, self.run_one, code, pure=False)

    def _get_outcome(self, future: Any, job: Job) -> Outcome:
        from distributed.scheduler import KilledWorker

        error = future.exception()
        if error is None:
            outcome: Outcome = future.result()
            return outcome
        if isinstance(error, KilledWorker):
            cause = "its worker died more than once, out of memory?"
            return WorkerError(cause, format_replay(job, job.first))
        raise error  # a bug, or a cluster that is gone


def attempt_there(job: Job, run: Callable[[Job], JobResult], code: str) -> Outcome:
    """What a cell came to at a worker, if that runs the same code as who asks."""
    if (there := compute_code_digest()) != code:
        problem = f"has other code of ambit-sim than this machine: {there}, not {code}"
        return StorageError("a worker of the cluster", problem)
    return attempt(job, run)
