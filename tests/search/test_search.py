"""Random search: safe under drawn faults, live once healed, and proven to bite.

A plain run takes about 9 000 faulted views; `-m search` takes 200 000 in 16 shards. More by the
environment variable `AMBIT_SEARCH_VIEWS`, as in `AMBIT_SEARCH_VIEWS=1000000`; other schedules by
`AMBIT_SEARCH_SEED`. A schedule that fails is shrunk and printed as a scenario file.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from sim.consensus.quorum import Setting, get_fault_limit
from sim.consensus.replica import Replica
from sim.consensus.rules import Basic, ThreeChain, TwoChain
from sim.faults.crash import Crash
from sim.faults.delay import Delay
from sim.faults.partition import Partition
from sim.model.committee import Committee
from sim.model.faulting import Plan
from sim.scenario.load import load_scenario
from tests.search.random_search import (
    FORK,
    LIVENESS,
    Outcome,
    Tally,
    compute_failure_bound,
    find_failure,
    run_schedule,
    search_views,
)
from tests.search.reproduce import run_file, shrink_to_file
from tests.search.scenario_file import create_schedule, format_plan, format_schedule
from tests.search.schedules import FAULTS, Schedule, draw_schedule
from tests.search.shrink import find_problem, remove_validator, replace_plan, shrink
from tests.search.twins import create_views, draw_scenario

N_VIEWS = int(os.environ.get("AMBIT_SEARCH_VIEWS", "200000"))
SEED = int(os.environ.get("AMBIT_SEARCH_SEED", "1"))
N_VIEWS_SHORT = 9_000
N_SHARDS = 16
N_PROBED = 150  # schedules in which every kind of fault has to come up


def report(tally: Tally, record: Any, name: str) -> str:
    """Put into the report how much was run; what failed, as scenario files."""
    numbers = (tally.n_schedules, tally.n_views, 0, len(tally.failures))
    record(f"search: {name}, drawn", numbers)
    return "\n\n".join([explain(*failure) for failure in tally.failures])


def explain(schedule: Schedule, outcome: Outcome) -> str:
    """A failure and the smallest schedule that shows it."""
    found = f"schedule {schedule.number} of seed {schedule.seed}: {outcome.detail}"
    return f"{found}\n{format_schedule(shrink(schedule))}"


def check_probes(tally: Tally) -> None:
    """Every kind of fault has happened, and done something."""
    missing = {*FAULTS, "lost message", "evidence"} - set(+tally.happened)
    assert tally.n_schedules < N_PROBED or missing == set()


@pytest.mark.slow
def test_drawn_schedules_hold(record_property: Any) -> None:
    tally = search_views(1, N_VIEWS_SHORT)
    assert report(tally, record_property, "short") == ""
    assert tally.n_schedules >= N_PROBED
    check_probes(tally)


@pytest.mark.search
@pytest.mark.parametrize("shard", range(N_SHARDS))
def test_many_drawn_schedules_hold(shard: int, record_property: Any) -> None:
    tally = search_views(SEED, N_VIEWS // N_SHARDS, shard, N_SHARDS)
    assert report(tally, record_property, "long") == ""
    assert tally.n_views >= N_VIEWS // N_SHARDS
    check_probes(tally)


@pytest.mark.parametrize("number", range(5))
def test_a_schedule_runs_the_same_again(number: int) -> None:
    assert draw_schedule(SEED, number) == draw_schedule(SEED, number)
    outcome = run_schedule(draw_schedule(SEED, number))
    assert outcome == run_schedule(draw_schedule(SEED, number))


def test_no_schedule_has_more_byzantine_validators_than_are_borne() -> None:
    for number in range(500):
        schedule = draw_schedule(SEED, number)
        assert len(schedule.get_byzantine()) <= get_fault_limit(schedule.n_validators)
        assert all(0 < plan.until_us <= schedule.heal_us for plan in schedule.plans)
        assert not schedule.silent or schedule.protocol != "hotstuff_3"


@pytest.mark.parametrize(("n", "bound"), [(1, 0.95), (59, 0.0495), (3_000, 0.000998)])
def test_zero_failures_still_leave_room_for_some(n: int, bound: float) -> None:
    assert compute_failure_bound(n) == pytest.approx(bound, rel=1e-2)


# the same search where something is wrong; numbers of schedules are those it takes at most

restart = Committee.restart


def forget_votes(committee: Committee, node: int, *, keeps_votes: bool) -> None:
    restart(committee, node, keeps_votes=False)


def forget_entry(committee: Committee, node: int, *, keeps_votes: bool) -> None:
    committee.replicas[node].entry = None
    restart(committee, node, keeps_votes=keeps_votes)


def plant(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug in the protocols or in how they are hosted."""
    if name == "quorum of 2f":
        small = property(lambda setting: 2 * get_fault_limit(setting.n_validators))
        monkeypatch.setattr(Setting, "quorum", small)
    elif name == "lock check skipped":
        for rules in (TwoChain, ThreeChain, Basic):
            monkeypatch.setattr(rules, "is_votable", lambda *_: True)
    elif name == "vote forgotten on restart":
        monkeypatch.setattr(Committee, "restart", forget_votes)
    elif name == "reason for the view forgotten on restart":
        monkeypatch.setattr(Committee, "restart", forget_entry)
    elif name == "time-outs not counted":
        monkeypatch.setattr(Replica, "add_timeout", lambda *_: None)


