"""The battery of strategies: agents that work."""

from __future__ import annotations

import inspect
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any, get_type_hints

import numpy as np

from sim.core.draws import Draws
from sim.core.purposes import Purpose
from sim.core.records import ATTACK_CALL_FIRST, INTENT, Goal
from sim.experiment.conformance.base import (
    check_it_is_frozen_and_keeps_no_state,
    check_its_docstring_names_a_source,
    require,
)
from sim.scenario.groups import TaskedGroup
from sim.scenario.knobs import get_knob
from sim.scenario.schema import SHAPES, create_group
from sim.strategies.base import STEPS_MAX, Observation, Strategy

if TYPE_CHECKING:
    from sim.core.records import Records
    from sim.experiment.conformance.base import Check, Plugin

N_GOALS, N_OFFERED = 3, 7
N_AGENTS, N_MANY = 96, 400
OWN = ("agent", "time_us", "task", "account")  # columns that say who acts, when and on what


def create_strategy(kind: Any) -> Strategy:
    """A strategy that acts often, whatever its knobs are called."""
    hints = get_type_hints(kind)
    knobs: dict[str, Any] = {}
    for field in fields(kind):
        if field.name.endswith("_ppm"):
            knobs[field.name] = 400_000
        elif hints[field.name] == tuple[str, ...]:
            knobs[field.name] = tuple(f"goal{index}" for index in range(N_GOALS))
        elif field.default is MISSING:
            knobs[field.name] = "somebody"
    strategy: Strategy = kind(**knobs)
    return strategy


def create_observation(n: int = N_AGENTS, seed: int = 0) -> Observation:
    """Agents in all sorts of places; drawn, but the same every time."""
    draws, rows = Draws(seed, "conformance", 0), np.arange(n)

    def draw(ordinal: int, below: int) -> Any:
        return draws.get_below(Purpose(1), rows, ordinal, below)

    n_steps = 1 + draw(0, STEPS_MAX)
    offered_first = N_OFFERED * draw(1, 4)
    return Observation(
        agent=rows,
        entity=draw(2, 2**62),
        account=draw(3, 50),
        time_us=draw(4, 10**9),
        task=draw(5, 1000),
        step=draw(6, 2**40) % n_steps,
        n_steps=n_steps,
        acted=draw(7, 2),
        operation=offered_first + draw(8, N_OFFERED),
        goal=draw(9, 3),
        path=draw(10, 1_000_001) - 1,
        arguments_from=np.full(n, 4),
        arguments_to=np.full(n, 6),
        offered_first=offered_first,
        n_offered=np.full(n, N_OFFERED),
        foreign_from=np.zeros(n, dtype=np.int64),
        goals=np.arange(N_GOALS),
    )


def take(seen: Observation, rows: Any) -> Observation:
    """Some of the agents; their goals are the cohort's."""
    return Observation._make([*(column[rows] for column in seen[:-1]), seen.goals])


def act(plugin: Plugin, seen: Observation) -> Records:
    """What the agents of a strategy mean to do.

    Errors: Nonconformity if that is not intents, one for each of them.
    """
    intents: Any = create_strategy(plugin.itself).act(seen, Draws(1, "conformance", 0))
    require(isinstance(intents, np.ndarray), f"act returned {type(intents).__name__}, no array")
    is_intents = intents.dtype == INTENT
    require(is_intents, f"act returned {intents.dtype}, not the whole numbers of an INTENT")
    n = len(seen.agent)
    require(intents.shape == (n,), f"{n} agents were seen, and {intents.shape} intents returned")
    return intents


def check_one_intent_for_each_agent_it_sees(plugin: Plugin) -> None:
    """`act` returns an array of INTENT, a row for each row seen: whole numbers, no floats."""
    act(plugin, create_observation())


def check_it_acts_for_no_agent_but_its_own(plugin: Plugin) -> None:
    """Agent, account, task and time of an intent are those of the row it answers."""
    seen = create_observation()
    intents = act(plugin, seen)
    for column in OWN:
        rows = np.flatnonzero(intents[column] != getattr(seen, column))
        if len(rows):
            row = int(rows[0])
            said, own = int(intents[column][row]), int(getattr(seen, column)[row])
            require(False, f"{column} of {len(rows)} intents is not its own: {said}, not {own}")


def check_a_cohort_acts_as_its_agents_would_alone(plugin: Plugin) -> None:
    """What an agent does depends on no other agent."""
    seen = create_observation()
    together = act(plugin, seen).tolist()
    for row in range(N_AGENTS):
        alone = act(plugin, take(seen, [row]))[0].item()
        require(together[row] == alone, f"agent {row} acts otherwise when it is alone")


def check_the_order_of_agents_does_not_matter(plugin: Plugin) -> None:
    """The same agents in another order do the same."""
    seen, rows = create_observation(), np.arange(N_AGENTS)[::-1].copy()
    same = np.array_equal(act(plugin, take(seen, rows)), act(plugin, seen)[rows])
    require(same, "agents act otherwise when they are seen in reverse order")


