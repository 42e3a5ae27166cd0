"""What every strategy must keep to; one that is added is tested here without another line."""

from __future__ import annotations

import inspect
import re
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest

from sim.core.draws import Draws
from sim.core.records import ATTACK_CALL_FIRST, INTENT, Goal, Records
from sim.scenario.groups import TaskedGroup
from sim.scenario.knobs import get_knob
from sim.scenario.schema import SHAPES, create_schema
from sim.strategies.base import STEPS_MAX, Observation, Strategy
from sim.strategies.registry import load_strategies

STRATEGIES = load_strategies()
N_GOALS, N_OFFERED = 3, 7
N = 96


def create_strategy(name: str) -> Strategy:
    """A strategy that acts often, whatever its knobs are called."""
    kind: Any = STRATEGIES[name]
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
    return Observation(*(column[rows] for column in seen[:-1]), seen.goals)


def act(name: str, seen: Observation, seed: int = 1) -> Records:
    return create_strategy(name).act(seen, Draws(seed, "conformance", 0))


@pytest.mark.parametrize("name", STRATEGIES)
class TestStrategy:
    def test_it_says_one_intent_for_each_agent_it_sees(self, name: str) -> None:
        seen = create_observation()
        intents = act(name, seen)
        assert intents.dtype == INTENT
        assert intents.shape == (N,)
        for column in ("agent", "time_us", "task", "account"):
            assert np.array_equal(intents[column], getattr(seen, column))

    def test_a_cohort_acts_as_its_agents_would_alone(self, name: str) -> None:
        seen = create_observation()
        alone = [act(name, take(seen, [row]))[0] for row in range(N)]
        assert act(name, seen).tolist() == [intent.item() for intent in alone]

    def test_the_order_of_agents_does_not_matter(self, name: str) -> None:
        seen = create_observation()
        rows = np.arange(N)[::-1].copy()
        assert np.array_equal(act(name, take(seen, rows)), act(name, seen)[rows])

    def test_the_same_sight_gives_the_same_intents(self, name: str) -> None:
        strategy, seen = create_strategy(name), create_observation()
        draws = Draws(1, "conformance", 0)
        first = strategy.act(seen, draws)
        strategy.act(create_observation(seed=9), draws)
        assert np.array_equal(strategy.act(seen, draws), first)
        assert np.array_equal(create_strategy(name).act(seen, draws), first)

    def test_it_writes_to_nothing_it_sees(self, name: str) -> None:
        seen = create_observation()
        for column in seen:
            column.flags.writeable = False
        intents = act(name, seen)
        assert not any(np.shares_memory(intents, column) for column in seen)

    def test_nobody_in_sight_is_nothing_to_do(self, name: str) -> None:
        assert act(name, take(create_observation(), slice(0))).shape == (0,)

    def test_it_turns_only_to_what_it_is_offered(self, name: str) -> None:
        seen = create_observation(400)
        operation = act(name, seen)["operation"]
        assert (operation >= seen.offered_first).all()
        assert (operation < seen.offered_first + N_OFFERED).all()

    def test_an_act_beside_the_task_says_so(self, name: str) -> None:
        seen = create_observation(400)
        intents = act(name, seen)
        beside = intents["call"] >= ATTACK_CALL_FIRST
        assert np.array_equal(intents["call"] - ATTACK_CALL_FIRST * beside, seen.step)
        assert (intents["goal"][beside] != Goal.WORK).all()
        for column in ("goal", "operation", "path", "arguments_from", "arguments_to"):
            assert np.array_equal(intents[column][~beside], getattr(seen, column)[~beside])

    def test_it_is_frozen_and_remembers_nothing(self, name: str) -> None:
        kind = STRATEGIES[name]
        assert is_dataclass(kind)
        assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
        assert not hasattr(create_strategy(name), "__dict__")
        public = [key for key, value in vars(kind).items() if inspect.isfunction(value)]
        assert [key for key in public if not key.startswith("_")] == ["act"]

    def test_its_docstring_says_what_it_does_and_where_it_is_from(self, name: str) -> None:
        lines = inspect.cleandoc(STRATEGIES[name].__doc__ or "").splitlines()
        assert lines[0].endswith(".")
        assert any(re.match(r"Source: \S", line) for line in lines)

    def test_every_knob_is_explained(self, name: str) -> None:
        """In the docstring, by its name without the unit, or in a comment on its line."""
        kind = STRATEGIES[name]
        source = inspect.getsource(kind)
        for field in fields(kind):  # type: ignore[arg-type]
            line = next(line for line in source.splitlines() if f" {field.name}:" in line)
            words = get_knob(field.name).replace("_", " ")
            assert "  # " in line or words in (kind.__doc__ or ""), field.name

    def test_a_scenario_can_set_every_knob(self, name: str) -> None:
        agents = get_args(create_schema().model_fields["agents"].annotation)[0]
        groups = {
            get_args(kind.model_fields["strategy"].annotation)[0]: kind for kind in get_args(agents)
        }
        assert issubclass(groups[name], SHAPES.get(name, TaskedGroup))
        for field in fields(STRATEGIES[name]):  # type: ignore[arg-type]
            knob = groups[name].model_fields[get_knob(field.name)]
            assert knob.is_required() == (field.default is MISSING)
            assert knob.is_required() or knob.default == field.default
