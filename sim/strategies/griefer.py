"""Somebody who disputes what is sound, to do harm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from sim.core.market import Occasion, Role
from sim.core.purposes import Purpose
from sim.core.records import Records
from sim.strategies.trading import MarketView, challenge, create_moves, is_drawn, is_free

if TYPE_CHECKING:
    from sim.core.draws import Draws


@dataclass(frozen=True, slots=True)
class Griefer:
    """Disputes the offer that looks best to it at a share of its acts, without looking; never buys.

    What looks best is sound most of the time, and has most to lose by a dispute.
    Source: Buterin 2018, A Griefing Factor Analysis Model; the rate is an assumption.
    """

    is_adversary: ClassVar[bool] = True
    role: ClassVar[Role] = Role.BUYER

    rate_ppm: int = 200_000  # share of its acts that dispute an offer

    def trade(self, seen: MarketView, draws: Draws) -> Records:
        """Dispute an offer, or let the act pass."""
        moves = create_moves(seen)
        disputing = is_free(seen, Occasion.ACT) & (seen.offer >= 0)
        disputing &= is_drawn(draws, Purpose.SCHEME, seen, self.rate_ppm)
        challenge(moves, disputing, seen.offer)
        return moves
