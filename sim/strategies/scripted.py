"""An agent that follows a timeline written in the scenario."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.core.records import Records
from sim.strategies.base import Observation, create_work

if TYPE_CHECKING:
    from sim.core.draws import Draws


@dataclass(frozen=True, slots=True)
class Scripted:
    """Does step by step what the scenario's `script` says, at the times it says.

    Source: the scenario names the public reports of its incident.
    """

    def act(self, seen: Observation, draws: Draws) -> Records:
        """The step that is due; its time, key, path and purpose come from the script."""
        return create_work(seen)
