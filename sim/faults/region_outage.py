"""A whole region is gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from sim.faults.base import Class, End, Site


@dataclass(frozen=True, slots=True)
class RegionOutage:
    """Every validator that stands in a region stops, and comes back with what it wrote down."""

    region: str
    kind: ClassVar[Class] = Class.CRASH

    def begin(self, site: Site, nodes: Sequence[int]) -> End:
        """Stop the region."""
        stopped = [node for node in site.get_nodes() if site.get_region(node) == self.region]
        for node in stopped:
            site.crash(node)

        def end() -> None:
            for node in stopped:
                site.restart(node, keeps_votes=True)

        return end
