"""A seller who sheds its reputation with its account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from sim.core.market import Occasion, Role
from sim.core.purposes import Purpose
from sim.core.records import Records
from sim.strategies.trading import MarketView, create_moves, is_drawn, is_on, publish, rejoin

if TYPE_CHECKING:
    from sim.core.draws import Draws


@dataclass(frozen=True, slots=True)
class Whitewasher:
    """Cheats; once its ratings have cost it its score, or it is barred, begins anew.

    A low score alone does not drive it away before somebody has rated it: a newcomer's may be as
    low. It goes on with the account it has after the last of its `rejoins`.
    Source: Friedman and Resnick 2001, The Social Cost of Cheap Pseudonyms; the threshold is that
    of the sweeps, the number of times is an assumption.
    """

    is_adversary: ClassVar[bool] = True
    role: ClassVar[Role] = Role.SELLER

    leave_ppm: int = 300_000  # leaves an account whose score is lower
    rejoins: int = 8  # at most so many times
    fraud_ppm: int = 500_000  # share of its signals that are false

    def trade(self, seen: MarketView, draws: Draws) -> Records:
        """Leave a spoilt account, or one signal."""
        moves = create_moves(seen)
        acting = is_on(seen, Occasion.ACT)
        is_spoilt = (seen.score_ppm < self.leave_ppm) & (seen.n_ratings > 0)
        leaving = acting & (is_spoilt | (seen.barred == 1)) & (seen.incarnation < self.rejoins)
        rejoin(moves, leaving)
        selling = acting & ~leaving & (seen.barred == 0)
        publish(moves, selling, seen.price, is_drawn(draws, Purpose.FRAUD, seen, self.fraud_ppm))
        return moves
