"""What must hold of trade between policies, whatever the numbers, and of names that are left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from sim.core.market import SaleState, Verdict
from sim.core.reasons import Reason, get_bit
from sim.core.records import Kind
from sim.model.reexecute import explain_at
from sim.model.world import World
from sim.policies.base import Check, Judges, Settlement, Slashing
from tests.markets_world import (
    BUYER,
    CHEAT,
    FORECAST,
    GROUPS,
    HONEST,
    count_states,
    get_cohort,
    get_market,
    get_policy,
    get_rows,
    load_market,
    run_market,
)
from tests.worlds import POLICIES, SEED, Document, run

if TYPE_CHECKING:
    from pathlib import Path

    from sim.trace.market import MarketRecord
    from sim.trace.records import Trace

PRETENDER: Document = CHEAT | {"name": "pretender", "role": [], "fraud": 0.0}
DEADBEAT: Document = BUYER | {"name": "deadbeat", "strategy": "deadbeat", "org": "shady"}
PROVEN: Document = {"forecast": FORECAST | {"verifiable": True, "false_alarm": 0.3}}


def is_unpaid(market: MarketRecord) -> np.ndarray:
    """Sales of sound signals whose seller has long been owed the price."""
    sales = market.sales
    return (sales["state"] == int(SaleState.INVOICED)) & (sales["fraudulent"] == 0)


# nobody does wrong


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> World:
    return load_market(tmp_path_factory.mktemp("honest"), agents=HONEST)


@pytest.mark.parametrize("name", POLICIES)
def test_without_adversary_and_error_there_is_no_loss_and_no_conviction(
    honest: World, name: str
) -> None:
    trace = run(honest, get_policy(name))
    market = trace.market
    assert not market.sales["fraudulent"].any()
    assert not market.sales["harm"].any()
    assert not len(market.disputes)
    for column in ("n_frauds", "n_convictions", "n_wrong", "slashed", "unfunded"):
        assert not market.traders[column].any()
    assert bool(market.traders["refused"].any()) == (name == "deny_all")
    due = market.sales["due_us"] < trace.horizon_us - 5_000_000
    assert not is_unpaid(market)[due].any()
    assert bool(due.any()) == (name != "deny_all")


@pytest.mark.parametrize("name", POLICIES)
def test_a_false_alarm_convicts_nobody_whose_judges_do_not_err(tmp_path: Path, name: str) -> None:
    alarming = {"forecast": FORECAST | {"false_alarm": 0.5}}
    market = run(load_market(tmp_path, agents=HONEST, signals=alarming), get_policy(name)).market
    assert bool(len(market.disputes)) == POLICIES[name].settles_disputes
    assert not (market.disputes["verdict"] == int(Verdict.UPHELD)).any()
    assert not market.traders["n_convictions"].any()


# what the bounds stop


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Cheats, pretenders and deadbeats among honest people."""
    groups = [*GROUPS, PRETENDER, DEADBEAT | {"count": 3, "funds": 40}]
    return load_market(tmp_path_factory.mktemp("mixed"), agents=groups)


@pytest.fixture(scope="module")
def traces(mixed: World) -> dict[str, Trace]:
    return {name: run(mixed, get_policy(name)) for name in POLICIES}


def test_deny_all_sells_nothing(traces: dict[str, Trace]) -> None:
    market = traces["deny_all"].market
    assert not len(market.signals)
    assert not len(market.sales)
    assert len(get_rows(traces["deny_all"], Kind.PUBLISH))


def test_the_oracle_sells_no_false_signal_and_every_sound_one_is_offered(
    traces: dict[str, Trace],
) -> None:
    trace = traces["oracle"]
    rows = get_rows(trace, Kind.PUBLISH)
    rows = rows[trace.receipts["code"][rows] >= 0]
    refused = trace.receipts["code"][rows] != 0
    assert np.array_equal(refused, trace.truths["legit"][rows] == 0)
    assert refused.any()
    assert len(trace.market.sales)
    assert not trace.market.sales["fraudulent"].any()
    assert traces["unguarded"].market.sales["fraudulent"].any()


def get_denied(trace: Trace) -> set[tuple[int, int]]:
    """Publications refused for lack of the capability."""
    rows = get_rows(trace, Kind.PUBLISH)
    rows = rows[trace.receipts["code"][rows] == int(Reason.CAPABILITY_DENIED)]
    return get_names(trace, rows)


def get_names(trace: Trace, rows: np.ndarray) -> set[tuple[int, int]]:
    """What identifies publications under every policy."""
    truths = trace.truths[rows]
    return set(zip(truths["entity"].tolist(), truths["task"].tolist(), strict=True))


