"""A seller who spoils the names of its rivals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from sim.core.market import Occasion, Role
from sim.core.purposes import Purpose
from sim.core.records import Records
from sim.strategies.trading import (
    MarketView,
    buy,
    create_moves,
    is_drawn,
    is_free,
    pay,
    publish,
    rate,
)

if TYPE_CHECKING:
    from sim.core.draws import Draws


@dataclass(frozen=True, slots=True)
class BadMouther:
    """Sells sound signals; at some acts buys a rival's cheap offer instead, to rate it lowest.

    Cheap is what costs no more than its own signals, and what it can pay. It pays what it owes,
    and leaves its partners alone.
    Source: Dellarocas 2000, Immunizing Online Reputation Reporting Systems (bad-mouthing); target
    shares of 0.1 and 0.5 are swept.
    """

    is_adversary: ClassVar[bool] = True
    role: ClassVar[Role] = Role.SELLER

    target_ppm: int = 100_000  # share of its acts that buy from a rival

    def trade(self, seen: MarketView, draws: Draws) -> Records:
        """Sell, or buy to slander; pay."""
        moves = create_moves(seen)
        acting = is_free(seen, Occasion.ACT)
        buying = acting & (seen.offer >= 0) & (seen.offer_price <= seen.price)
        buying &= seen.offer_price <= seen.balance
        buying &= is_drawn(draws, Purpose.SCHEME, seen, self.target_ppm)
        buy(moves, buying, seen.offer, seen.offer_price)
        publish(moves, acting & ~buying, seen.price, 0)
        rate(moves, is_free(seen, Occasion.RATE) & (seen.is_partner == 0), seen.subject, 0)
        pay(moves, is_free(seen, Occasion.DUE), seen.subject)
        return moves
