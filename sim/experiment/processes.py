"""Cells in processes of this machine: one pipe each, so that a death or a hang is one cell's.

Decision: a small pool of our own.
Instead of: `concurrent.futures`, whose pool breaks as a whole when one of its processes dies.
Because: it must be known which cell a dead or hung process was at, and the others must go on.
Undo when: the standard pool names the task that a process died of, and can end a single one.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from multiprocessing.connection import wait
from typing import TYPE_CHECKING

from sim.core.errors import AmbitError, WorkerError
from sim.core.memory import keep_memory
from sim.experiment.cells import Job, JobResult, format_replay, run_job

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from multiprocessing.connection import Connection
    from multiprocessing.context import BaseContext
    from multiprocessing.process import BaseProcess

BATCH_S = 0.5  # a process is handed about so much work at once
BATCH_CELLS_MAX = 64
ATTEMPTS = 2  # a process that dies may have been unlucky

Outcome = JobResult | AmbitError
Outcomes = Generator[tuple[Job, Outcome], None, None]


def attempt(job: Job, run: Callable[[Job], JobResult]) -> Outcome:
    """What a cell came to, or the error that a person is to read."""
    try:
        return run(job)
    except AmbitError as error:
        return error


@dataclass
class Worker:
    """A process and what it is at."""

    process: BaseProcess
    connection: Connection
    batch: deque[Job] = field(default_factory=deque)  # what has not come back yet
    since_s: float = 0.0  # when it began with the first of them

    def give(self, jobs: list[Job]) -> None:
        """Hand over some cells."""
        self.batch.extend(jobs)
        self.since_s = time.monotonic()
        with suppress(BrokenPipeError):  # it died while it had nothing to do: heard of at once
            self.connection.send(jobs)

    def end(self) -> None:
        """End the process, whatever it is at."""
        self.process.kill()
        self.process.join()
        self.connection.close()


class ProcessPool:
    """Runs cells in processes, each started when there is work for it."""

    def __init__(
        self,
        n_workers: int,
        cell_timeout_s: float | None = None,
        method: str = "",
        run: Callable[[Job], JobResult] = run_job,
    ) -> None:
        # a context of our own: nothing global is set; forked workers inherit the compiled rules
        method = method or ("fork" if sys.platform == "linux" else "spawn")
        self.context: BaseContext = multiprocessing.get_context(method)
        self.n_workers, self.cell_timeout_s, self.run_one = n_workers, cell_timeout_s, run
        self.workers: list[Worker] = []
        self.again: deque[Job] = deque()  # to be run once more
        self.died: set[Job] = set()
        self.cell_s = BATCH_S  # seconds a cell takes, as far as is known

    def run(self, jobs: Iterable[Job]) -> Outcomes:
        """Each cell and what it came to, as they end."""
        source = iter(jobs)
        try:
            while self._hand_out(source):
                busy = [worker for worker in self.workers if worker.batch]
                ready = wait([w.connection for w in busy], timeout=self._get_patience_s(busy))
                for worker in busy:
                    if worker.connection in ready:
                        yield from self._hear(worker)
                yield from self._end_hung()
        finally:
            for worker in self.workers:
                worker.end()
            self.workers = []

    def _hand_out(self, source: Iterator[Job]) -> bool:
        """Give work to whoever has none; False when there is none left and nobody is at work."""
        size = max(1, min(BATCH_CELLS_MAX, round(BATCH_S / self.cell_s)))
        for index in range(self.n_workers):
            if index < len(self.workers) and self.workers[index].batch:
                continue
            batch = [self.again.popleft()] if self.again else list(islice(source, size))
            if not batch:
                break
            if index == len(self.workers):
                self.workers.append(self._start())
            self.workers[index].give(batch)
        return any(worker.batch for worker in self.workers)

    def _start(self) -> Worker:
        ours, theirs = self.context.Pipe()
        process: BaseProcess = self.context.Process(  # type: ignore[attr-defined] # every context
            target=serve, args=(theirs, self.run_one), daemon=True
        )
        process.start()
        theirs.close()
        return Worker(process, ours)

    def _hear(self, worker: Worker) -> Iterator[tuple[Job, Outcome]]:
        """What a process has to say: a cell's outcome, or by its silence that it is dead."""
        try:
            outcome: Outcome = worker.connection.recv()
        except (EOFError, ConnectionResetError):
            yield from self._bury(worker)
            return
        now_s = time.monotonic()
        self.cell_s += 0.3 * (max(now_s - worker.since_s, 1e-3) - self.cell_s)
        worker.since_s = now_s
        yield worker.batch.popleft(), outcome

    def _bury(self, worker: Worker) -> Iterator[tuple[Job, Outcome]]:
        """A cell whose process died is tried once more; the rest of its batch is innocent."""
        worker.process.join()
        self.workers.remove(worker)
        worker.connection.close()
        job = worker.batch.popleft()
        self.again.extend(worker.batch)
        if job not in self.died:
            self.died.add(job)
            self.again.append(job)
            return
        cause = f"its process died {ATTEMPTS} times: {describe_exit(worker.process.exitcode)}"
        yield job, WorkerError(cause, format_replay(job, job.first))

    def _get_patience_s(self, busy: list[Worker]) -> float | None:
        if self.cell_timeout_s is None:
            return None
        first_s = min(worker.since_s for worker in busy)
        return max(0.0, first_s + self.cell_timeout_s - time.monotonic())

    def _end_hung(self) -> Iterator[tuple[Job, Outcome]]:
        """End processes that took too long over a cell; they would do so again."""
        if self.cell_timeout_s is None:
            return
        for worker in list(self.workers):
            is_late = time.monotonic() - worker.since_s >= self.cell_timeout_s
            if worker.batch and is_late and not worker.connection.poll():
                worker.end()
                self.workers.remove(worker)
                job = worker.batch.popleft()
                self.again.extend(worker.batch)
                cause = f"not finished after {self.cell_timeout_s:g} s"
                yield job, WorkerError(cause, format_replay(job, job.first))


def describe_exit(code: int | None) -> str:
    """How a process ended, in words."""
    if code is None or code >= 0:
        return f"exit code {code}"
    name = signal.Signals(-code).name
    return f"{name}, out of memory?" if name == "SIGKILL" else name


def serve(connection: Connection, run: Callable[[Job], JobResult]) -> None:
    """Life of a process: run what comes, say what it came to, end with the parent."""
    # an interrupt is left to the parent, which ends this process
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    keep_memory()
    while True:
        try:
            jobs: list[Job] = connection.recv()
            for job in jobs:
                connection.send(attempt(job, run))
        except (EOFError, BrokenPipeError, ConnectionResetError):
            return


def _end_with_parent() -> None:
    """A run that was killed leaves nobody behind who still writes into its folder."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
