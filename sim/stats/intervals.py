"""The interval of one outcome over replications: means, rates and counts of episodes.

A sample that cannot carry an interval is recognised by exact comparison before anything is
estimated. Its `Interval` names the reason as its method, and its limits are None wherever
nothing may be said; an outcome that was never observed is None as a whole.
"""

from __future__ import annotations

from enum import StrEnum
from math import expm1, log1p, sqrt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import betaincinv, expit, logit, ndtri, stdtrit

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Column = NDArray[np.float64]


class Method(StrEnum):
    """Every interval by the name it is printed under; the second half bears no test."""

    T = "t"
    JACKKNIFE_T = "jackknife t"
    LOGIT_JACKKNIFE_T = "logit jackknife t"
    LOGIT_DELTA_T = "logit delta t"  # a rate that one replication alone keeps off 0 or 1
    CLOPPER_PEARSON = "Clopper-Pearson"
    WILSON = "Wilson"
    PAIRED_T = "paired t"
    JOINT_JACKKNIFE_T = "joint jackknife t"
    ANYTIME = "anytime-valid"  # holds at every look at once

    ZERO_BOUND = "zero bound"  # one-sided, on the share of episodes
    IDENTICAL_SAMPLE = "identical in all n"
    IDENTICAL = "identical"  # every difference is exactly 0
    CONSTANT_DIFFERENCE = "constant difference"
    NO_EVENTS = "no events"  # nothing happened, and nothing bounds what could
    NO_INTERVAL = "no interval"  # fewer than two replications carry information


class Interval(NamedTuple):
    """An estimate with its limits, in the unit of the outcome.

    `low` and `high` are both numbers or both None; `n` counts replications.
    """

    mean: float
    low: float | None
    high: float | None
    n: int
    method: Method


def compute_mean_interval(values: ArrayLike, level: float = 0.95) -> Interval | None:
    """Mean of one value per replication, with its t interval.

    Shapes: (n_replications,), read as float64.
    Units:  those of the outcome; level in (0, 1), two-sided.
    Return: None without a value; "no interval" for one; "identical in all n" with
            low = high = mean if all are equal. That holds for all zero too: if the values
            are counts, print `compute_zero_bound` beside it.
    Errors: ValueError if a value is not finite or the level is outside (0, 1).
    Source: Student 1908, The Probable Error of a Mean.
    """
    validate_level(level)
    (values,) = validate_columns(values)
    if values.size == 0:
        return None
    if values.size == 1:
        return create_unlimited(float(values[0]), 1, Method.NO_INTERVAL)
    if is_constant(values):
        return create_point(float(values[0]), values.size, Method.IDENTICAL_SAMPLE)
    error = float(np.std(values, ddof=1)) / sqrt(values.size)
    return create_t_interval(float(np.mean(values)), error, values.size, Method.T, level)


def compute_quantile_interval(quantiles: ArrayLike, level: float = 0.95) -> Interval | None:
    """Mean over replications of a quantile taken inside each, with its t interval.

    All but the meaning of the values is as in `compute_mean_interval`: the calls of one
    replication are not independent, their quantile is one observation.
    """
    return compute_mean_interval(quantiles, level)


def compute_rate_interval(
    num: ArrayLike, den: ArrayLike, level: float = 0.95, bounded: bool = True
) -> Interval | None:
    """Rate sum(num) / sum(den) over replications, with its jackknife t interval.

    Bounded rates are estimated on the logit scale, so the limits stay inside (0, 1); if
    leaving one replication out gives exactly 0 or 1, the plain jackknife error is carried
    to that scale by its derivative instead ("logit delta t").

    Shapes: both (n_replications,), read as float64; a replication may be (0, 0).
    Units:  those of num per den; level in (0, 1). Bounded: counts, 0 <= num <= den.
            Unbounded: den >= 0. Products num * den are compared exactly up to 2**53.
    Return: None if sum(den) = 0. Bounded with no event at all, or nothing but events:
            `compute_zero_bound`, or its mirror image, over the replications with den > 0.
            Unbounded with no event: mean 0 without limits, "no events", as nothing bounds
            the size of one. "identical in all n" if every replication has the same rate,
            "no interval" if only one has den > 0.
    Errors: ValueError if shapes differ, a value is not finite or out of range, or the level
            is outside (0, 1).
    Source: Quenouille 1956, Notes on Bias in Estimation; Tukey 1958, Bias and Confidence
            in Not-Quite Large Samples. The logit form is an assumption, held by its coverage.
    """
    validate_level(level)
    num, den = validate_columns(num, den)
    validate_rate(num, den, bounded)
    if not den.any():
        return None
    if edge := _find_edge(num, den, level, bounded):
        return edge
    rate, n, n_informative = compute_rate(num, den), num.size, np.count_nonzero(den)
    if n_informative < 2:
        return create_unlimited(rate, n, Method.NO_INTERVAL)
    if is_constant_rate(num, den):
        return create_point(rate, n, Method.IDENTICAL_SAMPLE)
    rates_without = compute_rates_without(num, den)
    if bounded:
        return _compute_logit_interval(rate, rates_without, level)
    error = compute_jackknife_error(rates_without)
    return create_t_interval(rate, error, n, Method.JACKKNIFE_T, level)


