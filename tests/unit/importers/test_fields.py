"""The hand-written checks accept exactly what the two shipped JSON Schemas accept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sim.importers
from sim.core.errors import InputError, Position
from sim.importers.fields import CALL_FIELDS, TASK_FIELDS, validate_fields

FOLDER = Path(sim.importers.__file__).parent
SCHEMAS = {
    name: json.loads((FOLDER / f"{name}.schema.json").read_text(encoding="utf-8"))
    for name in ("calls", "tasks")
}
VALIDATORS = {name: jsonschema.Draft202012Validator(schema) for name, schema in SCHEMAS.items()}
FIELDS = {"calls": CALL_FIELDS, "tasks": TASK_FIELDS}
WHERE = Position("calls.jsonl", 7)
VALID: dict[str, dict[str, Any]] = {
    "calls": {
        "run": "r1", "t": 0.5, "agent": "bot", "org": None, "principal": None, "task": "pay",
        "tool": "", "args": {}, "effect": "read", "egress": False, "scope": None,
        "malicious": None, "exposed": True, "outcome": None,
    },
    "tasks": {
        "task": "pay", "org": "acme", "principal": None, "prompt": None, "scope": [], "values": None
    },
}  # fmt: skip
LIKELY: list[Any] = [
    None, True, False, 0, 1, -1, 0.0, -0.0, 0.5, -0.5, 10**400, "", "x", "ok", "error", "denied",
    "read", "write", "destructive", "READ", "null", [], ["a"], ["a", "b"], ["a", "a"], ["a", 1],
    [True, 1], [None], [[]], {}, {"a": 1},
]  # fmt: skip

values = st.one_of(
    st.sampled_from(LIKELY),
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
        max_leaves=5,
    ),
)
names = st.sampled_from(sorted({*CALL_FIELDS, *TASK_FIELDS, "x_", "x_id", "X_id", "ax_id", ""}))
changes = st.dictionaries(names | st.text(max_size=4), values, max_size=3)


def is_accepted(row: dict[str, Any], name: str) -> bool:
    try:
        validate_fields(WHERE, row, FIELDS[name])
    except InputError:
        return False
    return True


@pytest.mark.parametrize("name", ["calls", "tasks"])
@settings(max_examples=1_000, deadline=None)
@given(changed=changes, dropped=st.lists(names, max_size=1))
def test_the_checks_equal_the_schema(
    name: str, changed: dict[str, Any], dropped: list[str]
) -> None:
    row = {key: value for key, value in VALID[name].items() if key not in dropped} | changed
    assert is_accepted(row, name) == VALIDATORS[name].is_valid(row)


@pytest.mark.parametrize("name", ["calls", "tasks"])
def test_the_checks_equal_the_schema_on_every_likely_value_of_every_field(name: str) -> None:
    assert is_accepted(VALID[name], name)
    for key in SCHEMAS[name]["properties"]:
        without = {field: value for field, value in VALID[name].items() if field != key}
        assert is_accepted(without, name) == VALIDATORS[name].is_valid(without), key
        for value in LIKELY:
            row = VALID[name] | {key: value}
            assert is_accepted(row, name) == VALIDATORS[name].is_valid(row), (key, value)


@pytest.mark.parametrize("name", ["calls", "tasks"])
def test_the_fields_are_those_of_the_schema(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])
    assert list(FIELDS[name]) == list(SCHEMAS[name]["properties"])
    required = [key for key, field in FIELDS[name].items() if field.required]
    assert required == SCHEMAS[name]["required"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"agnet": "bot"}, "agnet: unknown field; did you mean 'agent'?"),
        ({"zzz": 1}, "zzz: unknown field"),
        ({"effect": "raed"},
         "effect: expected read, write or destructive, got \"raed\"; did you mean 'read'?"),
        ({"outcome": "failed"}, 'outcome: expected ok, error, denied or null, got "failed"'),
        ({"t": -0.25}, "t: expected a number of seconds from 0 up, or null, got -0.25"),
        ({"t": True}, "t: expected a number of seconds from 0 up, or null, got true"),
        ({"run": ""}, 'run: expected a string that is not empty, got ""'),
        ({"tool": None}, "tool: expected a string, got null"),
        ({"tool": {}}, "tool: expected a string, got an object"),
        ({"args": []}, "args: expected an object, got a list"),
        ({"args": "x" * 99}, f'args: expected an object, got "{"x" * 39}...'),
        ({"scope": ["a", "a"]}, "scope: expected a list of distinct strings, or null, got a list"),
    ],
)  # fmt: skip
def test_a_refusal_says_where_what_and_what_instead(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as refused:
        validate_fields(WHERE, VALID["calls"] | change, CALL_FIELDS)
    assert str(refused.value) == f"calls.jsonl:7: {message}"


def test_a_missing_field_is_named() -> None:
    row = {key: value for key, value in VALID["calls"].items() if key != "egress"}
    with pytest.raises(InputError, match="egress: missing; expected true or false"):
        validate_fields(WHERE, row, CALL_FIELDS)
