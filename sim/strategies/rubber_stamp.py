"""A judge who mostly does not look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from sim.core.market import Occasion, Role
from sim.core.purposes import Purpose
from sim.core.records import Records
from sim.strategies.trading import MarketView, create_moves, is_drawn, is_free, vote

if TYPE_CHECKING:
    from sim.core.draws import Draws


@dataclass(frozen=True, slots=True)
class RubberStamp:
    """Rejects a share of its disputes without looking; votes what it sees in the others.

    Source: Luu et al. 2015, Demystifying Incentives in the Consensus Computer (the verifier's
    dilemma); lazy shares of 0.2 and 0.8 are swept.
    """

    is_adversary: ClassVar[bool] = True
    role: ClassVar[Role] = Role.JUDGE

    lazy_ppm: int = 800_000  # share of its disputes that it rejects without looking

    def trade(self, seen: MarketView, draws: Draws) -> Records:
        """One vote a seat."""
        moves = create_moves(seen)
        looking = ~is_drawn(draws, Purpose.SCHEME, seen, self.lazy_ppm)
        upholding = looking & (seen.looks_fraudulent == 1)
        vote(moves, is_free(seen, Occasion.JUDGE), seen.subject, upholding)
        return moves
