from __future__ import annotations

import csv
import json
import multiprocessing
import os
import random
import resource
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from sim.core.errors import AmbitError, InputError, InvariantError
from sim.experiment import execute
from sim.experiment.cells import Job, JobResult, run_job
from sim.experiment.execute import Execution
from sim.experiment.run import RunOptions, run_scenario
from sim.experiment.sweep import SWEEP, SweepOptions, SweepResult, run_sweep
from sim.experiment.sweep_table import FAILED
from sim.metrics.outcomes import get_outcomes
from sim.scenario.load import LoadedScenario, load_scenario
from sim.scenario.settings import Setting
from sim.scenario.sweep import Spread
from tests.watching import Watch, read_all
from tests.worlds import create_reacher, create_worker, write_scenario

FORK = multiprocessing.get_context("fork")
TABLES = ("table.csv", "table.parquet")
MANY = {"agents.worker.count": Spread.model_validate({"from": "1", "to": "40"})}
GIVEN: dict[str, Any] = {"agents.worker.count": ("1", "2"), "policies.chain.fee": ("0", "3")}


def load(folder: Path, **changes: Any) -> LoadedScenario:
    settings: dict[str, Any] = {
        "horizon": "6s",
        "replications": 2,
        "agents": [create_worker(count=1), create_reacher(count=2, task_every="2s")],
        "policies": ["unguarded", "chain"],
    }
    return load_scenario(write_scenario(folder, **(settings | changes)))


def sweep(
    loaded: LoadedScenario, out: Path, watch: Watch | None = None, **changes: Any
) -> SweepResult:
    options = {"factors": GIVEN, "execution": Execution(workers=1), "out": out} | changes
    return run_sweep(loaded, SweepOptions(**options), watch or Watch())


def read_tables(result: SweepResult) -> dict[str, bytes]:
    return {name: (result.folder / name).read_bytes() for name in TABLES}


def read_rows(result: SweepResult) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(result.folder / "table.parquet").to_pylist()
    return rows


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> SweepResult:
    folder = tmp_path_factory.mktemp("sweep")
    return sweep(load(folder), folder / "out")


# the table


def test_a_row_for_every_point_policy_and_outcome(result: SweepResult) -> None:
    rows = read_rows(result)
    places = {
        (row["agents.worker.count"], row["policies.chain.fee"], row["policy"], row["outcome"])
        for row in rows
    }
    assert len(places) == len(rows)
    policies = ("unguarded", "chain")
    assert {place[:3] for place in places} == {
        (count, fee, policy) for count in (1, 2) for fee in (0, 3) for policy in policies
    }
    assert {row["outcome"] for row in rows} >= set(get_outcomes())
    assert len({row["point"] for row in rows}) == 4


def test_both_files_say_the_same(result: SweepResult) -> None:
    with (result.folder / "table.csv").open(encoding="utf-8", newline="") as file:
        read = list(csv.DictReader(file))
    assert read == [
        {key: "" if value is None else str(value) for key, value in row.items()}
        for row in read_rows(result)
    ]


def test_a_row_is_what_a_run_with_the_same_settings_measures(
    result: SweepResult, tmp_path: Path
) -> None:
    settings = [Setting("agents.worker.count", "2"), Setting("policies.chain.fee", "3")]
    loaded = load_scenario(load(tmp_path).path, settings)
    estimates = run_scenario(loaded, RunOptions(workers=1)).estimates
    for row in read_rows(result):
        if (row["agents.worker.count"], row["policies.chain.fee"]) != (2, 3):
            continue
        estimate = estimates[row["policy"]][row["outcome"]]
        interval = estimate.interval
        assert row["mean"] == (interval and interval.mean)
        assert (row["low"], row["high"]) == (interval and interval.low, interval and interval.high)
        assert (row["n"], row["unit"]) == (estimate.n, estimate.unit)
        assert row["null_reason"] == (estimate.reason.value if estimate.reason else "")


def test_points_that_differ_only_in_a_policy_share_the_cells_of_the_others(
    result: SweepResult,
) -> None:
    assert (result.n_points, len(result.policies)) == (4, 2)
    assert result.n_cells == 2 + 4  # `unguarded` knows no fee


def test_the_manifest_lists_what_made_the_table(result: SweepResult) -> None:
    facts = json.loads((result.folder / SWEEP).read_text())
    assert (facts["design"], facts["replications"], facts["run_seed"]) == ("grid", 2, 1)
    assert set(facts["files"]) == set(TABLES)


# what runs


