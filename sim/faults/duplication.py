"""Messages arrive twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from sim.core.purposes import Purpose
from sim.faults.base import Class, End, OnLinks, Site, draw_one, get_link

if TYPE_CHECKING:
    from sim.core.draws import Draws


@dataclass(frozen=True, slots=True)
class Duplication:
    """Replays a share of the messages to and from some validators, some time later."""

    share_ppm: int = 100_000
    replay_us: int = 500_000  # mean time until the copy comes
    kind: ClassVar[Class] = Class.NETWORK

    def begin(self, site: Site, nodes: Sequence[int]) -> End:
        """Send copies."""
        return site.disturb(_Copies(nodes, self, site.draws))


class _Copies(OnLinks):
    def __init__(self, nodes: Sequence[int], fault: Duplication, draws: Draws) -> None:
        super().__init__(nodes)
        self.fault, self.draws = fault, draws

    def carry(
        self, source: int, target: int, message: Any, ordinal: int, delays_us: list[int]
    ) -> list[int]:
        """The same, and now and then once more."""
        if not self.is_on(source, target) or not delays_us:
            return delays_us
        link, purpose = get_link(source, target), Purpose.MESSAGE_COPY
        if draw_one(self.draws.get_ppm(purpose, link, 2 * ordinal)) >= self.fault.share_ppm:
            return delays_us
        later_us = draw_one(
            self.draws.get_wait_us(purpose, link, 2 * ordinal + 1, self.fault.replay_us)
        )
        return [*delays_us, delays_us[0] + later_us]
