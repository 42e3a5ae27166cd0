"""A buyer who pays, and says what it found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from sim.core.market import Role
from sim.core.records import Records
from sim.strategies.trading import MarketView, create_moves, do_as_honest_buyers_do

if TYPE_CHECKING:
    from sim.core.draws import Draws


@dataclass(frozen=True, slots=True)
class HonestBuyer:
    """Buys the best offer it can pay; disputes what it finds false, rates by it, pays invoices.

    Source: an assumption; the default of `score_min` is the score below which a whitewasher takes
    an account for worthless (0.3), because nobody buys from it any more.
    """

    is_adversary: ClassVar[bool] = False
    role: ClassVar[Role] = Role.BUYER

    score_ppm_min: int = 300_000  # buys from nobody whose score is lower

    def trade(self, seen: MarketView, draws: Draws) -> Records:
        """Buy, dispute, rate or pay, as the occasion asks."""
        moves = create_moves(seen)
        do_as_honest_buyers_do(moves, seen, self.score_ppm_min)
        return moves
