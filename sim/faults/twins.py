"""A key is used by two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from sim.faults.base import Class, End, Site


@dataclass(frozen=True, slots=True)
class Twins:
    """A second node runs a validator's key by the rules: a restored backup, or an attack.

    Source: Bano et al. 2021, "Twins: BFT systems made robust".
    """

    kind: ClassVar[Class] = Class.BYZANTINE

    def begin(self, site: Site, nodes: Sequence[int]) -> End:
        """Start the second nodes, which stood still until now."""
        twins = [twin for node in nodes for twin in site.get_twins(node)]
        for twin in twins:
            site.restart(twin, keeps_votes=True)

        def end() -> None:
            for twin in twins:
                site.crash(twin)

        return end
