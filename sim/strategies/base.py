"""What a strategy sees and says, and the protocol it fills."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from sim.core.records import ATTACK_CALL_FIRST, INTENT, Goal, Ints, Records

if TYPE_CHECKING:
    from sim.core.draws import Draws

STEPS_MAX = ATTACK_CALL_FIRST  # calls of one task


class Observation(NamedTuple):
    """One cohort's agents that are due, a row each; all columns int64 (n,) but the last two."""

    agent: Ints  # row in the world's population
    entity: Ints  # key of its draws
    account: Ints  # account whose key it holds
    time_us: Ints
    task: Ints  # ordinal of its task
    step: Ints  # next call of the task
    n_steps: Ints
    acted: Ints  # 1: it has done its extra act at this step already
    operation: Ints  # what the step calls
    goal: Ints  # Goal of the step
    path: Ints  # rank of the step's path, -1: as drawn
    arguments_from: Ints
    arguments_to: Ints
    offered_first: Ints  # first operation of the org it would turn to
    n_offered: Ints
    foreign_from: Ints  # an argument that no task names
    goals: Ints  # (k,) what an attacker is after, as offsets into what an org offers


class Strategy(Protocol):
    """From observations and draws to intents. Its dataclass fields are its knobs."""

    def act(self, seen: Observation, draws: Draws) -> Records:
        """Intents of a cohort in one window: one INTENT row for each row seen."""


def get_ordinal(seen: Observation) -> Ints:
    """Number of a step in an agent's life: the ordinal of what is drawn once a step."""
    return seen.task * (2 * STEPS_MAX) + seen.step


def create_work(seen: Observation) -> Records:
    """Do what the task says."""
    intents = np.zeros(seen.agent.shape, dtype=INTENT)
    for name in ("agent", "time_us", "task", "operation", "account", "goal", "path"):
        intents[name] = getattr(seen, name)
    intents["call"] = seen.step
    intents["arguments_from"] = seen.arguments_from
    intents["arguments_to"] = seen.arguments_to
    return intents


def set_extra_act(
    intents: Records, seen: Observation, where: np.ndarray, operation: Ints, goal: Goal
) -> None:
    """Replace the work of some rows by an act the task did not ask for; work waits a turn."""
    intents["operation"][where] = operation
    intents["goal"][where] = int(goal)
    intents["call"][where] = ATTACK_CALL_FIRST + seen.step[where]
    intents["path"][where] = -1
    if goal is Goal.ATTACK:
        intents["arguments_from"][where] = seen.foreign_from[where]
        intents["arguments_to"][where] = seen.foreign_from[where] + 1


def get_goal_operations(seen: Observation, where: np.ndarray, choice: Ints) -> Ints:
    """Operations an attacker is after, at the org each agent would turn to."""
    return seen.offered_first[where] + seen.goals[choice]
