from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest

from sim.core.errors import AmbitError, InvariantError, StorageError
from sim.experiment import execute as module
from sim.experiment.cells import Job, JobResult, run_job
from sim.experiment.execute import count_cores, execute
from sim.scenario.load import load_scenario
from tests.worlds import POLICIES, create_reacher, create_worker, write_scenario


@pytest.fixture
def jobs(tmp_path: Path) -> list[Job]:
    """Four small jobs of two policies."""
    agents = [create_worker(count=2), create_reacher(count=1)]
    path = write_scenario(tmp_path, horizon="10s", agents=agents)
    loaded = load_scenario(path)
    return [
        Job(str(path), loaded.digest, POLICIES[name], 1, first, first + 1, "")
        for name in ("gateway", "chain")
        for first in (0, 1)
    ]


def get_place(result: JobResult) -> tuple[str, int]:
    return result.policy, result.first


@pytest.mark.parametrize("workers", [1, 2, 9])
def test_results_come_in_the_order_of_the_jobs(jobs: list[Job], workers: int) -> None:
    heard: list[JobResult] = []
    results = execute(jobs, workers, heard.append)
    assert [get_place(result) for result in results] == [
        (job.policy.name, job.first) for job in jobs
    ]
    assert sorted(map(get_place, heard)) == sorted(map(get_place, results))


def test_workers_change_nothing(jobs: list[Job]) -> None:
    alone = execute(jobs, 1, lambda _: None)
    assert execute(jobs, 2, lambda _: None) == alone


def test_one_job_needs_no_other_process(jobs: list[Job], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ProcessPoolExecutor", None)
    assert execute(jobs[:1], 8, lambda _: None) == [run_job(jobs[0])]
    assert execute([], 8, lambda _: None) == []


BROKEN = InvariantError("I8 conservation", 7, "the supply", "another sum", "replay: sim run it")


def break_promise(job: Job) -> JobResult:
    """The second job of a policy breaks."""
    if job.first == 1:
        raise BROKEN
    return run_job(job)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_broken_promise_comes_through_whole(
    jobs: list[Job], workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "run_job", break_promise)
    heard: list[JobResult] = []
    with pytest.raises(InvariantError) as caught:
        execute(jobs, workers, heard.append)
    assert str(caught.value) == str(BROKEN)
    assert caught.value.replay == "replay: sim run it"
    assert caught.value.exit_code == 3
    assert ("gateway", 0) in map(get_place, heard)
    assert ("gateway", 1) not in map(get_place, heard)


def break_first(job: Job) -> JobResult:
    """The first job of all breaks at once; the others take a while and leave a mark."""
    if job.first == 0:
        raise BROKEN
    time.sleep(0.05)
    (Path(job.folder) / str(job.first)).touch()
    return JobResult(job.policy.name, job.first, {}, [], [])


def test_jobs_that_did_not_start_yet_are_not_run_after_an_error(
    jobs: list[Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    many = [replace(jobs[0], first=first, folder=str(marks)) for first in range(30)]
    monkeypatch.setattr(module, "load_rules", lambda _: None)
    monkeypatch.setattr(module, "run_job", break_first)
    with pytest.raises(InvariantError):
        execute(many, 2, lambda _: None)
    assert len(list(marks.iterdir())) < 15


def test_a_disk_that_refuses_a_worker_is_named(jobs: list[Job], tmp_path: Path) -> None:
    lost = [replace(job, folder=str(tmp_path / "gone")) for job in jobs]
    with pytest.raises(StorageError, match="gone"):
        execute(lost, 2, lambda _: None)


def die(job: Job) -> JobResult:
    """What the kernel does to a worker that wants too much memory."""
    if job.first == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return run_job(job)


def test_a_worker_that_dies_is_an_error_of_the_environment(
    jobs: list[Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "load_rules", lambda _: None)
    monkeypatch.setattr(module, "run_job", die)
    with pytest.raises(AmbitError) as caught:
        execute(jobs, 2, lambda _: None)
    assert caught.value.exit_code == 4


def test_there_is_a_processor() -> None:
    assert 1 <= count_cores() <= (os.cpu_count() or 1)