def check_the_same_sight_gives_the_same_intents(plugin: Plugin) -> None:
    """Chance comes from the draws alone, and nothing is kept between two windows."""
    strategy, seen = create_strategy(plugin.itself), create_observation()
    draws = Draws(1, "conformance", 0)
    first = strategy.act(seen, draws)
    strategy.act(create_observation(seed=9), draws)
    again = np.array_equal(strategy.act(seen, draws), first)
    require(again, "asked twice, it acts differently on the same sight and the same draws")
    other = np.array_equal(create_strategy(plugin.itself).act(seen, draws), first)
    require(other, "another one with the same knobs acts differently on the same sight and draws")


def check_it_writes_to_nothing_it_sees(plugin: Plugin) -> None:
    """The observation is only read, and no intent is a part of its memory."""
    seen = create_observation()
    for column in seen:
        column.flags.writeable = False
    intents = act(plugin, seen)
    shares = any(np.shares_memory(intents, column) for column in seen)
    require(not shares, "its intents share memory with what it saw")


def check_nobody_in_sight_is_nothing_to_do(plugin: Plugin) -> None:
    """An empty cohort is no intent, and no error."""
    act(plugin, take(create_observation(), slice(0)))


def check_it_turns_only_to_what_it_is_offered(plugin: Plugin) -> None:
    """Operations are among those of the org that the agent would turn to."""
    seen = create_observation(N_MANY)
    offset = act(plugin, seen)["operation"] - seen.offered_first
    n_wrong = int(((offset < 0) | (offset >= N_OFFERED)).sum())
    require(n_wrong == 0, f"{n_wrong} intents of {N_MANY} call what is not offered")


def check_an_act_beside_the_task_says_so(plugin: Plugin) -> None:
    """An act of its own has a call number of its own and a goal; all else is the task's work."""
    seen = create_observation(N_MANY)
    intents = act(plugin, seen)
    beside = intents["call"] >= ATTACK_CALL_FIRST
    step = intents["call"] - ATTACK_CALL_FIRST * beside
    require(np.array_equal(step, seen.step), "a call is not numbered by the step it is made at")
    has_goal = (intents["goal"][beside] != Goal.WORK).all()
    require(has_goal, "an act beside the task has the goal WORK")
    for column in ("goal", "operation", "path", "arguments_from", "arguments_to"):
        same = np.array_equal(intents[column][~beside], getattr(seen, column)[~beside])
        require(same, f"{column} of a call of the task is not what the task says")


def check_act_is_all_it_offers(plugin: Plugin) -> None:
    """It has no public method but `act`."""
    public = [
        key
        for key, value in vars(plugin.itself).items()
        if inspect.isfunction(value) and not key.startswith("_")
    ]
    require(public == ["act"], f"its public methods are {', '.join(public) or 'none'}")


def check_every_knob_is_explained(plugin: Plugin) -> None:
    """In the docstring, by its name without the unit, or in a comment on its line."""
    kind = plugin.itself
    source = inspect.getsource(kind).splitlines()
    for field in fields(kind):
        line = next((line for line in source if f" {field.name}:" in line), "")
        words = get_knob(field.name).replace("_", " ")
        explained = "  # " in line or words in (kind.__doc__ or "")
        require(explained, f"knob {field.name} is explained nowhere")


def check_a_scenario_can_set_every_knob(plugin: Plugin) -> None:
    """Each field becomes a key of its group in a scenario, with its default; none is a float."""
    group = create_group(plugin.name, plugin.itself)
    shape = SHAPES.get(plugin.name, TaskedGroup)
    require(issubclass(group, shape), f"its group is no {shape.__name__}")
    for field in fields(plugin.itself):
        is_float = isinstance(field.default, float)
        require(not is_float, f"knob {field.name} is a float: count in ppm, or in a smaller unit")
        knob = group.model_fields[get_knob(field.name)]
        same = knob.is_required() == (field.default is MISSING)
        same = same and (knob.is_required() or knob.default == field.default)
        require(same, f"knob {field.name} has another default in a scenario")


STRATEGY_CHECKS: tuple[Check, ...] = (
    check_one_intent_for_each_agent_it_sees,
    check_it_acts_for_no_agent_but_its_own,
    check_a_cohort_acts_as_its_agents_would_alone,
    check_the_order_of_agents_does_not_matter,
    check_the_same_sight_gives_the_same_intents,
    check_it_writes_to_nothing_it_sees,
    check_nobody_in_sight_is_nothing_to_do,
    check_it_turns_only_to_what_it_is_offered,
    check_an_act_beside_the_task_says_so,
    check_it_is_frozen_and_keeps_no_state,
    check_act_is_all_it_offers,
    check_its_docstring_names_a_source,
    check_every_knob_is_explained,
    check_a_scenario_can_set_every_knob,
)
