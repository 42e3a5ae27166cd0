"""What a search may change of an attacker: single values of a scenario, each with its range.

A range holds whole numbers throughout: shares in parts per million, durations in microseconds.
So every value that is tried can be written into a scenario exactly as it was tried.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from math import prod
from typing import TYPE_CHECKING, Any

from sim.core.errors import InputError, InputErrors, Position
from sim.core.market import Role
from sim.scenario.knobs import get_knob
from sim.scenario.literals import (
    compute_duration_us,
    compute_share_ppm,
    compute_whole,
    format_duration,
    is_name,
)
from sim.scenario.load import load_scenario
from sim.scenario.settings import PATH, Setting
from sim.strategies.registry import load_behaviours

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sim.scenario.load import LoadedScenario
    from sim.scenario.schema import Scenario

WHERE = Position("--factor")
COMMA = re.compile(r",(?![^\[]*\])")  # between choices, not inside a list that is one
TIMES_DEFAULT = 10  # a whole-numbered knob is searched up to so many times what the scenario says

# Knobs that make an attacker larger instead of cleverer, or that are not the attacker's to choose.
LEFT_ALONE = {
    "identities": "more accounts",
    "rejoins": "more accounts",
    "act_every": "more acts",
    "obey": "how the attacked agent is, not what the attacker does",
    "victim": "another victim",
}


class Kind(StrEnum):
    """What a factor's values are, and how they are written."""

    SHARE = "share"
    WHOLE = "whole number"
    DURATION = "duration"
    CHOICE = "choice"


@dataclass(frozen=True, slots=True)
class Factor:
    """One value of a scenario and what a search may set it to.

    `low` and `high` are both included: ppm, whole numbers or microseconds. A choice has
    `choices` instead, as they would be written in the file.
    """

    path: str
    kind: Kind
    low: int = 0
    high: int = 0
    choices: tuple[str, ...] = ()

    @property
    def n_values(self) -> int:
        """How many values there are."""
        return len(self.choices) or self.high - self.low + 1

    def format(self, value: int | str) -> str:
        """A value as it would be written in a scenario."""
        if isinstance(value, str):
            return value
        if self.kind is Kind.SHARE:
            whole, rest = divmod(value, 1_000_000)
            return f"{whole}.{rest:06d}".rstrip("0").rstrip(".")
        return format_duration(value) if self.kind is Kind.DURATION else str(value)

    def __str__(self) -> str:
        if self.kind is Kind.CHOICE:
            return f"{self.path}={','.join(self.choices)}"
        return f"{self.path}={self.format(self.low)}..{self.format(self.high)}"


def count_points(factors: Sequence[Factor]) -> int:
    """How many attackers there are to choose from."""
    return prod(factor.n_values for factor in factors)


def parse_factor(text: str) -> Factor:
    """Factor typed as PATH=LOW..HIGH or PATH=V1,V2,...

    Two whole numbers may still turn out to be the ends of a share: `check_factors` finds out.
    Errors: InputError for anything else.
    """
    path, equals, values = (part.strip() for part in text.partition("="))
    if not equals or not PATH.fullmatch(path) or not values:
        expected = "PATH=LOW..HIGH or PATH=V1,V2, such as agents.cheat.fraud=0..1"
        raise InputError(WHERE, "", f"expected {expected}, got {text!r}")
    low, dots, high = values.partition("..")
    if not dots:
        choices = tuple(dict.fromkeys(part.strip() for part in COMMA.split(values)))
        if "" in choices:
            raise InputError(WHERE, path, f"an empty choice in {values!r}")
        return Factor(path, Kind.CHOICE, choices=choices)
    kind, ends = _parse_ends(path, low.strip(), high.strip())
    if ends[0] >= ends[1]:
        raise InputError(WHERE, path, f"expected the lower end first, got {values!r}")
    return Factor(path, kind, *ends)


