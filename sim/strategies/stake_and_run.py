"""A seller who takes its stake and leaves before it is found out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from sim.core.market import Occasion, Role
from sim.core.records import Records
from sim.strategies.trading import MarketView, create_moves, is_free, publish, unbond, withdraw

if TYPE_CHECKING:
    from sim.core.draws import Draws


@dataclass(frozen=True, slots=True)
class StakeAndRun:
    """Publishes `sales` false signals, unbonds its whole stake, withdraws it, sells no more.

    One without stake has nothing to unbond and only stops.
    Source: CometBFT, evidence: stake stays slashable through an unbonding period as long as
    evidence is taken, so that nobody leaves first; the number of sales is an assumption.
    """

    is_adversary: ClassVar[bool] = True
    role: ClassVar[Role] = Role.SELLER

    sales: int = 5  # false signals before it leaves

    def trade(self, seen: MarketView, draws: Draws) -> Records:
        """Sell, then unbond, then withdraw."""
        moves = create_moves(seen)
        acting = is_free(seen, Occasion.ACT)
        selling = acting & (seen.memory0 < self.sales)
        publish(moves, selling, seen.price, 1)
        unbonding = acting & ~selling & (seen.memory1 == 0) & (seen.stake > 0)
        unbond(moves, unbonding, seen.stake)
        withdrawing = acting & ~selling & ~unbonding & (seen.unbonding_slot >= 0)
        withdraw(moves, withdrawing, seen.unbonding_slot)
        moves["memory0"] += selling  # signals published
        moves["memory1"] |= unbonding  # 1: it has asked for its stake
        return moves
