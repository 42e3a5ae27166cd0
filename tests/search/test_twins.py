"""Twins: the enumeration is exact, agreement holds in all of it, and it bites.

A plain run takes every 16th scenario. `-m twins` takes all: 34 816 with leaders by rotation over
four views and 25 740 with any leaders over three, for `hotstuff_2`; every 8th for the other two
protocols; and rows of eight views with up to three groups, drawn. More by environment variables:
`AMBIT_TWINS_VIEWS=4` takes all 1 502 936 rows of four views with any leaders, and
`AMBIT_TWINS_SAMPLES=100000` draws that many rows of eight.
"""

from __future__ import annotations

import os
from itertools import islice, product
from typing import Any

import pytest

from sim.consensus.basic import BasicReplica
from sim.consensus.quorum import Setting, get_fault_limit
from sim.consensus.replica import Replica
from sim.consensus.rules import RULES, TwoChain
from sim.core.draws import Draws
from sim.engine.timer import Timer
from sim.faults.partition import Partition
from sim.model.faulting import FaultSite
from tests.search.scenario_file import create_schedule
from tests.search.twins import (
    HEALED_VIEWS_MAX,
    Result,
    Run,
    Scenario,
    View,
    count_orbits,
    create_renamings,
    create_splits,
    create_views,
    draw_scenario,
    enumerate_scenarios,
    run_scenario,
)

SHARE, OFFSET = 16, 7  # of a plain run: every 16th scenario, from the 8th
SHARE_OTHERS = 8  # of the other protocols
N_SHARDS = 16
FREE_VIEWS = int(os.environ.get("AMBIT_TWINS_VIEWS", "3"))
N_SAMPLES = int(os.environ.get("AMBIT_TWINS_SAMPLES", "1600"))
SEED = 1
OTHERS = ("hotstuff_3", "hotstuff_basic")
ROTATED = {"n_views": 4, "leaders_free": False}
FREE = {"n_views": 3, "leaders_free": True}


def search(
    scenarios: Any, protocol: str, record: Any, name: str, **options: Any
) -> list[tuple[Scenario, Result]]:
    """Run them all; those that failed, and in the report how many there were."""
    failed, n_runs, n_views, n_healed = [], 0, 0, 0
    for scenario in scenarios:
        result = run_scenario(scenario, protocol, **options)
        n_runs, n_views = n_runs + 1, n_views + result.n_views
        n_healed += result.n_healed
        if result.problem:
            failed.append((scenario, result))
    assert n_runs
    record(f"search: twins, {protocol}, {name}", (n_runs, n_views, n_healed, len(failed)))
    return failed


@pytest.mark.parametrize(
    ("leaders_free", "raw", "named"),
    [
        (True, [64, 4_096, 262_144, 16_777_216], [15, 510, 25_740, 1_502_936]),
        (False, [16, 256, 4_096, 65_536], [12, 160, 2_304, 34_816]),
    ],
)
def test_there_are_as_many_scenarios_as_counted(
    leaders_free: bool, raw: list[int], named: list[int]
) -> None:
    n_views = len(create_views()) if leaders_free else len(create_splits(5))
    assert [n_views**length for length in (1, 2, 3, 4)] == raw
    assert [count_orbits(length, leaders_free=leaders_free) for length in (1, 2, 3, 4)] == named
    for length in (1, 2, 3) if leaders_free else (1, 2, 3, 4):
        listed = enumerate_scenarios(length, leaders_free=leaders_free)
        assert sum(1 for _ in listed) == named[length - 1]


def test_all_four_views_with_any_leaders_can_be_listed() -> None:
    if FREE_VIEWS >= 4:
        assert sum(1 for _ in enumerate_scenarios(4, leaders_free=True)) == 1_502_936
    assert len(list(islice(enumerate_scenarios(4, leaders_free=True), 100))) == 100


def test_names_can_be_exchanged_in_twelve_ways_and_every_scenario_has_one_listed() -> None:
    views, renamings = create_views(), create_renamings(leaders_free=True)
    assert len({tuple(image) for image in renamings}) == 12
    position = {view: index for index, view in enumerate(views)}
    listed = [
        tuple(position[view] for view in scenario)
        for scenario in enumerate_scenarios(2, leaders_free=True)
    ]
    reached = [{tuple(image[view] for view in row) for image in renamings} for row in listed]
    assert sum(len(orbit) for orbit in reached) == 64 * 64
    assert set().union(*reached) == set(product(range(64), repeat=2))


def test_three_groups_give_164_views() -> None:
    assert len(create_splits(5, 3)) == 41
    assert len(create_views((3,), 3)) == 164


@pytest.mark.parametrize("number", range(12))
@pytest.mark.parametrize("protocol", sorted(RULES))
def test_a_split_by_view_is_the_same_as_partitions(protocol: str, number: int) -> None:
    scenario = draw_scenario(create_views((3,), 3), 4, SEED, number)
    run = Run(scenario, protocol, (3,), is_fatal=True)
    expected = run.play()

    other = Run(scenario, protocol, (3,), is_fatal=True)
    other.cut.split_of.clear()
    other.committee.network.disturbances.clear()  # put back last: it only watches from here on
    site = FaultSite(other.committee, Draws(SEED, "twins", number), ["here"] * 4)
    other.committee.is_down[4] = False  # here twins run from the start
    lifted = dict(run.lifted)
    for plan in create_schedule(scenario).plans:
        if isinstance(plan.fault, Partition):
            end = plan.fault.begin(site, ())
            if plan.fault.first_view in lifted:
                Timer(other.committee.env, end).arm(lifted[plan.fault.first_view])
    other.committee.network.disturbances.insert(0, other.cut)
    assert other.play() == expected
    assert len(expected.commits) >= 9


