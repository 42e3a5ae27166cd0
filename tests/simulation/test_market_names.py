"""Names on a market: those who shed theirs, those who have many, and arms without such tricks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from sim.core.market import Role
from sim.core.reasons import PENDING, Reason
from sim.core.records import Kind
from sim.model.run import Replication
from sim.policies.base import Protocol, Slashing
from tests.markets_world import (
    BUYER,
    CHEAT,
    CROWD,
    GROUPS,
    SELLER,
    get_cohort,
    get_market,
    get_policy,
    get_rows,
    load_market,
    run_market,
)
from tests.worlds import Document, run

if TYPE_CHECKING:
    from pathlib import Path

    from sim.model.world import World
    from sim.policies.base import Policy

CHAMELEON: Document = CHEAT | {
    "name": "chameleon",
    "strategy": "whitewasher",
    "fraud": 1.0,
    "leave": 0.45,
    "rejoins": 3,
}
HYDRA: Document = CHEAT | {"name": "hydra", "strategy": "sybil", "count": 2, "identities": 4}
SCORED: dict[str, Any] = {"protocol": Protocol.SEQUENCER, "slashing": Slashing.NONE}


@pytest.fixture(scope="module")
def chameleons(tmp_path_factory: pytest.TempPathFactory) -> World:
    return load_market(tmp_path_factory.mktemp("chameleons"), agents=[*GROUPS, CHAMELEON])


@pytest.fixture(scope="module")
def policy() -> Policy:
    return get_policy("chain", **SCORED)


def test_who_begins_anew_has_a_fresh_account_and_leaves_the_old_one(
    chameleons: World, policy: Policy
) -> None:
    trace, done = run_market(chameleons, policy)
    market = get_market(done)
    names, traders = market.identities[: market.n_identities], trace.market.traders
    fresh = np.arange(len(chameleons.market.traders), len(traders))
    assert len(fresh) >= 3
    for row in fresh.tolist():
        whole = np.flatnonzero(names["trader"] == names["trader"][row])
        before = whole[whole < row][-1]
        assert names["left_us"][before] == names["joined_us"][row] > 0
        assert names["account"][row] != names["account"][before]
        assert names["entity"][row] != names["entity"][before]
        assert traders["capital_added"][row] == 10_000 + 5_000
        assert traders["wealth_start"][row] == 0
        assert traders["controller"][row] == names["trader"][row]
    published = trace.truths[get_rows(trace, Kind.PUBLISH)]
    by_fresh = published[published["trader"] >= fresh[0]]
    assert len(by_fresh)
    assert (by_fresh["ready_us"] >= names["joined_us"][by_fresh["trader"]]).all()


def test_the_money_of_a_fresh_name_is_on_the_ledger(chameleons: World, policy: Policy) -> None:
    trace, done = run_market(chameleons, policy)
    market, domain = get_market(done), get_market(done).domain
    rows = get_rows(trace, Kind.REGISTER)
    paid = rows[trace.receipts["code"][rows] == int(Reason.APPLIED)]
    assert len(paid) == market.n_identities - len(market.traders) > 0
    fee = domain.rules.fee_min
    assert set(trace.transactions["amount"][paid].tolist()) == {15_000 + fee}
    for row in range(len(market.traders), market.n_identities):
        account = domain.state.accounts[domain.local[market.identities["account"][row]]]
        if market.identities["joined_us"][row] < 50_000_000:
            assert account["stake"] == 5_000  # bonded under the fresh name, and not slashed


def test_a_fresh_name_is_unknown_to_those_who_remember(tmp_path: Path) -> None:
    """Where no score is shared a spoilt name is not left: here it is the score of nobody."""
    leaving = CHAMELEON | {"leave": 0.6}  # above what a trader sees where none is published
    world = load_market(tmp_path, agents=[*GROUPS, leaving], horizon="90s")
    trace, done = run_market(world, get_policy("gateway"))
    market = get_market(done)
    first, n = len(market.traders), market.n_identities
    assert n > first
    left = np.flatnonzero(market.identities["left_us"][:n] >= 0)
    assert market.memory.blocked[:, left].any()
    anew = first + np.flatnonzero(np.bincount(trace.market.sales["seller"], minlength=n)[first:n])
    assert len(anew)  # somebody who had blocked the old name bought of the fresh one
    blockers = market.memory.blocked[:, left].any(axis=1)
    buyers = market.traders["org"][market.identities["trader"][trace.market.sales["buyer"]]]
    assert blockers[buyers[np.isin(trace.market.sales["seller"], anew)]].any()


def test_a_blocked_name_sells_no_more_to_the_org_that_blocks_it(tmp_path: Path) -> None:
    world = load_market(tmp_path)
    trace, done = run_market(world, get_policy("unguarded"))
    market, sales = get_market(done), trace.market.sales
    truth = market.sales[: len(sales)]
    org = market.traders["org"][truth["buyer"]]
    told = (truth["found"] == 1) & (truth["found_us"] < truth["due_us"])
    assert told.any()
    for sale in np.flatnonzero(told).tolist():
        same = (org == org[sale]) & (sales["seller"] == sales["seller"][sale])
        known_us = truth["found_us"][sale] + 2 * world.scenario.window
        assert not (same & (sales["bought_us"] > known_us)).any()


@pytest.mark.parametrize("name", ["federated", "chain", "layered", "reference_monitor"])
def test_a_refused_registration_keeps_nobody_away(chameleons: World, name: str) -> None:
    """Its org has no money to give: nobody gets a fresh account, and everybody goes on."""
    done = Replication(chameleons, get_policy(name, reputation="beta"), 1, 0)
    market = get_market(done)
    for domain in done.get_domains():
        org = domain.local[2]
        for state in (domain.state, domain.genesis):
            state.accounts["balance"][0] += state.accounts["balance"][org] - 100
            state.accounts["balance"][org] = 100
    trace = done.run()
    rows = get_rows(trace, Kind.REGISTER)
    code = trace.receipts["code"][rows]
    assert {int(Reason.INSUFFICIENT_FUNDS)} <= set(code.tolist())
    assert set(code.tolist()) <= {int(Reason.INSUFFICIENT_FUNDS), PENDING}
    assert market.n_identities == len(market.traders)
    assert market.standing["is_away"].sum() == (code == PENDING).sum()
    acts = np.flatnonzero(trace.truths["trader"] >= 0)
    acts = acts[trace.transactions["kind"][acts] != Kind.ATTEST]
    for row in rows[code != PENDING].tolist():
        truth, refused_us = trace.truths[row], trace.receipts["committed_us"][row]
        own = acts[trace.truths["trader"][acts] == truth["trader"]]
        later = own[trace.truths["task"][own] == truth["task"] + 1]
        window_us = chameleons.scenario.window
        over_us = -(-(refused_us + 1) // window_us) * window_us
        assert (trace.truths["ready_us"][later] >= over_us).all()


# arms


def test_the_plain_arm_has_the_same_money_under_fewer_names(tmp_path: Path) -> None:
    agents = [*GROUPS, CHAMELEON, HYDRA]
    attack, plain = (load_market(tmp_path, agents=agents, arm=arm) for arm in ("attack", "plain"))
    assert attack.has_plain_arm
    assert [len(world.market.traders) for world in (attack, plain)] == [26 + 3 + 8, 26 + 3 + 2]
    for column in ("funds", "stake"):
        sums = [int(world.market.traders[column].sum()) for world in (attack, plain)]
        assert sums[0] == sums[1]
    assert not any(holder.is_spare for holder in plain.holders)
    assert any(holder.is_spare for holder in attack.holders)
    trace = run(plain, get_policy("chain", **SCORED))
    assert not len(get_rows(trace, Kind.REGISTER))
    assert (trace.market.traders["left_us"] == -1).all()
    assert trace.market.sales["fraudulent"].any()  # it cheats all the same


def test_without_tricks_there_is_no_plain_arm(tmp_path: Path) -> None:
    assert not load_market(tmp_path).has_plain_arm
    one = HYDRA | {"identities": 1}
    assert not load_market(tmp_path, agents=[*GROUPS, one]).has_plain_arm


@pytest.mark.parametrize("name", ["unguarded", "gateway", "federated", "chain"])
def test_the_idle_arm_has_no_fraud(tmp_path: Path, name: str) -> None:
    idle = load_market(tmp_path, agents=CROWD, arm="idle")
    market = run(idle, get_policy(name)).market
    assert not market.traders["is_adversary"].any()
    assert not market.signals["fraudulent"].any()
    assert len(market.sales) > 30
    attack = run(load_market(tmp_path, agents=CROWD), get_policy(name)).market
    assert attack.signals["fraudulent"].any()


def test_who_has_no_money_left_is_dropped_and_comes_back(tmp_path: Path) -> None:
    """A seller whose last coin went into a bond is paid out by an office, and goes on."""
    broke = SELLER | {"funds": 60, "stake": 0}
    world = load_market(tmp_path, agents=[broke, CHEAT, BUYER, *GROUPS[3:]], horizon="90s")
    trace, _ = run_market(world, get_policy("chain", fee=11, bond=49))
    cohort = trace.market.traders["cohort"][trace.market.signals["seller"]]
    own = trace.market.signals[cohort == get_cohort(world, "seller")]
    assert len(own) > 6  # more than one each: what was locked came back
    dropped = (trace.receipts["code"] >= 1) & (trace.receipts["code"] < 10)
    assert (trace.truths["trader"][dropped] >= 0).any()
    over = own["published_us"] < trace.horizon_us - 30_000_000
    assert over.any()
    assert (own["state"][over] >= 2).all()


def test_an_org_can_have_callers_and_traders(tmp_path: Path) -> None:
    world = load_market(tmp_path, agents=CROWD)
    orgs = {holder.org for holder in world.holders if not holder.trades}
    assert orgs & {holder.org for holder in world.holders if holder.trades}
    roles = set(world.market.traders["role"].tolist())
    assert roles == {int(role) for role in Role}
