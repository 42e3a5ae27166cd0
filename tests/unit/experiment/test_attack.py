from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from sim.core.errors import InputError, InvariantError, StorageError
from sim.experiment import attack_trials
from sim.experiment.attack import (
    AttackOptions,
    AttackResult,
    compute_score,
    create_plan,
    run_attack,
)
from sim.experiment.attack_search import Sampler
from sim.experiment.attack_store import HOLDOUT, TRIALS, write_attack
from sim.experiment.attack_trials import create_slices
from sim.experiment.run import RunOptions, run_scenario
from sim.metrics.base import Value
from sim.report.attack_table import create_attack_document, create_attack_table, write_findings
from sim.scenario.load import LoadedScenario, load_scenario
from sim.scenario.settings import parse_setting
from sim.stats.intervals import Method
from sim.trace.store import load_manifest
from tests.worlds import POLICIES, create_reacher, create_worker, write_scenario

SMALL = AttackOptions(("unguarded",), trials=4, replications=2, holdout=3, workers=1)


@pytest.fixture
def loaded(tmp_path: Path) -> LoadedScenario:
    """Three workers and two that reach, for ten seconds."""
    return create_loaded(tmp_path)


def create_loaded(folder: Path) -> LoadedScenario:
    """Three workers and two that reach, for ten seconds."""
    agents = [create_worker(count=3), create_reacher(count=2, task_every="2s", temptation=0.2)]
    primary = ["harm_per_episode", "utility_under_attack"]
    policies = ["unguarded", "gateway", "deny_all"]
    return load_scenario(
        write_scenario(folder, horizon="10s", agents=agents, primary=primary, policies=policies)
    )


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> AttackResult:
    """What a small search found."""
    return attack(create_loaded(tmp_path_factory.mktemp("attack")))


def attack(loaded: LoadedScenario, **changes: Any) -> AttackResult:
    fields = {name: getattr(SMALL, name) for name in SMALL.__dataclass_fields__} | changes
    return run_attack(create_plan(loaded, AttackOptions(**fields)))


def test_what_is_not_said_comes_from_the_scenario(loaded: LoadedScenario) -> None:
    plan = create_plan(loaded, AttackOptions(()))
    assert list(plan.policies) == ["unguarded", "gateway"]  # a bound is not attacked
    assert plan.outcome.name == "harm_per_episode"
    assert [factor.path for factor in plan.factors] == ["agents.reacher.temptation"]
    assert plan.sign == 1.0
    assert plan.seed == loaded.scenario.seed


def test_a_search_finds_the_knob_turned_up_and_workers_change_nothing(
    loaded: LoadedScenario, result: AttackResult
) -> None:
    found = result.attacks["unguarded"]
    (setting,) = found.found.trial.settings
    assert float(setting.text) > 0.2
    assert found.default.gap is not None
    assert found.default.gap.interval.method is Method.IDENTICAL
    assert (found.found.trial.score or 0.0) > (found.default.trial.score or 0.0)
    assert attack(loaded, workers=2).attacks == result.attacks


def test_the_printed_line_meets_the_worst_attacker_again(
    loaded: LoadedScenario, result: AttackResult
) -> None:
    judged = result.attacks["unguarded"].found
    settings = [parse_setting(str(setting)) for setting in judged.trial.settings]
    again = run_scenario(
        load_scenario(loaded.path, settings),
        RunOptions(("unguarded",), SMALL.holdout, result.plan.holdout_seed, workers=1),
    )
    assert again.values["unguarded"]["harm_per_episode"] == judged.values
    assert str(settings[0]) in "\n".join(write_findings(result))


def test_an_outcome_that_is_better_when_larger_is_made_smaller(loaded: LoadedScenario) -> None:
    plan = create_plan(loaded, AttackOptions(("gateway",), outcome="utility_under_attack"))
    assert plan.sign == -1.0
    done = [Value(1.0, 4.0, 4), Value(1.0, 4.0, 4)]
    assert compute_score(plan, done) == -0.25


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (AttackOptions((), outcome="harm_per_episod"), "did you mean 'harm_per_episode'"),
        (AttackOptions((), outcome="unauthorized_unmediated_share"), "neither better"),
        (AttackOptions(("gatway",)), "did you mean 'gateway'"),
    ],
)
def test_what_there_is_not_is_refused(
    loaded: LoadedScenario, options: AttackOptions, problem: str
) -> None:
    with pytest.raises(InputError, match=problem):
        create_plan(loaded, options)


