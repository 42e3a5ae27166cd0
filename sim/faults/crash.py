"""A validator stops and comes back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from sim.faults.base import Class, End, Site


@dataclass(frozen=True, slots=True)
class Crash:
    """Stops; comes back with the votes and the lock it wrote down."""

    kind: ClassVar[Class] = Class.CRASH

    def begin(self, site: Site, nodes: Sequence[int]) -> End:
        """Stop the nodes."""
        for node in nodes:
            site.crash(node)

        def end() -> None:
            for node in nodes:
                site.restart(node, keeps_votes=True)

        return end
