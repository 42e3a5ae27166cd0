"""Measuring one attacker after another: the replications of each over processes kept open.

Only the arm in which attackers act is run, and one outcome is measured.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import signal
import sys
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from sim.core.errors import InvariantError, StorageError
from sim.experiment.cells import Job, create_chunk, format_replay, get_world
from sim.metrics.outcomes import OUTCOMES, measure
from sim.model.run import run_replication
from sim.model.world import Arm

if TYPE_CHECKING:
    from types import TracebackType

    from sim.metrics.base import Value
    from sim.policies.base import Policy
    from sim.scenario.load import LoadedScenario

SEED_BYTES = 4  # short enough to be typed again


def compute_holdout_seed(seed: int) -> int:
    """Seed of the draws on which what a search found is judged, never those it was found on.

    Return: 0..2**32 - 1, another number than the seed; `sim run --seed` takes it, so that a
            judgement can be run again.
    """
    text = f"holdout {seed}".encode()
    digest = hashlib.blake2b(text, digest_size=SEED_BYTES, person=b"AMBIT-HOLDOUT").digest()
    derived = int.from_bytes(digest, "little")
    return derived if derived != seed else derived ^ 1


def measure_attack(job: Job, outcome: str) -> list[Value]:
    """One outcome of the replications of a job, in their order.

    Errors: InvariantError with the line that replays it.
    """
    world = get_world(job.scenario, job.scenario_digest, job.settings, arm=Arm.ATTACK)
    values = []
    for replication in range(job.first, job.last):
        try:
            trace = run_replication(world, job.policy, job.seed, replication)
        except InvariantError as error:
            raise error.create_replayable(format_replay(job, replication)) from error
        chunk = create_chunk(trace, job.policy)
        values.append(measure([chunk], [OUTCOMES[outcome]])[outcome])
    return values


class Trials:
    """Processes that stay open from one attacker to the next; a context manager."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self.pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Trials:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.pool is None:
            return
        if error is not None:
            for child in multiprocessing.active_children():
                child.terminate()
        self.pool.shutdown(wait=error is None, cancel_futures=True)

    def measure(
        self, loaded: LoadedScenario, policy: Policy, outcome: str, seed: int, replications: int
    ) -> list[Value]:
        """One outcome of the first replications of a seed, however many processes there are.

        Errors: what a job raises; StorageError if a process dies.
        """
        jobs = create_slices(loaded, policy, seed, replications, self.workers)
        if self.workers <= 1:
            return measure_attack(jobs[0], outcome)
        if self.pool is None:
            measure_attack(replace(jobs[0], last=1), outcome)  # loads the rules, once for all
            self.pool = create_pool(self.workers)
        try:
            parts = [self.pool.submit(measure_attack, job, outcome) for job in jobs]
            return [value for part in parts for value in part.result()]
        except BrokenProcessPool as error:
            raise StorageError("worker", "a process died; out of memory?") from error


def create_pool(workers: int) -> ProcessPoolExecutor:
    """Processes in a context of our own: nothing global is set, rules are inherited by a fork.

    A trial needs all of its replications, so one process that dies ends the search, and the
    standard pool will do.
    """
    method = "fork" if sys.platform == "linux" else "spawn"
    context = multiprocessing.get_context(method)
    return ProcessPoolExecutor(workers, mp_context=context, initializer=leave_interrupts)


def leave_interrupts() -> None:
    """A worker leaves an interrupt to its parent, which ends it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def create_slices(
    loaded: LoadedScenario, policy: Policy, seed: int, replications: int, workers: int
) -> list[Job]:
    """Jobs that share replications evenly, in their order, at most one for each worker."""
    n_jobs = max(1, min(workers, replications))
    edges = [replications * part // n_jobs for part in range(n_jobs + 1)]
    return [
        Job(
            scenario=str(loaded.path),
            scenario_digest=loaded.digest,
            policy=policy,
            seed=seed,
            first=first,
            last=last,
            folder="",
            settings=loaded.settings,
        )
        for first, last in pairwise(edges)
    ]
