"""What every class of a plug-in must look like, whatever it does."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import is_dataclass
from typing import Any

from sim.experiment.conformance.base import require


def require_frozen(kind: Any, create: Callable[[Any], object]) -> None:
    """Hold a class to what keeps it from remembering anything; `create` makes one of it.

    Errors: ConformanceError.
    """
    require(is_dataclass(kind), "a dataclass", "a plain class")
    frozen = "@dataclass(frozen=True, slots=True)"
    require(kind.__dataclass_params__.frozen, frozen, "fields that can be changed")
    require(not hasattr(create(kind), "__dict__"), frozen, "room for attributes beside its fields")


def require_methods(kind: Any, names: tuple[str, ...]) -> None:
    """Hold a class to its public methods, so that nothing else is called.

    Errors: ConformanceError.
    """
    public = [key for key, value in vars(kind).items() if inspect.isfunction(value)]
    found = [key for key in public if not key.startswith("_")]
    expected = f"no public method but `{'`, `'.join(names)}`"
    require(found == list(names), expected, ", ".join(found) or "none")


def require_docstring(kind: Any, *, needs_source: bool = True) -> None:
    """Hold a class to a sentence that says what it does, and to where it is from.

    Errors: ConformanceError.
    """
    lines = inspect.cleandoc(kind.__doc__ or "").splitlines() or [""]
    require(lines[0], "a docstring", "none")
    is_written = not lines[0].startswith(f"{kind.__name__}(")  # a dataclass fills in its signature
    require(is_written, "a docstring", "none but the signature that a dataclass fills in")
    require(lines[0].endswith("."), "a first line that is a sentence", repr(lines[0]))
    sources = [line for line in lines if line.startswith("Source")]
    if needs_source:
        require(sources, "a line `Source: ...` in the docstring", "none")
    for line in sources:
        require(re.match(r"Source: \S", line), "`Source: ` and where it is from", repr(line))
