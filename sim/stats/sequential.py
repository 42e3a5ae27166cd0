"""When to stop adding replications: once an interval is narrow enough, never once it is lucky.

Stopping as soon as a difference looks significant finds one in 41 % of cases where there is none,
looking every 10 replications from 30 to 2 000. Whoever has to look all the time takes the
sequence that holds at every look.
"""

from __future__ import annotations

from math import log, sqrt
from typing import TYPE_CHECKING

import numpy as np

from sim.stats.intervals import Interval, Method, validate_columns, validate_level

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def is_narrow_enough(interval: Interval, rel: float = 0.0, abs_: float = 0.0) -> bool:
    """Whether half of an interval is at most max(abs, rel * |mean|).

    Units:  `rel` as a share of the mean, `abs_` in the unit of the outcome; both >= 0.
    Return: False for an interval without limits.
    Errors: ValueError if a width is negative.
    Source: Chow and Robbins 1965, On the Asymptotic Theory of Fixed-Width Sequential Confidence
            Intervals for the Mean; Law 2015, Simulation Modeling and Analysis, 9.4.1. It looks
            at the width and never at the sign or the significance of anything.
    """
    if rel < 0 or abs_ < 0:
        raise ValueError(f"a width is at least 0, got rel {rel} and abs {abs_}")
    if interval.low is None or interval.high is None:
        return False
    return (interval.high - interval.low) / 2 <= max(abs_, rel * abs(interval.mean))


def compute_anytime_interval(
    values: ArrayLike, level: float = 0.95, n_tuned: int = 200
) -> Interval | None:
    """Mean with limits that hold at every look at once, however often one looks.

    It is tuned to be narrowest at n_tuned replications, and 1.5 to 1.7 times as wide as t.

    Shapes: (n_replications,), read as float64.
    Return: None without a value; no limits for one.
    Errors: ValueError if a value is not finite or the level is outside (0, 1).
    Source: Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas 2024, Time-uniform Central Limit
            Theory and Asymptotic Confidence Sequences.
    """
    validate_level(level)
    (values,) = validate_columns(values)
    n = values.size
    if n == 0:
        return None
    mean = float(np.mean(values))
    if n == 1:
        return Interval(mean, None, None, n, Method.NO_INTERVAL)
    half = float(np.std(values, ddof=1)) * compute_anytime_factor(n, 1.0 - level, n_tuned)
    return Interval(mean, mean - half, mean + half, n, Method.ANYTIME)


def compute_anytime_factor(n: int, alpha: float, n_tuned: int) -> float:
    """Half-width of the anytime interval for a spread of 1; n and n_tuned from 1."""
    r = compute_anytime_tuning(alpha, n_tuned)
    return sqrt(2.0 * (n * r + 1.0) / (n**2 * r) * log(sqrt(n * r + 1.0) / alpha))


def compute_anytime_tuning(alpha: float, n_tuned: int) -> float:
    """Weight of the sequence's mixture: narrowest near n_tuned replications."""
    return (-2.0 * log(alpha) + log(-2.0 * log(alpha)) + 1.0) / n_tuned
