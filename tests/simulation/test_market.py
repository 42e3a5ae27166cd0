"""Whole replications with a market: books that balance, equal worlds, and one result for each."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest

from sim.core.market import Occasion, Role, SaleState, SignalState
from sim.core.records import Kind, Records
from sim.ledger.state import ESCROW, N_ACCOUNTS, N_SALES
from sim.model.batches import CLEARING
from sim.model.reexecute import rebuild_states
from sim.model.run import Replication
from sim.model.world import World
from sim.policies.base import Protocol
from tests.markets_world import (
    BUYER,
    CHEAT,
    CROWD,
    JUDGE,
    SELLER,
    get_cohort,
    get_market,
    get_policy,
    get_rows,
    load_market,
    run_market,
)
from tests.worlds import POLICIES, SEED, get_calls, run

if TYPE_CHECKING:
    from pathlib import Path

    from sim.model.domains import Domain
    from sim.trace.records import Trace

Pair = tuple["Trace", Replication]


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Everybody there can be, agents with tasks among them."""
    return load_market(tmp_path_factory.mktemp("crowd"), agents=CROWD)


@pytest.fixture(scope="module")
def pairs(crowd: World) -> dict[str, Pair]:
    """One replication of the crowd under every preset."""
    return {name: run_market(crowd, get_policy(name)) for name in POLICIES}


def get_domain(done: Replication) -> Domain:
    domain = done.domains.market
    assert domain is not None
    return domain


# books


@pytest.mark.parametrize("name", POLICIES)
def test_no_money_comes_or_goes(name: str, pairs: dict[str, Pair]) -> None:
    domain = get_domain(pairs[name][1])
    sums = [
        sum(int(state.accounts[column].sum()) for column in ("balance", "stake", "unbonding"))
        for state in (domain.genesis, domain.state)
    ]
    assert sums[0] == sums[1]


@pytest.mark.parametrize("name", POLICIES)
def test_the_escrow_pool_holds_what_traders_have_locked(name: str, pairs: dict[str, Pair]) -> None:
    """Bonds of open signals and disputes, and prices held; some by the auditor's office."""
    domain = get_domain(pairs[name][1])
    state = domain.state
    open_signals = state.signals["state"] <= int(SignalState.DISPUTED)
    locked = int(state.signals["bond"][open_signals].sum()) + int(state.disputes["bond"].sum())
    sales = state.sales[: state.counters[N_SALES]]
    locked += int(sales["paid"][sales["state"] == int(SaleState.HELD)].sum())
    assert int(state.accounts[ESCROW]["balance"]) == locked


@pytest.mark.parametrize("name", POLICIES)
def test_wealth_of_traders_and_of_everybody_else_is_all_there_is(
    name: str, pairs: dict[str, Pair]
) -> None:
    trace, done = pairs[name]
    domain, market = get_domain(done), get_market(done)
    accounts = domain.state.accounts[: domain.state.counters[N_ACCOUNTS]]
    everything = sum(int(accounts[column].sum()) for column in ("balance", "stake", "unbonding"))
    own = domain.local[market.identities["account"][: market.n_identities]]
    others = np.setdiff1d(np.arange(len(accounts)), own)
    others = others[others != ESCROW]  # locked money counts as its owner's
    rest = sum(int(accounts[column][others].sum()) for column in ("balance", "stake", "unbonding"))
    assert int(trace.market.traders["wealth_end"].sum()) + rest == everything


@pytest.mark.parametrize("name", POLICIES)
def test_money_that_traders_bring_along_is_what_their_scenario_says(
    name: str, pairs: dict[str, Pair]
) -> None:
    traders = pairs[name][0].market.traders
    first = traders[: len(get_market(pairs[name][1]).traders)]
    groups = {group["name"]: group for group in CROWD if "tasks" not in group}
    money = sum(
        group.get("count", 1) * (group.get("funds", 10_000) + group.get("stake", 0))
        for group in groups.values()
    )
    assert int(first["wealth_start"].sum()) == money
    assert not traders[len(first) :]["wealth_start"].any()


@pytest.mark.parametrize("name", POLICIES)
def test_agents_with_tasks_work_beside_the_market(name: str, pairs: dict[str, Pair]) -> None:
    trace, done = pairs[name]
    assert len(get_calls(trace)) > 10
    assert (get_calls(trace).truths["trader"] == -1).all()
    ordered = set(trace.domains[trace.truths["trader"] != -1].tolist())
    assert ordered == ({CLEARING} if done.domains.clearing is not None else {-1}) or -1 in ordered
    assert (CLEARING in ordered) == (name in {"gateway", "anchored", "federated"})


def test_what_is_sold_is_settled_some_time(pairs: dict[str, Pair]) -> None:
    """No sale is held once its signal's window has long been over."""
    for name, (trace, done) in pairs.items():
        held = trace.market.sales[trace.market.sales["state"] == int(SaleState.HELD)]
        market = get_market(done)
        late_us = market.get_release_us(held["signal"]) + 10_000_000
        disputed = trace.market.signals["state"][held["signal"]] == int(SignalState.DISPUTED)
        assert (late_us[~disputed] >= trace.horizon_us).all(), name


