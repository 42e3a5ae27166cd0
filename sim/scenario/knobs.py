"""From the fields of a plug-in's dataclass to keys of a scenario file.

A field's unit leaves its name: the value carries it.
"""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Annotated, Any, get_type_hints

from pydantic import Field

from sim.scenario.literals import Count, Duration, Name, Share


def get_knob(field_name: str) -> str:
    """Key of a knob: the field without its unit."""
    return field_name.replace("_ppm", "").replace("_us", "")


def create_knobs(plug_in: type, text: Any) -> dict[str, Any]:
    """Fields of a model for the knobs of a dataclass; `text` is what a string may be."""
    hints = get_type_hints(plug_in)
    return {
        get_knob(field.name): (
            _get_kind(field.name, hints[field.name], text),
            ... if field.default is MISSING else field.default,
        )
        for field in fields(plug_in)
    }


def _get_kind(field_name: str, hint: Any, text: Any) -> Any:
    if "_ppm" in field_name:
        return Share
    if "_us" in field_name:
        return Duration
    return {
        int: Count,
        str: text,
        tuple[str, ...]: Annotated[tuple[Name, ...], Field(min_length=1)],
    }[hint]


def get_settings(plug_in: type, entry: object) -> dict[str, Any]:
    """Arguments that make a plug-in of what an entry of a scenario says."""
    return {field.name: getattr(entry, get_knob(field.name)) for field in fields(plug_in)}


def get_summary(plug_in: type) -> str:
    """First line of its docstring."""
    return (plug_in.__doc__ or "").strip().splitlines()[0]