def compute_zero_bound(n: int, level: float = 0.95) -> Interval:
    """Upper bound on the share of episodes with an event, when none of n had one.

    Units:  n >= 1 counts episodes, never calls; level in (0, 1), one-sided.
    Return: mean 0, low 0, high 1 - (1 - level)**(1/n).
    Errors: ValueError if n < 1 or the level is outside (0, 1).
    Source: Clopper and Pearson 1934, The Use of Confidence or Fiducial Limits, at zero.
    """
    validate_level(level)
    validate_count(0, n)
    return Interval(0.0, 0.0, -expm1(log1p(-level) / n), n, Method.ZERO_BOUND)


def compute_clopper_pearson(k: int, n: int, level: float = 0.95) -> Interval:
    """Share of episodes with an event, with the interval that never covers less than level.

    Units:  k of n episodes, 0 <= k <= n, n >= 1; level in (0, 1), two-sided even at k = 0,
            where `compute_zero_bound` is the one to print.
    Errors: ValueError if a count is out of range or the level is outside (0, 1).
    Source: Clopper and Pearson 1934, The Use of Confidence or Fiducial Limits.
    """
    validate_level(level)
    validate_count(k, n)
    tail = (1.0 - level) / 2.0
    low = float(betaincinv(k, n - k + 1, tail)) if k > 0 else 0.0
    high = float(betaincinv(k + 1, n - k, 1.0 - tail)) if k < n else 1.0
    return Interval(k / n, low, high, n, Method.CLOPPER_PEARSON)


def compute_wilson(k: int, n: int, level: float = 0.95) -> Interval:
    """Share of episodes with an event, with the score interval: for display, no guarantee.

    Units:  k of n episodes, 0 <= k <= n, n >= 1; level in (0, 1), two-sided.
    Errors: ValueError if a count is out of range or the level is outside (0, 1).
    Source: Wilson 1927, Probable Inference, the Law of Succession, and Statistical Inference.
    """
    validate_level(level)
    validate_count(k, n)
    z = float(ndtri((1.0 + level) / 2.0))
    centre = (k + z * z / 2.0) / (n + z * z)
    half = z / (n + z * z) * sqrt(k * (n - k) / n + z * z / 4.0)
    low = centre - half if k > 0 else 0.0  # exactly 0 and 1 there: no rounding past the edge
    high = centre + half if k < n else 1.0
    return Interval(k / n, low, high, n, Method.WILSON)


def _find_edge(num: Column, den: Column, level: float, bounded: bool) -> Interval | None:
    """Say what a rate of exactly 0 or 1 allows; None if the rate is neither."""
    if not bounded:
        return None if num.any() else create_unlimited(0.0, num.size, Method.NO_EVENTS)
    bound = compute_zero_bound(int(np.count_nonzero(den)), level)
    if not num.any():
        return bound
    if np.array_equal(num, den) and bound.high is not None:
        return bound._replace(mean=1.0, low=1.0 - bound.high, high=1.0)
    return None