# one world for all policies


def get_publications(trace: Trace) -> dict[tuple[int, int], tuple[int, int]]:
    """For each publication that was tried, by controller's key and act: when, and whether true."""
    rows = get_rows(trace, Kind.PUBLISH)
    truths = trace.truths[rows]
    names = zip(truths["entity"].tolist(), truths["task"].tolist(), strict=True)
    times = trace.transactions["submitted_us"][rows].tolist()
    return dict(zip(names, zip(times, truths["fraudulent"].tolist(), strict=True), strict=True))


def get_discoveries(trace: Trace, done: Replication) -> dict[tuple[int, int, int], int]:
    """For each purchase, by buyer's key, act and truth: how long it takes to find out."""
    market = get_market(done)
    sales = market.sales[: len(trace.market.sales)]
    entity = market.identities["entity"][sales["buyer"]]
    truth = market.signals["fraudulent"][sales["signal"]]
    names = zip(entity.tolist(), sales["ordinal"].tolist(), truth.tolist(), strict=True)
    waits = np.where(sales["found"] == 1, sales["found_us"] - sales["bought_us"], -1)
    return dict(zip(names, waits.tolist(), strict=True))


def find_difference(pairs: dict[str, Pair]) -> str:
    """The first thing that two policies were not dealt alike, or nothing."""
    for (first, mine), (second, other) in pairwise(pairs.items()):
        for what, get in (
            ("publications", lambda pair: get_publications(pair[0])),
            ("discoveries", lambda pair: get_discoveries(*pair)),
        ):
            one, two = get(mine), get(other)
            if any(one[name] != two[name] for name in one.keys() & two.keys()):
                return f"{what} of {first} and {second}"
    return ""


def test_every_policy_meets_the_same_market(pairs: dict[str, Pair]) -> None:
    assert find_difference(pairs) == ""
    common = get_publications(pairs["unguarded"][0]).keys()
    assert len(common & get_publications(pairs["chain"][0]).keys()) > 100
    common_sales = (
        get_discoveries(*pairs["chain"]).keys()
        & get_discoveries(*pairs["reference_monitor"]).keys()
    )
    assert len(common_sales) > 30


def test_a_policy_in_the_name_of_a_draw_is_noticed(crowd: World) -> None:
    renamed = {}
    for name in ("gateway", "chain"):
        scenario = crowd.scenario.model_copy(update={"stream": f"test-{name}"})
        world = replace(crowd, loaded=crowd.loaded._replace(scenario=scenario))
        renamed[name] = run_market(world, get_policy(name))
    assert find_difference(renamed).startswith("publications")


def test_who_never_begins_anew_tries_the_same_under_every_policy(
    tmp_path: Path,
) -> None:
    """Nobody is barred where nothing is slashed: even the number of publications is equal."""
    world = load_market(tmp_path)
    tried = [
        get_publications(run(world, get_policy(name)))
        for name in ("unguarded", "gateway", "federated", "deny_all", "oracle")
    ]
    assert len(tried[0]) > 50
    assert all(each == tried[0] for each in tried)


def test_names_of_one_controller_do_not_draw_alike(pairs: dict[str, Pair], crowd: World) -> None:
    traders = crowd.market.traders[crowd.market.traders["cohort"] == get_cohort(crowd, "hydra")]
    assert len(set(traders["controller"].tolist())) == 1
    assert len(set(traders["entity"].tolist())) == 4
    published = get_publications(pairs["unguarded"][0])
    times = [
        tuple(at_us for (entity, _), (at_us, _) in published.items() if entity == each)
        for each in traders["entity"].tolist()
    ]
    assert all(times)
    assert len(set(times)) == 4


def test_the_crowd_gives_one_result(crowd: World, pairs: dict[str, Pair]) -> None:
    for name, (trace, _) in pairs.items():
        again = run(crowd, get_policy(name))
        assert again.compute_digest() == trace.compute_digest(), name


def test_a_replication_leaves_nothing_behind_for_the_next(crowd: World, tmp_path: Path) -> None:
    """Names taken in one replication are free again in the next, whatever ran before."""
    policy = get_policy("chain", protocol=Protocol.SEQUENCER)
    first = run_market(crowd, policy, 1)[0]
    fresh = load_market(tmp_path, agents=CROWD)
    assert len(first.market.traders) > len(crowd.market.traders)
    alone, after = Replication(fresh, policy, SEED, 2), Replication(crowd, policy, SEED, 2)
    assert np.array_equal(get_domain(alone).local, get_domain(after).local)
    assert alone.run().compute_digest() == after.run().compute_digest()


# doing it again


