"""What every strategy must keep to."""

from __future__ import annotations

import inspect
from dataclasses import MISSING, fields
from typing import Any, get_type_hints

import numpy as np

from sim.core.draws import Draws
from sim.core.records import ATTACK_CALL_FIRST, INTENT, Goal, Records
from sim.experiment.conformance.base import require, require_equal, require_rows, require_same
from sim.experiment.conformance.forms import require_docstring, require_frozen, require_methods
from sim.scenario.knobs import create_knobs, get_knob
from sim.scenario.literals import Name
from sim.strategies.base import STEPS_MAX, Observation, Strategy

N_GOALS, N_OFFERED = 3, 7
N = 96


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


def create_observation(n: int = N, seed: int = 0) -> Observation:
    """Agents in all sorts of places; drawn, but the same every time."""
    draws, rows = Draws(seed, "conformance", 0), np.arange(n)

    def draw(ordinal: int, below: int) -> Any:
        return draws.get_below(1, rows, ordinal, below)  # type: ignore[arg-type] # any purpose

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
    columns: Any = [*(column[rows] for column in seen[:-1]), seen.goals]
    return Observation(*columns)


def act(kind: Any, seen: Observation, seed: int = 1) -> Records:
    """What a strategy of this kind means to do."""
    return create_strategy(kind).act(seen, Draws(seed, "conformance", 0))


def check_it_says_one_intent_for_each_agent_it_sees(kind: Any) -> None:
    """It says one intent for each agent it sees."""
    seen = create_observation()
    intents = act(kind, seen)
    require(intents.dtype == INTENT, "records of the type INTENT", str(intents.dtype))
    require_equal(f"the shape of intents of {N} agents", intents.shape, (N,))
    for column in ("agent", "time_us", "task", "account"):
        require_same(f"{column} that was seen", intents[column], getattr(seen, column))


def check_a_cohort_acts_as_its_agents_would_alone(kind: Any) -> None:
    """A cohort acts as its agents would alone."""
    seen = create_observation()
    alone = [act(kind, take(seen, [row]))[0] for row in range(N)]
    require_same("intents as of each agent alone", act(kind, seen), alone)


def check_the_order_of_agents_does_not_matter(kind: Any) -> None:
    """The order of agents does not matter."""
    seen = create_observation()
    rows = np.arange(N)[::-1].copy()
    found = act(kind, take(seen, rows))
    require_same("intents with agents in another order", found, act(kind, seen)[rows])


def check_the_same_sight_gives_the_same_intents(kind: Any) -> None:
    """The same sight gives the same intents."""
    strategy, seen = create_strategy(kind), create_observation()
    draws = Draws(1, "conformance", 0)
    first = strategy.act(seen, draws)
    strategy.act(create_observation(seed=9), draws)
    require_same("intents a second time", strategy.act(seen, draws), first)
    require_same("intents of a new one of it", create_strategy(kind).act(seen, draws), first)


def check_it_writes_to_nothing_it_sees(kind: Any) -> None:
    """It writes to nothing it sees."""
    seen = create_observation()
    for column in seen:
        column.flags.writeable = False
    intents = act(kind, seen)
    for name, column in zip(seen._fields, seen, strict=True):
        is_shared = np.shares_memory(intents, column)
        require(not is_shared, "intents of its own", f"the column {name} that it sees")


def check_nobody_in_sight_is_nothing_to_do(kind: Any) -> None:
    """Nobody in sight is nothing to do."""
    found = act(kind, take(create_observation(), slice(0)))
    require_equal("the shape of intents of no agent", found.shape, (0,))


def check_it_turns_only_to_what_it_is_offered(kind: Any) -> None:
    """It turns only to what it is offered."""
    seen = create_observation(400)
    operation = act(kind, seen)["operation"]
    first = seen.offered_first
    is_offered = (operation >= first) & (operation < first + N_OFFERED)
    require_rows(is_offered, "an operation among those offered", operation)


def check_an_act_beside_the_task_says_so(kind: Any) -> None:
    """An act beside the task says so."""
    seen = create_observation(400)
    intents = act(kind, seen)
    beside = intents["call"] >= ATTACK_CALL_FIRST
    step = intents["call"] - ATTACK_CALL_FIRST * beside
    require_same("step as seen, as the number of the call", step, seen.step)
    goal = intents["goal"][beside]
    require_rows(goal != Goal.WORK, "another goal than work of an act beside the task", goal)
    for column in ("goal", "operation", "path", "arguments_from", "arguments_to"):
        expected = getattr(seen, column)[~beside]
        require_same(f"{column} as the task has it", intents[column][~beside], expected)


def check_it_is_frozen_and_remembers_nothing(kind: Any) -> None:
    """It is frozen and remembers nothing."""
    require_frozen(kind, create_strategy)
    require_methods(kind, ("act",))


def check_its_docstring_says_what_it_does_and_where_it_is_from(kind: Any) -> None:
    """Its docstring says what it does and where it is from."""
    require_docstring(kind)


def check_every_knob_is_explained(kind: Any) -> None:
    """Every knob is explained, in the docstring or in a comment on its line."""
    source = inspect.getsource(kind)
    for field in fields(kind):
        line = next(line for line in source.splitlines() if f" {field.name}:" in line)
        words = get_knob(field.name).replace("_", " ")
        is_explained = "  # " in line or words in (kind.__doc__ or "")
        require(is_explained, f"words about {field.name} in a comment or the docstring", "none")


def check_a_scenario_can_set_every_knob(kind: Any) -> None:
    """A scenario can set every knob."""
    knobs = create_knobs(kind, Name)
    require_equal("its keys in a scenario", list(knobs), [get_knob(f.name) for f in fields(kind)])


CHECKS = (
    check_it_says_one_intent_for_each_agent_it_sees,
    check_a_cohort_acts_as_its_agents_would_alone,
    check_the_order_of_agents_does_not_matter,
    check_the_same_sight_gives_the_same_intents,
    check_it_writes_to_nothing_it_sees,
    check_nobody_in_sight_is_nothing_to_do,
    check_it_turns_only_to_what_it_is_offered,
    check_an_act_beside_the_task_says_so,
    check_it_is_frozen_and_remembers_nothing,
    check_its_docstring_says_what_it_does_and_where_it_is_from,
    check_every_knob_is_explained,
    check_a_scenario_can_set_every_knob,
)
