"""A buyer who never pays an invoice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from sim.core.market import Occasion, Role
from sim.core.records import Records
from sim.strategies.trading import MarketView, buy, create_moves, is_free, say_what_was_found

if TYPE_CHECKING:
    from sim.core.draws import Draws


@dataclass(frozen=True, slots=True)
class Deadbeat:
    """Buys whatever looks best, whether it can pay or not, and lets every invoice pass.

    It disputes and rates as an honest buyer does, so that what it does not pay is all its harm.
    Source: an assumption; what buying on credit without collateral leaves open.
    """

    is_adversary: ClassVar[bool] = True
    role: ClassVar[Role] = Role.BUYER

    def trade(self, seen: MarketView, draws: Draws) -> Records:
        """Buy, dispute or rate; an invoice passes."""
        moves = create_moves(seen)
        buying = is_free(seen, Occasion.ACT) & (seen.offer >= 0)
        buy(moves, buying, seen.offer, seen.offer_price)
        say_what_was_found(moves, seen)
        return moves
