"""A seller who earns trust with small jobs and cashes it in with large ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from sim.core.market import Occasion, Role
from sim.core.records import Records
from sim.core.units import SUPPLY_MAX
from sim.strategies.trading import MarketView, create_moves, is_free, publish

if TYPE_CHECKING:
    from sim.core.draws import Draws


@dataclass(frozen=True, slots=True)
class ExitScammer:
    """Publishes `jobs` sound signals at the price asked, then only false ones at a multiple of it.

    It goes on until it is barred, and does not come back.
    Source: Kerr and Cohen 2009, Smart Cheaters Do Prosper (value imbalance); ratios of 10 and 100
    are swept; the number of jobs is an assumption.
    """

    is_adversary: ClassVar[bool] = True
    role: ClassVar[Role] = Role.SELLER

    jobs: int = 20  # sound signals before the first false one
    value_ratio: int = 10  # price of a false signal, in prices asked

    def trade(self, seen: MarketView, draws: Draws) -> Records:
        """One signal an act: small and sound first, then large and false."""
        moves = create_moves(seen)
        acting = is_free(seen, Occasion.ACT)
        leaving = seen.memory0 >= self.jobs
        ratio = max(1, self.value_ratio)
        large = np.minimum(seen.price, SUPPLY_MAX // ratio) * ratio
        publish(moves, acting, np.where(leaving, large, seen.price), leaving)
        moves["memory0"] += acting  # signals published
        return moves
