"""Every shipped scenario is sound, says what it asks, runs, and together they show everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sim.core.reasons import PENDING
from sim.core.records import Kind
from sim.experiment.design import check_sweep
from sim.experiment.run import check_primary
from sim.model.world import World
from sim.policies.registry import load_policies
from sim.scenario.levers import PolicyEntry
from sim.scenario.load import load_scenario
from sim.scenario.policies import create_policies
from sim.stats.deterrence import compute_break_even_detection
from sim.strategies.registry import load_behaviours
from tests.worlds import SCENARIOS, SHIPPED, get_calls, get_policies, load_shipped, run

if TYPE_CHECKING:
    from sim.scenario.load import LoadedScenario
    from sim.trace.records import Trace

LOADED = {name: load_scenario(SCENARIOS / f"{name}.yaml") for name in SHIPPED}
# a silent validator of four leaves no three honest leaders in a row: nothing is ever final
NOTHING_IS_DECIDED = {("byzantine_validators", "three_chain_one_silent")}
# nobody attacks there: validators go wrong, and the question is what that does to honest work
ASKS_ABOUT_ORDERING = {"censoring_leader", "region_outage"}
ARMS = [(name, policy) for name, loaded in LOADED.items() for policy in create_policies(loaded)]


@pytest.fixture(scope="module")
def worlds() -> dict[str, World]:
    return {name: load_shipped(name) for name in SHIPPED}


def test_there_are_scenarios() -> None:
    assert len(SHIPPED) >= 3


@pytest.mark.parametrize("loaded", LOADED.values(), ids=LOADED)
def test_a_scenario_says_what_it_asks_and_what_it_expects(loaded: LoadedScenario) -> None:
    scenario = loaded.scenario
    assert len(scenario.title.split()) <= 8
    assert scenario.question.rstrip().endswith("?")
    assert len(scenario.expectation.split()) >= 10
    check_primary(loaded)


@pytest.mark.parametrize(("name", "policy"), ARMS)
def test_a_scenario_runs_under_every_policy_it_lists(
    name: str, policy: str, worlds: dict[str, World]
) -> None:
    world = worlds[name]
    trace = run(world, create_policies(world.loaded)[policy])
    if world.market.cohorts:
        check_trade(trace, policy)
        return
    calls = get_calls(trace)
    assert len(calls) >= 10
    assert len(trace.tasks)
    assert (calls.code != PENDING).any() == ((name, policy) not in NOTHING_IS_DECIDED)


def check_trade(trace: Trace, policy: str) -> None:
    """Signals are offered, and sold unless nothing may be."""
    offered = trace.transactions["kind"] == Kind.PUBLISH
    assert offered.sum() >= 10
    assert (trace.receipts["code"][offered] != PENDING).any()
    assert bool(len(trace.market.sales)) == (policy != "deny_all")
    assert len(trace.market.traders)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_scenario_has_something_to_stop_and_something_to_keep(
    name: str, worlds: dict[str, World]
) -> None:
    """To be stopped is an agent's act, a false signal, or else a fault in the order of calls."""
    trace = run(worlds[name], "unguarded")
    if worlds[name].market.cohorts:
        assert set(trace.market.signals["fraudulent"].tolist()) == {0, 1}
        return
    calls = get_calls(trace)
    assert (calls.truths["legit"] == 1).any()
    assert (calls.truths["legit"] == 0).any() == (name not in ASKS_ABOUT_ORDERING)
    assert worlds[name].scenario.faults or name not in ASKS_ABOUT_ORDERING


@pytest.mark.parametrize(
    "name", [name for name, loaded in LOADED.items() if loaded.scenario.faults]
)
def test_every_fault_of_a_scenario_happens_under_some_policy_and_another_goes_without(
    name: str, worlds: dict[str, World]
) -> None:
    world, happened, spared = worlds[name], set(), False
    for policy in get_policies(world).values():
        if policy.has_validators:
            faults = run(world, policy).ordering.faults
            happened |= {fault.name for fault in faults}
            spared |= not faults
    assert happened == {entry.name for entry in world.scenario.faults}
    assert spared


def test_the_sweep_of_deterrence_meets_its_boundary_at_every_slash() -> None:
    """The chance at which a fraud pays nothing, where escrow returns the price."""
    scenario = LOADED["deterrence"].scenario
    assert scenario.sweep is not None
    chances, slashes = (
        [float(text) for text in texts]
        for texts in scenario.sweep.factors.values()
        if isinstance(texts, tuple)
    )
    price = next(getattr(group, "price") for group in scenario.agents if group.name == "cheat")  # noqa: B009 - created
    boundary = [
        compute_break_even_detection(price, slash, gain_forfeited=True) for slash in slashes
    ]
    assert sorted(boundary) == pytest.approx(chances)


@pytest.mark.parametrize("loaded", LOADED.values(), ids=LOADED)
def test_a_sweep_that_a_scenario_ships_can_be_run(loaded: LoadedScenario) -> None:
    check_sweep(loaded)


def test_every_policy_is_shown_somewhere() -> None:
    shown = {
        entry.preset if isinstance(entry, PolicyEntry) else entry
        for loaded in LOADED.values()
        for entry in loaded.scenario.policies
    }
    assert shown == set(load_policies())


def test_every_strategy_is_shown_somewhere() -> None:
    shown = {
        str(getattr(group, "strategy", ""))
        for loaded in LOADED.values()
        for group in loaded.scenario.agents
    }
    assert shown == set(load_behaviours())
