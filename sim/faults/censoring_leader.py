"""A leader leaves somebody out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from sim.faults.base import Class, End, Site, end_all


@dataclass(frozen=True, slots=True)
class CensoringLeader:
    """Proposes blocks without any transaction of one group of agents."""

    target: str  # name of the group
    kind: ClassVar[Class] = Class.BYZANTINE

    def begin(self, site: Site, nodes: Sequence[int]) -> End:
        """Leave the target out."""
        return end_all([site.censor(node, self.target) for node in nodes])
