"""A judge who looks, and votes what it sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from sim.core.market import Occasion, Role
from sim.core.records import Records
from sim.strategies.trading import MarketView, create_moves, is_free, vote

if TYPE_CHECKING:
    from sim.core.draws import Draws


@dataclass(frozen=True, slots=True)
class HonestJudge:
    """Votes to uphold a dispute where the signal looks fraudulent to it, else to reject it.

    Looking may mislead: what it sees holds its error already.
    Source: an assumption; the honest majority that decisions by committee rest on.
    """

    is_adversary: ClassVar[bool] = False
    role: ClassVar[Role] = Role.JUDGE

    def trade(self, seen: MarketView, draws: Draws) -> Records:
        """One vote a seat."""
        moves = create_moves(seen)
        vote(moves, is_free(seen, Occasion.JUDGE), seen.subject, seen.looks_fraudulent == 1)
        return moves
