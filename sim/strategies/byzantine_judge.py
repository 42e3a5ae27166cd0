"""A judge who was bought, or wants the wrong side to win."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from sim.core.market import Occasion, Role
from sim.core.records import Records
from sim.strategies.trading import MarketView, create_moves, is_free, vote

if TYPE_CHECKING:
    from sim.core.draws import Draws


@dataclass(frozen=True, slots=True)
class ByzantineJudge:
    """Votes against what it sees.

    Source: Lamport, Shostak and Pease 1982, The Byzantine Generals Problem; a briber pays for
    just this vote (Buterin 2015, The P + epsilon Attack).
    """

    is_adversary: ClassVar[bool] = True
    role: ClassVar[Role] = Role.JUDGE

    def trade(self, seen: MarketView, draws: Draws) -> Records:
        """One vote a seat."""
        moves = create_moves(seen)
        vote(moves, is_free(seen, Occasion.JUDGE), seen.subject, seen.looks_fraudulent != 1)
        return moves