def _parse_ends(path: str, low: str, high: str) -> tuple[Kind, tuple[int, int]]:
    readers: list[tuple[Kind, Callable[[str], int]]] = [
        (Kind.WHOLE, compute_whole),
        (Kind.DURATION, compute_duration_us),
        (Kind.SHARE, compute_share_ppm),
    ]
    for kind, read in readers:
        try:
            return kind, (read(low), read(high))
        except ValueError:
            continue
    problem = (
        f"got {low!r} and {high!r}, expected two whole numbers, two shares from 0 to 1, or two "
        "durations with their units"
    )
    raise InputError(WHERE, path, problem)


def check_factors(loaded: LoadedScenario, factors: Sequence[Factor]) -> list[Factor]:
    """The factors, each tried at its ends or choices in the scenario, and made a share if it is.

    Errors: InputErrors for a path that leads nowhere or a value the schema refuses; InputError
    for a path that is named twice.
    """
    paths = [factor.path for factor in factors]
    if doubled := next((path for path in paths if paths.count(path) > 1), ""):
        raise InputError(WHERE, doubled, "is named twice")
    return [_check_factor(loaded, factor) for factor in factors]


def _check_factor(loaded: LoadedScenario, factor: Factor) -> Factor:
    for value in factor.choices or (factor.low, factor.high):
        _try(loaded, factor.path, factor.format(value))
    if factor.kind is not Kind.WHOLE or factor.high > 1:
        return factor
    try:
        _try(loaded, factor.path, "0.5")
    except InputErrors:
        return factor
    return replace(factor, kind=Kind.SHARE, low=factor.low * 1_000_000, high=1_000_000)


def _try(loaded: LoadedScenario, path: str, text: str) -> None:
    load_scenario(loaded.path, (*loaded.settings, Setting(path, text)))


def find_default_factors(loaded: LoadedScenario) -> list[Factor]:
    """What the scenario's attackers may choose without becoming more or richer.

    The knobs of groups whose strategy is an adversary or has goals: shares from 0 to 1, times up
    to the horizon, whole numbers from 1 to ten times what the scenario says, each goal alone or
    all of them; and the price of hostile sellers up to twice what their signals are worth.
    """
    scenario, factors = loaded.scenario, []
    behaviours = load_behaviours()
    for index, group in enumerate(scenario.agents):
        strategy = behaviours[str(getattr(group, "strategy"))]  # noqa: B009 - created
        if not is_hostile(strategy):
            continue
        path = f"agents.{group.name}" if _is_simple(group.name) else f"agents[{index}]"
        for field in fields(strategy):
            knob = get_knob(field.name)
            if knob not in LEFT_ALONE:
                value = getattr(group, knob)
                factors += _create_factor(f"{path}.{knob}", field.name, value, scenario.horizon)
        if getattr(strategy, "role", None) is Role.SELLER and (
            worth := _get_worth(scenario, group)
        ):
            factors.append(Factor(f"{path}.price", Kind.WHOLE, 1, 2 * worth))
    return factors


def is_hostile(strategy: Any) -> bool:
    """Whether a strategy is an adversary of the market, or has goals of its own."""
    if getattr(strategy, "is_adversary", False):
        return True
    return any(field.name == "goals" for field in fields(strategy))


def _is_simple(name: str) -> bool:
    """Whether a dotted path can hold the name: one may hold dots and dashes itself."""
    return is_name(name) and PATH.fullmatch(name) is not None and "." not in name


def _create_factor(path: str, field_name: str, value: Any, horizon_us: int) -> list[Factor]:
    if field_name.endswith("_ppm"):
        return [Factor(path, Kind.SHARE, 0, 1_000_000)]
    if field_name.endswith("_us"):
        return [Factor(path, Kind.DURATION, 0, horizon_us)]
    if isinstance(value, tuple) and len(value) > 1:
        alone = tuple(f"[{name}]" for name in value)
        return [Factor(path, Kind.CHOICE, choices=(f"[{', '.join(value)}]", *alone))]
    if isinstance(value, int):
        return [Factor(path, Kind.WHOLE, 1, TIMES_DEFAULT * max(1, value))]
    return []


def _get_worth(scenario: Scenario, group: Any) -> int:
    """What a sound signal of a seller is worth to its buyer; 0 if it sells none."""
    return scenario.signals[group.sells].worth if group.sells else 0
