"""What traders see in tests: columns as keyword arguments, plain occasions for the rest."""

from __future__ import annotations

from typing import Any

import numpy as np

from sim.core.draws import Draws
from sim.core.market import Occasion
from sim.core.records import Records
from sim.core.units import PPM
from sim.strategies.trading import MarketView, Trader

DRAWS = Draws(1, "traders", 0)

PLAIN: dict[str, Any] = {
    "occasion": int(Occasion.ACT),
    "score_ppm": PPM,
    "balance": 1_000_000,
    "stake": 10_000,
    "unbonding_slot": -1,
    "price": 100,
    "offer": 40,
    "offer_price": 80,
    "offer_score_ppm": PPM,
    "offer_known": 1,
    "partner": -1,
    "subject": -1,
    "subject_signal": -1,
}


def create_view(n: int, **columns: Any) -> MarketView:
    """What n traders see, each at its first act with one offer unless columns say otherwise."""
    given = PLAIN | {"trader": np.arange(n), "entity": np.arange(n) + 1} | columns
    return MarketView(
        **{
            name: np.broadcast_to(np.array(given.get(name, 0), dtype=np.int64), (n,)).copy()
            for name in MarketView._fields
        }
    )


def trade(trader: Trader, n: int, **columns: Any) -> Records:
    """Moves of n traders that see this."""
    return trader.trade(create_view(n, **columns), DRAWS)


def live(trader: Trader, n_acts: int, **columns: Any) -> Records:
    """Moves of one trader at so many acts in a row; it remembers what it wants to remember."""
    moves, memory0, memory1 = [], 0, 0
    for ordinal in range(n_acts):
        memory = {"memory0": memory0, "memory1": memory1}
        moves.append(trade(trader, 1, ordinal=ordinal, **memory, **columns))
        memory0, memory1 = moves[-1]["memory0"][0], moves[-1]["memory1"][0]
    return np.concatenate(moves)
