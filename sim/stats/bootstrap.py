"""The second interval: BCa bootstrap over whole replications, which assumes no normal mean.

Its resamples are drawn from a fixed seed, so the same sample always has the same limits. It is
None for samples without spread, and wherever its correction has no value.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.stats.intervals import (
    is_constant,
    is_constant_rate,
    validate_columns,
    validate_level,
    validate_rate,
)
from sim.stats.paired import is_shifted_rate

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    Column = NDArray[np.float64]

N_RESAMPLES = 9_999
SEED = 20_261_101
BATCH = 1_000  # resamples held in memory at once


class Limits(NamedTuple):
    """Limits of a BCa interval, in the unit of the outcome."""

    low: float
    high: float


def compute_mean_bca(
    values: ArrayLike, level: float = 0.95, n_resamples: int = N_RESAMPLES
) -> Limits | None:
    """BCa interval of a mean over replications.

    Shapes: (n_replications,), read as float64.
    Errors: ValueError if a value is not finite or the level is outside (0, 1).
    Source: Efron 1987, Better Bootstrap Confidence Intervals, by `scipy.stats.bootstrap`.
    """
    validate_level(level)
    (values,) = validate_columns(values)
    if values.size < 2 or is_constant(values):
        return None
    return _compute_bca((values,), _compute_mean, level, n_resamples)


def compute_rate_bca(
    num: ArrayLike, den: ArrayLike, level: float = 0.95, n_resamples: int = N_RESAMPLES
) -> Limits | None:
    """BCa interval of a rate sum(num) / sum(den); replications are drawn whole.

    Shapes: both (n_replications,), read as float64, den >= 0.
    Errors: ValueError if shapes differ, a value is not finite, a den is negative or the level
            is outside (0, 1).
    Source: as `compute_mean_bca`, with paired samples.
    """
    validate_level(level)
    num, den = validate_columns(num, den)
    validate_rate(num, den, bounded=False)
    if np.count_nonzero(den) < 2 or is_constant_rate(num, den):
        return None
    return _compute_bca((num, den), _compute_rates, level, n_resamples)


def compute_difference_bca(
    baseline: ArrayLike, treatment: ArrayLike, level: float = 0.95, n_resamples: int = N_RESAMPLES
) -> Limits | None:
    """BCa interval of a mean difference, treatment minus baseline; pairs are drawn whole.

    Shapes: both (n_replications,), read as float64: one outcome, same seeds, same order.
    Errors: ValueError if shapes differ, a value is not finite or the level is outside (0, 1).
    Source: as `compute_mean_bca`.
    """
    baseline, treatment = validate_columns(baseline, treatment)
    return compute_mean_bca(treatment - baseline, level, n_resamples)


def compute_rate_difference_bca(
    num_a: ArrayLike,
    den_a: ArrayLike,
    num_b: ArrayLike,
    den_b: ArrayLike,
    level: float = 0.95,
    n_resamples: int = N_RESAMPLES,
) -> Limits | None:
    """BCa interval of a difference of rates, b minus a; replications are drawn in both at once.

    Shapes: all (n_replications,), read as float64: same seeds, same order, den >= 0.
    Errors: as `compute_rate_bca`.
    Source: as `compute_rate_bca`.
    """
    validate_level(level)
    num_a, den_a, num_b, den_b = validate_columns(num_a, den_a, num_b, den_b)
    validate_rate(num_a, den_a, bounded=False)
    validate_rate(num_b, den_b, bounded=False)
    if min(np.count_nonzero(den_a), np.count_nonzero(den_b)) < 2:
        return None
    if is_shifted_rate(num_a, den_a, num_b, den_b):
        return None
    columns = num_a, den_a, num_b, den_b
    return _compute_bca(columns, _compute_rate_differences, level, n_resamples)


def disagrees(limits: Limits | None, low: float | None, high: float | None) -> bool:
    """Whether one of two intervals leaves out zero and the other does not, or on another side."""
    if limits is None or low is None or high is None:
        return False
    return get_side(limits.low, limits.high) != get_side(low, high)


def get_side(low: float, high: float) -> int:
    """Side of zero on which an interval lies: -1, 1, or 0 if it holds zero."""
    return int(low > 0.0) - int(high < 0.0)


def _compute_mean(values: Column, axis: int = -1) -> Column:
    mean: Column = np.mean(values, axis=axis)
    return mean


def _compute_rates(num: Column, den: Column, axis: int = -1) -> Column:
    """Rates of resamples; no number where one drew nothing but empty replications."""
    total = np.asarray(np.sum(den, axis=axis))
    rates = np.full(total.shape, np.nan)
    np.divide(np.sum(num, axis=axis), total, out=rates, where=total > 0.0)
    return rates


def _compute_rate_differences(
    num_a: Column, den_a: Column, num_b: Column, den_b: Column, axis: int = -1
) -> Column:
    return _compute_rates(num_b, den_b, axis) - _compute_rates(num_a, den_a, axis)


def _compute_bca(
    columns: tuple[Column, ...],
    statistic: Callable[..., Column],
    level: float,
    n_resamples: int,
) -> Limits | None:
    from scipy.stats import bootstrap  # noqa: PLC0415 - slow to import

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # a correction without a value is told by its limits
        limits = bootstrap(
            columns,
            statistic,
            paired=len(columns) > 1,
            vectorized=True,
            confidence_level=level,
            n_resamples=n_resamples,
            batch=BATCH,
            method="BCa",
            rng=SEED,
        ).confidence_interval
    low, high = float(limits.low), float(limits.high)
    return Limits(low, high) if np.isfinite([low, high]).all() else None
