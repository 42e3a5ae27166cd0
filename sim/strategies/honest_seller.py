"""A seller whose signals are sound as far as it knows."""

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
class HonestSeller:
    """Publishes a sound signal at every act; now and then one is false without its knowing.

    Source: an assumption; the same of everybody who sells, so that detectors face honest errors.
    """

    is_adversary: ClassVar[bool] = False
    role: ClassVar[Role] = Role.SELLER

    error_ppm: int = 0  # chance that a signal is false; it counts as false all the same

    def trade(self, seen: MarketView, draws: Draws) -> Records:
        """One signal an act, at the price asked."""
        moves = create_moves(seen)
        false = is_drawn(draws, Purpose.FRAUD, seen, self.error_ppm)
        publish(moves, is_free(seen, Occasion.ACT), seen.price, false)
        return moves
