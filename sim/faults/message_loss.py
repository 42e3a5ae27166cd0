"""Messages get lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from sim.core.purposes import Purpose
from sim.faults.base import Class, End, OnLinks, Site, draw_one, get_link

if TYPE_CHECKING:
    from sim.core.draws import Draws


@dataclass(frozen=True, slots=True)
class MessageLoss:
    """Loses a share of the messages to and from some validators."""

    share_ppm: int = 100_000
    kind: ClassVar[Class] = Class.NETWORK

    def begin(self, site: Site, nodes: Sequence[int]) -> End:
        """Lose messages."""
        return site.disturb(_Loss(nodes, self.share_ppm, site.draws))


class _Loss(OnLinks):
    def __init__(self, nodes: Sequence[int], share_ppm: int, draws: Draws) -> None:
        super().__init__(nodes)
        self.share_ppm, self.draws = share_ppm, draws

    def carry(
        self, source: int, target: int, message: Any, ordinal: int, delays_us: list[int]
    ) -> list[int]:
        """Nothing, at some rate."""
        if not self.is_on(source, target):
            return delays_us
        drawn = self.draws.get_ppm(Purpose.MESSAGE_LOSS, get_link(source, target), ordinal)
        return [] if draw_one(drawn) < self.share_ppm else delays_us
