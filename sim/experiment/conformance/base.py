"""One check of one plug-in, and what came of it."""

from __future__ import annotations

import linecache
import traceback
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

from sim.core.errors import AmbitError

Check = Callable[[Any], None]

# what somebody else's code may raise; a bug of the battery itself raises the same
BROKEN = (
    *(AmbitError, ArithmeticError, AssertionError, AttributeError, LookupError, NameError),
    *(OSError, RuntimeError, TypeError, ValueError),
)


class ConformanceError(Exception):
    """A plug-in does not do what every one of its kind must."""


def require(condition: object) -> None:
    """Hold a plug-in to a condition; unlike `assert`, under `python -O` too.

    Errors: ConformanceError if it does not hold.
    """
    if not condition:
        raise ConformanceError


class Outcome(NamedTuple):
    """What came of one check."""

    kind: str  # "policy", "strategy", "trader", "fault" or "reputation"
    name: str
    check: str  # what is required, in a sentence
    problem: str  # empty if it holds

    @property
    def holds(self) -> bool:
        """Whether the plug-in passed."""
        return not self.problem


def run_checks(kind: str, name: str, plug_in: Any, checks: Iterable[Check]) -> Iterable[Outcome]:
    """Every check of one plug-in, whatever the others came to."""
    for check in checks:
        yield Outcome(kind, name, describe_check(check), find_problem(check, plug_in))


def find_problem(check: Check, plug_in: Any) -> str:
    """Why a check fails; empty if it does not."""
    try:
        check(plug_in)
    except ConformanceError as error:
        frame = traceback.extract_tb(error.__traceback__)[-2]
        return _read_condition(frame)
    except BROKEN as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{frame.filename}:{frame.lineno}"
        return f"{type(error).__name__}: {error} ({where})"
    return ""


def _read_condition(frame: traceback.FrameSummary) -> str:
    """The condition that did not hold, as it stands in the battery."""
    first = frame.lineno or 1
    last = frame.end_lineno or first
    lines = [linecache.getline(frame.filename, number) for number in range(first, last + 1)]
    lines[-1] = lines[-1][: frame.end_colno]
    text = " ".join(" ".join(lines).split())
    return text.removeprefix("require(").removesuffix(")").strip()


def describe_check(check: Check) -> str:
    """The sentence that a check holds a plug-in to, with its circumstances."""
    if not isinstance(check, partial):
        return _get_sentence(check)
    named = [getattr(value, "__name__", str(value)) for value in check.keywords.values()]
    return f"{_get_sentence(check.func)} [{', '.join(named)}]"


def _get_sentence(check: Callable[..., None]) -> str:
    return (check.__doc__ or "").strip().splitlines()[0].rstrip(".")
