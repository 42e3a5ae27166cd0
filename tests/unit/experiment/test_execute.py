from __future__ import annotations

import os
import pickle
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sim.core.errors import (
    AmbitError,
    CellsFailedError,
    InputError,
    InvariantError,
    StorageError,
    WorkerError,
    get_worst,
)
from sim.experiment.cells import Job, JobResult, run_job
from sim.experiment.execute import (
    Execution,
    Executor,
    Serial,
    Tally,
    count_cores,
    open_executor,
    raise_failures,
    run_cells,
)
from sim.experiment.processes import ProcessPool, describe_exit
from sim.experiment.progress import Failure
from sim.scenario.load import load_scenario
from tests.watching import Watch
from tests.worlds import POLICIES, create_reacher, create_worker, write_scenario

Run = Callable[[Job], JobResult]
JOB = Job("world.yaml", "0" * 16, POLICIES["gateway"], 1, 0, 1, "")
EXECUTORS: dict[str, Callable[[Run], Executor]] = {
    "serial": Serial,
    "processes": lambda run: ProcessPool(2, run=run),
    "spawned": lambda run: ProcessPool(2, method="spawn", run=run),
}
BROKEN = InvariantError("I8 conservation", 7, "the supply", "another sum", "replay: sim run it")


def answer(job: Job) -> JobResult:
    """A cell that takes no time."""
    return JobResult(job.policy.name, job.first, {}, [bytes([job.first])], [])


def create_jobs(n: int, folder: str = "") -> list[Job]:
    return [replace(JOB, first=first, last=first + 1, folder=folder) for first in range(n)]


def run_all(executor: Executor, jobs: list[Job]) -> tuple[Tally, Watch]:
    watch = Watch()
    return run_cells(executor, jobs, watch), watch


def get_places(watch: Watch) -> list[int]:
    return sorted(cell.first for cell in watch.cells)


# what runs cells


@pytest.mark.parametrize("name", EXECUTORS)
def test_every_cell_is_run_once(name: str) -> None:
    tally, watch = run_all(EXECUTORS[name](answer), create_jobs(100))
    assert tally == (100, [])
    assert get_places(watch) == list(range(100))
    assert all(cell == answer(replace(JOB, first=cell.first)) for cell in watch.cells)


def test_real_cells_come_to_the_same_wherever_they_run(tmp_path: Path) -> None:
    path = write_scenario(tmp_path, horizon="10s", agents=[create_worker(count=2)])
    digest = load_scenario(path).digest
    jobs = [replace(job, scenario=str(path), scenario_digest=digest) for job in create_jobs(3)]
    alone = run_all(Serial(), jobs)[1].cells
    together = run_all(ProcessPool(2), jobs)[1].cells
    assert sorted(together, key=lambda cell: cell.first) == alone
    assert alone[0] == run_job(jobs[0])


@pytest.mark.parametrize(
    ("execution", "n_jobs", "kind"),
    [
        (Execution(workers=1), 9, Serial),
        (Execution(workers=9), 1, Serial),
        (Execution(workers=2), 2, ProcessPool),
        (Execution(workers=1, cell_timeout_s=1.0), 1, ProcessPool),
    ],
)
def test_processes_are_started_where_they_help(
    execution: Execution, n_jobs: int, kind: type
) -> None:
    with open_executor(execution, n_jobs) as executor:
        assert isinstance(executor, kind)


def test_no_more_processes_than_cells() -> None:
    pool = ProcessPool(50, run=answer)
    outcomes = pool.run(create_jobs(2))
    next(outcomes)
    assert len(pool.workers) <= 2
    outcomes.close()
    assert pool.workers == []


def test_there_is_a_processor() -> None:
    assert 1 <= count_cores() <= (os.cpu_count() or 1)


# what fails


def break_third(job: Job) -> JobResult:
    if job.first == 2:
        raise BROKEN
    return answer(job)


@pytest.mark.parametrize("name", EXECUTORS)
def test_a_broken_promise_comes_through_whole_and_the_others_finish(name: str) -> None:
    tally, watch = run_all(EXECUTORS[name](break_third), create_jobs(9))
    assert get_places(watch) == [0, 1, 3, 4, 5, 6, 7, 8]
    (failure,) = tally.failures
    assert watch.failures == [failure]
    assert (failure.job.first, str(failure.error)) == (2, str(BROKEN))
    assert (failure.replay, failure.error.exit_code) == ("replay: sim run it", 3)
    assert failure.cause.startswith("I8 conservation broke at height 7")
    with pytest.raises(InvariantError, match="I8"):
        raise_failures(tally.failures)


def refuse_third(job: Job) -> JobResult:
    if job.first == 2:
        raise StorageError("/disk", "is full")
    if job.folder:
        (Path(job.folder) / str(job.first)).touch()
        time.sleep(0.02)
    return answer(job)


