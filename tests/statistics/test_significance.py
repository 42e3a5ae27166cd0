"""P-values of paired differences: agreement with scipy, exact tests, samples without spread."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from sim.stats.paired import compute_rate_differences
from sim.stats.significance import (
    Procedure,
    Significance,
    compute_mean_significance,
    compute_rate_significance,
)

BASELINE = np.array([4.0, 7.0, 5.0, 9.0, 6.0])
NUM, DEN = np.array([1.0, 0.0, 2.0, 1.0]), np.array([10.0, 8.0, 12.0, 10.0])


class TestMeans:
    @pytest.mark.parametrize("sign", [1.0, -1.0])
    def test_the_paired_t_is_that_of_scipy(self, sign: float) -> None:
        treatment = BASELINE + sign * np.array([0.3, -1.0, 2.5, 0.0, 0.1])
        found = compute_mean_significance(BASELINE, treatment)
        assert found.procedure is Procedure.PAIRED_T
        assert found.p == pytest.approx(scipy.stats.ttest_rel(treatment, BASELINE).pvalue)

    @pytest.mark.parametrize("by_flips", [False, True])
    def test_no_difference_anywhere_is_certain(self, by_flips: bool) -> None:
        found = compute_mean_significance(BASELINE, BASELINE, by_flips=by_flips)
        assert found == Significance(1.0, Procedure.IDENTICAL)

    def test_one_difference_everywhere_has_as_many_signs_as_pairs(self) -> None:
        found = compute_mean_significance(BASELINE, BASELINE + 2.0)
        assert found == Significance(2.0**-4, Procedure.SIGN_FLIP)

    @pytest.mark.parametrize("values", [[], [3.0]])
    def test_less_than_two_pairs_are_no_test(self, values: list[float]) -> None:
        found = compute_mean_significance(np.zeros(len(values)), values)
        assert found.p == 1.0
        assert found.procedure in (Procedure.NO_TEST, Procedure.IDENTICAL)

    def test_episode_events_go_by_the_exact_test_of_pairs_that_differ(self) -> None:
        baseline, treatment = np.zeros(30), np.zeros(30)
        baseline[:1], treatment[1:10] = 1.0, 1.0
        baseline[20:], treatment[20:] = 1.0, 1.0  # pairs that agree say nothing
        found = compute_mean_significance(baseline, treatment)
        assert found.procedure is Procedure.MCNEMAR
        assert found.p == pytest.approx(0.0214844, abs=5e-8)

    def test_as_many_events_gained_as_lost_is_certain(self) -> None:
        found = compute_mean_significance([0.0, 1.0, 1.0], [1.0, 0.0, 1.0])
        assert found == Significance(1.0, Procedure.MCNEMAR)

    def test_few_pairs_go_by_every_flip_of_signs(self) -> None:
        found = compute_mean_significance([0.0] * 4, [1.5, 2.0, 3.0, 4.0], by_flips=True)
        assert found == Significance(2 / 16, Procedure.SIGN_FLIP)

    def test_many_flips_are_drawn_from_one_seed(self) -> None:
        counts = np.arange(40.0) - 15.0
        found = compute_mean_significance(np.zeros(40), counts, by_flips=True)
        assert found == compute_mean_significance(np.zeros(40), counts, by_flips=True)
        by_t = compute_mean_significance(np.zeros(40), counts)
        assert (found.procedure, by_t.procedure) == (Procedure.SIGN_FLIP, Procedure.PAIRED_T)
        assert found.p == pytest.approx(by_t.p, abs=0.005)

    def test_from_thirty_pairs_on_amounts_go_by_t(self) -> None:
        amounts = np.linspace(-1.0, 2.1, 30)
        procedures = [
            compute_mean_significance(np.zeros(n), amounts[:n], by_flips=True).procedure
            for n in (29, 30)
        ]
        assert procedures == [Procedure.SIGN_FLIP, Procedure.PAIRED_T]


class TestRates:
    def test_it_is_the_t_test_of_differences_by_replication(self) -> None:
        num_b, den_b = np.array([3.0, 2.0, 5.0, 1.0]), np.array([11.0, 9.0, 12.0, 10.0])
        found = compute_rate_significance(NUM, DEN, num_b, den_b)
        values = compute_rate_differences(NUM, DEN, num_b, den_b)
        assert values is not None
        assert found.p == pytest.approx(scipy.stats.ttest_1samp(values, 0.0).pvalue)
        assert found.procedure is Procedure.JOINT_JACKKNIFE_T

    def test_the_same_rates_and_no_events_are_certain(self) -> None:
        for num in (NUM, 0.0 * NUM):
            found = compute_rate_significance(num, DEN, num, DEN)
            assert found == Significance(1.0, Procedure.IDENTICAL)

    def test_one_difference_everywhere_has_as_many_signs_as_pairs(self) -> None:
        found = compute_rate_significance([1, 3, 2], [8, 16, 8], [3, 7, 4], [8, 16, 8])
        assert found == Significance(0.25, Procedure.SIGN_FLIP)

    def test_one_replication_is_no_test(self) -> None:
        found = compute_rate_significance([1, 0], [2, 0], [0, 1], [2, 2])
        assert found == Significance(1.0, Procedure.NO_TEST)


def test_flips_are_fair_where_nothing_differs() -> None:
    """P-values of 200 skewed but symmetric differences are uniform; the bar is 1e-4."""
    draws = np.random.default_rng(14)  # noqa: TID251 (samples for the statistics alone)
    differences = draws.exponential(4.0, (200, 10)) * draws.choice([-1.0, 1.0], (200, 10))
    p_values = [
        compute_mean_significance(np.zeros(10), row, by_flips=True).p for row in differences
    ]
    assert scipy.stats.kstest(p_values, "uniform").pvalue > 1e-4
    shifted = [
        compute_mean_significance(np.zeros(10), row + 2.0, by_flips=True).p for row in differences
    ]
    assert scipy.stats.kstest(shifted, "uniform").pvalue < 1e-4
