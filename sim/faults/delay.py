"""Messages come too late."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from sim.core.purposes import Purpose
from sim.faults.base import Class, End, OnLinks, Site, draw_one, get_link

if TYPE_CHECKING:
    from sim.core.draws import Draws


@dataclass(frozen=True, slots=True)
class Delay:
    """Holds a share of the messages to and from some validators back, beyond a view's timer."""

    share_ppm: int = 200_000
    extra_us: int = 3_000_000
    kind: ClassVar[Class] = Class.NETWORK

    def begin(self, site: Site, nodes: Sequence[int]) -> End:
        """Hold messages back."""
        return site.disturb(_Late(nodes, self, site.draws))


class _Late(OnLinks):
    def __init__(self, nodes: Sequence[int], fault: Delay, draws: Draws) -> None:
        super().__init__(nodes)
        self.fault, self.draws = fault, draws

    def carry(
        self, source: int, target: int, message: Any, ordinal: int, delays_us: list[int]
    ) -> list[int]:
        """Later, at some rate."""
        if not self.is_on(source, target):
            return delays_us
        drawn = self.draws.get_ppm(Purpose.MESSAGE_LATE, get_link(source, target), ordinal)
        if draw_one(drawn) >= self.fault.share_ppm:
            return delays_us
        return [delay_us + self.fault.extra_us for delay_us in delays_us]
