"""The reference tables in the rooms' READMEs, made from the code they describe.

`python -m tests.docs.references` writes them between their markers; a test holds them.
"""

from __future__ import annotations

import inspect
import re
from dataclasses import MISSING, fields
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from sim.faults.registry import load_faults
from sim.metrics.outcomes import CLEAN, GAINS, OUTCOMES, OVERHEADS, PLAIN
from sim.policies.base import Policy
from sim.policies.presets import SUMMARIES
from sim.policies.registry import load_policies
from sim.policies.reputation.registry import load_reputation_rules
from sim.scenario import groups
from sim.scenario.levers import PolicyEntry
from sim.scenario.literals import Spelling
from sim.scenario.schema import create_schema
from sim.strategies.registry import load_strategies, load_traders

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"<!-- generated: (\w+) -->\n(.*?)<!-- /generated -->", re.DOTALL)
LEFT_OUT_OF_ODD = {"policies", "sweep", "gates"}  # what is compared and held, not the world


def create_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(_escape(cell) for cell in line)} |\n" for line in lines)


def _escape(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def describe_metrics() -> str:
    """Every outcome: what it is, in what, and which way is better."""
    rows = [
        (o.metric, f"`{o.name}`", o.unit, o.form.value, o.direction or "-", o.meaning)
        for o in (*OUTCOMES.values(), CLEAN, PLAIN)
    ]
    rows += [
        ("M55", f"`{name}`", OUTCOMES[source].unit, "ratio", "down", f"{source} above `unguarded`")
        for name, source in OVERHEADS.items()
    ]
    rows += [
        (gain.metric, f"`{gain.name}`", gain.unit, "ratio", "down", gain.meaning)
        for gain in GAINS.values()
    ]
    rows.sort(key=lambda row: (int(re.sub(r"\D.*", "", row[0][1:]) or 0), row[1]))
    return create_table(("number", "outcome", "unit", "form", "better", "meaning"), rows)


def describe_presets() -> str:
    """Every preset, and which levers it sets."""
    plain = Policy("plain")
    rows = []
    for name, policy in load_policies().items():
        levers = [
            f"`{key}={_show(getattr(policy, key))}`"
            for key in policy.__slots__
            if key != "name" and getattr(policy, key) != getattr(plain, key)
        ]
        rows.append((f"`{name}`", SUMMARIES.get(name, "from a package"), ", ".join(levers) or "-"))
    return create_table(("preset", "what it is", "levers it sets"), rows)


def describe_levers() -> str:
    """Every lever as a scenario sets it."""
    rows = [
        (f"`{name}`", describe_field(field), field.description or "")
        for name, field in PolicyEntry.model_fields.items()
    ]
    return create_table(("lever", "takes", "meaning"), rows)


def describe_classes(classes: Mapping[str, type]) -> str:
    """Classes by name: behaviour, knobs with defaults, and source, from their docstrings."""
    rows = []
    for name, kind in classes.items():
        text, _, source = inspect.cleandoc(kind.__doc__ or "").partition("Source:")
        knobs = [f"`{_show_knob(field)}`" for field in fields(kind)]  # type: ignore[arg-type]
        rows.append((f"`{name}`", text, ", ".join(knobs) or "-", source or "-"))
    return create_table(("name", "behaviour", "knobs", "source"), rows)


def _show_knob(field: Any) -> str:
    return field.name if field.default is MISSING else f"{field.name}={_show(field.default)}"


def _show(value: object) -> str:
    if isinstance(value, Enum):
        return value.name.lower()
    if isinstance(value, tuple):
        return "[" + ", ".join(_show(item) for item in value) + "]"
    return str(value)


def describe_world() -> str:
    """Entities and state variables of a scenario: every key of every mapping in it."""
    rows: list[tuple[str, str, str, str]] = []
    for model in find_models(create_schema()):
        rows += [
            (f"`{model.__name__}`", f"`{name}`", describe_field(field), _explain(field))
            for name, field in model.model_fields.items()
            if name not in LEFT_OUT_OF_ODD
        ]
    return create_table(("entity", "key", "takes", "default and meaning"), rows)


def _explain(field: Any) -> str:
    required = field.is_required() or field.default_factory is not None
    default = "" if required or field.default in (None, ()) else f"`{_spell(field)}`. "
    return ("required. " if field.is_required() else default) + (field.description or "")


def _spell(field: Any) -> str:
    """A default as a file would have it."""
    spelling = find_spelling(field)
    return str(spelling.format(field.default)) if spelling else _show(field.default)


def find_spelling(field: Any) -> Spelling | None:
    """How files write a number that is kept in another unit; None if as it is."""
    inner = [
        part for arg in get_args(field.annotation) for part in getattr(arg, "__metadata__", ())
    ]
    return next((part for part in (*field.metadata, *inner) if isinstance(part, Spelling)), None)


def describe_field(field: Any) -> str:
    """What a key takes, in words."""
    spelling = find_spelling(field)
    if spelling is not None:
        return {"us": "duration", "ppm": "share"}[spelling.unit]
    return describe_type(field.annotation)


def find_models(model: type[BaseModel]) -> list[type[BaseModel]]:
    """A model and all that its fields hold, each once.

    Of a group of agents and of a fault, what all of their kind have: knobs have tables of their
    own.
    """
    found: dict[str, type[BaseModel]] = {}
    waiting = [model]
    while waiting:
        one = waiting.pop(0)
        if one.__name__.endswith(("Group", "Entry")) and not hasattr(groups, one.__name__):
            one = one.__bases__[0]
        if one.__name__ in found or one is PolicyEntry:
            continue
        found[one.__name__] = one
        for name, field in one.model_fields.items():
            if name not in LEFT_OUT_OF_ODD:
                waiting += _find_models_in(field.annotation)
    return list(found.values())


def _find_models_in(annotation: Any) -> list[type[BaseModel]]:
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in get_args(annotation) for model in _find_models_in(inner)]


