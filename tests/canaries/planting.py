"""How a wrong rule is planted in the ledger, and how it is caught."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import pytest

from sim.core import arithmetic
from sim.core.errors import InvariantError
from sim.core.reasons import Reason
from sim.ledger import (
    checks,
    disputes,
    escrow,
    granting,
    kinds,
    liveness,
    market,
    reputation,
    slashing,
    staking,
    state,
    transition,
)
from tests.property.sequences import Run, run_sequence

Rule = Callable[..., Any]
MODULES = (
    *(state, checks, transition, kinds, granting, staking, slashing, liveness, arithmetic),
    *(market, disputes, escrow, reputation),
)


def interpret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every compiled rule as the Python function it was compiled from."""
    for module in MODULES:
        for name, rule in list(vars(module).items()):
            if hasattr(rule, "py_func"):
                monkeypatch.setattr(module, name, rule.py_func)


def plant(monkeypatch: pytest.MonkeyPatch, plants: dict[str, Callable[[Rule], Rule]]) -> None:
    """Put wrong rules in the place of right ones, wherever they are called."""
    for rule, defect in plants.items():
        for module in MODULES:
            if hasattr(module, rule):
                monkeypatch.setattr(module, rule, defect(getattr(module, rule)))


def wrap(number: int) -> int:
    """What a 64-bit register makes of a number."""
    return (number + 2**63) % 2**64 - 2**63


def excuse(*reasons: Reason) -> Callable[[Rule], Rule]:
    """A kind's own check that some reasons no longer come out of."""

    def defect(rule: Rule) -> Rule:
        def validate(*given: Any) -> int:
            reason = rule(*given)
            return 0 if reason in reasons else reason

        return validate

    return defect


def always(value: Any) -> Callable[[Rule], Rule]:
    """A rule that looks at nothing."""
    return lambda _: lambda *_: value


class Defect(NamedTuple):
    """Wrong rules by the name of the rule they replace, and what catches them.

    The reference machine catches each of them; `broken` names the invariant that does too.
    """

    plants: dict[str, Callable[[Rule], Rule]]
    broken: str = ""
    rules: str = "all_bind"


def is_caught(defect: Defect, seeds: Iterable[int], n_operations: int) -> bool:
    """Whether some sequence shows a defect to all that must catch it."""
    runs = (run_sequence(defect.rules, seed, n_operations, stop=False) for seed in seeds)
    return any(bool(run.mismatch) and is_broken(run, defect.broken) for run in runs)


def is_broken(run: Run, invariant: str) -> bool:
    """Whether this invariant fails over a run, or none is asked for."""
    if not invariant:
        return True
    try:
        run.check(invariant.partition(" ")[0])
    except InvariantError as error:
        return error.invariant.startswith(invariant)
    return False