@pytest.mark.slow
def test_every_sixteenth_scenario_holds(record_property: Any) -> None:
    for options in (ROTATED, FREE):
        scenarios = islice(enumerate_scenarios(**options), OFFSET, None, SHARE)
        name = f"{options['n_views']} views, every {SHARE}th from {OFFSET}"
        assert search(scenarios, "hotstuff_2", record_property, name) == []


@pytest.mark.parametrize("protocol", OTHERS)
def test_a_share_holds_for_the_other_protocols(protocol: str, record_property: Any) -> None:
    share = SHARE * SHARE_OTHERS
    for options in (ROTATED, FREE):
        scenarios = islice(enumerate_scenarios(**options), OFFSET, None, share)
        name = f"{options['n_views']} views, every {share}th from {OFFSET}"
        assert search(scenarios, protocol, record_property, name) == []


@pytest.mark.twins
@pytest.mark.parametrize("shard", range(N_SHARDS))
def test_every_scenario_holds(shard: int, record_property: Any) -> None:
    for options in (ROTATED, {"n_views": FREE_VIEWS, "leaders_free": True}):
        scenarios = islice(enumerate_scenarios(**options), shard, None, N_SHARDS)
        name = f"{options['n_views']} views, all"
        assert search(scenarios, "hotstuff_2", record_property, name) == []


@pytest.mark.twins
@pytest.mark.parametrize("shard", range(N_SHARDS))
@pytest.mark.parametrize("protocol", OTHERS)
def test_an_eighth_holds_for_the_other_protocols(
    protocol: str, shard: int, record_property: Any
) -> None:
    for options in (ROTATED, FREE):
        scenarios = islice(
            enumerate_scenarios(**options), shard * SHARE_OTHERS, None, N_SHARDS * SHARE_OTHERS
        )
        name = f"{options['n_views']} views, every {SHARE_OTHERS}th"
        assert search(scenarios, protocol, record_property, name) == []


@pytest.mark.twins
@pytest.mark.parametrize("shard", range(N_SHARDS))
def test_drawn_rows_of_eight_views_with_three_groups_hold(shard: int, record_property: Any) -> None:
    views = create_views((3,), 3)
    scenarios = (draw_scenario(views, 8, SEED, n) for n in range(shard, N_SAMPLES, N_SHARDS))
    assert search(scenarios, "hotstuff_2", record_property, "8 views, drawn") == []


# the same search where something is wrong


def find_problem(scenarios: Any, protocol: str = "hotstuff_2", **options: Any) -> str:
    for scenario in scenarios:
        result = run_scenario(scenario, protocol, **options)
        if result.problem:
            return result.problem
    return ""


def test_two_pairs_of_twins_fork() -> None:
    views = create_views((2, 3))
    drawn = (draw_scenario(views, 8, SEED, number) for number in range(200))
    assert find_problem(drawn, twins=(2, 3))[:2] in ("I1", "I6")
    drawn = (draw_scenario(views, 8, SEED, number) for number in range(200))
    forks = [row for row in drawn if find_problem([row], twins=(2, 3)).startswith("I1")]
    assert forks


@pytest.mark.parametrize("protocol", sorted(RULES))
def test_two_pairs_of_twins_and_one_lasting_split_fork_every_protocol(protocol: str) -> None:
    row = (View(2, (0, 1, 0, 0, 1, 1)),) * 5
    run = Run(row, protocol, (2, 3), is_fatal=False)
    run.committee.start()
    run.committee.run(2_000_000)
    assert run.committee.watch.n_conflicts > 0


def test_a_quorum_of_2f_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    small = property(lambda setting: 2 * get_fault_limit(setting.n_validators))
    monkeypatch.setattr(Setting, "quorum", small)
    assert find_problem(enumerate_scenarios(**FREE)).startswith("I4 ")


@pytest.mark.parametrize("options", [FREE, ROTATED], ids=["3 views", "4 views"])
def test_a_skipped_lock_check_is_found(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TwoChain, "is_votable", lambda *_: True)
    assert find_problem(islice(enumerate_scenarios(**options), 500)).startswith("I5 lock")


def test_a_decision_that_is_not_shown_again_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BasicReplica, "give_up", Replica.give_up)
    monkeypatch.setattr(BasicReplica, "find_missed", lambda *_: None)
    scenarios = islice(enumerate_scenarios(**ROTATED), 0, 3_000, 64)
    assert find_problem(scenarios, "hotstuff_basic") == "liveness"


def test_the_budget_after_the_healing_is_not_met_by_luck() -> None:
    scenarios = islice(enumerate_scenarios(**ROTATED), OFFSET, None, 512)
    most = max(run_scenario(scenario).n_healed for scenario in scenarios)
    assert most < HEALED_VIEWS_MAX / 2
