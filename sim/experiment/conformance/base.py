"""One check of one plug-in, and what came of it."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from sim.core.errors import AmbitError

Check = Callable[[Any], None]
SHOWN_MAX = 100  # characters of a value that is shown

# what somebody else's code may raise; a bug of the battery itself raises the same
BROKEN = (
    *(AmbitError, ArithmeticError, AssertionError, AttributeError, LookupError, NameError),
    *(OSError, RuntimeError, TypeError, ValueError),
)


class ConformanceError(Exception):
    """A plug-in does not do what every one of its kind must: what was expected, and found."""


def require(condition: object, expected: str, found: object) -> None:
    """Hold a plug-in to a condition; unlike `assert`, under `python -O` too.

    Errors: ConformanceError "expected ..., found ..." if it does not hold.
    """
    if not condition:
        raise ConformanceError(f"expected {expected}, found {show(found)}")


def require_equal(what: str, found: object, expected: object) -> None:
    """Hold a plug-in to one value of something.

    Errors: ConformanceError that names both if they differ.
    """
    require(found == expected, f"{what} to be {show(expected)}", found)


def require_rows(holds: Any, expected: str, found: Any) -> None:
    """Hold every row of a table to something; `found` are the values of all rows.

    Shapes: `holds` (n,) bool or one bool; `found` (n,) of anything.
    Errors: ConformanceError that names the first row that does not hold, and how many do not.
    """
    wrong = np.flatnonzero(~np.broadcast_to(holds, (len(found),)))
    if wrong.size:
        row = int(wrong[0])
        count = f"{wrong.size} of {len(found)} rows" if wrong.size > 1 else "1 row"
        raise ConformanceError(
            f"expected {expected}, found {show(found[row])} in row {row} ({count} so)"
        )


def require_same(what: str, found: Any, expected: Any) -> None:
    """Hold a plug-in to the same rows that it gave otherwise, to the last bit.

    Shapes: both (n,) of anything; records are compared as a whole.
    Errors: ConformanceError that names the first row that differs.
    """
    require_equal(f"rows of {what}", len(found), len(expected))
    for row, (here, there) in enumerate(zip(found, expected, strict=True)):
        if np.any(here != there):
            changed = f"{show(here)} instead of {show(there)} in row {row}"
            raise ConformanceError(f"expected the same {what}, found {changed}")


def show(value: object) -> str:
    """A value in few words."""
    if isinstance(value, str):
        return value
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.ndarray | set | frozenset):
        value = sorted(value) if isinstance(value, set | frozenset) else value.tolist()
    text = getattr(value, "__name__", None) or repr(value)
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}..."


class Outcome(NamedTuple):
    """What came of one check."""

    kind: str  # "policy", "strategy", "trader", "fault" or "reputation"
    name: str
    check: str  # what is required, in a sentence
    problem: str  # what was expected and what was found, or what it raised; empty if it holds

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
        return str(error)
    except BROKEN as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{frame.filename}:{frame.lineno}"
        return f"{type(error).__name__}: {error} ({where})"
    return ""


def describe_check(check: Check) -> str:
    """The sentence that a check holds a plug-in to, with its circumstances."""
    if not isinstance(check, partial):
        return _get_sentence(check)
    named = [getattr(value, "__name__", str(value)) for value in check.keywords.values()]
    return f"{_get_sentence(check.func)} [{', '.join(named)}]"


def _get_sentence(check: Callable[..., None]) -> str:
    return (check.__doc__ or "").strip().splitlines()[0].rstrip(".")
