"""Whether a share lies surely below a limit: by the intervals that guarantees are made with.

What is counted is turned so that more of it is worse.
"""

from __future__ import annotations

from math import ceil, log1p, sqrt
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import betainc, betaincinv, expit, logit, stdtr, stdtrit

from sim.stats.intervals import (
    Method,
    compute_logit_error,
    compute_rate,
    compute_rates_without,
    compute_zero_bound,
    is_constant_rate,
    validate_columns,
    validate_level,
    validate_rate,
)
from sim.stats.noninferiority import GateDecision, GateState, compute_required_n, decide

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Column = NDArray[np.float64]


def decide_share(num: ArrayLike, den: ArrayLike, limit: float, level: float = 0.95) -> GateDecision:
    """Judge sum(num) / sum(den) over replications against a limit.

    A pass is an upper bound below the limit, a fail a lower bound above it, each one-sided.
    Where no replication has more than one to count, it is a share of replications, with the
    bounds of Clopper and Pearson; else those of the logit jackknife. Nothing seen at all, and
    nothing else, is judged by what so many replications can tell, never by its own spread.

    Shapes: both (n_replications,), read as float64; a replication may be (0, 0).
    Units:  counts, 0 <= num <= den; limit in (0, 1); level in (0, 1), of each one-sided bound.
    Return: "inconclusive" without bounds if one replication alone has anything to count, unless
            that decides it. The same rate in all of them is compared with the limit itself.
            `n` leaves out replications without anything to count, except by the jackknife,
            where they weigh nothing.
    Errors: ValueError if shapes differ, a value is not finite or out of range, nothing was
            counted, or limit or level are outside (0, 1).
    Source: Clopper and Pearson 1934, The Use of Confidence or Fiducial Limits; Tukey 1958, Bias
            and Confidence in Not-Quite Large Samples, on the logit scale.
    """
    validate_level(level)
    validate_limit(limit)
    num, den = validate_columns(num, den)
    validate_rate(num, den, bounded=True)
    n = int(np.count_nonzero(den))
    if n == 0:
        raise ValueError("nothing was counted")
    if not num.any():
        return decide_unseen(n, limit, level)
    if den.max() <= 1.0 and np.isin(num, (0.0, 1.0)).all():
        return decide_proportion(int(num.sum()), n, limit, level)
    if np.array_equal(num, den):
        return decide_proportion(n, n, limit, level)
    if n < 2:
        return GateDecision(GateState.INCONCLUSIVE, compute_rate(num, den), None, None, limit, n)
    if is_constant_rate(num, den):
        return decide(np.full(n, compute_rate(num, den)), limit, level)
    return _decide_by_logit(num, den, limit, level)


def decide_unseen(n: int, limit: float, level: float = 0.95) -> GateDecision:
    """Judge an event that never came: its bound against the limit.

    Units:  n >= 1 episodes; limit in (0, 1), the share of episodes allowed.
    Return: "pass" if the upper bound is not above the limit, else "inconclusive" with the
            episodes it would take. It is never "identical": nothing seen is no proof.
    Errors: ValueError if n < 1, or limit or level are outside (0, 1).
    Source: Clopper and Pearson 1934, The Use of Confidence or Fiducial Limits, at zero.
    """
    validate_limit(limit)
    bound = compute_zero_bound(n, level)
    if bound.high is not None and bound.high <= limit:
        return GateDecision(GateState.PASS, 0.0, 0.0, bound.high, limit, n)
    required = max(ceil(log1p(-level) / log1p(-limit)), n + 1)
    return GateDecision(GateState.INCONCLUSIVE, 0.0, 0.0, bound.high, limit, n, required)


def decide_proportion(k: int, n: int, limit: float, level: float = 0.95) -> GateDecision:
    """Judge an event that k of n episodes had, by bounds that never err more often than told.

    Units:  1 <= k <= n; limit in (0, 1); level in (0, 1), of each one-sided bound.
    Errors: ValueError if a count, the limit or the level is out of range.
    Source: Clopper and Pearson 1934, The Use of Confidence or Fiducial Limits.
    """
    validate_level(level)
    validate_limit(limit)
    if not 1 <= k <= n:
        raise ValueError(f"expected 1 to {n} episodes, found {k}")
    low, high = _bound_proportion(k, n, level)
    p_worse = float(betainc(k, n - k + 1, limit))  # chance of k or more at the limit
    needed = _count_needed(k / n, limit, level)
    return _judge(GateDecision(GateState.PASS, k / n, low, high, limit, n, needed, p_worse))


def validate_limit(limit: float) -> None:
    """ValueError unless it is a share that something may have."""
    if not 0.0 < limit < 1.0:
        raise ValueError(f"expected a limit in (0, 1), found {limit}")


def _decide_by_logit(num: Column, den: Column, limit: float, level: float) -> GateDecision:
    """A share inside (0, 1) that differs from one replication to the next."""
    n, rate = num.size, compute_rate(num, den)
    method, error = compute_logit_error(rate, compute_rates_without(num, den))
    centre, edge = float(logit(rate)), float(logit(limit))
    half = float(stdtrit(n - 1, level)) * error
    low, high = float(expit(centre - half)), float(expit(centre + half))
    p_worse = float(stdtr(n - 1, (edge - centre) / error))
    needed = compute_required_n(error * sqrt(n), centre, edge, level)
    measured = GateDecision(GateState.PASS, rate, low, high, limit, n, needed, p_worse)
    return _judge(
        measured if method is Method.LOGIT_JACKKNIFE_T else _widen(measured, num, den, level)
    )


def _widen(measured: GateDecision, num: Column, den: Column, level: float) -> GateDecision:
    """Bounds where one replication alone keeps a share off 0 or 1: what so many episodes tell.

    A share is no larger than that of episodes with any event, and no smaller than that of
    episodes with nothing else. Without this, an event seen once would pass a limit that none
    seen does not.
    """
    n, limit = int(np.count_nonzero(den)), measured.margin
    if np.count_nonzero(num) == 1:
        high = _bound_proportion(1, n, level)[1]
        measured = measured._replace(high=high, n_required=_count_needed(1 / n, limit, level))
    if np.count_nonzero(num < den) == 1:
        low, p_worse = _bound_proportion(n - 1, n, level)[0], float(betainc(n - 1, 2, limit))
        measured = measured._replace(low=low, p_worse=p_worse)
    return measured


def _bound_proportion(k: int, n: int, level: float) -> tuple[float, float]:
    """One-sided bounds of a share of episodes, 1 <= k <= n."""
    high = float(betaincinv(k + 1, n - k, level)) if k < n else 1.0
    return float(betaincinv(k, n - k + 1, 1.0 - level)), high


def _count_needed(share: float, limit: float, level: float) -> int | None:
    """Episodes that would be likely to pass, if their share stays."""
    return compute_required_n(sqrt(share * (1.0 - share)), share, limit, level)


def _judge(measured: GateDecision) -> GateDecision:
    """What the bounds say of the limit; what it would take counts only if they say nothing."""
    low, high, needed = measured.low, measured.high, measured.n_required
    if high is not None and high < measured.margin:
        return measured._replace(state=GateState.PASS, n_required=None)
    if low is not None and low > measured.margin:
        return measured._replace(state=GateState.FAIL, n_required=None)
    required = None if needed is None else max(needed, measured.n + 1)
    return measured._replace(state=GateState.INCONCLUSIVE, n_required=required)
