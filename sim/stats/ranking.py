"""Which of several arms is best, and how sure that is; larger is better throughout.

Several outcomes are never merged into one score: arms are ranked by who is beaten in all of them.
"""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import stdtr

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Column = NDArray[np.float64]

N_FIRST = 10  # replications from which spreads are estimated


class Selection(NamedTuple):
    """Which arms are left, by row, and after how many replications of each."""

    survivors: tuple[int, ...]  # one: selected
    n_used: int  # of the longest-lived arm
    n_total: int  # over all arms, each until it was dropped


def compute_kn_factor(n_arms: int, alpha: float = 0.05, n_first: int = N_FIRST) -> float:
    """Factor h squared by which first-stage variances widen the race.

    Units:  n_arms from 2; alpha in (0, 1) is the chance of a wrong selection; n_first from 2.
    Source: Kim and Nelson 2001, A Fully Sequential Procedure for Indifference-Zone Selection in
            Simulation, with c = 1.
    """
    if n_arms < 2 or n_first < 2 or not 0.0 < alpha < 1.0:
        raise ValueError("expected two arms, two first replications and a chance in (0, 1)")
    eta = 0.5 * ((2.0 * alpha / (n_arms - 1)) ** (-2.0 / (n_first - 1)) - 1.0)
    return float(2.0 * eta * (n_first - 1))


def compute_kn_width(factor: float, variance: float, indifference: float, n: int) -> float:
    """How far behind another an arm may lie after n replications and still stay in the race."""
    return max(0.0, indifference / (2.0 * n) * (factor * variance / indifference**2 - n))


def select_best(
    samples: ArrayLike, indifference: float, alpha: float = 0.05, n_first: int = N_FIRST
) -> Selection:
    """Race of arms over the same replications, worst dropped first.

    If one is left, it is the best with a chance of 1 - alpha wherever the best leads by at least
    the indifference, and values are normal; common draws shorten the race. With several left,
    the samples were too short to tell.

    Shapes: (n_arms, n_replications), read as float64, at least n_first replications.
    Units:  indifference above 0, in those of the outcome.
    Errors: ValueError if the shape, a value or a number is out of range.
    Source: as `compute_kn_factor`.
    """
    values = validate_samples(samples, n_first)
    if not indifference > 0.0:
        raise ValueError(f"expected an indifference above 0, found {indifference}")
    factor = compute_kn_factor(len(values), alpha, n_first)
    first = values[:, :n_first]
    variances = np.var(first[:, None] - first[None, :], axis=2, ddof=1)
    totals, n_total = first.sum(axis=1), len(values) * n_first
    alive, n = list(range(len(values))), n_first
    while True:
        means = totals / n
        alive = [
            arm
            for arm in alive
            if all(
                means[arm]
                >= means[other]
                - compute_kn_width(factor, float(variances[arm, other]), indifference, n)
                for other in alive
                if other != arm
            )
        ]
        if len(alive) == 1 or n == values.shape[1]:
            return Selection(tuple(alive), n, n_total)
        totals, n, n_total = totals + values[:, n], n + 1, n_total + len(alive)


def compute_selection_chance(samples: ArrayLike, tolerance: float = 0.0) -> float:
    """Estimated chance that the arm with the largest mean is within a tolerance of the best.

    A lower bound over pairs, from the differences on the same draws; arms that equal the first
    in every replication count as equally good.

    Shapes: (n_arms, n_replications), read as float64, at least two replications.
    Return: 0..1.
    Errors: ValueError if the shape or a value is out of range or the tolerance is negative.
    Source: Chen 1996, A Lower Bound for the Correct Subset-Selection Probability, with Student's
            t for the normal; Bonferroni's inequality.
    """
    values = validate_samples(samples, 2)
    if not tolerance >= 0.0:
        raise ValueError(f"expected a tolerance from 0, found {tolerance}")
    best, n = int(np.argmax(values.mean(axis=1))), values.shape[1]
    missed = 0.0
    for arm in range(len(values)):
        differences = values[best] - values[arm]
        if np.all(differences == differences[0]):
            continue  # never behind, as the best mean is not below this one
        lead = float(differences.mean()) + tolerance
        error = float(np.std(differences, ddof=1)) / sqrt(n)
        missed += float(stdtr(n - 1, -lead / error))
    return max(0.0, 1.0 - missed)


def compute_ocba(means: ArrayLike, spreads: ArrayLike, n_total: float) -> Column:
    """Share out a budget of replications so that the best arm is found most surely.

    Shapes: means and spreads (n_arms,), read as float64; return float64 (n_arms,), of sum n_total.
    Units:  spreads, standard deviations, above 0.
    Errors: ValueError if shapes differ, a spread is not above 0, or two arms share the best mean.
    Source: Chen, Lin, Yucesan and Chick 2000, Simulation Budget Allocation for Further Enhancing
            the Efficiency of Ordinal Optimization.
    """
    means = np.asarray(means, dtype=np.float64)
    spreads = np.asarray(spreads, dtype=np.float64)
    if means.ndim != 1 or means.shape != spreads.shape or means.size < 2:
        raise ValueError("expected one mean and one spread for each of at least two arms")
    best = int(np.argmax(means))
    others = np.arange(means.size) != best
    lead = means[best] - means
    if not (spreads > 0.0).all() or not (lead[others] > 0.0).all():
        raise ValueError("expected spreads above 0 and one arm with the best mean")
    shares = np.zeros(means.size)
    shares[others] = (spreads[others] / lead[others]) ** 2
    shares[best] = spreads[best] * sqrt(float(np.sum((shares[others] / spreads[others]) ** 2)))
    allotted: Column = n_total * shares / shares.sum()
    return allotted


def compute_pareto_ranks(values: ArrayLike) -> NDArray[np.int64]:
    """Rank of each arm over several outcomes: 1 if none beats it, 2 if only those of rank 1 do.

    An arm beats another if it is nowhere smaller and somewhere larger.

    Shapes: (n_arms, n_outcomes), read as float64; return int64 (n_arms,).
    Source: Goldberg 1989, Genetic Algorithms, non-dominated sorting.
    """
    rows = np.asarray(values, dtype=np.float64)
    if rows.ndim != 2 or not np.isfinite(rows).all():
        raise ValueError("expected one finite value for each arm and outcome")
    ranks = np.zeros(len(rows), dtype=np.int64)
    rank = 0
    while (left := np.flatnonzero(ranks == 0)).size:
        rank += 1
        beaten = [
            bool(np.any(np.all(rows[left] >= rows[arm], 1) & np.any(rows[left] > rows[arm], 1)))
            for arm in left
        ]
        ranks[left[~np.array(beaten)]] = rank
    return ranks


def validate_samples(samples: ArrayLike, n_least: int) -> Column:
    """Samples as float64: two arms at least, and as many replications as needed."""
    values = np.asarray(samples, dtype=np.float64)
    if values.ndim != 2 or len(values) < 2 or values.shape[1] < n_least:
        raise ValueError(f"expected two arms and {n_least} replications, found {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError("a value is not finite; leave out what is null, with its reason")
    return values
