"""Everybody hears only the neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from sim.faults.base import Class, End, Site


@dataclass(frozen=True, slots=True)
class RingPartition:
    """Only messages between validators with neighbouring numbers arrive; first and last are too."""

    kind: ClassVar[Class] = Class.NETWORK

    def begin(self, site: Site, nodes: Sequence[int]) -> End:
        """Leave only the ring."""
        return site.disturb(_Ring(len(site.get_nodes())))


class _Ring:
    def __init__(self, n_nodes: int) -> None:
        self.n_nodes = n_nodes

    def carry(
        self, source: int, target: int, message: Any, ordinal: int, delays_us: list[int]
    ) -> list[int]:
        """Nothing but from neighbours."""
        distance = (source - target) % self.n_nodes
        return delays_us if distance in (0, 1, self.n_nodes - 1) else []
