"""What is noted of trades that a ledger has decided, and what they call for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from sim.core.market import Occasion, Resolution, SaleState, Verdict
from sim.core.reasons import Reason
from sim.core.records import RECEIPT, Kind
from sim.model.aftermath import RATE_SLACK_US, compute_keys, grow, note_decided, note_verdict
from sim.model.batches import Batch, create_batch
from sim.model.run import Replication
from sim.model.trade_layout import SIGNAL_TRUTH, Chore
from sim.model.trade_state import SLACK_US
from tests.markets_world import get_market, get_policy, load_market
from tests.worlds import SEED

if TYPE_CHECKING:
    from pathlib import Path

    from sim.core.records import Records
    from sim.model.market import Market

S = 1_000_000
SELLER, CHEAT, BUYER = 0, 6, 9


@pytest.fixture
def market(tmp_path: Path) -> Market:
    signals = {"forecast": {"detection": 1.0, "detection_time": "1ms", "harm": 9}}
    world = load_market(tmp_path, signals=signals)
    return get_market(Replication(world, get_policy("gateway"), SEED, 0))


def decide(
    market: Market, kind: Kind, who: int, slot: int, code: int = 0, target: int = 0, **truth: int
) -> None:
    """Let the market know of one decision at the third second."""
    batch, receipts = create_batch(1), np.zeros(1, dtype=RECEIPT)
    batch.transactions["target"], batch.transactions["subject"] = target, 100
    batch.truths["trader"], batch.truths["entity"] = who, market.traders["entity"][who]
    for name, value in truth.items():
        batch.truths[name] = value
    receipts["kind"], receipts["code"], receipts["committed_us"] = int(kind), code, 3 * S
    receipts["counterparty"] = slot
    note_decided(market, Batch(*batch), receipts)


def take_chores(market: Market, chore: Chore) -> Records:
    rows = market.waiting.take(1_000 * S)
    return rows[rows["chore"] == int(chore)]


def test_a_publication_is_noted_with_its_truth_and_released_some_time(market: Market) -> None:
    decide(market, Kind.PUBLISH, CHEAT, 0, fraudulent=1, task=4)
    signal = market.signals[0]
    assert (signal["identity"], signal["fraudulent"], signal["price"]) == (CHEAT, 1, 100)
    assert market.standing["latest"][CHEAT] == 0
    assert market.identities["first_fraud_us"][CHEAT] == 3 * S
    assert market.identities["n_frauds"][CHEAT] == 0  # nobody has bought it
    due = take_chores(market, Chore.RELEASE)
    assert due["time_us"].tolist() == [3 * S + 8 * S + 8 * S + SLACK_US]


def test_the_first_fraud_is_the_first(market: Market) -> None:
    market.identities["first_fraud_us"][CHEAT] = S
    decide(market, Kind.PUBLISH, CHEAT, 0, fraudulent=1)
    assert market.identities["first_fraud_us"][CHEAT] == S


def test_what_an_old_name_published_is_not_on_offer_as_the_new_ones(market: Market) -> None:
    market.standing["identity"][CHEAT] = 99
    decide(market, Kind.PUBLISH, CHEAT, 0)
    assert market.standing["latest"][CHEAT] == -1


@pytest.mark.parametrize(("fraudulent", "found"), [(1, 1), (0, 0)])
def test_a_buyer_finds_out_complains_pays_and_rates(
    market: Market, fraudulent: int, found: int
) -> None:
    decide(market, Kind.PUBLISH, CHEAT, 0, fraudulent=fraudulent)
    market.domain.state.sales["state"][0] = int(SaleState.INVOICED)
    decide(market, Kind.BUY, BUYER, 0, task=2)
    sale = market.sales[0]
    assert (sale["buyer"], sale["found"], sale["due_us"]) == (BUYER, found, 11 * S)
    assert market.identities["n_frauds"][CHEAT] == fraudulent
    assert market.signals["n_examined"][0] == found
    rows = market.occasions.take(100 * S)
    kinds = [Occasion(each) for each in rows["occasion"].tolist()]
    assert kinds == [Occasion.FOUND] * found + [Occasion.DUE, Occasion.RATE]
    times = dict(zip(kinds, rows["time_us"].tolist(), strict=True))
    assert times[Occasion.DUE] == 3 * S + 6 * S  # three quarters of the window
    assert times[Occasion.RATE] == 11 * S + RATE_SLACK_US
    assert set(rows["looks"].tolist()) == {found}
    assert set(rows["ordinal"].tolist()) == {2}


def test_a_signal_that_is_sold_twice_is_one_fraud(market: Market) -> None:
    decide(market, Kind.PUBLISH, CHEAT, 0, fraudulent=1)
    for slot in range(2):
        decide(market, Kind.BUY, BUYER + slot, slot)
    assert market.identities["n_frauds"][CHEAT] == 1
    assert market.signals["n_sales"][0] == 2


def test_an_org_remembers_what_its_traders_found(market: Market) -> None:
    decide(market, Kind.PUBLISH, CHEAT, 0, fraudulent=1)
    decide(market, Kind.PUBLISH, SELLER, 1)
    decide(market, Kind.BUY, BUYER, 0)
    decide(market, Kind.BUY, BUYER, 1, target=1)
    market.remember(market.occasions.take(100 * S))
    org, other = market.traders["org"][[BUYER, BUYER + 1]]
    assert market.memory.blocked[org].nonzero()[0].tolist() == [CHEAT]
    assert (market.memory.good[org, SELLER], market.memory.bad[org, CHEAT]) == (1, 1)
    assert not market.memory.blocked[other].any()


def create_dispute(market: Market, verdict: Verdict) -> Records:
    dispute = market.domain.state.disputes[0]
    dispute["signal"], dispute["verdict"], dispute["decided_us"] = 0, int(verdict), 7 * S
    market.signals["identity"][0] = SELLER
    market.signals["closed_us"][0] = -1
    return dispute


@pytest.mark.parametrize(("fraudulent", "wrong"), [(0, 1), (1, 0)])
def test_a_conviction_counts_and_is_wrong_if_the_signal_was_sound(
    market: Market, fraudulent: int, wrong: int
) -> None:
    market.signals["fraudulent"][0] = fraudulent
    note_verdict(market, create_dispute(market, Verdict.UPHELD))
    name = market.identities[SELLER]
    assert (name["n_convictions"], name["n_wrong"]) == (1, wrong)
    assert market.signals["closed_us"][0] == 7 * S
    assert not len(take_chores(market, Chore.RELEASE))


@pytest.mark.parametrize("closes_us", [2 * S, 40 * S])
def test_who_is_acquitted_is_paid_when_the_window_is_over(market: Market, closes_us: int) -> None:
    market.domain.state.signals["closes_us"][0] = closes_us
    note_verdict(market, create_dispute(market, Verdict.REJECTED))
    assert not market.identities["n_convictions"].any()
    due = take_chores(market, Chore.RELEASE)
    assert due["time_us"].tolist() == [max(closes_us + SLACK_US, 7 * S)]


@pytest.mark.parametrize("step", Resolution)
def test_a_release_closes_a_signal_and_a_payment_settles_a_sale(
    market: Market, step: Resolution
) -> None:
    market.signals["closed_us"][1] = market.sales["settled_us"][1] = -1
    batch, receipts = create_batch(1), np.zeros(1, dtype=RECEIPT)
    batch.transactions["target"], batch.transactions["subject"] = 1, int(step)
    receipts["kind"], receipts["committed_us"] = int(Kind.RESOLVE), 3 * S
    note_decided(market, batch, receipts)
    closes, settles = step is Resolution.RELEASE, step in (Resolution.PAY, Resolution.TAKE)
    assert market.signals["closed_us"][1] == (3 * S if closes else -1)
    assert market.sales["settled_us"][1] == (3 * S if settles else -1)


def test_a_refusal_is_counted_by_its_reason(market: Market) -> None:
    decide(market, Kind.PUBLISH, CHEAT, 0, int(Reason.CAPABILITY_DENIED))
    decide(market, Kind.BUY, BUYER, 0, int(Reason.INSUFFICIENT_FUNDS))
    decide(market, Kind.PUBLISH, SELLER, 0, int(Reason.INSUFFICIENT_FUNDS))
    assert market.identities["refused"].nonzero()[0].tolist() == [CHEAT]
    assert market.identities["unfunded"].nonzero()[0].tolist() == [BUYER]


def test_who_was_refused_a_fresh_name_is_back_and_acts_no_sooner_than_now(market: Market) -> None:
    market.until_us = 4 * S
    market.standing["is_away"][[CHEAT, BUYER]] = 1
    market.standing["next_us"][CHEAT] = S
    decide(market, Kind.REGISTER, CHEAT, 0, int(Reason.INSUFFICIENT_FUNDS))
    assert market.standing["is_away"][[CHEAT, BUYER]].tolist() == [0, 1]
    assert market.standing["next_us"][CHEAT] == 4 * S


def test_a_table_grows_and_keeps_its_rows() -> None:
    table = np.zeros(2, dtype=SIGNAL_TRUTH)
    table["price"] = [5, 6]
    assert grow(table, 2) is table
    grown = grow(table, 9)
    assert len(grown) >= 9
    assert grown["price"][:3].tolist() == [5, 6, 0]


def test_keys_of_publications_differ_and_are_not_negative() -> None:
    entities = np.array([2**63 - 1, 2**63 - 1, 7])
    keys = compute_keys(entities, np.array([0, 1, 1]))
    assert len(set(keys.tolist())) == 3
    assert (keys >= 0).all()
