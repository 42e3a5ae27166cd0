"""BCa limits: agreement with scipy, fixed seeds, samples without spread."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from sim.stats.bootstrap import (
    Limits,
    compute_difference_bca,
    compute_mean_bca,
    compute_rate_bca,
    compute_rate_difference_bca,
    disagrees,
)
from sim.stats.intervals import compute_rate_interval

DRAWS = np.random.default_rng(5)  # noqa: TID251 (samples for the statistics alone)
DEN = DRAWS.poisson(200.0, 30).astype(float)
NUM, OTHER = DRAWS.binomial(DEN.astype(int), 0.05), DRAWS.binomial(DEN.astype(int), 0.03)
SKEWED = DRAWS.exponential(3.0, 30)


def test_a_mean_has_the_limits_of_scipy_but_for_the_luck_of_resampling() -> None:
    limits = compute_mean_bca(SKEWED)
    expected = scipy.stats.bootstrap((SKEWED,), np.mean, rng=1).confidence_interval
    assert limits == pytest.approx((expected.low, expected.high), abs=0.05)
    assert limits == compute_mean_bca(SKEWED)


def test_skew_moves_both_limits_towards_the_long_tail() -> None:
    limits = compute_mean_bca(SKEWED)
    assert limits is not None
    assert limits.high - SKEWED.mean() > SKEWED.mean() - limits.low


def test_a_rate_of_equal_denominators_is_a_mean() -> None:
    assert compute_rate_bca(NUM, np.full(30, 50.0)) == pytest.approx(compute_mean_bca(NUM / 50.0))


def test_a_rate_has_limits_near_those_of_its_jackknife() -> None:
    limits, interval = compute_rate_bca(NUM, DEN), compute_rate_interval(NUM, DEN)
    assert interval is not None
    assert limits == pytest.approx(interval[1:3], abs=0.004)


def test_pairs_are_drawn_whole() -> None:
    shared = DRAWS.normal(0.0, 100.0, 30)
    assert compute_difference_bca(shared, shared + SKEWED) == pytest.approx(
        compute_mean_bca(SKEWED), rel=1e-9
    )
    rates = compute_rate_difference_bca(NUM, DEN, NUM + 1, DEN)
    assert rates is not None
    assert rates.high - rates.low < 1e-3  # far less than either rate varies by


def test_a_difference_of_rates_is_treatment_minus_baseline() -> None:
    limits = compute_rate_difference_bca(NUM, DEN, OTHER, DEN)
    assert limits is not None
    assert limits.low < OTHER.sum() / DEN.sum() - NUM.sum() / DEN.sum() < limits.high < 0.0


def test_without_spread_there_are_no_limits() -> None:
    assert compute_mean_bca([]) is None
    assert compute_mean_bca([2.0]) is None
    assert compute_mean_bca([2.0] * 9) is None
    assert compute_difference_bca(SKEWED, SKEWED) is None
    assert compute_rate_bca([1, 2], [10, 20]) is None
    assert compute_rate_bca([1, 0], [10, 0]) is None
    assert compute_rate_difference_bca(NUM, DEN, NUM, DEN) is None
    assert compute_rate_difference_bca([0, 0], [0, 0], [1, 2], [3, 3]) is None


@pytest.mark.parametrize(
    ("low", "high", "is_other"), [(-1.0, 2.0, True), (0.5, 2.0, False), (-2.0, -1.0, True)]
)
def test_intervals_disagree_if_they_lie_on_other_sides_of_zero(
    low: float, high: float, is_other: bool
) -> None:
    assert disagrees(Limits(0.1, 1.0), low, high) is is_other


def test_what_has_no_limits_does_not_disagree() -> None:
    assert not disagrees(None, 1.0, 2.0)
    assert not disagrees(Limits(1.0, 2.0), None, None)
