from __future__ import annotations

import copy
import json
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from sim.core.errors import InputErrors
from sim.policies.registry import load_policies
from sim.scenario.knobs import get_knob
from sim.scenario.load import load_scenario
from sim.scenario.schema import POLICY_NAMES, create_schema
from sim.strategies.registry import load_strategies
from tests.worlds import (
    DOCUMENT,
    SCENARIOS,
    SHIPPED,
    create_reacher,
    create_script,
    create_thief,
    create_worker,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Accept = Callable[[Any], tuple[bool, bool]]

STRATEGIES = load_strategies()
EVERYTHING: dict[str, Any] = DOCUMENT | {
    "agents": [
        create_worker(on_denial={"give_up": 0.5, "other_path": 0.5}),
        create_reacher(role="all"),
        create_reacher(name="reader", strategy="injected", injection=0.2) | {},
        create_thief(),
        create_script({"at": "2s", "call": "look", "path": "direct", "purpose": "attack"}),
    ],
    "credentials": [{"name": "token", "org": "firm", "role": ["look"], "purpose": ["look"]}],
    "policies": ["unguarded", {"name": "mine", "preset": "chain", "commit_delay": "48h"}],
    "reviewers": {"review": "8s"},
    "chain": {"block_interval": "250ms"},
}
del EVERYTHING["agents"][2]["temptation"]


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    """What `sim schema` prints."""
    return create_schema().model_json_schema(mode="serialization")


def load_as_editors_do(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def test_the_schema_is_a_json_schema(schema: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(schema)
    assert json.loads(json.dumps(schema, allow_nan=False)) == schema


@pytest.mark.parametrize("name", SHIPPED)
def test_it_accepts_the_shipped_scenarios(name: str, schema: dict[str, Any]) -> None:
    document = load_as_editors_do(SCENARIOS / f"{name}.yaml")
    errors = Draft202012Validator(schema).iter_errors(document)
    assert [error.message for error in errors] == []


@pytest.fixture
def is_accepted(schema: dict[str, Any], tmp_path: Path) -> Accept:
    """Whether an editor takes a document, and whether `sim` does."""

    def try_both(document: Any) -> tuple[bool, bool]:
        is_valid = Draft202012Validator(schema).is_valid(document)
        path = tmp_path / "file.yaml"
        path.write_text(json.dumps(document), encoding="utf-8")
        try:
            load_scenario(path)
        except InputErrors:
            return is_valid, False
        return is_valid, True

    return try_both


def change(document: Any, place: tuple[str | int, ...], value: Any) -> Any:
    changed = copy.deepcopy(document)
    inner = changed
    for part in place[:-1]:
        inner = inner[part]
    if value is MISSING:
        del inner[place[-1]]
    else:
        inner[place[-1]] = value
    return changed


def test_a_document_with_a_bit_of_everything_is_accepted_by_both(is_accepted: Accept) -> None:
    assert is_accepted(EVERYTHING) == (True, True)


REFUSED: list[tuple[tuple[str | int, ...], Any]] = [
    (("horizont",), "2s"),
    (("chain", "block_intervall"), "1s"),
    (("operations", "look", "efect"), "read"),
    (("agents", 0, "tasksevery"), "1s"),
    (("agents", 0, "temptation"), 0.1),
    (("agents", 1, "strategy"), "overscoper"),
    (("agents", 4, "script", 0, "attime"), "1s"),
    (("policies", 1, "mediaton"), 0.5),
    (("policies", 1, "preset"), MISSING),
    (("title",), MISSING),
    (("expectation",), MISSING),
    (("version",), 2),
    (("horizon",), 40),
    (("horizon",), "40"),
    (("horizon",), "-1s"),
    (("horizon",), "1 s"),
    (("horizon",), "1e3s"),
    (("issuer_error",), 1.5),
    (("issuer_error",), -0.1),
    (("issuer_error",), "0.1"),
    (("orgs", 0, "count"), 0),
    (("orgs", 0, "count"), 1.5),
    (("orgs", 0, "count"), "2"),
    (("orgs", 0, "posture"), "evil"),
    (("orgs",), []),
    (("agents",), []),
    (("policies",), []),
    (("agents", 0, "tasks"), {}),
    (("agents", 0, "role"), "some"),
    (("agents", 0, "role"), None),
    (("agents", 1, "goals"), []),
    (("agents", 0, "name"), "a b"),
    (("agents", 0, "name"), ""),
    (("agents", 0, "name"), "x" * 65),
    (("operations", "look", "egress"), "yes"),
    (("primary",), ["a", "b", "c", "d", "e", "f"]),
    (("seed",), -1),
    (("operations", "send", "value_at_risk"), 2**62 + 1),
]


@pytest.mark.parametrize(
    ("place", "value"), REFUSED, ids=lambda part: "missing" if part is MISSING else str(part)
)
def test_what_sim_refuses_an_editor_marks(
    place: tuple[str | int, ...], value: Any, is_accepted: Accept
) -> None:
    document = change(EVERYTHING, place, value)
    assert is_accepted(document) == (False, False)


ACCEPTED: list[tuple[tuple[str | int, ...], Any]] = [
    (("horizon",), "0.5min"),
    (("issuer_error",), 0),
    (("issuer_error",), 1),
    (("agents", 0, "role"), "all"),
    (("agents", 0, "role"), []),
    (("policies", 1, "approval"), []),
    (("policies", 1, "mediation"), 0.123456),
    (("primary",), []),
    (("credentials",), []),
    (("operations", "send", "value_at_risk"), 2**62),
    (("title",), "Öffnung\nzweite Zeile"),
]


@pytest.mark.parametrize(("place", "value"), ACCEPTED, ids=str)
def test_what_sim_takes_an_editor_leaves_alone(
    place: tuple[str | int, ...], value: Any, is_accepted: Accept
) -> None:
    document = change(EVERYTHING, place, value)
    assert is_accepted(document) == (True, True)


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_knob_of_a_strategy_is_a_key_of_its_group(name: str, schema: dict[str, Any]) -> None:
    group = schema["$defs"][f"{STRATEGIES[name].__name__}Group"]
    assert group["properties"]["strategy"]["const"] == name
    assert group["additionalProperties"] is False
    for field in fields(STRATEGIES[name]):  # type: ignore[arg-type] # each is a dataclass
        knob = get_knob(field.name)
        assert knob in group["properties"]
        is_required = field.default is MISSING
        assert (knob in group.get("required", ())) is is_required


def test_a_knob_is_named_without_its_unit() -> None:
    assert [get_knob(name) for name in ("error_ppm", "leak_us", "goals", "act_every_us")] == [
        "error",
        "leak",
        "goals",
        "act_every",
    ]


def test_every_policy_name_is_known() -> None:
    assert tuple(load_policies()) == POLICY_NAMES


def test_defaults_are_shown_as_they_are_written(
    schema: dict[str, Any], is_accepted: Accept
) -> None:
    """An editor offers defaults: each has to be something the file may say."""
    properties = schema["properties"]
    shown = {key: value["default"] for key, value in properties.items() if "default" in value}
    assert shown["horizon"] == "2min"
    assert shown["issuer_error"] == 0
    written = {key: value for key, value in shown.items() if value is not None}
    document = EVERYTHING | {
        key: value for key, value in written.items() if key not in ("operations", "tasks")
    }
    assert is_accepted(document) == (True, True)


def test_nothing_in_the_schema_goes_unsaid(schema: dict[str, Any]) -> None:
    """Every key with a unit or a meaning of its own has a description or a plain type."""
    for name, model in schema["$defs"].items():
        assert model.get("description") or model.get("enum"), name
