"""A nominal 95 % interval holds the truth about 95 % of the time, and a wrong one is caught.

The bar is [.93, .97] widened by three standard errors of a coverage seen in 400 samples,
3 * sqrt(.95 * .05 / 400) = .033, so that a sound interval does not fail by the choice of
the seed. It still leaves out every interval that mistakes calls for observations.
"""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt

import numpy as np
import pytest
import scipy.stats
from numpy.typing import NDArray

from sim.stats.intervals import (
    Interval,
    compute_clopper_pearson,
    compute_mean_interval,
    compute_quantile_interval,
    compute_rate_interval,
    compute_wilson,
)
from sim.stats.paired import Difference, compute_paired_difference, compute_paired_rate_difference

Draws = np.random.Generator  # noqa: TID251 (samples for the statistics alone, no replication)
Counts = NDArray[np.int64]
Column = NDArray[np.float64]
Sample = Callable[[Draws], Interval | None]

N_SAMPLES = 400
SLACK = 3.0 * sqrt(0.95 * 0.05 / N_SAMPLES)
BAR_LOW, BAR_HIGH = 0.93 - SLACK, 0.97 + SLACK
RATE, CALLS = 0.05, 200


def compute_coverage(sample: Sample, truth: float, seed: int = 20_261_101) -> float:
    """Share of samples whose interval holds the truth."""
    draws = np.random.default_rng(seed)  # noqa: TID251 (as above)
    intervals = [sample(draws) for _ in range(N_SAMPLES)]
    return sum(is_covered(interval, truth) for interval in intervals) / N_SAMPLES


def is_covered(interval: Interval | None, truth: float) -> bool:
    assert interval is not None
    assert interval.low is not None
    assert interval.high is not None
    return interval.low <= truth <= interval.high


def get_interval(difference: Difference | None) -> Interval | None:
    return None if difference is None else difference.interval


def draw_clustered(draws: Draws, n: int, correlation: float) -> tuple[Counts, Counts, Column]:
    """Events, calls and the rate of each replication, by a beta-binomial of the correlation."""
    spread = 1.0 / correlation - 1.0
    rates = draws.beta(RATE * spread, (1.0 - RATE) * spread, n)
    den = draws.poisson(CALLS, n)
    return draws.binomial(den, rates), den, rates


def sample_normal(draws: Draws) -> Interval | None:
    return compute_mean_interval(draws.normal(3.0, 2.0, 30))


def sample_exponential(draws: Draws) -> Interval | None:
    return compute_mean_interval(draws.exponential(3.0, 60))


def sample_quantile(draws: Draws) -> Interval | None:
    return compute_quantile_interval(np.median(draws.normal(3.0, 2.0, (30, 51)), axis=1))


def sample_clustered_rate(draws: Draws) -> Interval | None:
    num, den, _ = draw_clustered(draws, 60, 0.2)
    return compute_rate_interval(num, den)


def sample_unbounded_ratio(draws: Draws) -> Interval | None:
    den = draws.poisson(CALLS, 60)
    return compute_rate_interval(
        draws.poisson(3.0 * den * draws.gamma(4.0, 0.25, 60)), den, 0.95, False
    )


def sample_paired_means(draws: Draws) -> Interval | None:
    shared = draws.normal(0.0, 3.0, 30)
    treatment = shared + 3.0 + draws.normal(0.0, 1.0, 30)
    return get_interval(compute_paired_difference(shared, treatment))


def sample_paired_rates(draws: Draws) -> Interval | None:
    num_a, den_a, rates = draw_clustered(draws, 60, 0.05)
    den_b = draws.poisson(CALLS, 60)
    num_b = draws.binomial(den_b, 0.6 * rates)
    return get_interval(compute_paired_rate_difference(num_a, den_a, num_b, den_b))


@pytest.mark.parametrize(
    ("sample", "truth"),
    [
        (sample_normal, 3.0),
        (sample_exponential, 3.0),
        (sample_quantile, 3.0),
        (sample_clustered_rate, RATE),
        (sample_unbounded_ratio, 3.0),
        (sample_paired_means, 3.0),
        (sample_paired_rates, -0.4 * RATE),
    ],
)
def test_an_interval_covers_as_often_as_it_says(sample: Sample, truth: float) -> None:
    assert BAR_LOW <= compute_coverage(sample, truth) <= BAR_HIGH


@pytest.mark.parametrize(("correlation", "measured"), [(0.01, 0.766), (0.05, 0.469), (0.2, 0.247)])
def test_an_interval_over_pooled_calls_is_caught(correlation: float, measured: float) -> None:
    def sample_pooled(draws: Draws) -> Interval:
        num, den, _ = draw_clustered(draws, 30, correlation)
        return compute_wilson(int(num.sum()), int(den.sum()))

    coverage = compute_coverage(sample_pooled, RATE)
    assert coverage < BAR_LOW
    assert coverage == pytest.approx(measured, abs=3.0 * 0.5 / sqrt(N_SAMPLES))


@pytest.mark.parametrize("share", [0.01, 0.05, 0.5])
def test_clopper_pearson_never_covers_less_than_it_says(share: float) -> None:
    """Exact: each possible count weighed by its probability, nothing drawn."""
    counts = range(101)
    covered = [is_covered(compute_clopper_pearson(k, 100), share) for k in counts]
    assert np.dot(scipy.stats.binom.pmf(counts, 100, share), covered) >= 0.95


def test_wilson_covers_a_rare_share_less_often_than_it_says() -> None:
    """Exact: the reason why it is for display; 92.1 % at a share of .01 in 100."""
    counts = range(101)
    covered = [is_covered(compute_wilson(k, 100), 0.01) for k in counts]
    assert np.dot(scipy.stats.binom.pmf(counts, 100, 0.01), covered) == pytest.approx(
        0.921, abs=5e-4
    )
