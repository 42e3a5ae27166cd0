"""A seller in a group that praises itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from sim.core.market import Occasion, Role
from sim.core.purposes import Purpose
from sim.core.records import Records
from sim.core.units import PPM
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
class CollusionRing:
    """Buys from its partners and rates them highest; sells false signals among sound ones.

    An act buys from a partner, where one has something on offer that it can pay, or publishes.
    Inside the ring it pays what it owes and disputes nothing.
    Source: Kamvar et al. 2003, The EigenTrust Algorithm (malicious collectives, with and without
    camouflage); the density is an assumption.
    """

    is_adversary: ClassVar[bool] = True
    role: ClassVar[Role] = Role.SELLER

    density_ppm: int = 500_000  # chance to buy from a partner at an act
    camouflage_ppm: int = 500_000  # share of its signals that are sound

    def trade(self, seen: MarketView, draws: Draws) -> Records:
        """Buy from a partner or sell; praise partners, pay."""
        moves = create_moves(seen)
        acting = is_free(seen, Occasion.ACT)
        buying = acting & (seen.partner >= 0) & (seen.partner_price <= seen.balance)
        buying &= is_drawn(draws, Purpose.SCHEME, seen, self.density_ppm)
        buy(moves, buying, seen.partner, seen.partner_price)
        false = ~is_drawn(draws, Purpose.FRAUD, seen, self.camouflage_ppm)
        publish(moves, acting & ~buying, seen.price, false)
        rate(moves, is_free(seen, Occasion.RATE) & (seen.is_partner == 1), seen.subject, PPM)
        pay(moves, is_free(seen, Occasion.DUE), seen.subject)
        return moves
