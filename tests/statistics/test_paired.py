"""Paired differences: published vectors, agreement with scipy, differences without spread."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from sim.stats.intervals import Interval, Method, compute_rate_interval
from sim.stats.paired import (
    Difference,
    Pairing,
    compute_paired_difference,
    compute_paired_rate_difference,
    compute_paired_ratio,
    compute_pairing,
    compute_rate_differences,
)

BASELINE = np.array([4.0, 7.0, 5.0, 9.0, 6.0])
NUM, DEN = np.array([1.0, 0.0, 2.0, 1.0]), np.array([10.0, 8.0, 12.0, 10.0])


def get_interval(difference: Difference | None) -> Interval:
    assert difference is not None
    return difference.interval


class TestMeans:
    def test_the_paired_t_gives_its_vector(self) -> None:
        interval = get_interval(compute_paired_difference([0.0] * 5, [0.3, 0.1, 0.4, 0.2, 0.5]))
        assert (interval.mean, interval.low, interval.high) == pytest.approx(
            (0.3, 0.1036757, 0.4963243), abs=5e-8
        )
        assert (interval.n, interval.method) == (5, "paired t")

    @pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
    def test_it_agrees_with_scipy(self, level: float) -> None:
        treatment = BASELINE + np.array([0.3, -1.0, 2.5, 0.0, 0.1])
        expected = scipy.stats.ttest_rel(treatment, BASELINE).confidence_interval(level)
        interval = get_interval(compute_paired_difference(BASELINE, treatment, level))
        assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high))

    def test_the_difference_is_treatment_minus_baseline(self) -> None:
        assert get_interval(compute_paired_difference([0.0, 0.0], [1.0, 2.0])).mean == 1.5

    def test_no_difference_anywhere_is_identical(self) -> None:
        expected = Interval(0.0, 0.0, 0.0, 5, Method.IDENTICAL)
        assert get_interval(compute_paired_difference(BASELINE, BASELINE)) == expected

    def test_one_difference_everywhere_is_constant(self) -> None:
        expected = Interval(-2.0, -2.0, -2.0, 5, Method.CONSTANT_DIFFERENCE)
        assert get_interval(compute_paired_difference(BASELINE, BASELINE - 2.0)) == expected

    def test_one_pair_has_no_limits(self) -> None:
        expected = Difference(Interval(2.0, None, None, 1, Method.NO_INTERVAL), None)
        assert compute_paired_difference([1.0], [3.0]) == expected

    def test_no_pair_has_no_difference(self) -> None:
        assert compute_paired_difference([], []) is None


class TestRates:
    def test_against_a_constant_arm_it_is_the_jackknife_of_the_other(self) -> None:
        difference = compute_paired_rate_difference([2.0] * 4, [10.0] * 4, NUM, DEN)
        alone = compute_rate_interval(NUM, DEN, bounded=False)
        interval = get_interval(difference)
        assert alone is not None
        assert alone.low is not None
        assert (interval.mean, interval.low) == pytest.approx((alone.mean - 0.2, alone.low - 0.2))
        assert (interval.n, interval.method) == (4, "joint jackknife t")
        assert difference is not None
        assert difference.pairing is None

    def test_with_equal_denominators_it_is_the_paired_t(self) -> None:
        a, b, den = BASELINE, BASELINE[::-1] * 2.0, np.full(5, 4.0)
        rates = compute_paired_rate_difference(a, den, b, den)
        means = compute_paired_difference(a / den, b / den)
        assert rates is not None
        assert means is not None
        assert rates.interval[:4] == pytest.approx(means.interval[:4])
        assert rates.pairing == pytest.approx(means.pairing)

    def test_a_replication_is_left_out_of_both_arms_at_once(self) -> None:
        num_b, den_b = np.array([3.0, 2.0, 5.0, 1.0]), np.array([11.0, 9.0, 12.0, 10.0])
        keep = ~np.eye(4, dtype=bool)
        without = [num_b[k].sum() / den_b[k].sum() - NUM[k].sum() / DEN[k].sum() for k in keep]
        half = scipy.stats.t.ppf(0.975, 3) * np.sqrt(3 / 4 * 4 * np.var(without))
        interval = get_interval(compute_paired_rate_difference(NUM, DEN, num_b, den_b))
        assert interval.mean == pytest.approx(11 / 42 - 4 / 40)
        assert interval.high == pytest.approx(interval.mean + half)

    def test_the_same_counts_are_identical(self) -> None:
        difference = compute_paired_rate_difference(NUM, DEN, NUM, DEN)
        assert get_interval(difference) == Interval(0.0, 0.0, 0.0, 4, Method.IDENTICAL)
        assert difference is not None
        assert difference.pairing == pytest.approx(Pairing(1.0, 0.0))

    def test_one_rate_under_different_denominators_is_identical(self) -> None:
        interval = get_interval(compute_paired_rate_difference([1, 2], [10, 20], [3, 4], [30, 40]))
        assert interval == Interval(0.0, 0.0, 0.0, 2, Method.IDENTICAL)

    @pytest.mark.parametrize(
        ("num_a", "den_a", "num_b", "den_b"),
        [
            ([1, 3, 2], [8, 16, 8], [3, 7, 4], [8, 16, 8]),  # both vary, always 1/4 apart
            ([1, 2, 3], [4, 8, 12], [1, 2, 4], [2, 4, 8]),  # neither varies
        ],
    )
    def test_one_difference_everywhere_is_constant(
        self, num_a: list[float], den_a: list[float], num_b: list[float], den_b: list[float]
    ) -> None:
        interval = get_interval(compute_paired_rate_difference(num_a, den_a, num_b, den_b))
        assert interval == Interval(0.25, 0.25, 0.25, 3, Method.CONSTANT_DIFFERENCE)

    def test_no_event_in_either_arm_is_not_called_identical(self) -> None:
        expected = Difference(Interval(0.0, None, None, 4, Method.NO_EVENTS), None)
        assert compute_paired_rate_difference([0.0] * 4, DEN, [0.0] * 4, DEN) == expected

    def test_one_informative_replication_has_no_limits(self) -> None:
        difference = compute_paired_rate_difference(NUM, DEN, [1, 0, 0, 0], [2, 0, 0, 0])
        assert get_interval(difference) == Interval(0.4, None, None, 4, Method.NO_INTERVAL)

    def test_the_rate_of_nothing_has_no_difference(self) -> None:
        assert compute_paired_rate_difference([0.0] * 4, [0.0] * 4, NUM, DEN) is None
        assert compute_paired_rate_difference(NUM, DEN, [0.0] * 4, [0.0] * 4) is None


class TestRateDifferences:
    def test_their_t_interval_is_that_of_the_joint_jackknife(self) -> None:
        num_b, den_b = np.array([3.0, 2.0, 5.0, 1.0]), np.array([11.0, 9.0, 12.0, 10.0])
        values = compute_rate_differences(NUM, DEN, num_b, den_b)
        assert values is not None
        joint = get_interval(compute_paired_rate_difference(NUM, DEN, num_b, den_b))
        plain = get_interval(compute_paired_difference(np.zeros(4), values))
        assert plain[:4] == pytest.approx(joint[:4])

    @pytest.mark.parametrize(
        ("num_a", "den_a", "num_b", "den_b", "difference"),
        [
            ([1, 2], [10, 20], [3, 4], [30, 40], 0.0),
            ([1, 3, 2], [8, 16, 8], [3, 7, 4], [8, 16, 8], 0.25),
            ([0, 0], [7, 5], [0, 0], [3, 5], 0.0),
        ],
    )
    def test_without_spread_they_are_equal_to_the_bit(
        self,
        num_a: list[float],
        den_a: list[float],
        num_b: list[float],
        den_b: list[float],
        difference: float,
    ) -> None:
        values = compute_rate_differences(num_a, den_a, num_b, den_b)
        assert values is not None
        assert values.tolist() == [difference] * len(num_a)

    def test_two_replications_have_to_inform(self) -> None:
        assert compute_rate_differences([1, 0], [2, 0], [1, 1], [2, 2]) is None
        assert compute_rate_differences([1, 1], [2, 2], [0, 0], [0, 0]) is None


class TestPairing:
    def test_it_is_the_correlation_and_the_share_of_variance(self) -> None:
        treatment = np.array([3.0, 8.0, 5.0, 9.0, 7.0])
        pairing = compute_pairing(BASELINE, treatment)
        assert pairing is not None
        assert pairing.rho == pytest.approx(scipy.stats.pearsonr(BASELINE, treatment).statistic)
        spread = np.var(BASELINE) + np.var(treatment)
        assert pairing.variance_ratio == pytest.approx(np.var(treatment - BASELINE) / spread)

    def test_a_shift_pairs_perfectly(self) -> None:
        assert compute_pairing(BASELINE, BASELINE + 1.0) == pytest.approx(Pairing(1.0, 0.0))

    @pytest.mark.parametrize(("a", "b"), [([1, 1], [1, 2]), ([1, 2], [1, 1]), ([1], [2]), ([], [])])
    def test_without_variance_it_is_undefined(self, a: list[float], b: list[float]) -> None:
        assert compute_pairing(a, b) is None


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_value_must_be_finite(value: float) -> None:
    with pytest.raises(ValueError, match="not finite"):
        compute_paired_difference([1.0, 2.0], [1.0, value])
    with pytest.raises(ValueError, match="not finite"):
        compute_paired_rate_difference([1, value], [2, 2], [1, 1], [2, 2])


def test_arms_have_the_same_replications() -> None:
    with pytest.raises(ValueError, match=r"\(2,\), \(3,\)"):
        compute_paired_difference([1.0, 2.0], [1.0, 2.0, 3.0])


def test_a_denominator_is_never_negative() -> None:
    with pytest.raises(ValueError, match="negative"):
        compute_paired_rate_difference([1, 1], [2, 2], [1, 1], [2, -2])


def test_a_level_is_a_share() -> None:
    with pytest.raises(ValueError, match="level"):
        compute_paired_difference([1.0, 2.0], [1.0, 3.0], 95.0)
    with pytest.raises(ValueError, match="level"):
        compute_paired_rate_difference([1, 1], [2, 3], [1, 2], [2, 2], 0.0)


class TestRatios:
    def test_it_is_that_of_a_rate_where_both_are_counts(self) -> None:
        treatment = np.array([8.0, 9.0, 5.0, 20.0, 6.0])
        ratio, rate = (
            compute_paired_ratio(BASELINE, treatment),
            compute_rate_interval(treatment, BASELINE, bounded=False),
        )
        assert rate is not None
        assert ratio == rate._replace(method=Method.JOINT_JACKKNIFE_T)

    def test_amounts_of_any_sign_have_a_ratio(self) -> None:
        baseline, treatment = [10.0, -1.0, 9.0, 8.0, 12.0], [-5.0, 2.0, -4.0, 0.0, 1.0]
        ratio = compute_paired_ratio(baseline, treatment)
        assert ratio is not None
        assert ratio.mean == pytest.approx(-6 / 38)
        without = [(-6 - t) / (38 - b) for b, t in zip(baseline, treatment, strict=True)]
        error = np.sqrt(4 / 5 * np.sum((np.array(without) - np.mean(without)) ** 2))
        half = scipy.stats.t.ppf(0.975, 4) * error
        assert (ratio.low, ratio.high) == pytest.approx((-6 / 38 - half, -6 / 38 + half))

    def test_one_ratio_everywhere_is_named(self) -> None:
        ratio = compute_paired_ratio(BASELINE, 3 * BASELINE)
        assert ratio == Interval(3.0, 3.0, 3.0, 5, Method.IDENTICAL_SAMPLE)

    @pytest.mark.parametrize("baseline", [[], [5.0], [1.0, 9.0], [-4.0, -5.0], [0.0, 0.0]])
    def test_a_baseline_that_may_be_nothing_has_none(self, baseline: list[float]) -> None:
        assert compute_paired_ratio(baseline, [7.0] * len(baseline)) is None
