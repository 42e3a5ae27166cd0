"""A validator stops and comes back without its memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from sim.faults.base import Class, End, Site


@dataclass(frozen=True, slots=True)
class Amnesia:
    """Stops; comes back without its votes and its lock, and may vote twice: Byzantine."""

    kind: ClassVar[Class] = Class.BYZANTINE

    def begin(self, site: Site, nodes: Sequence[int]) -> End:
        """Stop the nodes."""
        for node in nodes:
            site.crash(node)

        def end() -> None:
            for node in nodes:
                site.restart(node, keeps_votes=False)

        return end
