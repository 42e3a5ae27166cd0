"""A seller who is good long enough to be forgiven."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from sim.core.market import Occasion, Role
from sim.core.records import Records
from sim.strategies.trading import MarketView, create_moves, is_free, publish

if TYPE_CHECKING:
    from sim.core.draws import Draws


@dataclass(frozen=True, slots=True)
class OnOff:
    """Publishes `n_good` sound signals, then `n_bad` false ones, and begins again.

    Source: Hoffman, Zage and Nita-Rotaru 2009, A Survey of Attack and Defense Techniques for
    Reputation Systems; duty cycles of 7:3 and 50:10 are swept.
    """

    is_adversary: ClassVar[bool] = True
    role: ClassVar[Role] = Role.SELLER

    n_good: int = 7  # sound signals in a row
    n_bad: int = 3  # false signals in a row

    def trade(self, seen: MarketView, draws: Draws) -> Records:
        """One signal an act, by its place in the cycle."""
        moves = create_moves(seen)
        acting = is_free(seen, Occasion.ACT)
        place = seen.memory0 % max(1, self.n_good + self.n_bad)
        publish(moves, acting, seen.price, (place >= self.n_good) & (self.n_bad > 0))
        moves["memory0"] += acting  # signals published
        return moves
