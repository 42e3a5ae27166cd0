"""`sim check` on a small world: what it holds, refuses, extends and accepts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sim.core.errors import InputError, InvariantError, StorageError
from sim.experiment import accept as accepting
from sim.experiment import check as module
from sim.experiment.accept import accept_scenario
from sim.experiment.baseline import format_baseline, load_baseline, write_baseline
from sim.experiment.check import (
    Check,
    CheckOptions,
    check_scenario,
    find_difference,
    find_paths,
    plan_looks,
)
from sim.experiment.gates import plan_gates
from sim.experiment.run import RunResult
from sim.metrics.base import NullReason, Value
from sim.scenario.load import LoadedScenario, load_scenario
from sim.scenario.policies import create_policies
from sim.scenario.settings import parse_setting
from sim.stats.noninferiority import GateState
from tests.worlds import SCENARIOS, SHIPPED, create_reacher, create_worker, write_scenario

SCENARIO: dict[str, Any] = {
    "horizon": "20s",
    "replications": 8,
    "tasks": {"report": {"calls": ["look", "send"], "deadline": "8s"}},
    "agents": [
        create_worker(count=3),
        create_reacher(count=3, task_every="4s", temptation=0.9),
    ],
    "policies": ["unguarded", {"name": "mine", "preset": "gateway"}],
    "gates": [
        {"metric": "overscoped_execution_rate", "margin": 0.02, "policies": ["mine"]},
        {"metric": "utility_under_attack", "margin": 0.05},
    ],
}
OPEN = "policies.mine.mediation=0.5"  # half of all calls go round the gateway


def load(folder: Path, *settings: str, **changes: Any) -> LoadedScenario:
    path = write_scenario(folder, **SCENARIO | changes)
    return load_scenario(path, [parse_setting(setting) for setting in settings])


def check(loaded: LoadedScenario, path: Path, **options: Any) -> Check:
    return check_scenario(loaded, path, CheckOptions(**{"workers": 1} | options))


@pytest.fixture(scope="module")
def accepted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The baseline of the small world."""
    folder = tmp_path_factory.mktemp("accepted")
    path = folder / "world.json"
    acceptance = accept_scenario(load(folder), path, CheckOptions(workers=1))
    assert acceptance.problem is None
    return path


