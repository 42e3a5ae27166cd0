"""An agent that works through its tasks and sometimes errs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.core.purposes import Purpose
from sim.core.records import Goal, Records
from sim.strategies.base import Observation, create_work, get_ordinal, set_extra_act

if TYPE_CHECKING:
    from sim.core.draws import Draws


@dataclass(frozen=True, slots=True)
class Honest:
    """Works through tasks; now and then calls something else of the same org by mistake.

    Source: an assumption; recorded benign runs of AgentDojo agents call a tool outside their
    task's scope in about one call of ten.
    """

    error_ppm: int = 0  # chance of a mistaken call before each step

    def act(self, seen: Observation, draws: Draws) -> Records:
        """Work, or a mistake first."""
        intents = create_work(seen)
        if self.error_ppm == 0:
            return intents
        ordinal = get_ordinal(seen)
        erring = draws.get_ppm(Purpose.ERROR, seen.entity, ordinal) < self.error_ppm
        erring &= (seen.acted == 0) & (seen.n_offered > 1)
        if erring.any():
            shift = 1 + draws.get_below(
                Purpose.ERROR_OPERATION,
                seen.entity[erring],
                ordinal[erring],
                seen.n_offered[erring] - 1,
            )
            offered_first, n_offered = seen.offered_first[erring], seen.n_offered[erring]
            other = (seen.operation[erring] - offered_first + shift) % n_offered
            set_extra_act(intents, seen, erring, offered_first + other, Goal.ERROR)
        return intents