BUGS = [  # name, what is broken, first schedule, schedules at most
    ("quorum of 2f", "I4 quorum", 0, 5),
    ("lock check skipped", "I5 lock", 0, 60),
    ("vote forgotten on restart", "I5", 0, 30),
    ("reason for the view forgotten on restart", LIVENESS, 950, 10),
    ("time-outs not counted", LIVENESS, 0, 20),
]


@pytest.mark.parametrize(("bug", "problem", "first", "n_schedules"), BUGS, ids=str)
def test_a_planted_bug_is_found(
    bug: str, problem: str, first: int, n_schedules: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(bug, monkeypatch)
    found = find_failure(1, n_schedules, first=first)
    assert found is not None
    assert found[1].problem.startswith(problem)


def test_more_byzantine_validators_than_are_borne_fork() -> None:
    found = find_failure(1, 60, n_beyond=1)
    assert found is not None
    assert found[1].problem == FORK


# smaller schedules, and their files


def load(text: str, folder: Path) -> Any:
    """What the simulator makes of a file."""
    path = folder / "shrunk.yaml"
    path.write_text(text)
    return load_scenario(path).scenario


def test_a_failing_schedule_shrinks_to_what_it_takes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plant("vote forgotten on restart", monkeypatch)
    found = find_failure(1, 30)
    assert found is not None
    schedule, outcome = found
    path = tmp_path / "shrunk.yaml"
    smaller = shrink_to_file(schedule, path)
    assert find_problem(smaller) == run_file(path) == outcome.problem
    assert {plan.name for plan in smaller.plans} == {"crash"}
    assert len(smaller.plans) < len(schedule.plans)
    assert smaller.heal_us < schedule.heal_us
    text = path.read_text()
    assert [entry["fault"] for entry in yaml.safe_load(text)["faults"]] == ["crash"]
    assert load(text, tmp_path).faults[0].until == smaller.plans[0].until_us
    monkeypatch.undo()
    assert run_file(path) == "", "without the bug nothing is wrong with the file"


@pytest.mark.slow
def test_a_fork_shrinks_to_a_file_that_asks_for_the_unsafe(tmp_path: Path) -> None:
    found = find_failure(1, 60, n_beyond=1)
    assert found is not None
    path = tmp_path / "shrunk.yaml"
    smaller = shrink_to_file(found[0], path)
    assert find_problem(smaller) == run_file(path) == FORK
    assert smaller.heal_us < found[0].heal_us
    scenario = load_scenario(path).scenario
    assert scenario.chain.allow_unsafe
    assert {entry.name for entry in scenario.faults} == {plan.name for plan in smaller.plans}


def test_a_schedule_that_holds_stays_as_it_is() -> None:
    schedule = draw_schedule(1, 0)
    assert shrink(schedule) == schedule


def test_whoever_leaves_a_schedule_leaves_all_of_it() -> None:
    views = create_views((2, 3), 3)
    schedule = create_schedule(draw_scenario(views, 2, 1, 1), twins=(2, 3))
    smaller = remove_validator(schedule, 2)
    assert smaller.n_validators == 3
    assert smaller.get_byzantine() == smaller.get_twinned() == [2]
    groups = [plan.fault.groups for plan in smaller.plans if isinstance(plan.fault, Partition)]
    assert groups
    assert all(set(text.split()) - {"|"} == {"0", "1", "2", "2b"} for text in groups)


def test_a_partition_forgets_twins_that_are_gone() -> None:
    schedule = create_schedule(draw_scenario(create_views(), 3, 1, 1))
    assert [plan.name for plan in schedule.plans].index("twins") == 0
    smaller = replace_plan(schedule, 0, ())
    assert not smaller.get_byzantine()
    assert not any("b" in plan.fault.groups for plan in smaller.plans if plan.name == "partition")


def test_an_entry_says_what_is_not_usual_in_units_of_files() -> None:
    plan = Plan("delay", Delay(125_000, 1_500_000), (1, 2), from_us=1_000_000, until_us=2_500_001)
    assert format_plan(plan) == (
        "  - {fault: delay, share: 0.125, extra: 1500ms, validators: [1, 2], "
        "from: 1s, until: 2500001us}"
    )
    again = Plan("crash", Crash(), (0,), until_us=9_000, every_us=2_000, lasting_us=500)
    assert format_plan(again) == (
        "  - {fault: crash, validators: [0], until: 9ms, every: 2ms, lasting: 500us}"
    )


@pytest.mark.parametrize("number", range(40))
def test_every_schedule_is_a_scenario_file(number: int, tmp_path: Path) -> None:
    schedule = draw_schedule(1, number)
    scenario = load(format_schedule(schedule), tmp_path)
    assert [entry.create() for entry in scenario.faults] == [p.fault for p in schedule.plans]
    assert scenario.chain.view_timeout == schedule.timeout_us
    assert scenario.chain.link == schedule.link_us


def test_a_scenario_of_twins_is_a_scenario_file(tmp_path: Path) -> None:
    row = draw_scenario(create_views((3,), 3), 8, 1, 0)
    scenario = load(format_schedule(create_schedule(row)), tmp_path)
    assert scenario.chain.first_leaders == tuple(view.leader for view in row)
    assert scenario.faults[0].name == "twins"
    assert scenario.faults[1].groups.count("|") == max(row[0].split)
