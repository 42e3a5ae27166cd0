"""Records of a market beside its ledger, on markets that have run and on rows made by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from sim.core.market import Role, SaleState
from sim.ledger.slashing import FRAUD
from sim.ledger.state import N_EVIDENCE, N_SALES, N_SIGNALS
from sim.model.market import N_SCORE_TIMES
from sim.model.run import Replication
from sim.model.trade_record import (
    compute_restored,
    create_market_record,
    create_sales,
    create_slashed,
)
from sim.trace.market import NO_MARKET
from tests.markets_world import get_market, get_policy, load_market
from tests.worlds import SEED, create_worker, load_world, run

if TYPE_CHECKING:
    from pathlib import Path

    from sim.model.market import Market


@pytest.fixture
def market(tmp_path: Path) -> Market:
    return get_market(Replication(load_market(tmp_path), get_policy("chain"), SEED, 0))


def test_where_nobody_trades_there_is_no_market(tmp_path: Path) -> None:
    assert create_market_record(None) is NO_MARKET
    trace = run(load_world(tmp_path, agents=[create_worker()]), "chain")
    assert not trace.market.is_open


@pytest.mark.parametrize(
    ("state", "settled_us", "closed_us", "settles_us", "paid_us"),
    [
        (SaleState.HELD, -1, -1, -1, 5),
        (SaleState.INVOICED, -1, -1, -1, 5),
        (SaleState.PAID, 9, 20, 9, 9),  # an invoice that was paid
        (SaleState.PAID, -1, 20, 20, 5),  # out of escrow, when its signal was released
        (SaleState.PAID, -1, -1, 5, 5),  # at once
        (SaleState.REFUNDED, -1, 20, 20, 5),
        (SaleState.RECOVERED, 9, 20, 20, 9),  # paid first, given back with its signal
        (SaleState.TAKEN, 9, -1, 9, 5),  # was in escrow from the start
    ],
)
def test_a_sale_is_paid_when_it_is_collected_and_settled_when_its_state_is_final(
    market: Market,
    state: SaleState,
    settled_us: int,
    closed_us: int,
    settles_us: int,
    paid_us: int,
) -> None:
    ledger = market.domain.state
    ledger.counters[N_SALES] = ledger.counters[N_SIGNALS] = 1
    for name, value in {"price": 7, "paid": 7, "state": int(state), "bought_us": 5}.items():
        ledger.sales[name][0] = value
    market.sales["settled_us"][0], market.signals["closed_us"][0] = settled_us, closed_us
    sale = create_sales(market)[0]
    assert sale["settled_us"] == settles_us
    assert sale["paid_us"] == paid_us


def test_what_was_paid_in_part_was_not_paid(market: Market) -> None:
    ledger = market.domain.state
    ledger.counters[N_SALES] = ledger.counters[N_SIGNALS] = 1
    ledger.sales["price"][0], ledger.sales["paid"][0] = 7, 6
    assert create_sales(market)["paid_us"].tolist() == [-1]


def test_a_slash_is_restored_by_what_was_paid(market: Market) -> None:
    """Who owed its price got nothing; parts are rounded down."""
    ledger = market.domain.state
    share_ppm = market.domain.rules.slash_victim_ppm
    ledger.signals["sale_first"][0] = 2
    ledger.sales["price"][:3], ledger.sales["paid"][:3] = 100, [100, 0, 50]
    ledger.sales["next"][:3] = [-1, 0, 1]
    slashed = 100 * 1_000_000 // share_ppm
    assert compute_restored(market, 0, slashed) == 66 + 33
    assert compute_restored(market, 0, 100 * slashed) == 150
    ledger.sales["paid"][:3] = 0
    assert compute_restored(market, 0, slashed) == 0


def test_stake_taken_for_anything_but_fraud_is_not_of_the_market(market: Market) -> None:
    ledger = market.domain.state
    ledger.counters[N_EVIDENCE] = 2
    ledger.evidence["offender"][:2] = market.domain.local[market.identities["account"][3]]
    ledger.evidence["statement"][:2], ledger.evidence["amount"][:2] = [FRAUD, FRAUD + 1], [5, 70]
    slashed = create_slashed(market, market.n_identities)
    assert slashed.nonzero()[0].tolist() == [3]
    assert slashed[3] == 5


def test_scores_are_noted_at_even_times_of_all_who_sell(tmp_path: Path) -> None:
    trace = run(load_market(tmp_path), get_policy("chain"))
    scores, traders = trace.market.scores, trace.market.traders
    times = np.unique(scores["time_us"])
    assert N_SCORE_TIMES - 1 <= len(times) <= N_SCORE_TIMES
    assert set(np.diff(times).tolist()) == {trace.horizon_us // N_SCORE_TIMES}
    assert set(traders["role"][scores["trader"]].tolist()) == {Role.SELLER}
    assert len(scores) == len(times) * 9
    assert not scores["known"][scores["time_us"] == times[0]].any()
    assert scores["known"][scores["time_us"] == times[-1]].any()