def test_a_monitor_denies_the_capability_as_the_chain_does(traces: dict[str, Trace]) -> None:
    chain, monitor = (get_denied(traces[name]) for name in ("chain", "reference_monitor"))
    late = get_names(traces["chain"], np.flatnonzero(traces["chain"].receipts["code"] < 0))
    assert len(chain) > 10
    assert chain - monitor == set()
    assert monitor - chain <= late


@pytest.mark.parametrize(
    ("preset", "levers", "sells"),
    [
        ("chain", {}, False),
        ("chain", {"unbound": (Check.CAPABILITY,)}, True),
        ("gateway", {}, True),  # an API key is believed, and the org is hostile
        ("federated", {}, False),
        ("unguarded", {}, True),
    ],
)
def test_who_may_not_sell_sells_where_nobody_looks(
    mixed: World, preset: str, levers: dict[str, Any], sells: bool
) -> None:
    market = run(mixed, get_policy(preset, **levers)).market
    cohort = market.traders["cohort"][market.signals["seller"]]
    assert bool((cohort == get_cohort(mixed, "pretender")).any()) == sells


# money


@pytest.mark.parametrize(
    ("preset", "settlement", "goes_unpaid"),
    [
        ("chain", Settlement.TRUST, True),
        ("chain", Settlement.ESCROW, False),
        ("chain", Settlement.PREPAID, False),
        ("gateway", Settlement.TRUST, True),
        ("gateway", Settlement.PREPAID, False),
        ("federated", Settlement.ESCROW, False),
    ],
)
def test_deadbeats_leave_sellers_unpaid_on_trust_alone(
    mixed: World, preset: str, settlement: Settlement, goes_unpaid: bool
) -> None:
    trace = run(mixed, get_policy(preset, settlement=settlement))
    market = trace.market
    cohort = market.traders["cohort"]
    unpaid = is_unpaid(market) & (market.sales["due_us"] < trace.horizon_us)
    assert bool(unpaid.any()) == goes_unpaid
    buyers = set(cohort[market.sales["buyer"][unpaid]].tolist())
    assert buyers <= {get_cohort(mixed, "deadbeat")}
    is_refused = market.traders["unfunded"] > 0
    assert bool(is_refused.any()) != goes_unpaid
    assert set(cohort[is_refused].tolist()) <= {get_cohort(mixed, "deadbeat")}


def test_nothing_is_taken_where_nothing_is_slashed(mixed: World) -> None:
    for slashing in (Slashing.NONE, Slashing.PROPORTIONAL):
        market = run(mixed, get_policy("chain", slashing=slashing)).market
        assert market.traders["n_convictions"].any()
        assert bool(market.traders["slashed"].any()) == (slashing is not Slashing.NONE)
        assert market.traders["slashed"].sum() == market.disputes["slashed"].sum()
        assert bool(market.disputes["restored"].any()) == (slashing is not Slashing.NONE)


@pytest.mark.parametrize("settlement", [Settlement.ESCROW, Settlement.TRUST])
def test_what_victims_get_of_a_slash_is_what_is_booked(
    mixed: World, settlement: Settlement
) -> None:
    """The victims' share, but for what rounding leaves, and nothing for who paid nothing."""
    policy = get_policy("chain", settlement=settlement, slashing=Slashing.FIXED, slash_fixed=30)
    trace, done = run_market(mixed, policy)
    market, rules = trace.market, get_market(done).domain.rules
    slashed = market.disputes[market.disputes["slashed"] > 0]
    assert len(slashed)
    for dispute in slashed:
        sales = market.sales[market.sales["signal"] == dispute["signal"]]
        share = int(dispute["slashed"]) * rules.slash_victim_ppm // 1_000_000
        due = min(share, int(sales["paid"].sum()))
        assert due - len(sales) <= dispute["restored"] <= due


@pytest.mark.parametrize(("posture", "upholds"), [("honest", True), ("hostile", False)])
def test_an_operator_that_is_hostile_upholds_nothing(
    tmp_path: Path, posture: str, upholds: bool
) -> None:
    orgs = [{"name": "firm", "count": 2}, {"name": "shady", "posture": posture}]
    world = load_market(tmp_path, orgs=orgs, market={"recovery": 0.7})
    market = run(world, get_policy("gateway")).market
    assert len(market.disputes) >= 5
    assert bool((market.disputes["verdict"] == int(Verdict.UPHELD)).any()) == upholds


def test_nobody_disputes_where_nobody_judges(tmp_path: Path) -> None:
    griefer = BUYER | {"name": "griefer", "strategy": "griefer", "org": "shady", "rate": 1.0}
    world = load_market(tmp_path, agents=[*GROUPS, griefer])
    for judges in (Judges.NOBODY, Judges.OPERATOR):
        trace = run(world, get_policy("gateway", judges=judges))
        assert bool(len(get_rows(trace, Kind.CHALLENGE))) == (judges is not Judges.NOBODY)