def test_a_scenario_without_attackers_has_nothing_to_search(tmp_path: Path) -> None:
    peaceful = load_scenario(write_scenario(tmp_path))
    with pytest.raises(InputError, match="--factor"):
        create_plan(peaceful, AttackOptions(()))


def test_a_search_is_stored_whole_with_what_it_was_asked(
    result: AttackResult, tmp_path: Path
) -> None:
    folder = write_attack(result, tmp_path / "out")
    facts = load_manifest(folder)
    assert facts["holdout_seed"] == result.plan.holdout_seed
    assert facts["trials"] == 4
    rows = pq.read_table(folder / TRIALS).to_pylist()
    assert [(row["sampler"], row["trial"]) for row in rows] == [
        (sampler.value, number)
        for sampler in (Sampler.TPE, Sampler.RANDOM)
        for number in range(-1, 4)
    ]
    own = result.attacks["unguarded"].default.trial
    assert rows[0]["outcome"] == own.score
    assert rows[0]["agents.reacher.temptation"] is None
    assert pq.read_table(folder / HOLDOUT).num_rows == 3 * 3
    lines = (folder / "worst-unguarded.txt").read_text(encoding="utf-8").splitlines()
    assert lines == [f"--set {s}" for s in result.attacks["unguarded"].found.trial.settings]
    again = write_attack(result, tmp_path / "again")
    assert {p.name: p.read_bytes() for p in again.iterdir()} == {
        p.name: p.read_bytes() for p in folder.iterdir()
    }


def test_a_changed_byte_of_a_stored_search_is_named(loaded: LoadedScenario, tmp_path: Path) -> None:
    folder = write_attack(attack(loaded, trials=1, holdout=2), tmp_path)
    content = bytearray((folder / TRIALS).read_bytes())
    content[40] ^= 1
    (folder / TRIALS).write_bytes(content)
    with pytest.raises(StorageError, match=TRIALS):
        load_manifest(folder)


def test_a_table_never_shows_a_search_score_alone(result: AttackResult) -> None:
    table = create_attack_table(result)
    headings = [str(column.header) for column in table.columns]
    assert headings[:4] == ["policy", "default attackers", "worst found", "robustness gap"]
    assert headings[-1] == "in search, optimistic"
    assert "n = 3 fresh replications" in str(table.title)
    document = create_attack_document(result)["policies"]["unguarded"]
    assert set(document) == {"default", "TPE", "random"}
    assert document["TPE"]["holdout"]["n"] == 3
    assert "no bound on the worst there is" in write_findings(result)[-1]


@pytest.mark.parametrize(("replications", "workers"), [(7, 1), (7, 3), (2, 5), (30, 4)])
def test_slices_hold_every_replication_once(
    loaded: LoadedScenario, replications: int, workers: int
) -> None:
    jobs = create_slices(loaded, POLICIES["gateway"], 1, replications, workers)
    assert [r for job in jobs for r in range(job.first, job.last)] == list(range(replications))
    assert max(j.last - j.first for j in jobs) - min(j.last - j.first for j in jobs) <= 1


def test_a_promise_that_breaks_in_a_trial_says_how_to_see_it_again(
    loaded: LoadedScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_promise(*_: object) -> None:
        raise InvariantError("I8 conservation", 7, "the supply", "another sum")

    monkeypatch.setattr(attack_trials, "run_replication", break_promise)
    with pytest.raises(InvariantError) as caught:
        attack(loaded)
    assert "sim run" in caught.value.replay


def test_a_score_is_turned_so_that_larger_hurts_more(result: AttackResult) -> None:
    values = result.attacks["unguarded"].default.values
    mean = sum(value.num for value in values) / len(values)
    assert compute_score(result.plan, values) == pytest.approx(mean)
