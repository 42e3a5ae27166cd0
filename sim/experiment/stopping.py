"""`--until`: replications are added until the intervals of what was declared are narrow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from sim.core.errors import InputError, Position
from sim.stats.intervals import Method
from sim.stats.sequential import is_narrow_enough

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sim.experiment.comparison import Estimate

REPLICATIONS_FIRST = 30
REPLICATIONS_STEP = 10
REPLICATIONS_MAX = 2_000  # unless told otherwise
# what was never seen, or always the same, has no width to compare with its mean
POINTS = {Method.IDENTICAL_SAMPLE, Method.NO_EVENTS, Method.ZERO_BOUND}


@dataclass(frozen=True, slots=True)
class Until:
    """How narrow: half of an interval is at most max(abs, rel * |mean|)."""

    rel: float = 0.0  # share of the mean
    abs: float = 0.0  # in the unit of the outcome

    def __str__(self) -> str:
        parts = {"rel": self.rel, "abs": self.abs}
        return " ".join(f"{name}={value:g}" for name, value in parts.items() if value)


class Stop(NamedTuple):
    """What was decided after a number of replications."""

    until: Until
    n: int
    n_max: int
    wide: list[str]  # outcomes that are not narrow yet, each as `policy: outcome`

    @property
    def is_over(self) -> bool:
        """Whether there will be no more replications."""
        return not self.wide or self.n >= self.n_max

    @property
    def n_next(self) -> int:
        """Replications after the next step."""
        return min(self.n + REPLICATIONS_STEP, self.n_max)


def parse_until(texts: list[str]) -> Until | None:
    """What is typed as `rel=0.05` or `abs=2`, or both; None if nothing is.

    Errors: InputError for anything else.
    """
    widths: dict[str, float] = {}
    for text in texts:
        name, _, value = text.partition("=")
        try:
            widths[name.strip()] = float(value)
        except ValueError:
            widths[name.strip()] = -1.0
        if name.strip() not in ("rel", "abs") or not 0 < widths[name.strip()] < float("inf"):
            problem = f"expected rel=SHARE or abs=WIDTH, such as rel=0.05, got {text!r}"
            raise InputError(Position("--until"), "", problem)
    return Until(**widths) if widths else None


def judge(
    estimates: Mapping[str, Mapping[str, Estimate]],
    primary: Sequence[str],
    n: int,
    until: Until,
    n_max: int | None,
) -> Stop:
    """Look at the primary outcomes of every policy after n replications: whether all are narrow.

    What has no number, and what came out the same in every replication, asks for no more.
    """
    wide = [
        f"{policy}: {name}"
        for policy, listed in estimates.items()
        for name in primary
        if not _is_settled(listed[name], until)
    ]
    return Stop(until, n, n_max or REPLICATIONS_MAX, wide)


def _is_settled(estimate: Estimate, until: Until) -> bool:
    interval = estimate.interval
    if interval is None or interval.method in POINTS:
        return True
    return is_narrow_enough(interval, until.rel, until.abs)
