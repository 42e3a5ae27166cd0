from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.core.market import Role, SaleState, SignalState
from sim.metrics.base import NullReason, Value
from sim.metrics.market import Kept, create_keep, look_up, merge
from sim.metrics.market_outcomes import JUSTICE, REPUTATION, TRADE
from sim.trace.market import NO_MARKET
from tests.markets import (
    FACTS,
    HORIZON_S,
    LAYOUTS,
    S,
    create_chunk,
    create_market,
    create_rows,
    get_pair,
    get_value,
)

BUYER, CROOK, SELLER, CHEAT = range(4)
PAID, INVOICED = {"state": int(SaleState.PAID)}, {"state": int(SaleState.INVOICED)}

# An honest buyer, a buyer and a seller that are adversaries, an honest seller. The honest buyer
# buys two sound signals and two fraudulent ones, the crook one of each, and pays 1 of 5 for one.
TRADERS = [
    {"role": int(Role.BUYER), "wealth_start": 100, "wealth_end": 60, "unfunded": 2},
    {"role": int(Role.BUYER), "is_adversary": 1, "wealth_start": 50, "wealth_end": 44},
    {"wealth_start": 20, "wealth_end": 51, "capital_added": 1, "unfunded": 1},
    {"is_adversary": 1, "wealth_start": 20, "wealth_end": 30, "n_frauds": 2},
]
SIGNALS = [
    {"seller": SELLER, "state": int(SignalState.CLOSED)},
    {"seller": CHEAT, "state": int(SignalState.FRAUDULENT), "fraudulent": 1},
    {"seller": CHEAT, "state": int(SignalState.CLOSED), "fraudulent": 1},
]
SOUND = {"signal": 0, "seller": SELLER, "price": 10, "paid": 10, "worth": 30, "harm": 7}
FALSE = {"seller": CHEAT, "price": 8, "paid": 8, "worth": 90, "harm": 25, "fraudulent": 1}
SALES = [
    SOUND | PAID | {"buyer": BUYER},
    SOUND | PAID | {"buyer": BUYER},
    FALSE | {"buyer": BUYER, "signal": 1, "state": int(SaleState.REFUNDED)},
    FALSE | PAID | {"buyer": BUYER, "signal": 2},
    SOUND | INVOICED | {"buyer": CROOK, "price": 5, "paid": 1},
    FALSE | PAID | {"buyer": CROOK, "signal": 2},
]
MARKET: dict[str, Any] = {"traders": TRADERS, "signals": SIGNALS, "sales": SALES}


@pytest.mark.parametrize(
    ("name", "num", "den"),
    [
        # 2 frauds at 8 and 25; prices 36, worth 2 x 30, harm 2 x 25
        ("fraud_loss_rate", 66, 146),
        ("market_volume", 10 + 10 + 8 + 8 + 5 + 8, 1),
        ("signals_sold", 6, 1),
        ("market_welfare", 2 * 30 - 2 * 25, 1),
        # wealth -40 and +30, and the buyer's purchases
        ("honest_surplus", -10 + 10, 1),
        ("unpaid_signal_rate", 1, 6),
        ("unpaid_value", 4, 1),
        ("purchases_unfunded", 3, 1),
    ],
)
def test_trade_counted_by_hand(name: str, num: float, den: float) -> None:
    assert get_pair(name, **MARKET) == (num, den)


def test_who_sold_a_fraud_is_no_clean_buyer_and_no_stranger_is() -> None:
    sale = FALSE | PAID | {"signal": 2}
    for buyer, n_sales in ((BUYER, 1), (CROOK, 0), (CHEAT, 0), (99, 0)):
        sales = [SALES[0], sale | {"buyer": buyer}]
        num, den = get_pair("fraud_loss_rate", traders=TRADERS, signals=SIGNALS, sales=sales)
        assert (num, den) == (33 * n_sales, 40 + 33 * n_sales)


def test_a_loss_is_what_was_paid_and_not_what_was_asked() -> None:
    sales = [FALSE | {"buyer": BUYER, "signal": 1, "paid": 3, "state": int(SaleState.VOID)}]
    assert get_pair("fraud_loss_rate", traders=TRADERS, sales=sales) == (28, 28)


PRICED = {"price": 10, "due_us": 30 * S}
FOUND, STANDING = {"signal": 0}, {"signal": 1}
ENDS = [{"state": int(SignalState.FRAUDULENT)}, {"state": int(SignalState.CLOSED)}]


