"""Running jobs: one after another, or in processes; results always in the order of the jobs."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from typing import TYPE_CHECKING

from sim.core.compiled import has_compiled_rules
from sim.core.errors import StorageError
from sim.experiment.cells import Job, JobResult, run_job

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future


def count_cores() -> int:
    """Processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def execute(
    jobs: Sequence[Job], workers: int, on_done: Callable[[JobResult], None]
) -> list[JobResult]:
    """Run every job; `on_done` hears of each as it ends, the list keeps the jobs' order.

    Errors: whatever a job raises, once those that run have ended; StorageError if a process dies.
    """
    if workers <= 1 or len(jobs) <= 1:
        results = []
        for job in jobs:
            result = run_job(job)
            on_done(result)
            results.append(result)
        return results
    load_rules(jobs)
    # a context of our own: nothing global is set; forked workers inherit the compiled rules
    method = "fork" if sys.platform == "linux" else "spawn"
    context = multiprocessing.get_context(method)
    pool = ProcessPoolExecutor(
        min(workers, len(jobs)), mp_context=context, initializer=ignore_interrupts
    )
    futures = [pool.submit(run_job, job) for job in jobs]
    for future in futures:
        future.add_done_callback(lambda done: _tell(done, on_done))
    try:
        return [future.result() for future in futures]
    except BrokenProcessPool as error:
        raise StorageError("worker", "a process died; out of memory?") from error
    finally:
        if not all(future.done() for future in futures):  # something went wrong: start no more
            for child in multiprocessing.active_children():
                child.terminate()
        pool.shutdown(wait=False, cancel_futures=True)


def ignore_interrupts() -> None:
    """A worker leaves an interrupt to its parent, which ends it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def load_rules(jobs: Sequence[Job]) -> None:
    """Load the compiled rules here, before workers are forked that would each do so again.

    Where nothing is compiled yet, every policy is tried, so that each rule is compiled once.
    """
    tried = {job.policy.name: job for job in jobs}
    for job in list(tried.values())[: 1 if has_compiled_rules() else None]:
        run_job(replace(job, first=0, last=1, folder=""))


def _tell(done: Future[JobResult], on_done: Callable[[JobResult], None]) -> None:
    if not done.cancelled() and done.exception() is None:
        on_done(done.result())
