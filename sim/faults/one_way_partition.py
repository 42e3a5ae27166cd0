"""Some are heard and do not hear."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from sim.faults.base import Class, End, Site


@dataclass(frozen=True, slots=True)
class OneWayPartition:
    """Messages to some validators are lost, those from them arrive."""

    kind: ClassVar[Class] = Class.NETWORK

    def begin(self, site: Site, nodes: Sequence[int]) -> End:
        """Make the nodes deaf."""
        return site.disturb(_Deaf(nodes))


class _Deaf:
    def __init__(self, nodes: Sequence[int]) -> None:
        self.nodes = frozenset(nodes)

    def carry(
        self, source: int, target: int, message: Any, ordinal: int, delays_us: list[int]
    ) -> list[int]:
        """Nothing comes in."""
        return [] if target in self.nodes else delays_us
