"""How much two processes help, and what ten thousand cells cost the process that asks for them.

Cells are loops that only compute, as long as is told, so that the figures are of the execution
and not of a scenario. All ways run in one session, one after the other. Two processes that share
nothing and are asked for nothing but the loops say what the machine itself has to give.
"""

from __future__ import annotations

import gc
import multiprocessing
import resource
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from sim.experiment.cell_store import write_cell
from sim.experiment.cells import Job, JobResult
from sim.experiment.execute import Executor, Serial, run_cells
from sim.experiment.processes import ProcessPool
from sim.experiment.progress import SILENT
from sim.metrics.base import Value
from sim.metrics.outcomes import get_outcomes
from sim.scenario.settings import Setting
from tests.worlds import POLICIES

JOB = Job("world.yaml", "0" * 16, POLICIES["gateway"], 1, 0, 1, "", keeps_traces=False)
GOALS = {0.1: 1.5, 1.0: 1.8, 10.0: 1.9}  # times faster on two processes, by seconds a cell
N_CELLS = {0.1: 60, 1.0: 12, 10.0: 4}
GROWTH_MAX_MB = 50


def count_loops(seconds: float) -> int:
    """Loops of `burn` that take so long here and now."""
    start_s = time.perf_counter()
    burn(1_000_000)
    return int(1_000_000 * seconds / (time.perf_counter() - start_s))


def burn(n_loops: int) -> int:
    total = 0
    for index in range(n_loops):
        total += index & 7
    return total


def run_burning(job: Job) -> JobResult:
    """A cell of so many loops, and its file on the disk."""
    burn(job.seed)
    facts = {"first": job.first, "last": job.last}
    values = {name: [Value(1.0, 1.0, 1)] for name in get_outcomes()}
    write_cell(Path(job.folder), facts, values, None)
    return JobResult(job.policy.name, job.first, {}, [bytes(16)], [bytes(16)])


def take_time(executor: Executor, jobs: list[Job]) -> float:
    start_s = time.perf_counter()
    assert run_cells(executor, jobs, SILENT) == (len(jobs), [])
    return time.perf_counter() - start_s


def burn_often(n_loops: int, times: int) -> None:
    for _ in range(times):
        burn(n_loops)


def take_bare_time(n_loops: int, n_cells: int) -> float:
    """Seconds of two bare processes, each with half of the loops, without cells or files."""
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    halves = [context.Process(target=burn_often, args=(n_loops, n_cells // 2)) for _ in range(2)]
    start_s = time.perf_counter()
    for process in halves:
        process.start()
    for process in halves:
        process.join()
    return time.perf_counter() - start_s


@pytest.mark.parametrize("cell_s", GOALS)
def test_two_processes(cell_s: float, tmp_path: Path) -> None:
    n_loops = count_loops(cell_s)
    jobs = [
        replace(JOB, seed=n_loops, first=first, last=first + 1, folder=str(tmp_path))
        for first in range(N_CELLS[cell_s])
    ]
    alone_s = take_time(Serial(run_burning), jobs)
    together_s = take_time(ProcessPool(2, run=run_burning), jobs)
    bare_s = take_bare_time(n_loops, len(jobs))
    sys.stdout.write(
        f"\ncells of {cell_s:g} s: {alone_s:.1f} s alone, {together_s:.1f} s on two processes, "
        f"{alone_s / together_s:.2f} times faster, goal {GOALS[cell_s]}; two bare processes: "
        f"{bare_s:.1f} s, {alone_s / bare_s:.2f} times faster\n"
    )


def run_nothing(job: Job) -> JobResult:
    return JobResult(job.policy.name, job.first, {}, [bytes(16)] * 10, [bytes(16)] * 10)


def test_memory_of_ten_thousand_cells() -> None:
    gc.collect()
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    jobs = [
        replace(JOB, first=first, last=first + 1, settings=(Setting("a.b", str(first)),))
        for first in range(10_000)
    ]
    elapsed_s = take_time(ProcessPool(2, run=run_nothing), jobs)
    grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb) / 1024
    sys.stdout.write(
        f"\n10 000 cells: {grown_mb:.0f} MB more in the parent (goal {GROWTH_MAX_MB}), "
        f"{1e6 * elapsed_s / 10_000:.0f} us a cell besides its own work\n"
    )
    assert grown_mb < GROWTH_MAX_MB
