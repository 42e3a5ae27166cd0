"""Field by field, what the two JSON Schemas ask of a line: no more, no less."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from sim.core.errors import InputError, find_nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sim.core.errors import Position

_SHOWN_CHARS = 40


class Field(NamedTuple):
    """What one field may hold."""

    is_valid: Callable[[Any], bool]
    expected: str
    choices: tuple[str, ...] = ()
    required: bool = True


def _is_name(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_text_or_null(value: object) -> bool:
    return value is None or isinstance(value, str)


def _is_time(value: object) -> bool:
    if isinstance(value, bool):
        return False
    return value is None or (isinstance(value, int | float) and value >= 0)


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


def _is_bool(value: object) -> bool:
    return isinstance(value, bool)


def _is_bool_or_null(value: object) -> bool:
    return value is None or isinstance(value, bool)


def _is_distinct_texts(value: object) -> bool:
    if not isinstance(value, list):
        return value is None
    return all(isinstance(item, str) for item in value) and len(set(value)) == len(value)


EFFECTS = ("read", "write", "destructive")
OUTCOMES = ("ok", "error", "denied")

_NAME = Field(_is_name, "a string that is not empty")
_TEXT_OR_NULL = Field(_is_text_or_null, "a string or null")
_TEXTS = Field(_is_distinct_texts, "a list of distinct strings, or null")

CALL_FIELDS: Mapping[str, Field] = {
    "run": _NAME,
    "t": Field(_is_time, "a number of seconds from 0 up, or null"),
    "agent": _NAME,
    "org": _TEXT_OR_NULL,
    "principal": _TEXT_OR_NULL,
    "task": _NAME,
    "tool": Field(_is_text, "a string"),
    "args": Field(_is_object, "an object"),
    "effect": Field(lambda value: value in EFFECTS, "read, write or destructive", EFFECTS),
    "egress": Field(_is_bool, "true or false"),
    "scope": _TEXTS,
    "malicious": Field(_is_bool_or_null, "true, false or null"),
    "exposed": Field(_is_bool_or_null, "true, false or null", required=False),
    "outcome": Field(
        lambda value: value is None or value in OUTCOMES, "ok, error, denied or null", OUTCOMES
    ),
}

TASK_FIELDS: Mapping[str, Field] = {
    "task": _NAME,
    "org": _TEXT_OR_NULL,
    "principal": _TEXT_OR_NULL,
    "prompt": _TEXT_OR_NULL,
    "scope": _TEXTS,
    "values": _TEXTS,
}


def validate_fields(where: Position, row: dict[str, Any], fields: Mapping[str, Field]) -> None:
    """Refuse a line with a field that is unknown, missing or of a wrong value; `x_...` is free.

    Errors: InputError with the place, the field, and the nearest known name.
    """
    for key in row:
        if key not in fields and not key.startswith("x_"):
            raise InputError(where, key, "unknown field", find_nearest(key, fields))
    for key, field in fields.items():
        if key in row:
            _validate_value(where, key, row[key], field)
        elif field.required:
            raise InputError(where, key, f"missing; expected {field.expected}")


def _validate_value(where: Position, key: str, value: object, field: Field) -> None:
    if field.is_valid(value):
        return
    nearest = find_nearest(value, field.choices) if isinstance(value, str) else ""
    raise InputError(where, key, f"expected {field.expected}, got {_show(value)}", nearest)


def _show(value: object) -> str:
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    text = json.dumps(value)
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}..."