@pytest.mark.parametrize(
    ("sale", "missing"),
    [
        (PAID | STANDING | {"paid": 10}, 0),
        ({"state": int(SaleState.HELD), "paid": 10} | STANDING, 0),  # in escrow: collected
        (INVOICED | STANDING | {"paid": 0}, 10),
        (INVOICED | STANDING | {"paid": 4}, 6),
        (INVOICED | FOUND | {"paid": 4}, 6),
        ({"state": int(SaleState.TAKEN), "paid": 10} | STANDING, 10),
        ({"state": int(SaleState.TAKEN), "paid": 10} | FOUND, 10),
        ({"state": int(SaleState.REFUNDED), "paid": 10} | FOUND, 0),
        ({"state": int(SaleState.VOID), "paid": 0} | FOUND, 0),
        ({"state": int(SaleState.RECOVERED), "paid": 10} | FOUND, 0),
        ({"state": int(SaleState.REFUNDED), "paid": 10} | STANDING, 10),  # came back for nothing
        ({"state": int(SaleState.VOID), "paid": 3} | STANDING, 10),
        (PAID | STANDING | {"paid": 10, "paid_us": 30 * S}, 0),
        (PAID | STANDING | {"paid": 10, "paid_us": 30 * S + 1}, 10),  # too late
    ],
)
def test_a_price_is_unpaid_if_it_was_not_collected_in_time(
    sale: dict[str, int], missing: int
) -> None:
    market = {"signals": ENDS, "sales": [PRICED | sale]}
    assert get_pair("unpaid_signal_rate", **market) == (int(missing > 0), 1)
    assert get_pair("unpaid_value", **market) == (missing, 1)


@pytest.mark.parametrize(
    ("changed", "counts"),
    [
        ({"due_us": HORIZON_S * S}, True),
        ({"due_us": HORIZON_S * S + 1}, False),
        ({"price": 0}, False),
    ],
)
def test_only_what_has_a_price_and_is_due_by_the_horizon_counts(
    changed: dict[str, int], counts: bool
) -> None:
    value = get_value("unpaid_signal_rate", sales=[PRICED | INVOICED | changed])
    assert (value.reason is None) is counts
    assert get_pair("unpaid_value", sales=[PRICED | INVOICED | changed])[0] == 10 * counts


# where there is nothing


NEVER_NULL = {
    "unpaid_value",
    "purchases_unfunded",
    "market_volume",
    "signals_sold",
    "market_welfare",
    "honest_surplus",
}
FEW = {"dispute_resolution_time_p50", "dispute_resolution_time_p95"}


@pytest.mark.parametrize("outcome", [*TRADE, *JUSTICE, *REPUTATION], ids=lambda o: str(o.name))
def test_an_empty_market_has_amounts_of_zero_and_no_rates(outcome: Any) -> None:
    value = get_value(outcome.name)
    if outcome.name in NEVER_NULL:
        assert value == Value(0, 1, 1)
    else:
        expected = NullReason.FEW_OBSERVATIONS if outcome.name in FEW else NullReason.NO_DENOMINATOR
        assert value == Value(0, 0, 0, expected)


# what is kept


def test_what_is_kept_of_chunks_is_the_market_again() -> None:
    market = create_market(**MARKET, demotion_ppm=7, parity_us=2**62 - 1)
    first = market._replace(sales=market.sales[:2], traders=market.traders[:0])
    second = market._replace(sales=market.sales[2:], signals=market.signals[:0])
    keep = create_keep(*LAYOUTS)
    closed = create_chunk(NO_MARKET)
    kept = merge([keep(chunk) for chunk in (create_chunk(first), closed, create_chunk(second))])
    assert kept is not None
    assert kept == Kept(kept.market, HORIZON_S * S)
    assert kept.market[5:] == (True, 7, 2**62 - 1)
    for name in LAYOUTS:
        assert np.array_equal(getattr(kept.market, name), getattr(market, name))


def test_numbers_that_no_float_can_hold_are_kept() -> None:
    market = create_market(sales=[{"price": 2**62 - 1, "value": -1}])
    kept = merge([create_keep("sales")(create_chunk(market))] * 2)
    assert kept is not None
    assert kept.market.sales["price"].tolist() == [2**62 - 1] * 2
    assert kept.market.sales["value"].tolist() == [-1, -1]


def test_tables_nobody_asked_for_are_left_out() -> None:
    kept = merge([create_keep("sales")(create_chunk(create_market(**MARKET)))])
    assert kept is not None
    assert [len(getattr(kept.market, name)) for name in LAYOUTS] == [0, 6, 0, 0, 0]


def test_without_a_market_nothing_is_kept() -> None:
    assert merge([create_keep(*LAYOUTS)(create_chunk(NO_MARKET))]) is None
    assert merge([]) is None


def test_a_row_is_found_by_its_key_wherever_it_stands() -> None:
    table = create_rows("traders", [{"trader": 5, "role": 1}, {"trader": 2, "role": 2}])
    keys = np.array([2, 5, 7, -1, 2])
    assert look_up(table, "trader", "role", keys).tolist() == [2, 1, -1, -1, 2]
    assert look_up(table[:0], "trader", "role", keys, -2).tolist() == [-2] * 5


def test_without_sharing_or_disputes_what_needs_them_does_not_apply() -> None:
    facts = FACTS._replace(shares_scores=False, settles_disputes=False, slashes=False)
    for name in ("reputation_auc", "dispute_correctness", "restitution_ratio"):
        assert get_value(name, facts, **MARKET).reason is NullReason.NOT_APPLICABLE
    assert get_value("false_accusation_rate", facts, **MARKET).reason is None
