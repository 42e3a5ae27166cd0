"""The network falls apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from sim.faults.base import Class, End, Site


@dataclass(frozen=True, slots=True)
class Partition:
    """Messages between groups of validators are lost; whoever is in no group is on its own.

    `groups` lists validators group by group: `0 1 | 2 3`; `2b` is the twin of validator 2. With
    `last_view` set only messages of senders in views `first_view` to `last_view` are lost.
    """

    groups: str
    first_view: int = 0
    last_view: int = 0
    kind: ClassVar[Class] = Class.NETWORK

    def begin(self, site: Site, nodes: Sequence[int]) -> End:
        """Cut the links between groups."""
        return site.disturb(_Cut(site, self))


class _Cut:
    def __init__(self, site: Site, fault: Partition) -> None:
        self.site, self.fault = site, fault
        self.group_of: dict[int, int] = {}
        for number, group in enumerate(fault.groups.split("|")):
            for name in group.split():
                self.group_of[site.find_node(name)] = number

    def carry(
        self, source: int, target: int, message: Any, ordinal: int, delays_us: list[int]
    ) -> list[int]:
        """Nothing between groups, while it lasts."""
        fault = self.fault
        view = self.site.get_view(source)
        if fault.last_view and not fault.first_view <= view <= fault.last_view:
            return delays_us
        group_of = self.group_of
        same = group_of.get(source, -1 - source) == group_of.get(target, -1 - target)
        return delays_us if same else []
