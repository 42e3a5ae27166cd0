from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel, ValidationError, create_model

from sim.faults.registry import load_faults
from sim.scenario.knobs import create_knobs, get_knob, get_settings, get_summary
from sim.scenario.literals import Name, Text
from sim.strategies.registry import load_strategies

PLUG_INS = {**load_strategies(), **load_faults()}


@dataclass(frozen=True)
class Sample:
    """One of every kind of knob.

    And a second line.
    """

    wait_us: int
    goals: tuple[str, ...]
    share_ppm: int = 250_000
    count: int = 3
    target: str = "worker"
    kind: ClassVar[str] = "no knob"


def create_sample_model(text: Any = Name) -> type[BaseModel]:
    model: type[BaseModel] = create_model("SampleModel", **create_knobs(Sample, text))
    return model


@pytest.mark.parametrize(
    ("field", "key"),
    [
        ("share_ppm", "share"),
        ("held_us", "held"),
        ("target", "target"),
        ("ahead_views", "ahead_views"),
    ],
)
def test_a_key_is_the_field_without_its_unit(field: str, key: str) -> None:
    assert get_knob(field) == key


@pytest.mark.parametrize("name", PLUG_INS)
def test_no_two_fields_of_a_plug_in_have_one_key(name: str) -> None:
    names = [get_knob(field.name) for field in fields(PLUG_INS[name])]
    assert len(names) == len(set(names))


def test_what_has_a_default_may_be_left_out() -> None:
    model = create_sample_model()
    entry = model.model_validate({"wait": "2s", "goals": ["send"]})
    assert get_settings(Sample, entry) == {
        "wait_us": 2_000_000,
        "goals": ("send",),
        "share_ppm": 250_000,
        "count": 3,
        "target": "worker",
    }
    required = {name for name, field in model.model_fields.items() if field.is_required()}
    assert required == {"wait", "goals"}


def test_values_carry_the_unit_that_the_key_leaves_out() -> None:
    given = {"wait": "1ms", "goals": ["a", "b"], "share": "0.5", "count": 7, "target": "other"}
    entry = create_sample_model().model_validate(given)
    assert Sample(**get_settings(Sample, entry)) == Sample(1_000, ("a", "b"), 500_000, 7, "other")


@pytest.mark.parametrize(
    "wrong",
    [
        {"wait": "soon"},
        {"share": "1.5"},
        {"count": -1},
        {"goals": []},
        {"goals": ["no name"]},
        {"target": "no name"},
    ],
    ids=str,
)
def test_what_a_knob_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        create_sample_model().model_validate({"wait": "1s", "goals": ["send"]} | wrong)


def test_what_a_string_may_be_is_for_the_caller_to_say() -> None:
    given = {"wait": "1s", "goals": ["send"], "target": "0 1 | 2 3"}
    entry = create_sample_model(Text).model_validate(given)
    assert get_settings(Sample, entry)["target"] == "0 1 | 2 3"


def test_a_summary_is_the_first_line_of_a_docstring() -> None:
    assert get_summary(Sample) == "One of every kind of knob."
    assert all(get_summary(plug_in).endswith((".", "?")) for plug_in in PLUG_INS.values())
