"""Whether something new is no worse than what was before, by more than a margin: or not yet known.

Every difference is new less old on the same draws, turned so that larger is worse. "Not
significantly worse" is no pass: the bound itself has to lie below the margin.

Decision: many gates of one check fail by Holm's correction, and pass each by its own bound.
Instead of: no correction, or one of both sides.
Because: of twenty gates at their margins one or more fail by accident in 64 % of checks (`sim
selftest`, and 1 - .95^20); but all of them have to pass, so more gates make a pass no easier.
Undo when: a check is about one gate.
"""

from __future__ import annotations

from enum import StrEnum
from math import ceil, isfinite, sqrt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import ndtri, stdtr, stdtrit

from sim.stats.intervals import (
    is_constant,
    validate_columns,
    validate_level,
)
from sim.stats.multiplicity import Correction, adjust

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

POWER = 0.8  # chance to decide with as many replications as are asked for


class GateState(StrEnum):
    """How a gate decides; only the first two are good news."""

    IDENTICAL = "identical"  # every difference is exactly 0
    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"  # nothing was recorded, or something that is no number


class GateDecision(NamedTuple):
    """What a gate decided, and by which numbers; all in the unit of the outcome.

    `low` and `high` are one-sided bounds of the mean, each at the level of the gate.
    """

    state: GateState
    mean: float | None  # None on error
    low: float | None  # None for fewer than two replications
    high: float | None
    margin: float
    n: int  # replications
    n_required: int | None = None  # if inconclusive; None: no number of replications would do
    p_worse: float = 1.0  # how surprising it is if the mean is not above the margin


def decide(differences: ArrayLike, margin: float, level: float = 0.95) -> GateDecision:
    """Judge a mean difference against the margin that was declared before the run.

    A pass is an upper bound below the margin, a fail a lower bound above it. Rates have one
    difference for each replication too: `sim.stats.paired.compute_rate_differences`.

    Shapes: (n_replications,), read as float64, new less old, larger is worse.
    Units:  those of the outcome; margin above 0; level in (0, 1), of each one-sided bound.
    Return: "error" without a value or with one that is not finite. Differences all equal, but
            not 0, are compared with the margin themselves, from two replications on.
            `n_required` gives a power of .8 if mean and spread stay, more than n; it is None
            if the mean is not below the margin.
    Errors: ValueError if the margin is not above 0 or the level is outside (0, 1).
    Source: U.S. Food and Drug Administration 2016, Non-Inferiority Clinical Trials; Julious
            2004, Sample Sizes for Clinical Trials with Normal Data.
    """
    validate_level(level)
    validate_margin(margin)
    values = np.asarray(differences, dtype=np.float64)
    if values.ndim != 1:
        raise ValueError(f"expected one difference for each replication, found {values.shape}")
    n = values.size
    if n == 0 or not np.isfinite(values).all():
        return GateDecision(GateState.ERROR, None, None, None, margin, n)
    if not values.any():
        return GateDecision(GateState.IDENTICAL, 0.0, 0.0, 0.0, margin, n)
    if n == 1:
        return GateDecision(GateState.INCONCLUSIVE, float(values[0]), None, None, margin, n)
    mean, error = _compute_mean_and_error(values)
    half = float(stdtrit(n - 1, level)) * error
    low, high, p_worse = mean - half, mean + half, compute_worse_p(values, margin)
    if high < margin:
        return GateDecision(GateState.PASS, mean, low, high, margin, n, None, p_worse)
    if low > margin:
        return GateDecision(GateState.FAIL, mean, low, high, margin, n, None, p_worse)
    needed = compute_required_n(error * sqrt(n), mean, margin, level)
    required = None if needed is None else max(needed, n + 1)
    return GateDecision(GateState.INCONCLUSIVE, mean, low, high, margin, n, required, p_worse)


