"""Links stop up and open again one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from sim.faults.base import Class, End, Site


@dataclass(frozen=True, slots=True)
class Clog:
    """Holds what is sent to some validators, and lets each have it all at once, one by one.

    Source: the "clogging" of FoundationDB's simulator.
    """

    apart_us: int = 200_000  # between one validator's release and the next one's
    held_us: int = 2_000_000  # until the first release, and from each to the next
    kind: ClassVar[Class] = Class.NETWORK

    def begin(self, site: Site, nodes: Sequence[int]) -> End:
        """Hold messages."""
        return site.disturb(_Held(site, nodes, self))


class _Held:
    def __init__(self, site: Site, nodes: Sequence[int], fault: Clog) -> None:
        self.site = site
        self.cycle_us = fault.held_us
        self.begun_us = site.now_us()
        self.after_us = {node: rank * fault.apart_us for rank, node in enumerate(nodes)}

    def carry(
        self, source: int, target: int, message: Any, ordinal: int, delays_us: list[int]
    ) -> list[int]:
        """All that is held comes together, at the next release of its target."""
        if target not in self.after_us:
            return delays_us
        since_us = self.site.now_us() - self.begun_us
        wait_us = self.cycle_us - since_us % self.cycle_us + self.after_us[target]
        return [delay_us + wait_us for delay_us in delays_us]