@pytest.fixture
def nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be compared is told before anything is run."""

    def refuse(*_: object, **__: object) -> RunResult:
        raise AssertionError("it was run")

    monkeypatch.setattr(module, "run_scenario", refuse)


def test_the_same_again_is_identical(accepted: Path, tmp_path: Path) -> None:
    found = check(load(tmp_path), accepted)
    assert (found.exit_code, found.n, found.problem) == (0, 8, None)
    margins = [verdict for verdict in found.verdicts if verdict.gate.kind == "margin"]
    assert [verdict.gate.policy for verdict in margins] == ["unguarded", "mine", "mine"]
    assert {verdict.state for verdict in margins} == {GateState.IDENTICAL}
    assert all(arm.has_same_levers and arm.has_same_record for arm in found.arms.values())


def test_a_lever_that_lets_calls_round_the_gateway_fails_and_is_named(
    accepted: Path, tmp_path: Path
) -> None:
    found = check(load(tmp_path, OPEN), accepted)
    assert found.exit_code == 1
    (failed,) = [verdict for verdict in found.verdicts if verdict.state is GateState.FAIL]
    assert (failed.gate.policy, failed.gate.outcome.name) == ("mine", "overscoped_execution_rate")
    assert failed.old == 0.0
    assert failed.new == pytest.approx(0.5, abs=0.15)
    assert not found.arms["mine"].has_same_levers
    assert found.arms["unguarded"].has_same_record


@pytest.mark.slow
@pytest.mark.parametrize(("margin", "state"), [("0.2", GateState.PASS), ("0.005", GateState.FAIL)])
def test_a_known_change_is_measured_and_judged_by_its_margin(
    margin: str, state: GateState, tmp_path: Path
) -> None:
    """One call in twenty goes round the gateway: so many over-scoped ones are executed."""
    names = [f"gates.0.margin={margin}", "replications=40"]
    loaded, path = load(tmp_path, *names), tmp_path / "b.json"
    accept_scenario(loaded, path, CheckOptions())
    found = check(load(tmp_path, *names, "policies.mine.mediation=0.95"), path, policies=("mine",))
    verdict = found.verdicts[0]
    assert verdict.state is state
    assert verdict.decision.low < 0.05 < verdict.decision.high


def test_fewer_replications_are_held_against_the_first_of_the_baseline(
    accepted: Path, tmp_path: Path
) -> None:
    found = check(load(tmp_path), accepted, replications=3, policies=("mine",))
    assert (found.exit_code, found.n, set(found.arms)) == (0, 3, {"mine"})
    assert found.arms["mine"].has_same_record is None


COMPARED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    # changes of the scenario, options, why
    "another world": ({"horizon": "21s"}, {}, "scenario digest"),
    "another seed": ({}, {"seed": 2}, "seed 2, baseline has 1"),
    "another seed of the file": ({"seed": 7}, {}, "seed 7, baseline has 1"),
    "more replications": ({}, {"replications": 9}, "--accept --replications 9"),
    "one gate more": (
        {"gates": [*SCENARIO["gates"], {"metric": "harm_per_episode", "margin": 1}]},
        {}, "harm_per_episode of unguarded is held now and not in the baseline",
    ),
    "one gate less": (
        {"gates": SCENARIO["gates"][:1]},
        {}, "utility_under_attack of unguarded is in the baseline and no longer held",
    ),
    "one policy more": (
        {"policies": [*SCENARIO["policies"], "chain"]}, {}, "policy chain is not in the baseline",
    ),
}  # fmt: skip


@pytest.mark.usefixtures("nothing_runs")
@pytest.mark.parametrize(("changes", "options", "why"), COMPARED.values(), ids=COMPARED)
def test_what_cannot_be_compared_is_never_a_pass(
    changes: dict[str, Any], options: dict[str, Any], why: str, accepted: Path, tmp_path: Path
) -> None:
    found = check(load(tmp_path, **changes), accepted, **options)
    assert found.exit_code == 2
    assert found.problem is not None
    assert found.problem.kind == "not comparable"
    assert why in found.problem.text


@pytest.mark.usefixtures("nothing_runs")
def test_an_outcome_measured_otherwise_cannot_be_compared(accepted: Path, tmp_path: Path) -> None:
    old = load_baseline(accepted)
    rows = {key: row._replace(unit="percent") for key, row in old.rows.items()}
    path = tmp_path / "other.json"
    write_baseline(path, replace(old, rows=rows))
    found = check(load(tmp_path), path)
    assert found.problem is not None
    assert "measured otherwise" in found.problem.text


@pytest.mark.usefixtures("nothing_runs")
def test_without_a_baseline_it_says_how_to_make_one(tmp_path: Path) -> None:
    found = check(load(tmp_path), tmp_path / "none.json")
    assert found.exit_code == 2
    assert "--accept" in str(found.problem)


@pytest.mark.usefixtures("nothing_runs")
def test_another_format_cannot_be_compared_and_a_damaged_file_is_named(
    accepted: Path, tmp_path: Path
) -> None:
    path = tmp_path / "b.json"
    path.write_bytes(accepted.read_bytes().replace(b'"format": 1', b'"format": 9'))
    assert check(load(tmp_path), path).exit_code == 2
    path.write_bytes(accepted.read_bytes().replace(b'"den": [1', b'"den": [2', 1))
    found = check(load(tmp_path), path)
    assert found.exit_code == 4
    assert "b.json: is not what was written" in str(found.problem)


def change_values(monkeypatch: pytest.MonkeyPatch, change: Any) -> None:
    """Let every number of `mine` be another one."""
    right = module.run_again

    def run_again(*given: Any) -> RunResult:
        result = right(*given)
        for outcome, values in result.values["mine"].items():
            values[:] = [change(outcome, index, value) for index, value in enumerate(values)]
        return result

    monkeypatch.setattr(module, "run_again", run_again)
    monkeypatch.setattr(accepting, "run_again", run_again)


def test_a_number_that_went_missing_is_an_error(
    accepted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = Value(0.0, 0.0, 0, NullReason.NOT_APPLICABLE)
    change_values(monkeypatch, lambda *_: gone)
    found = check(load(tmp_path), accepted)
    assert found.exit_code == 1
    errors = [v.gate.outcome.name for v in found.verdicts if v.state is GateState.ERROR]
    assert errors[:2] == ["overscoped_execution_rate", "utility_under_attack"]


def test_what_must_be_zero_fails_without_being_declared(
    accepted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forge(outcome: str, index: int, value: Value) -> Value:
        is_it = outcome == "forgery_acceptance_rate" and index == 5
        return Value(1.0, 1000.0, 1000) if is_it else value

    change_values(monkeypatch, forge)
    found = check(load(tmp_path), accepted)
    (failed,) = [verdict for verdict in found.verdicts if verdict.state is GateState.FAIL]
    assert failed.gate.outcome.name == "forgery_acceptance_rate"
    assert "first in 5" in failed.text


@pytest.mark.slow
def test_it_looks_again_while_something_is_undecided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STEP", 2)
    ran: list[int] = []

    def noise(outcome: str, index: int, value: Value) -> Value:
        if outcome != "utility_under_attack":
            return value
        return value._replace(num=max(0.0, value.num - (index % 2)))

    loaded, path = load(tmp_path), tmp_path / "b.json"
    accept_scenario(loaded, path, CheckOptions(workers=1))
    change_values(monkeypatch, noise)
    again = module.run_again

    def count(*given: Any) -> RunResult:
        ran.append(given[2])
        return again(*given)

    monkeypatch.setattr(module, "run_again", count)
    found = check(loaded, path, replications=4, is_extending=True)
    assert found.looks == (4, 6, 8)
    assert ran == list(found.looks)
    assert found.n == 8
    assert found.exit_code in (1, 5)
    ran.clear()
    change_values(monkeypatch, lambda _outcome, _index, value: value)
    monkeypatch.undo()
    assert check(loaded, path, replications=4, is_extending=True).n == 4  # nothing is undecided


def test_looks_go_up_to_what_the_baseline_holds() -> None:
    options = CheckOptions(is_extending=True)
    assert plan_looks(options, 65) == (30, 40, 50, 60, 65)
    assert plan_looks(options, 20) == (20,)
    assert plan_looks(CheckOptions(replications=10, is_extending=True), 30) == (10, 20, 30)
    assert plan_looks(CheckOptions(replications=10), 30) == (10,)
    assert plan_looks(CheckOptions(), 30) == (30,)


def test_more_looks_make_each_of_them_stricter(accepted: Path, tmp_path: Path) -> None:
    levels = []
    right = module.judge_all

    def note(*given: Any) -> Any:
        levels.append(given[-1])
        return right(*given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "judge_all", note)
        patch.setattr(module, "STEP", 2)
        check(load(tmp_path), accepted, replications=2, is_extending=True)
    assert levels == [pytest.approx(1 - 0.05 / 4)]


def test_a_declared_gate_that_no_policy_has_a_number_for_is_an_error(tmp_path: Path) -> None:
    gates = [{"metric": "slash_recall", "margin": 0.1}]
    loaded, path = load(tmp_path, gates=gates, replications=2), tmp_path / "b.json"
    assert accept_scenario(loaded, path, CheckOptions(workers=1)).exit_code == 0
    found = check(loaded, path)
    assert found.exit_code == 1
    assert found.verdicts[-1].text == "no policy has such a number, so nothing is held"


BASELINES = sorted((SCENARIOS.parent / "results" / "baselines").glob("*.json"))


@pytest.mark.parametrize("path", BASELINES, ids=lambda path: path.stem)
def test_a_committed_baseline_is_of_its_scenario_as_it_stands(path: Path) -> None:
    loaded = load_scenario(SCENARIOS / f"{path.stem}.yaml")
    plan = plan_gates(loaded.scenario.gates, create_policies(loaded))
    assert find_difference(loaded, load_baseline(path), plan, CheckOptions()) == ""


def test_every_shipped_scenario_with_gates_has_a_baseline() -> None:
    gated = [name for name in SHIPPED if load_scenario(SCENARIOS / f"{name}.yaml").scenario.gates]
    assert gated == [path.stem for path in BASELINES]
    assert gated


# accepting


def test_the_same_run_accepts_the_same_bytes(accepted: Path, tmp_path: Path) -> None:
    path = tmp_path / "b.json"
    accept_scenario(load(tmp_path), path, CheckOptions(workers=1))
    assert path.read_bytes() == accepted.read_bytes() == format_baseline(load_baseline(path))


def test_accepting_shows_what_changes_and_makes_it_the_baseline(
    accepted: Path, tmp_path: Path
) -> None:
    path = tmp_path / "b.json"
    path.write_bytes(accepted.read_bytes())
    loaded = load(tmp_path, OPEN)
    acceptance = accept_scenario(loaded, path, CheckOptions(workers=1))
    moved = {(c.policy, c.outcome): c for c in acceptance.changes if c.old != c.new}
    change = moved["mine", "overscoped_execution_rate"]
    assert (change.old, change.state) == (0.0, GateState.FAIL)
    assert not any(policy == "unguarded" for policy, _ in moved)
    assert check(loaded, path).exit_code == 0
    assert check(load(tmp_path), path).exit_code == 0  # and the old levers are better now


@pytest.mark.parametrize(
    ("error", "code"),
    [(InvariantError("conserved", 3, "1", "2"), 3), (StorageError("disk", "is full"), 4)],
)
def test_what_breaks_leaves_the_old_baseline(
    error: Exception, code: int, accepted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(module, "run_scenario", fail)
    path = tmp_path / "b.json"
    path.write_bytes(accepted.read_bytes())
    acceptance = accept_scenario(load(tmp_path), path, CheckOptions(workers=1))
    assert acceptance.exit_code == code
    assert path.read_bytes() == accepted.read_bytes()
    assert check(load(tmp_path), path).exit_code == code


def test_a_number_that_a_gate_demands_and_nobody_has_is_not_accepted(tmp_path: Path) -> None:
    gates = [{"metric": "slash_recall", "margin": 0.1, "policies": ["mine"]}]
    loaded, path = load(tmp_path, gates=gates, replications=2), tmp_path / "b.json"
    acceptance = accept_scenario(loaded, path, CheckOptions(workers=1))
    assert acceptance.exit_code == 1
    assert "slash_recall of mine: no number: not applicable" in str(acceptance.problem)
    assert not path.exists()


def test_a_damaged_baseline_can_be_replaced(tmp_path: Path) -> None:
    path = tmp_path / "b.json"
    path.write_text("{", encoding="utf-8")
    acceptance = accept_scenario(load(tmp_path, replications=2), path, CheckOptions(workers=1))
    assert acceptance.exit_code == 0
    assert all(change.old is None for change in acceptance.changes)


def test_each_scenario_has_a_baseline_of_its_own(tmp_path: Path) -> None:
    assert find_paths(["a", "b"], tmp_path) == [tmp_path / "a.json", tmp_path / "b.json"]
    assert find_paths(["a"], tmp_path / "x.json") == [tmp_path / "x.json"]
    for names, path in ((["a", "b"], tmp_path / "x.json"), (["a", "a"], tmp_path)):
        with pytest.raises(InputError, match="that of two scenarios"):
            find_paths(names, path)