def describe_type(annotation: Any) -> str:
    """What a key takes, in words."""
    origin = get_origin(annotation)
    inner = [arg for arg in get_args(annotation) if arg is not type(None)]
    if origin is Literal:
        return ", ".join(f"`{choice}`" for choice in inner)
    if origin in (Union, UnionType):
        kinds = list(dict.fromkeys(describe_type(arg) for arg in inner))
        return " or ".join(kinds[:4]) + (" or ..." if len(kinds) > 4 else "")
    if origin in (tuple, list, dict):
        kinds = [describe_type(arg) for arg in inner if arg is not Ellipsis]
        return ("mapping to " if origin is dict else "list of ") + kinds[-1]
    if hasattr(annotation, "__metadata__"):
        return describe_type(inner[0])
    if inspect.isclass(annotation) and issubclass(annotation, Enum):
        return ", ".join(f"`{choice.value}`" for choice in annotation)
    return f"`{getattr(annotation, '__name__', annotation)}`"


TABLES: dict[str, Callable[[], str]] = {
    "metrics": describe_metrics,
    "presets": describe_presets,
    "levers": describe_levers,
    "strategies": lambda: describe_classes(load_strategies()),
    "traders": lambda: describe_classes(load_traders()),
    "faults": lambda: describe_classes(load_faults()),
    "reputation": lambda: describe_classes(load_reputation_rules()),
    "world": describe_world,
}


def fill(text: str) -> str:
    """A page with every generated block as the code has it now."""
    return BLOCK.sub(
        lambda m: f"<!-- generated: {m[1]} -->\n{TABLES[m[1]]()}<!-- /generated -->", text
    )


def find_pages() -> list[Path]:
    """Every page of the repository with a generated block."""
    pages = [*ROOT.glob("sim/**/README.md"), *ROOT.glob("tests/README.md")]
    return [page for page in sorted(pages) if BLOCK.search(page.read_text(encoding="utf-8"))]


def main() -> None:
    """Write every generated block."""
    for page in find_pages():
        page.write_text(fill(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
