"""A validator pretends that time has run ahead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from sim.consensus.messages import TIMEOUT, Broadcast, Effect, Message, Timeout
from sim.consensus.replica import Replica
from sim.faults.base import Class, End, Site, behave_alike


@dataclass(frozen=True, slots=True)
class InflatedView:
    """With whatever it sends, claims to have given up on a view far ahead."""

    ahead_views: int = 1_000_000
    kind: ClassVar[Class] = Class.BYZANTINE

    def begin(self, site: Site, nodes: Sequence[int]) -> End:
        """Claim later views."""
        return behave_alike(site, nodes, self)

    def act(self, replica: Replica, message: Message | None, effects: list[Effect]) -> list[Effect]:
        """A time-out of a view that nobody has seen, without a proof of it."""
        if not effects:
            return effects
        view = replica.view + self.ahead_views
        statement = (TIMEOUT, view, replica.high.view)
        signature = replica.signatures.sign(replica.validator, statement)
        claim = Timeout(view, replica.validator, replica.high, None, signature)
        return [*effects, Broadcast(claim)]
