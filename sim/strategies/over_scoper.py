"""An agent that reaches for more than it was given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.core.purposes import Purpose
from sim.core.records import Goal, Records
from sim.strategies.base import (
    Observation,
    create_work,
    get_goal_operations,
    get_ordinal,
    set_extra_act,
)

if TYPE_CHECKING:
    from sim.core.draws import Draws


@dataclass(frozen=True, slots=True)
class OverScoper:
    """Works, and before a step tries one of its goals with a given chance.

    Source: privilege abuse as in OWASP's agentic top ten (identity and privilege abuse).
    """

    goals: tuple[str, ...]  # operations it is after
    temptation_ppm: int = 100_000  # chance before each step

    def act(self, seen: Observation, draws: Draws) -> Records:
        """Work, or a goal first."""
        intents = create_work(seen)
        ordinal = get_ordinal(seen)
        tempted = draws.get_ppm(Purpose.TEMPTATION, seen.entity, ordinal) < self.temptation_ppm
        tempted &= seen.acted == 0
        if tempted.any():
            choice = draws.get_below(
                Purpose.GOAL_OPERATION, seen.entity[tempted], ordinal[tempted], len(self.goals)
            )
            operation = get_goal_operations(seen, tempted, choice)
            set_extra_act(intents, seen, tempted, operation, Goal.ATTACK)
        return intents
