"""One controller behind many accounts."""

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
class Sybil:
    """Sells as a fraudulent seller does, with each of `identities` accounts.

    The accounts split the stake and the funds that one seller would have.
    Source: Douceur 2002, The Sybil Attack; 1, 10 and 100 identities are swept.
    """

    is_adversary: ClassVar[bool] = True
    role: ClassVar[Role] = Role.SELLER

    identities: int = 10  # accounts of each controller
    fraud_ppm: int = 500_000  # share of its signals that are false

    def trade(self, seen: MarketView, draws: Draws) -> Records:
        """One signal an act of each account."""
        moves = create_moves(seen)
        false = is_drawn(draws, Purpose.FRAUD, seen, self.fraud_ppm)
        publish(moves, is_free(seen, Occasion.ACT), seen.price, false)
        return moves
