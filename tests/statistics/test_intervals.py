"""Intervals of one outcome: published vectors, agreement with scipy, samples without spread."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import scipy.stats

from sim.stats.intervals import (
    Interval,
    Method,
    compute_clopper_pearson,
    compute_jackknife_error,
    compute_mean_interval,
    compute_quantile_interval,
    compute_rate_interval,
    compute_rates_without,
    compute_wilson,
    compute_zero_bound,
)

NUM, DEN = np.array([1.0, 0.0, 2.0, 1.0]), np.array([10.0, 8.0, 12.0, 10.0])
LEVELS = (0.8, 0.95, 0.99)


def get_limits(interval: Interval | None) -> tuple[float, float]:
    assert interval is not None
    assert interval.low is not None
    assert interval.high is not None
    return interval.low, interval.high


class TestMean:
    @pytest.mark.parametrize("level", LEVELS)
    @pytest.mark.parametrize("values", [[0.3, 0.1, 0.4, 0.2, 0.5], [-7.0, 1e6, 3.5], [0.0, 1.0]])
    def test_it_agrees_with_scipy(self, values: list[float], level: float) -> None:
        expected = scipy.stats.ttest_1samp(values, 0.0).confidence_interval(level)
        interval = compute_mean_interval(values, level)
        assert get_limits(interval) == pytest.approx((expected.low, expected.high), rel=1e-9)
        assert interval is not None
        assert (interval.n, interval.method) == (len(values), Method.T)
        assert interval.mean == pytest.approx(np.mean(values))

    def test_a_quantile_is_one_value_per_replication(self) -> None:
        assert compute_quantile_interval([1.0, 4.0, 2.0]) == compute_mean_interval([1.0, 4.0, 2.0])

    @pytest.mark.parametrize("value", [0.0, 0.1, -3.0])
    def test_equal_values_have_no_spread_and_no_rounding(self, value: float) -> None:
        expected = Interval(value, value, value, 30, Method.IDENTICAL_SAMPLE)
        assert compute_mean_interval([value] * 30) == expected

    def test_one_value_has_no_limits(self) -> None:
        assert compute_mean_interval([2.0]) == Interval(2.0, None, None, 1, Method.NO_INTERVAL)

    def test_no_value_has_no_mean(self) -> None:
        assert compute_mean_interval([]) is None


class TestRate:
    def test_the_jackknife_gives_its_vector(self) -> None:
        without = compute_rates_without(NUM, DEN)
        assert without == pytest.approx([0.1, 0.125, 0.0714286, 0.1], abs=5e-8)
        assert compute_jackknife_error(without) == pytest.approx(0.0328421, abs=5e-8)
        on_logit = np.log(without / (1.0 - without))
        assert compute_jackknife_error(on_logit) == pytest.approx(0.3824192, abs=5e-8)

    def test_the_plain_limits_give_their_vector(self) -> None:
        interval = compute_rate_interval(NUM, DEN, bounded=False)
        assert get_limits(interval) == pytest.approx((-0.0045182, 0.2045182), abs=5e-8)
        assert interval is not None
        assert interval.mean == pytest.approx(0.1)
        assert (interval.n, interval.method) == (4, "jackknife t")

    def test_the_logit_limits_give_their_vector(self) -> None:
        interval = compute_rate_interval(NUM, DEN)
        assert get_limits(interval) == pytest.approx((0.0318530, 0.2728529), abs=5e-8)
        assert interval is not None
        assert (interval.n, interval.method) == (4, "logit jackknife t")

    def test_with_equal_denominators_the_jackknife_is_the_t_interval(self) -> None:
        rate = compute_rate_interval([3.0, 9.0, 4.0, 1.0], [2.0] * 4, bounded=False)
        mean = compute_mean_interval([1.5, 4.5, 2.0, 0.5])
        assert get_limits(rate) == pytest.approx(get_limits(mean), rel=1e-12)

    def test_events_and_their_absence_mirror_each_other(self) -> None:
        low, high = get_limits(compute_rate_interval(NUM, DEN))
        mirrored = get_limits(compute_rate_interval(DEN - NUM, DEN))
        assert mirrored == pytest.approx((1.0 - high, 1.0 - low), rel=1e-12)

    @pytest.mark.parametrize("num", [[0.0, 0.0, 3.0], [10.0, 10.0, 7.0]])
    def test_a_rate_held_off_the_edge_by_one_replication_stays_inside(
        self, num: list[float]
    ) -> None:
        interval = compute_rate_interval(num, [10.0] * 3)
        low, high = get_limits(interval)
        assert interval is not None
        assert 0.0 < low < interval.mean < high < 1.0
        assert interval.method == Method.LOGIT_DELTA_T

    def test_a_replication_without_denominator_stays_in(self) -> None:
        interval = compute_rate_interval([*NUM, 0.0], [*DEN, 0.0])
        assert interval is not None
        assert interval.n == 5
        assert interval.mean == pytest.approx(0.1)

    def test_no_event_gives_the_bound_on_episodes_with_an_opportunity(self) -> None:
        interval = compute_rate_interval([0.0] * 31, [200.0] * 30 + [0.0])
        assert interval == compute_zero_bound(30)
        assert interval.high == pytest.approx(0.0950, abs=5e-5)

    def test_nothing_but_events_gives_the_mirrored_bound(self) -> None:
        interval = compute_rate_interval([200.0] * 30, [200.0] * 30)
        _, high = get_limits(compute_zero_bound(30))
        assert interval == Interval(1.0, 1.0 - high, 1.0, 30, Method.ZERO_BOUND)

    def test_no_event_bounds_no_unbounded_ratio(self) -> None:
        interval = compute_rate_interval([0.0] * 30, [200.0] * 30, bounded=False)
        assert interval == Interval(0.0, None, None, 30, Method.NO_EVENTS)

    @pytest.mark.parametrize("bounded", [True, False])
    def test_one_rate_everywhere_has_no_spread(self, bounded: bool) -> None:
        interval = compute_rate_interval([1.0, 3.0, 0.0], [10.0, 30.0, 0.0], bounded=bounded)
        assert interval == Interval(0.1, 0.1, 0.1, 3, Method.IDENTICAL_SAMPLE)

    @pytest.mark.parametrize("bounded", [True, False])
    def test_one_informative_replication_has_no_limits(self, bounded: bool) -> None:
        interval = compute_rate_interval([1.0, 0.0], [10.0, 0.0], bounded=bounded)
        assert interval == Interval(0.1, None, None, 2, Method.NO_INTERVAL)

    @pytest.mark.parametrize("bounded", [True, False])
    def test_the_rate_of_nothing_is_none(self, bounded: bool) -> None:
        assert compute_rate_interval([0.0] * 5, [0.0] * 5, bounded=bounded) is None
        assert compute_rate_interval([], [], bounded=bounded) is None


class TestProportion:
    @pytest.mark.parametrize(
        ("n", "high", "tolerance"),
        [(30, 0.0950, 5e-5), (299, 0.00997, 5e-6), (1_000, 0.00299, 5e-6), (10_000, 3.0e-4, 5e-6)],
    )
    def test_the_zero_bound_gives_its_table(self, n: int, high: float, tolerance: float) -> None:
        bound = compute_zero_bound(n)
        assert bound == Interval(0.0, 0.0, bound.high, n, Method.ZERO_BOUND)
        assert bound.high == pytest.approx(high, abs=tolerance)

    @pytest.mark.parametrize("n", [1, 2, 30, 299, 10**6])
    def test_the_zero_bound_is_the_exact_one_sided_limit(self, n: int) -> None:
        exact = scipy.stats.binomtest(0, n, alternative="less").proportion_ci(0.95, "exact")
        assert compute_zero_bound(n).high == pytest.approx(exact.high, rel=1e-8, abs=1e-12)

    @pytest.mark.parametrize(
        ("share", "n"),
        [(0.1, 29), (0.01, 299), (1e-3, 2_995), (1e-4, 29_956), (1e-6, 2_995_731)],
    )
    def test_a_claim_needs_this_many_episodes(self, share: float, n: int) -> None:
        assert get_limits(compute_zero_bound(n)) < (0.0, share)
        assert get_limits(compute_zero_bound(n - 1)) > (0.0, share)

    def test_two_of_a_hundred_give_their_vectors(self) -> None:
        exact, score = compute_clopper_pearson(2, 100), compute_wilson(2, 100)
        assert get_limits(exact) == pytest.approx((0.00243, 0.07038), abs=5e-6)
        assert get_limits(score) == pytest.approx((0.00550, 0.07001), abs=5e-6)
        assert (exact.mean, exact.n, exact.method) == (0.02, 100, "Clopper-Pearson")
        assert (score.mean, score.n, score.method) == (0.02, 100, "Wilson")

    @pytest.mark.parametrize("level", LEVELS)
    @pytest.mark.parametrize(("k", "n"), [(0, 1), (1, 1), (0, 30), (1, 30), (30, 30), (7, 5_000)])
    def test_they_agree_with_scipy(self, k: int, n: int, level: float) -> None:
        test = scipy.stats.binomtest(k, n)
        exact = test.proportion_ci(level, "exact")
        score = test.proportion_ci(level, "wilson")
        assert get_limits(compute_clopper_pearson(k, n, level)) == pytest.approx(tuple(exact))
        assert get_limits(compute_wilson(k, n, level)) == pytest.approx(tuple(score), abs=1e-15)


class TestRefusal:
    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    def test_a_value_must_be_finite(self, value: float) -> None:
        with pytest.raises(ValueError, match="not finite"):
            compute_mean_interval([1.0, value])
        with pytest.raises(ValueError, match="not finite"):
            compute_rate_interval([1.0, 1.0], [2.0, value])

    @pytest.mark.parametrize("level", [0.0, 1.0, 95.0, np.nan])
    def test_a_level_is_a_share(self, level: float) -> None:
        with pytest.raises(ValueError, match="level"):
            compute_mean_interval([1.0, 2.0], level)
        with pytest.raises(ValueError, match="level"):
            compute_zero_bound(30, level)

    def test_columns_have_one_length_and_one_axis(self) -> None:
        with pytest.raises(ValueError, match=r"\(1,\), \(2,\)"):
            compute_rate_interval([1.0], [2.0, 2.0])
        with pytest.raises(ValueError, match="one value per replication"):
            compute_mean_interval([[1.0, 2.0]])

    @pytest.mark.parametrize(
        ("num", "den"), [([-1, 1], [2, 2]), ([3, 1], [2, 2]), ([1, 0], [0, 2])]
    )
    def test_a_bounded_rate_counts_some_of_its_denominator(
        self, num: list[float], den: list[float]
    ) -> None:
        with pytest.raises(ValueError, match="not bounded"):
            compute_rate_interval(num, den)
        assert compute_rate_interval(num, den, bounded=False) is not None

    def test_a_denominator_is_never_negative(self) -> None:
        with pytest.raises(ValueError, match="negative"):
            compute_rate_interval([0, 1], [-2, 2], bounded=False)

    @pytest.mark.parametrize(("k", "n"), [(0, 0), (-1, 5), (6, 5)])
    def test_a_count_is_some_of_at_least_one(self, k: int, n: int) -> None:
        with pytest.raises(ValueError, match="episodes"):
            compute_clopper_pearson(k, n)
        with pytest.raises(ValueError, match="episodes"):
            compute_wilson(k, n)


def test_a_method_prints_its_name() -> None:
    assert f"{Method.LOGIT_JACKKNIFE_T}" == "logit jackknife t"
    assert f"{Method.ZERO_BOUND}" == "zero bound"


def test_the_slow_part_of_scipy_is_never_imported() -> None:
    code = "import sys, sim.stats.paired; sys.exit('scipy.stats' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