@pytest.mark.parametrize("preset", ["chain", "federated"])
def test_a_ledger_with_epochs_is_rebuilt_to_its_root(crowd: World, preset: str) -> None:
    policy = get_policy(preset, reputation="eigentrust")
    trace = run(crowd, policy)
    name = "chain" if preset == "chain" else "clearing house"
    ledger = next(ledger for ledger in trace.ledgers if ledger.name == name)
    assert len(ledger.epochs) >= 3
    roots = []
    for epochs in (ledger.epochs, ledger.epochs[:-1]):
        domain = get_domain(Replication(crowd, policy, SEED, 0))
        n = len(ledger.transactions) - domain.n_applied
        state = next(rebuild_states(domain, ledger._replace(epochs=epochs), [n]))
        domain.state = state
        state.dirty[:] = 1
        roots.append(domain.compute_state_root())
    assert roots[0] == ledger.state_root
    assert roots[1] != ledger.state_root  # an epoch that is left out shows


# the order of a file and the length of a window


def describe(world: World, trace: Trace) -> list[tuple[int, ...]]:
    """Sales by names that do not hang on the order of groups."""
    sales, entity = trace.market.sales, world.market.traders["entity"]
    columns = [entity[sales["seller"]], entity[sales["buyer"]]]
    columns += [sales[name] for name in ("bought_us", "price", "state", "fraudulent", "value")]
    return sorted(zip(*(column.tolist() for column in columns), strict=True))


@pytest.mark.parametrize("preset", ["unguarded", "federated", "chain"])
def test_the_order_of_groups_changes_nothing(tmp_path: Path, preset: str) -> None:
    enemy = JUDGE | {"name": "enemy", "strategy": "byzantine_judge", "count": 2}
    groups = [SELLER, CHEAT, BUYER, JUDGE, enemy]
    policy = get_policy(preset, protocol=Protocol.SEQUENCER)
    found = []
    for agents in (groups, groups[::-1]):
        world = load_market(tmp_path, agents=agents)
        found.append(describe(world, run(world, policy)))
    assert len(found[0]) > 30
    assert found[0] == found[1]


def test_a_shorter_window_moves_sales_no_more_than_chance_does(tmp_path: Path) -> None:
    shares = []
    for window in ("2s", "1s"):
        world = load_market(tmp_path, window=window)
        sold = [run(world, get_policy("federated"), n).market.sales for n in range(8)]
        shares.append([float(sales["fraudulent"].mean()) for sales in sold])
    before, after = (np.array(share) for share in shares)
    error = before.std(ddof=1) / len(before) ** 0.5
    assert abs(after.mean() - before.mean()) <= 4 * error + 0.02


# gateways


def test_trades_pass_the_gateway_of_who_trades(tmp_path: Path) -> None:
    waits = []
    for service in ("1ms", "400ms"):
        world = load_market(tmp_path, gateways={"service": service})
        trace, _ = run_market(world, get_policy("gateway"))
        rows = np.flatnonzero((trace.truths["trader"] >= 0) & (trace.receipts["code"] >= 0))
        truths = trace.truths[rows]
        assert (truths["final_us"] > truths["ready_us"]).all()
        assert set(truths["caller_org"].tolist()) == {0, 1, 2}
        waits.append((truths["final_us"] - truths["ready_us"]).mean())
    assert waits[1] > 100 * waits[0]


def test_offices_wait_in_no_gateway(crowd: World) -> None:
    trace, done = run_market(crowd, get_policy("federated", audit_ppm=500_000))
    offices = trace.truths["caller_org"] == -1
    assert offices.sum() > 10
    decided = offices & (trace.receipts["code"] >= 0)
    assert (trace.truths["final_us"][decided] == trace.truths["ready_us"][decided]).all()
    assert len(done.audit.times) == crowd.n_orgs


def test_operators_note_trades_in_logs_that_can_be_exposed(tmp_path: Path) -> None:
    """No agent calls anything there: what is exposed is trade."""
    world = load_market(tmp_path)
    trace, done = run_market(world, get_policy("anchored"))
    assert len(trace.exposure)
    assert trace.exposure["records"].max() > 0
    noted = [sum(len(times) for times in org) for org in done.audit.times]
    decided = (trace.domains == CLEARING) & (trace.receipts["code"] >= 0)
    for org, n_noted in enumerate(noted):
        own = decided & (trace.truths["caller_org"] == org)
        assert n_noted == own.sum() > 0
    assert not len(run(world, get_policy("gateway")).exposure)


def test_a_seat_is_taken_by_judges_alone(pairs: dict[str, Pair]) -> None:
    trace, done = pairs["chain"]
    votes = (trace.truths["trader"] >= 0) & (trace.truths["call"] == int(Occasion.JUDGE))
    votes &= trace.transactions["kind"] == Kind.RESOLVE
    roles: Records = trace.market.traders["role"][trace.truths["trader"][votes]]
    assert votes.sum() > 10
    assert set(roles.tolist()) == {Role.JUDGE}
    assert get_market(done).policy.committee == 5
