"""A leader says nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from sim.consensus.messages import Effect, Message
from sim.consensus.replica import Replica
from sim.faults.base import Class, End, Site, behave_alike, replace_proposal


@dataclass(frozen=True, slots=True)
class SilentLeader:
    """Votes, but never proposes when it leads."""

    kind: ClassVar[Class] = Class.BYZANTINE

    def begin(self, site: Site, nodes: Sequence[int]) -> End:
        """Keep proposals back."""
        return behave_alike(site, nodes, self)

    def act(self, replica: Replica, message: Message | None, effects: list[Effect]) -> list[Effect]:
        """All but the proposal."""
        return replace_proposal(effects, [])
