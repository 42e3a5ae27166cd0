"""The battery every strategy inherits, those of installed packages among them."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import get_args

import pytest

from sim.experiment.conformance.base import Check, describe_check
from sim.experiment.conformance.strategies import CHECKS
from sim.scenario.groups import TaskedGroup
from sim.scenario.knobs import get_knob
from sim.scenario.schema import SHAPES, create_schema
from sim.strategies.registry import load_strategies

STRATEGIES = load_strategies()


@pytest.mark.parametrize("check", CHECKS, ids=describe_check)
@pytest.mark.parametrize("name", STRATEGIES)
def test_it_does_what_all_of_its_kind_must(name: str, check: Check) -> None:
    check(STRATEGIES[name])


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_scenario_can_set_every_knob(name: str) -> None:
    agents = get_args(create_schema().model_fields["agents"].annotation)[0]
    groups = {
        get_args(kind.model_fields["strategy"].annotation)[0]: kind for kind in get_args(agents)
    }
    assert issubclass(groups[name], SHAPES.get(name, TaskedGroup))
    for field in fields(STRATEGIES[name]):  # type: ignore[arg-type]
        knob = groups[name].model_fields[get_knob(field.name)]
        assert knob.is_required() == (field.default is MISSING)
        assert knob.is_required() or knob.default == field.default