def test_only_what_is_missing_runs_and_the_table_is_the_same(tmp_path: Path) -> None:
    loaded, watch = load(tmp_path), Watch()
    first = sweep(loaded, tmp_path / "out")
    before = read_all(first.folder)
    again = sweep(loaded, tmp_path / "out", watch)
    assert watch.starts == [(0, 6)]
    assert (again.n_kept, read_all(again.folder)) == (6, before)
    cells = sorted((first.folder.parent / "cells").glob("*/*"))
    cells[0].unlink()
    content = bytearray(cells[1].read_bytes())
    content[100] ^= 1
    cells[1].write_bytes(content)
    watch = Watch()
    assert read_all(sweep(loaded, tmp_path / "out", watch).folder) == before
    assert watch.starts == [(2, 4)]
    assert [cells[1].name in message for message in watch.messages] == [True]


def test_another_point_moves_no_other(tmp_path: Path, result: SweepResult) -> None:
    watch = Watch()
    loaded = load(tmp_path)
    sweep(loaded, tmp_path / "out")
    given = {"policies.chain.fee": ("7", "3", "0"), "agents.worker.count": ("2", "1")}
    wider = sweep(loaded, tmp_path / "out", watch, factors=given)
    assert watch.starts == [(2, 6)]
    rows = {(row["point"], row["policy"], row["outcome"]): row for row in read_rows(wider)}
    for row in read_rows(result):
        assert rows[row["point"], row["policy"], row["outcome"]] == row


@pytest.mark.parametrize("workers", [2, 5])
def test_workers_change_no_byte(workers: int, tmp_path: Path, result: SweepResult) -> None:
    other = sweep(load(tmp_path), tmp_path / "out", execution=Execution(workers=workers))
    assert read_all(other.folder.parent) == read_all(result.folder.parent)


def test_an_inert_factor_has_no_effect_at_all(tmp_path: Path) -> None:
    given = {
        "policies.chain.fee": ("0", "3"),  # what a fee costs is no harm
        "agents.reacher.temptation": ("0.1", "0.5", "0.9", "1"),
    }
    changes = {"factors": given, "design": "morris", "points": 2, "policies": ("unguarded",)}
    found = sweep(load(tmp_path, horizon="12s"), tmp_path / "out", **changes)
    effects = {
        row.figure.factor: row.figure.value
        for row in found.sensitivity
        if (row.outcome, row.figure.name) == ("harm_per_1000_tasks", "mu_star")
    }
    assert effects["policies.chain.fee"] == 0
    assert effects["agents.reacher.temptation"] > 0
    lines = (found.folder / "sensitivity.csv").read_text().splitlines()
    assert len(lines) == 1 + len(found.sensitivity)


def test_too_many_cells_are_refused_before_any_is_made(tmp_path: Path) -> None:
    given: dict[str, Any] = {f"agents[{i}].count": ("1", "2") for i in range(2)}
    with pytest.raises(InputError, match="4 points x 2 policies x 2 replications are 8 cells"):
        sweep(load(tmp_path), tmp_path / "out", factors=given, cells_max=7)
    assert not (tmp_path / "out").exists()
    enormous = {"agents.reacher.temptation": tuple(f"0.{i:06d}" for i in range(1, 40))}
    enormous |= {f"agents[{i}].count": tuple(map(str, range(1, 40))) for i in range(2)}
    with pytest.raises(InputError, match="more than 100000"):
        sweep(load(tmp_path), tmp_path / "out", factors=enormous)


# what fails


def break_some(job: Job) -> JobResult:
    """A promise that breaks where two workers meet the chain."""
    if job.policy.name == "chain" and Setting("agents.worker.count", "2") in job.settings:
        raise InvariantError("I8 conservation", 7, "a", "b", "replay: sim run it")
    return run_job(job)


