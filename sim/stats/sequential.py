"""When a comparison has enough replications: the stopping rule, as plain arithmetic."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.stats.intervals import Interval


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