@pytest.mark.parametrize("replication", range(3))
def test_a_third_party_that_runs_away_takes_what_it_holds_and_ends_the_trade(
    tmp_path: Path, replication: int
) -> None:
    world = load_market(tmp_path, market={"third_party_failure": 1.0})
    trace, done = run_market(world, get_policy("federated"), replication)
    market, away_us = get_market(done), get_market(done).chores.ran_away_us
    assert away_us < trace.horizon_us
    states, sales = count_states(trace.market.sales), trace.market.sales
    held_us = np.where(sales["settled_us"] < 0, trace.horizon_us, sales["settled_us"])
    taken = sales["state"] == int(SaleState.TAKEN)
    assert SaleState.HELD not in states
    assert (sales["bought_us"][~taken] <= away_us).all()
    assert (held_us[taken] >= away_us).all()
    assert (sales["paid_us"][taken] == sales["bought_us"][taken]).all()
    office = market.domain.state.accounts[market.domain.state.judges[0]]["balance"]
    before = market.domain.genesis.accounts[market.domain.state.judges[0]]["balance"]
    fees = sum(
        int(price) * 20_000 // 1_000_000
        for price in sales["price"][sales["state"] == int(SaleState.PAID)]
    )
    assert int(office - before) == int(sales["paid"][taken].sum()) + fees
    assert not (sales["bought_us"] > away_us + 3_000_000).any()


def test_a_third_party_without_escrow_has_nothing_to_run_away_with(tmp_path: Path) -> None:
    world = load_market(tmp_path, market={"third_party_failure": 1.0})
    market = run(world, get_policy("federated", settlement=Settlement.TRUST)).market
    assert SaleState.TAKEN not in count_states(market.sales)
    assert (market.sales["bought_us"] > 50_000_000).any()


# proof


@pytest.mark.parametrize("signatures", ["trusted", "ed25519"])
@pytest.mark.parametrize("preset", ["chain", "federated", "gateway"])
def test_a_verifiable_signal_is_judged_by_its_proof_and_never_wrongly(
    tmp_path: Path, preset: str, signatures: str
) -> None:
    everybody_errs = {"judge_error": 1.0, "recovery": 0.0}
    world = load_market(
        tmp_path, signals=PROVEN, signatures=signatures, horizon="40s", market=everybody_errs
    )
    disputes = run(world, get_policy(preset)).market.disputes
    decided = disputes[disputes["verdict"] != int(Verdict.OPEN)]
    upheld = decided["verdict"] == int(Verdict.UPHELD)
    assert set(decided["fraudulent"].tolist()) == {0, 1}
    assert np.array_equal(upheld, decided["fraudulent"] == 1)


def test_judges_that_err_are_wrong_without_a_proof(tmp_path: Path) -> None:
    world = load_market(tmp_path, market={"judge_error": 1.0})
    disputes = run(world, get_policy("chain")).market.disputes
    decided = disputes[disputes["verdict"] != int(Verdict.OPEN)]
    assert (decided["fraudulent"] == 1).all()
    assert not (decided["verdict"] == int(Verdict.UPHELD)).any()


@pytest.mark.parametrize("preset", ["gateway", "federated", "chain", "layered"])
def test_trusted_and_real_signatures_give_one_result(tmp_path: Path, preset: str) -> None:
    digests = {
        run(
            load_market(tmp_path, signals=PROVEN, horizon="24s", signatures=signatures),
            get_policy(preset),
        ).compute_digest()
        for signatures in ("trusted", "ed25519")
    }
    assert len(digests) == 1


# a call of the market is explained like any other


@pytest.mark.parametrize("preset", ["gateway", "chain"])
def test_a_publication_is_judged_again_as_it_was(mixed: World, preset: str) -> None:
    policy = get_policy(preset)
    trace = run(mixed, policy)
    decided = (trace.truths["trader"] >= 0) & (trace.receipts["code"] >= 0)
    kinds = trace.transactions["kind"]
    rows = np.flatnonzero(decided & (kinds == Kind.PUBLISH))
    assert len(set(trace.receipts["code"][rows].tolist())) > (preset == "chain")
    for row in rows[::7].tolist():
        checks = explain_at(mixed, policy, SEED, 0, trace, row)
        code = next((int(each.reason) for each in checks if each.binds and each.seen), 0)
        assert code == trace.receipts["code"][row]


def test_refusals_say_what_is_missing(traces: dict[str, Trace]) -> None:
    """A pretender's receipt names the capability, whether it binds or not."""
    for name in ("unguarded", "chain"):
        trace = traces[name]
        rows = get_rows(trace, Kind.PUBLISH)
        rows = rows[trace.receipts["code"][rows] >= 0]
        lacking = trace.receipts["violations"][rows] & get_bit(Reason.CAPABILITY_DENIED)
        assert lacking.any()
        assert bool((trace.receipts["code"][rows] > 0).any()) == (name == "chain")
