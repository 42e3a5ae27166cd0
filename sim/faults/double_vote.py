"""A validator votes twice in a view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from sim.consensus.messages import Effect, Message, Send, Vote
from sim.consensus.replica import Replica
from sim.faults.base import Class, End, Site, behave_alike


@dataclass(frozen=True, slots=True)
class DoubleVote:
    """With each vote sends another, for a block that does not exist."""

    kind: ClassVar[Class] = Class.BYZANTINE

    def begin(self, site: Site, nodes: Sequence[int]) -> End:
        """Vote twice."""
        return behave_alike(site, nodes, self)

    def act(self, replica: Replica, message: Message | None, effects: list[Effect]) -> list[Effect]:
        """Every vote, and its opposite."""
        doubled: list[Effect] = []
        for effect in effects:
            doubled.append(effect)
            if isinstance(effect, Send) and isinstance(effect.message, Vote):
                vote = effect.message
                digest = bytes(byte ^ 255 for byte in vote.digest)
                statement = (vote.kind, vote.view, digest)
                signature = replica.signatures.sign(replica.validator, statement)
                doubled.append(Send(effect.to, vote._replace(digest=digest, signature=signature)))
        return doubled