def test_a_failed_cell_is_in_the_table_and_in_a_list_and_is_tried_again(
    tmp_path: Path, result: SweepResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = load(tmp_path)
    monkeypatch.setattr(execute.Serial.__init__, "__defaults__", (break_some,))
    broken = sweep(loaded, tmp_path / "out")
    monkeypatch.undo()
    assert {failure.error.exit_code for failure in broken.failures} == {3}
    with (broken.folder / "failures.csv").open(newline="") as file:
        listed = list(csv.DictReader(file))
    assert [row["replay"] for row in listed] == ["replay: sim run it"] * 2
    assert {row["settings"] for row in listed} == {
        f"agents.worker.count=2 policies.chain.fee={fee}" for fee in (0, 3)
    }
    failed = [row for row in read_rows(broken) if row["null_reason"] == FAILED]
    assert {(row["policy"], row["agents.worker.count"]) for row in failed} == {("chain", 2)}
    watch = Watch()
    whole = sweep(loaded, tmp_path / "out", watch)
    assert watch.starts == [(2, 4)]
    assert read_all(whole.folder) == read_all(result.folder)


def test_a_combination_that_cannot_be_fails_alone(tmp_path: Path) -> None:
    loaded = load(tmp_path, window="1s", think_min="2s")
    given = {"window": ("1s", "2s"), "think_min": ("1s", "2s")}
    found = sweep(loaded, tmp_path / "out", factors=given, policies=("unguarded",))
    (failure,) = found.failures
    assert list(map(str, failure.job.settings)) == ["window=2s", "think_min=1s"]
    assert failure.error.exit_code == 2
    assert "must be at most think_min" in failure.cause
    assert found.n_cells == 4


def limit_and_sweep(loaded: LoadedScenario, out: Path) -> None:
    """A disk on which no file may be longer than a kilobyte."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, resource.RLIM_INFINITY))
    try:
        sweep(loaded, out, factors={"agents.worker.count": ("1", "2", "3")})
    except AmbitError as error:
        sys.exit(error.exit_code if str(out) in str(error) and "too large" in str(error) else 99)


def test_a_disk_that_is_full_leaves_what_there_was(tmp_path: Path) -> None:
    loaded = load(tmp_path)
    before = read_all(sweep(loaded, tmp_path / "out").folder.parent)
    process = FORK.Process(target=limit_and_sweep, args=(loaded, tmp_path / "out"))
    process.start()
    process.join()
    assert process.exitcode == 4
    assert read_all(tmp_path / "out" / next((tmp_path / "out").iterdir())) == before


# whatever happens


def sweep_alone(loaded: LoadedScenario, out: Path) -> None:
    """A process of its own, with workers."""
    os.setsid()
    sweep(loaded, out, factors=MANY, points=40, execution=Execution(workers=2))


def kill_after(delay_s: float, *args: Any, is_alone: bool) -> bool:
    """Start a sweep and kill it, with its workers or without; whether it was finished before."""
    process = FORK.Process(target=sweep_alone, args=args)
    process.start()
    assert process.pid is not None
    process.join(delay_s)
    is_finished = process.exitcode is not None
    if not is_finished and is_alone:
        os.kill(process.pid, signal.SIGKILL)
    elif not is_finished:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:  # it has not begun
            os.kill(process.pid, signal.SIGKILL)
    process.join()
    return is_finished


@pytest.mark.slow
def test_killed_fifty_times_it_ends_with_the_same_table(tmp_path: Path) -> None:
    loaded = load(tmp_path, replications=1, horizon="4s")
    expected = read_tables(sweep(loaded, tmp_path / "whole", factors=MANY, points=40))
    chance = random.Random(5)
    out, n_kills, n_rounds, n_seen = tmp_path / "0", 0, 0, []
    while n_kills < 50:
        delay_s = chance.uniform(0.02, 0.5)
        is_alone = chance.random() < 0.5
        if kill_after(delay_s, loaded, out, is_alone=is_alone):
            n_rounds += 1
            (done,) = out.glob("*/grid-*")
            assert {name: (done / name).read_bytes() for name in TABLES} == expected
            out = tmp_path / str(n_rounds)
        else:
            n_kills += 1
            n_seen.append(len(list(out.glob("*/cells/*/*.parquet"))))
    last = sweep(loaded, out, factors=MANY, points=40, execution=Execution(workers=2))
    assert read_tables(last) == expected
    assert len(set(n_seen)) > 10  # kills came at many moments
    assert not [name for name in read_all(out) if ".tmp" in name]


def test_a_killed_sweep_goes_on_where_it_was(tmp_path: Path) -> None:
    loaded = load(tmp_path, replications=1, horizon="4s")
    process = FORK.Process(target=sweep_alone, args=(loaded, tmp_path / "out"))
    process.start()
    while not (found := len(list(tmp_path.glob("out/*/cells/*/*.parquet")))):
        time.sleep(0.005)
    process.kill()
    process.join()
    watch = Watch()
    result = sweep(loaded, tmp_path / "out", watch, factors=MANY, points=40)
    ((n_run, n_kept),) = watch.starts
    assert n_run + n_kept == 80
    assert found <= n_kept < 80
    whole = sweep(loaded, tmp_path / "whole", factors=MANY, points=40)
    assert read_tables(result) == read_tables(whole)


def test_cells_hand_back_no_more_than_what_was_declared(tmp_path: Path) -> None:
    loaded, watch = load(tmp_path), Watch()
    sweep(loaded, tmp_path / "out", watch)
    assert len(watch.cells) == 6
    assert all(cell.values.keys() <= set(loaded.scenario.primary) for cell in watch.cells)