def _compute_logit_interval(rate: float, rates_without: Column, level: float) -> Interval:
    """Jackknife t interval on the logit scale, its limits mapped back to (0, 1)."""
    n = rates_without.size
    method, error = compute_logit_error(rate, rates_without)
    half = compute_t_quantile(n, level) * error
    centre = float(logit(rate))
    return Interval(rate, float(expit(centre - half)), float(expit(centre + half)), n, method)


def compute_logit_error(rate: float, rates_without: Column) -> tuple[Method, float]:
    """How a rate inside (0, 1) is estimated on the logit scale, and its standard error there.

    Shapes: (n_replications,) float64: the rate without each replication in turn.
    """
    if rates_without.min() > 0.0 and rates_without.max() < 1.0:
        return Method.LOGIT_JACKKNIFE_T, compute_jackknife_error(logit(rates_without))
    return Method.LOGIT_DELTA_T, compute_jackknife_error(rates_without) / (rate * (1.0 - rate))


def create_t_interval(mean: float, error: float, n: int, method: Method, level: float) -> Interval:
    """Mean plus and minus its standard error times the t quantile; n >= 2."""
    half = compute_t_quantile(n, level) * error
    return Interval(mean, mean - half, mean + half, n, method)


def create_point(mean: float, n: int, method: Method) -> Interval:
    """Set both limits to the estimate: a sample without spread, on which no test is made."""
    return Interval(mean, mean, mean, n, method)


def create_unlimited(mean: float, n: int, method: Method) -> Interval:
    """Leave both limits None: nothing more may be said, and the method is the reason."""
    return Interval(mean, None, None, n, method)


def compute_t_quantile(n: int, level: float) -> float:
    """Two-sided t quantile with n - 1 degrees of freedom; n >= 2."""
    return float(stdtrit(n - 1, (1.0 + level) / 2.0))


def compute_rate(num: Column, den: Column) -> float:
    """Rate over all replications; sum(den) > 0."""
    return float(np.sum(num) / np.sum(den))


def compute_rates_without(num: Column, den: Column) -> Column:
    """Rate with each replication left out in turn; at least two have den > 0.

    Shapes: in and out (n_replications,) float64.
    """
    rates: Column = (np.sum(num) - num) / (np.sum(den) - den)
    return rates


def compute_jackknife_error(without: Column) -> float:
    """Compute a standard error from the leave-one-out values, shape (n_replications,).

    Source: Tukey 1958, Bias and Confidence in Not-Quite Large Samples.
    """
    n = without.size
    return sqrt((n - 1) / n * float(np.sum((without - np.mean(without)) ** 2)))


def is_constant(values: Column) -> bool:
    """Whether all values are exactly equal; there is at least one."""
    return bool(np.all(values == values[0]))


def is_constant_rate(num: Column, den: Column) -> bool:
    """Whether num is the same multiple of den in every replication, without a division."""
    most = np.argmax(den)
    return np.array_equal(num * den[most], num[most] * den)


def validate_columns(*columns: ArrayLike) -> list[Column]:
    """Each column as float64, once all are known to be finite and of one length."""
    arrays = [np.asarray(column, dtype=np.float64) for column in columns]
    if any(array.ndim != 1 or array.shape != arrays[0].shape for array in arrays):
        shapes = ", ".join(str(array.shape) for array in arrays)
        raise ValueError(f"expected one value per replication in every column, found {shapes}")
    if not all(np.isfinite(array).all() for array in arrays):
        raise ValueError("a value is not finite; leave out what is null, with its reason")
    return arrays


def validate_rate(num: Column, den: Column, bounded: bool) -> None:
    """ValueError unless den >= 0 and, for a bounded rate, 0 <= num <= den."""
    if np.any(den < 0.0):
        raise ValueError("a denominator is negative")
    if bounded and np.any((num < 0.0) | (num > den)):
        raise ValueError("a numerator lies outside 0..denominator: the rate is not bounded")


def validate_count(k: int, n: int) -> None:
    """ValueError unless 0 <= k <= n and n >= 1."""
    if n < 1 or not 0 <= k <= n:
        raise ValueError(f"expected k of n episodes with n >= 1, found {k} of {n}")


def validate_level(level: float) -> None:
    """ValueError unless the confidence level lies strictly between 0 and 1."""
    if not 0.0 < level < 1.0:
        raise ValueError(f"expected a confidence level in (0, 1), found {level}")
