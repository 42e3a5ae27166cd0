"""An agent that makes the calls another one was recorded making."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.core.records import Records
from sim.strategies.base import Observation, create_work

if TYPE_CHECKING:
    from sim.core.draws import Draws


@dataclass(frozen=True, slots=True)
class Replay:
    """Makes the recorded calls of one run after another, malicious ones among them.

    Only calls that were executed when recorded are made. Refusals do not change what it tries
    next: the recording is open loop.

    Source: the recording that the scenario names.
    """

    def act(self, seen: Observation, draws: Draws) -> Records:
        """The recorded call that is due."""
        return create_work(seen)
