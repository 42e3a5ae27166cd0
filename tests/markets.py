"""Markets for tests of what is measured in them: by hand, and at random."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sim.core.market import Role, SaleState, SignalState, Verdict
from sim.core.records import APPROVAL_REQUEST, EXPOSURE, RECEIPT, TASK, TRUTH, Records
from sim.metrics.base import Chunk, Facts, Value
from sim.metrics.outcomes import get_outcomes, measure
from sim.trace.market import (
    DISPUTE_RECORD,
    SALE_RECORD,
    SCORE_RECORD,
    SIGNAL_RECORD,
    TRADER_RECORD,
    MarketRecord,
)

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

Row = dict[str, int]

S = 1_000_000
HORIZON_S = 60
LAYOUTS = {
    "signals": SIGNAL_RECORD,
    "sales": SALE_RECORD,
    "disputes": DISPUTE_RECORD,
    "traders": TRADER_RECORD,
    "scores": SCORE_RECORD,
}
NUMBERED = {"signals": "signal", "sales": "sale", "disputes": "dispute", "traders": "trader"}
FACTS = Facts(
    is_bound=False,
    checks_signatures=True,
    requires_approval=True,
    anchors=True,
    has_validators=False,
    slashes=True,
    shares_scores=True,
    settles_disputes=True,
)


def create_rows(name: str, rows: Sequence[Row]) -> Records:
    """A table in which rows are numbered from 0, nobody is rated, and traders are their own."""
    table = np.zeros(len(rows), dtype=LAYOUTS[name])
    for index, row in enumerate(rows):
        given = {"value": -1} if name == "sales" else {}
        given |= {NUMBERED[name]: index} if name in NUMBERED else {}
        given |= {"controller": index, "left_us": -1} if name == "traders" else {}
        for column, number in (given | row).items():
            table[index][column] = number
    return table


def create_market(**tables: Any) -> MarketRecord:
    """An open market of the rows given; `demotion_ppm` and `parity_us` as told."""
    rows = {name: create_rows(name, tables.pop(name, ())) for name in LAYOUTS}
    return MarketRecord(**rows, is_open=True, **tables)


def create_chunk(market: MarketRecord, facts: Facts = FACTS) -> Chunk:
    """A replication in which nothing happened but on the market."""
    return Chunk(
        facts=facts,
        horizon_us=HORIZON_S * S,
        receipts=np.zeros(0, dtype=RECEIPT),
        truths=np.zeros(0, dtype=TRUTH),
        tasks=np.zeros(0, dtype=TASK),
        approvals=np.zeros(0, dtype=APPROVAL_REQUEST),
        exposure=np.zeros(0, dtype=EXPOSURE),
        market=market,
    )


def get_value(name: str, facts: Facts = FACTS, **tables: Any) -> Value:
    """One outcome of a market."""
    chunk = create_chunk(create_market(**tables), facts)
    return measure([chunk], [get_outcomes()[name]])[name]


def get_pair(name: str, facts: Facts = FACTS, **tables: Any) -> tuple[float, float]:
    """Numerator and denominator of an outcome that is there."""
    value = get_value(name, facts, **tables)
    assert value.reason is None
    return value.num, value.den


def create_random_market(chance: random.Random) -> MarketRecord:
    """Everything at once, at random."""
    traders = [
        {
            "controller": chance.choice((index, index // 2)),
            "role": chance.choice((Role.SELLER, Role.SELLER, Role.BUYER)),
            "is_adversary": int(chance.random() < 0.3),
            "joined_us": chance.choice((0, 0, chance.randrange(1, 40 * S))),
            "wealth_start": chance.randrange(1_000),
            "wealth_end": chance.randrange(1_000),
            "capital_added": chance.randrange(9),
            "n_frauds": max(0, chance.randrange(-5, 4)),
            "first_fraud_us": chance.randrange(9 * S),
            "n_wrong": chance.randrange(2),
            "unfunded": chance.randrange(3),
        }
        for index in range(40)
    ]
    return create_market(
        signals=[_create_signal(chance) for _ in range(80)],
        sales=[_create_sale(chance) for _ in range(300)],
        disputes=[_create_dispute(chance) for _ in range(150)],
        traders=traders,
        scores=[
            {
                "time_us": time_s * S,
                "trader": trader,
                "score_ppm": chance.randrange(1_000_000),
                "n_frauds": max(0, chance.randrange(-3, 4)),
            }
            for time_s in range(10, 60, 10)
            for trader in range(40)
        ],
        demotion_ppm=600_000,
        parity_us=10 * S,
    )


def _create_signal(chance: random.Random) -> Row:
    return {
        "seller": chance.randrange(40),
        "closes_us": chance.randrange(80 * S),
        "state": int(chance.choice(list(SignalState))),
        "n_sales": chance.randrange(3),
        "n_examined": chance.randrange(2),
        "fraudulent": chance.randrange(2),
    }


def _create_sale(chance: random.Random) -> Row:
    due_us, price = chance.randrange(80 * S), chance.randrange(50)
    return {
        "signal": chance.randrange(80),
        "seller": chance.randrange(40),
        "buyer": chance.randrange(40),
        "price": price,
        "paid": chance.choice((price, price // 2)),
        "state": int(chance.choice(list(SaleState))),
        "bought_us": chance.randrange(60 * S),
        "due_us": due_us,
        "paid_us": due_us + chance.randrange(-5, 2) * S,
        "fraudulent": chance.randrange(2),
        "harm": chance.randrange(90),
        "worth": chance.randrange(90),
        "score_ppm": chance.randrange(1_000_001),
        "known": chance.randrange(2),
        "value": chance.choice((-1, 0, 1_000_000, 300_001)),
    }


def _create_dispute(chance: random.Random) -> Row:
    opened_us, kinds = chance.randrange(30 * S), list(Verdict)[1:]
    return {
        "signal": chance.randrange(80),
        "accused": chance.randrange(40),
        "bond": chance.randrange(30),
        "opened_us": opened_us,
        "decided_us": opened_us + chance.randrange(20 * S),
        "verdict": int(Verdict.OPEN if chance.random() < 0.01 else chance.choice(kinds)),
        "fraudulent": chance.randrange(2),
        "slashed": chance.randrange(2) * chance.randrange(100),
        "restored": chance.randrange(50),
    }