@pytest.mark.parametrize("name", EXECUTORS)
def test_where_one_cell_cannot_be_written_no_more_are_tried(name: str, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="/disk: is full"):
        run_all(EXECUTORS[name](refuse_third), create_jobs(300, str(tmp_path)))
    assert len(list(tmp_path.iterdir())) < 200


def die_at_third(job: Job) -> JobResult:
    """What the kernel does to a process that wants too much memory."""
    if job.first == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return answer(job)


@pytest.mark.parametrize("name", ["processes", "spawned"])
def test_a_process_that_dies_costs_one_cell(name: str) -> None:
    tally, watch = run_all(EXECUTORS[name](die_at_third), create_jobs(40))
    assert get_places(watch) == [0, 1, *range(3, 40)]
    (failure,) = tally.failures
    assert isinstance(failure.error, WorkerError)
    assert failure.error.exit_code == 4
    assert failure.cause == "its process died 2 times: SIGKILL, out of memory?"
    assert failure.replay.startswith("replay: sim run world.yaml --policy gateway")


def die_once(job: Job) -> JobResult:
    mark = Path(job.folder) / "died"
    if job.first == 2 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return answer(job)


def test_a_cell_whose_process_dies_is_tried_once_more(tmp_path: Path) -> None:
    tally, watch = run_all(ProcessPool(2, run=die_once), create_jobs(9, str(tmp_path)))
    assert tally == (9, [])
    assert get_places(watch) == list(range(9))


def hang_at_third(job: Job) -> JobResult:
    while job.first == 2:
        time.sleep(0.01)
    return answer(job)


def test_a_cell_that_hangs_is_named_and_the_others_finish() -> None:
    pool = ProcessPool(2, cell_timeout_s=0.5, run=hang_at_third)
    tally, watch = run_all(pool, create_jobs(20))
    assert get_places(watch) == [0, 1, *range(3, 20)]
    (failure,) = tally.failures
    assert (failure.job.first, failure.cause) == (2, "not finished after 0.5 s")
    assert failure.error.exit_code == 4


def run_out(job: Job) -> JobResult:
    raise MemoryError


def test_memory_that_runs_out_is_a_failure_of_its_cell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_scenario(tmp_path, horizon="10s", agents=[create_reacher(count=1)])
    job = replace(JOB, scenario=str(path), scenario_digest=load_scenario(path).digest)
    monkeypatch.setattr("sim.experiment.cells.run_replication", lambda *_: run_out(job))
    tally, _ = run_all(Serial(), [job])
    assert tally.failures[0].cause == "ran out of memory"
    assert "--policy gateway --seed 1 --replications 1" in tally.failures[0].replay


@pytest.mark.parametrize(
    ("codes", "worst"),
    [((2, 3, 4), 3), ((1, 2, 4), 4), ((0, 5, 1, 2), 2), ((5, 1), 1), ((0, 5), 5), ((), 0)],
)
def test_the_worst_exit_code_wins(codes: tuple[int, ...], worst: int) -> None:
    assert get_worst(codes) == worst


def test_several_failures_are_told_together_and_end_as_the_worst() -> None:
    wrong: list[AmbitError] = [WorkerError("died", "replay: a")] * 6
    failures = [Failure(JOB, error) for error in [*wrong, BROKEN]]
    with pytest.raises(CellsFailedError, match="7 cells failed") as caught:
        raise_failures(failures)
    assert caught.value.exit_code == 3
    assert str(caught.value).endswith("and 2 more")
    raise_failures([])


def test_the_last_line_names_the_file_that_lists_several_failures() -> None:
    failures = [Failure(JOB, WorkerError("died", "replay: a"))] * 2
    with pytest.raises(CellsFailedError) as caught:
        raise_failures(failures, Path("out/failures.csv"))
    last = str(pickle.loads(pickle.dumps(caught.value))).splitlines()[-1]
    assert last == "all of them, each with the line that replays it: out/failures.csv"
    with pytest.raises(WorkerError):  # one alone is told in full
        raise_failures(failures[:1], Path("out/failures.csv"))


@pytest.mark.parametrize(("code", "words"), [(3, "exit code 3"), (-11, "SIGSEGV"), (None, "None")])
def test_the_end_of_a_process_in_words(code: int | None, words: str) -> None:
    assert words in describe_exit(code)


# Dask, as far as it is refused


@pytest.mark.parametrize(
    ("scheduler", "timeout_s", "words"),
    [("tpc", None, "expected local or an address"), ("local", 1.0, "leave one of them out")],
)
def test_a_scheduler_that_cannot_be_is_refused(
    scheduler: str, timeout_s: float | None, words: str
) -> None:
    execution = Execution(2, scheduler, timeout_s)
    with pytest.raises(InputError, match=words), open_executor(execution, 3):
        pass


@pytest.mark.skipif(sys.platform != "linux", reason="only a forked process has what was planted")
def test_a_process_keeps_its_memory_from_one_cell_to_the_next(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    monkeypatch.setattr("sim.experiment.processes.keep_memory", kept.touch)
    run_all(ProcessPool(1, run=answer), create_jobs(2))
    assert kept.exists()
