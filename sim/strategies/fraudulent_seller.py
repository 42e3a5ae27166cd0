"""A seller who cheats from the start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from sim.core.market import Occasion, Role
from sim.core.purposes import Purpose
from sim.core.records import Records
from sim.strategies.trading import MarketView, create_moves, is_drawn, is_free, publish

if TYPE_CHECKING:
    from sim.core.draws import Draws


@dataclass(frozen=True, slots=True)
class FraudulentSeller:
    """Publishes at every act, a drawn share of its signals false, all at the price asked.

    Source: Akerlof 1970, The Market for Lemons; the share is an assumption.
    """

    is_adversary: ClassVar[bool] = True
    role: ClassVar[Role] = Role.SELLER

    fraud_ppm: int = 500_000  # share of its signals that are false

    def trade(self, seen: MarketView, draws: Draws) -> Records:
        """One signal an act."""
        moves = create_moves(seen)
        false = is_drawn(draws, Purpose.FRAUD, seen, self.fraud_ppm)
        publish(moves, is_free(seen, Occasion.ACT), seen.price, false)
        return moves
