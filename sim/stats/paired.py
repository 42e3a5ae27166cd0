"""The difference between two arms that faced the same draws, replication by replication.

A difference is always treatment minus baseline. Its interval comes with what the pairing
achieved, because a claim is printed with both.
"""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.stats.intervals import (
    Interval,
    Method,
    compute_jackknife_error,
    compute_mean_interval,
    compute_rate,
    compute_rates_without,
    create_point,
    create_t_interval,
    create_unlimited,
    is_constant,
    is_constant_rate,
    validate_columns,
    validate_level,
    validate_rate,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Column = NDArray[np.float64]


class Pairing(NamedTuple):
    """What common draws bought: below 1, the ratio is the share of replications needed."""

    rho: float  # correlation of the arms over replications, -1..1
    variance_ratio: float  # Var(D) / (Var(A) + Var(B)), 0..2; 1 when independent


class Difference(NamedTuple):
    """Treatment minus baseline; `pairing` is None where an arm has no variance."""

    interval: Interval
    pairing: Pairing | None


def compute_paired_difference(
    baseline: ArrayLike, treatment: ArrayLike, level: float = 0.95
) -> Difference | None:
    """Mean difference, treatment minus baseline, with its paired t interval.

    Shapes: both (n_replications,), read as float64: one outcome, same seeds, same order.
    Units:  those of the outcome; level in (0, 1), two-sided.
    Return: None without a pair; "no interval" for one. All differences exactly 0 give
            "identical", all exactly equal "constant difference", with low = high = mean.
    Errors: ValueError if shapes differ, a value is not finite, or the level is outside (0, 1).
    Source: Student 1908, The Probable Error of a Mean.
    """
    validate_level(level)
    baseline, treatment = validate_columns(baseline, treatment)
    if baseline.size == 0:
        return None
    interval = _compute_paired_interval(treatment - baseline, level)
    return Difference(interval, compute_pairing(baseline, treatment))


def compute_paired_rate_difference(
    num_a: ArrayLike, den_a: ArrayLike, num_b: ArrayLike, den_b: ArrayLike, level: float = 0.95
) -> Difference | None:
    """Difference of rates, treatment b minus baseline a, by the joint jackknife.

    Each replication is left out of both arms at once, so what the arms share cancels.

    Shapes: all (n_replications,), read as float64: same seeds, same order.
    Units:  those of num per den, den >= 0; level in (0, 1), two-sided. Products num * den
            are compared exactly up to 2**53.
    Return: None if sum(den) = 0 in an arm. Without limits: "no events" if all num are 0 in
            both arms, where only the bound of each arm speaks, and "no interval" if only one
            replication of an arm has den > 0. "identical" or "constant difference" if
            leaving a replication out changes nothing. The pairing is that of the
            leave-one-out rates.
    Errors: ValueError if shapes differ, a value is not finite, a den is negative, or the
            level is outside (0, 1).
    Source: Tukey 1958, Bias and Confidence in Not-Quite Large Samples, on (a, b) jointly.
    """
    validate_level(level)
    num_a, den_a, num_b, den_b = validate_columns(num_a, den_a, num_b, den_b)
    validate_rate(num_a, den_a, bounded=False)
    validate_rate(num_b, den_b, bounded=False)
    if not (den_a.any() and den_b.any()):
        return None
    difference, n = compute_rate(num_b, den_b) - compute_rate(num_a, den_a), num_a.size
    if not (num_a.any() or num_b.any()):
        return Difference(create_unlimited(difference, n, Method.NO_EVENTS), None)
    if min(np.count_nonzero(den_a), np.count_nonzero(den_b)) < 2:
        return Difference(create_unlimited(difference, n, Method.NO_INTERVAL), None)
    without_a, without_b = compute_rates_without(num_a, den_a), compute_rates_without(num_b, den_b)
    flat_a, flat_b = is_constant_rate(num_a, den_a), is_constant_rate(num_b, den_b)
    pairing = None if flat_a or flat_b else compute_pairing(without_a, without_b)
    if is_shifted_rate(num_a, den_a, num_b, den_b):
        return Difference(_create_constant(difference, n), pairing)
    error = compute_jackknife_error(without_b - without_a)
    interval = create_t_interval(difference, error, n, Method.JOINT_JACKKNIFE_T, level)
    return Difference(interval, pairing)


def compute_rate_differences(
    num_a: ArrayLike, den_a: ArrayLike, num_b: ArrayLike, den_b: ArrayLike
) -> Column | None:
    """One difference of rates for each replication, treatment b minus baseline a.

    Their mean is the difference of the rates and their standard error that of the joint
    jackknife, so whatever is made for differences of means takes them.

    Shapes: in and out (n_replications,) float64: same seeds, same order.
    Units:  those of num per den, den >= 0.
    Return: None if sum(den) = 0 in an arm, or only one replication of an arm has den > 0.
            All equal, to the bit, where leaving a replication out changes nothing.
    Errors: ValueError if shapes differ, a value is not finite or a den is negative.
    Source: Tukey 1958, Bias and Confidence in Not-Quite Large Samples: pseudo-values, here
            moved by their bias so that they average to the plain difference.
    """
    num_a, den_a, num_b, den_b = validate_columns(num_a, den_a, num_b, den_b)
    validate_rate(num_a, den_a, bounded=False)
    validate_rate(num_b, den_b, bounded=False)
    if min(np.count_nonzero(den_a), np.count_nonzero(den_b)) < 2:
        return None
    difference, n = compute_rate(num_b, den_b) - compute_rate(num_a, den_a), num_a.size
    if is_shifted_rate(num_a, den_a, num_b, den_b):
        return np.full(n, difference)
    without = compute_rates_without(num_b, den_b) - compute_rates_without(num_a, den_a)
    values: Column = difference + (n - 1) * (np.mean(without) - without)
    return values


def is_shifted_rate(num_a: Column, den_a: Column, num_b: Column, den_b: Column) -> bool:
    """Whether both rates differ by the same in every replication, compared exactly."""
    if np.array_equal(den_a, den_b) and is_constant_rate(num_b - num_a, den_a):
        return True
    return is_constant_rate(num_a, den_a) and is_constant_rate(num_b, den_b)


def compute_paired_ratio(
    baseline: ArrayLike, treatment: ArrayLike, level: float = 0.95
) -> Interval | None:
    """Ratio of means, treatment over baseline, with its joint jackknife t interval.

    Shapes: both (n_replications,), read as float64: one amount, same seeds, same order.
    Units:  those of the amounts, of any sign; level in (0, 1), two-sided.
    Return: None unless the interval of the baseline's mean lies above 0, as it never does for
            fewer than two replications: such a ratio says nothing. "identical in all n" if
            every replication has the same ratio. No mean that leaves one out is below 0 then.
    Errors: ValueError if shapes differ, a value is not finite, or the level is outside (0, 1).
    Source: Quenouille 1956, Notes on Bias in Estimation; Tukey 1958, Bias and Confidence in
            Not-Quite Large Samples.
    """
    baseline, treatment = validate_columns(baseline, treatment)
    base = compute_mean_interval(baseline, level)
    if base is None or base.low is None or base.low <= 0.0:
        return None
    ratio, n = compute_rate(treatment, baseline), baseline.size
    if is_constant_rate(treatment, baseline):
        return create_point(ratio, n, Method.IDENTICAL_SAMPLE)
    error = compute_jackknife_error(compute_rates_without(treatment, baseline))
    return create_t_interval(ratio, error, n, Method.JOINT_JACKKNIFE_T, level)


def compute_pairing(baseline: ArrayLike, treatment: ArrayLike) -> Pairing | None:
    """Correlation and variance ratio that the common draws achieved.

    Shapes: both (n_replications,), read as float64: same seeds, same order.
    Return: None if an arm has no variance or there are fewer than two pairs.
    Errors: ValueError if shapes differ or a value is not finite.
    """
    baseline, treatment = validate_columns(baseline, treatment)
    if baseline.size < 2 or is_constant(baseline) or is_constant(treatment):
        return None
    independent = np.var(baseline, ddof=1) + np.var(treatment, ddof=1)
    rho = float(np.corrcoef(baseline, treatment)[0, 1])
    return Pairing(rho, float(np.var(treatment - baseline, ddof=1) / independent))


def _compute_paired_interval(differences: Column, level: float) -> Interval:
    """Paired t interval of at least one difference, after the exact comparisons."""
    mean, n = float(np.mean(differences)), differences.size
    if n < 2:
        return create_unlimited(mean, n, Method.NO_INTERVAL)
    if is_constant(differences):
        return _create_constant(float(differences[0]), n)
    error = float(np.std(differences, ddof=1)) / sqrt(n)
    return create_t_interval(mean, error, n, Method.PAIRED_T, level)


def _create_constant(difference: float, n: int) -> Interval:
    """Name a difference without spread: "identical" at exactly 0, else constant."""
    method = Method.CONSTANT_DIFFERENCE if difference else Method.IDENTICAL
    return create_point(difference, n, method)