def correct_fails(decisions: Sequence[GateDecision], level: float = 0.95) -> list[GateDecision]:
    """The same gates; those that fail only by themselves, and not among all, are inconclusive.

    No gate at all of the family then fails by accident, with the chance of the level, however
    many there are and whatever they share. A pass stays one: all have to pass.

    Units:  level in (0, 1), of the whole family.
    Errors: ValueError if the level is outside (0, 1).
    Source: Holm 1979, A Simple Sequentially Rejective Multiple Test Procedure; Berger 1982,
            Multiparameter Hypothesis Testing and Acceptance Sampling (all have to pass).
    """
    validate_level(level)
    if all(decision.state is not GateState.FAIL for decision in decisions):
        return list(decisions)
    adjusted = adjust([decision.p_worse for decision in decisions], Correction.HOLM)
    return [
        decision._replace(state=GateState.INCONCLUSIVE, p_worse=float(p))
        if decision.state is GateState.FAIL and p >= 1.0 - level
        else decision
        for decision, p in zip(decisions, adjusted, strict=True)
    ]


def compute_required_n(
    spread: float, mean: float, margin: float, level: float = 0.95, power: float = POWER
) -> int | None:
    """Replications at which a gate passes with the given power; None where none suffice.

    Units:  spread is the standard deviation of the differences, mean their mean.
    Source: Julious 2004, Sample Sizes for Clinical Trials with Normal Data, one-sided.
    """
    if mean >= margin:
        return None
    z = float(ndtri(level) + ndtri(power))
    return max(2, ceil((z * spread / (margin - mean)) ** 2))


def compute_worse_p(differences: ArrayLike, margin: float) -> float:
    """How surprising the differences are if their mean is not above the margin.

    Small values say "worse"; several of them go through Holm's correction.

    Shapes: (n_replications,), read as float64, new less old, larger is worse.
    Return: 1 if all are equal and not above the margin, or if there are fewer than two; 0 if
            all are equal and above it.
    Errors: ValueError if a value is not finite or the margin is not above 0.
    Source: Student 1908, The Probable Error of a Mean, one-sided.
    """
    validate_margin(margin)
    (values,) = validate_columns(differences)
    if values.size < 2:
        return 1.0
    if is_constant(values):
        return 0.0 if values[0] > margin else 1.0
    mean, error = _compute_mean_and_error(values)
    return float(stdtr(values.size - 1, (margin - mean) / error))


def compute_equivalence_p(old: ArrayLike, new: ArrayLike, margin: float) -> float:
    """How surprising two arms are if their means differ by the margin or more.

    Small values say "equivalent within the margin".

    Shapes: both (n_replications,), read as float64: one outcome, same seeds, same order.
    Return: 1 for fewer than two pairs. If every difference is the same, 0 where it lies inside
            the margin and 1 elsewhere.
    Errors: ValueError if shapes differ, a value is not finite, or the margin is not above 0.
    Source: Schuirmann 1987, two one-sided tests, by `statsmodels.stats.weightstats.ttost_paired`.
    """
    from statsmodels.stats.weightstats import ttost_paired  # noqa: PLC0415 - slow to import

    validate_margin(margin)
    old, new = validate_columns(old, new)
    differences = new - old
    if differences.size < 2:
        return 1.0
    if is_constant(differences):
        return 0.0 if abs(differences[0]) < margin else 1.0
    return float(ttost_paired(new, old, -margin, margin)[0])


def validate_margin(margin: float) -> None:
    """ValueError unless it is finite and above 0."""
    if not (isfinite(margin) and margin > 0.0):
        raise ValueError(f"expected a finite margin above 0, found {margin}")


def _compute_mean_and_error(values: NDArray[np.float64]) -> tuple[float, float]:
    """Mean, and its standard error: none if all values are equal."""
    if is_constant(values):
        return float(values[0]), 0.0
    return float(np.mean(values)), float(np.std(values, ddof=1)) / sqrt(values.size)
