"""An honest agent that reads attacker-controlled text, and may follow it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.core.purposes import Purpose
from sim.core.records import Goal, Records
from sim.strategies.base import (
    Observation,
    create_work,
    get_goal_operations,
    set_extra_act,
)

if TYPE_CHECKING:
    from sim.core.draws import Draws


@dataclass(frozen=True, slots=True)
class Injected:
    """Works; in some tasks a step's result carries instructions, and it may obey once.

    Source: indirect prompt injection, Greshake et al. 2023; the default chance to obey is the
    share of attacked runs that succeed for gpt-4o under AgentDojo's important_instructions
    (0.4769).
    """

    goals: tuple[str, ...]  # operations the attacker asks for
    injection_ppm: int = 100_000  # share of tasks with planted instructions
    obey_ppm: int = 476_900

    def act(self, seen: Observation, draws: Draws) -> Records:
        """Work, or what the planted text asks for first."""
        intents = create_work(seen)
        planted = draws.get_ppm(Purpose.INJECTION, seen.entity, seen.task) < self.injection_ppm
        step = draws.get_below(Purpose.ARGUMENT, seen.entity, seen.task, seen.n_steps)
        obeying = planted & (step == seen.step) & (seen.acted == 0)
        obeying &= draws.get_ppm(Purpose.OBEY, seen.entity, seen.task) < self.obey_ppm
        if obeying.any():
            choice = draws.get_below(
                Purpose.GOAL_OPERATION, seen.entity[obeying], seen.task[obeying], len(self.goals)
            )
            operation = get_goal_operations(seen, obeying, choice)
            set_extra_act(intents, seen, obeying, operation, Goal.ATTACK)
        return intents
