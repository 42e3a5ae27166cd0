"""Messages overtake each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from sim.core.purposes import Purpose
from sim.faults.base import Class, End, OnLinks, Site, draw_one, get_link

if TYPE_CHECKING:
    from sim.core.draws import Draws


@dataclass(frozen=True, slots=True)
class Reordering:
    """Holds every message to and from some validators for a random time up to a limit."""

    spread_us: int = 300_000
    kind: ClassVar[Class] = Class.NETWORK

    def begin(self, site: Site, nodes: Sequence[int]) -> End:
        """Let messages overtake each other."""
        return site.disturb(_Spread(nodes, self.spread_us, site.draws))


class _Spread(OnLinks):
    def __init__(self, nodes: Sequence[int], spread_us: int, draws: Draws) -> None:
        super().__init__(nodes)
        self.spread_us, self.draws = spread_us, draws

    def carry(
        self, source: int, target: int, message: Any, ordinal: int, delays_us: list[int]
    ) -> list[int]:
        """Later, each by an amount of its own."""
        if not self.is_on(source, target):
            return delays_us
        more_us = draw_one(
            self.draws.get_below(
                Purpose.MESSAGE_DELAY, get_link(source, target), ordinal, self.spread_us + 1
            )
        )
        return [delay_us + more_us for delay_us in delays_us]
