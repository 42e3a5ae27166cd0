"""The gate: its states, the replications it asks for, and how often it errs."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from sim.stats.noninferiority import (
    GateState,
    compute_equivalence_p,
    compute_required_n,
    compute_worse_p,
    decide,
    decide_unseen,
)

DIFFERENCES = np.array([0.3, 0.1, 0.4, 0.2, 0.5])
N_SAMPLES = 4_000


class TestStates:
    def test_no_difference_at_all_is_identical(self) -> None:
        decision = decide(np.zeros(30), 0.1)
        assert (decision.state, decision.mean, decision.n) == (GateState.IDENTICAL, 0.0, 30)

    def test_one_replication_can_be_identical_and_nothing_else(self) -> None:
        assert decide([0.0], 0.1).state is GateState.IDENTICAL
        decision = decide([-5.0], 0.1)
        assert decision.state is GateState.INCONCLUSIVE
        assert (decision.low, decision.high, decision.n_required) == (None, None, None)

    def test_a_pass_is_an_upper_bound_below_the_margin(self) -> None:
        half = scipy.stats.t.ppf(0.95, 4) * DIFFERENCES.std(ddof=1) / 5**0.5
        assert decide(DIFFERENCES, 0.3 + half * 1.001).state is GateState.PASS
        assert decide(DIFFERENCES, 0.3 + half * 0.999).state is GateState.INCONCLUSIVE

    def test_a_fail_is_a_lower_bound_above_the_margin(self) -> None:
        half = scipy.stats.t.ppf(0.95, 4) * DIFFERENCES.std(ddof=1) / 5**0.5
        decision = decide(DIFFERENCES, 0.3 - half * 1.001)
        assert decision.state is GateState.FAIL
        assert decision.low == pytest.approx(0.3 - half)
        assert decide(DIFFERENCES, 0.3 - half * 0.999).state is GateState.INCONCLUSIVE

    def test_not_significantly_worse_is_no_pass(self) -> None:
        noisy = np.array([-9.0, 8.0, 1.0, -3.0, 4.0])
        assert decide(noisy, 0.5).state is GateState.INCONCLUSIVE

    def test_an_equal_difference_is_compared_itself(self) -> None:
        states = [decide([0.25] * 30, margin).state for margin in (0.5, 0.25, 0.125)]
        assert states == [GateState.PASS, GateState.INCONCLUSIVE, GateState.FAIL]

    @pytest.mark.parametrize("values", [[], [np.nan, 0.0], [0.0, np.inf]])
    def test_what_is_no_number_is_an_error_and_never_a_pass(self, values: list[float]) -> None:
        assert decide(values, 1.0).state is GateState.ERROR

    @pytest.mark.parametrize("margin", [0.0, -1.0, np.nan, np.inf])
    def test_a_margin_is_above_nothing(self, margin: float) -> None:
        with pytest.raises(ValueError, match="margin above 0"):
            decide(DIFFERENCES, margin)

    def test_there_is_one_difference_for_each_replication(self) -> None:
        with pytest.raises(ValueError, match=r"\(2, 2\)"):
            decide([[1.0, 2.0], [3.0, 4.0]], 1.0)


class TestRequired:
    @pytest.mark.parametrize(
        ("mean", "margin", "n"), [(0.0, 0.2, 155), (0.1, 0.2, 619), (0.0, 0.5, 25)]
    )
    def test_it_gives_its_vectors(self, mean: float, margin: float, n: int) -> None:
        assert compute_required_n(1.0, mean, margin) == n

    @pytest.mark.parametrize("mean", [0.2, 0.3])
    def test_a_mean_at_the_margin_is_not_reachable(self, mean: float) -> None:
        assert compute_required_n(1.0, mean, 0.2) is None

    def test_it_is_more_than_there_were(self) -> None:
        decision = decide([0.0, 1.0], 3.5)  # the closed form says 2, which did not decide
        assert decision.state is GateState.INCONCLUSIVE
        assert decision.n_required == 3


class TestUnseen:
    def test_a_bound_at_the_limit_passes(self) -> None:
        decision = decide_unseen(299, 0.01)
        assert decision.state is GateState.PASS
        assert decision.high == pytest.approx(0.00997, abs=5e-6)

    def test_a_bound_above_it_says_how_many_it_takes(self) -> None:
        decision = decide_unseen(298, 0.01)
        assert (decision.state, decision.n_required) == (GateState.INCONCLUSIVE, 299)

    @pytest.mark.parametrize("limit", [0.0, 1.0, -0.1])
    def test_a_limit_is_a_share(self, limit: float) -> None:
        with pytest.raises(ValueError, match="limit"):
            decide_unseen(30, limit)


class TestTests:
    def test_worse_is_a_one_sided_t_test(self) -> None:
        error = DIFFERENCES.std(ddof=1) / 5**0.5
        expected = scipy.stats.t.sf((0.3 - 0.1) / error, 4)
        assert compute_worse_p(DIFFERENCES, 0.1) == pytest.approx(expected)

    @pytest.mark.parametrize(
        ("values", "p"),
        [([0.0] * 9, 1.0), ([0.5] * 9, 1.0), ([0.6] * 9, 0.0), ([9.0], 1.0), ([], 1.0)],
    )
    def test_worse_without_spread_is_decided_exactly(self, values: list[float], p: float) -> None:
        assert compute_worse_p(values, 0.5) == p

    def test_equivalence_is_the_worse_of_two_one_sided_tests(self) -> None:
        error = DIFFERENCES.std(ddof=1) / 5**0.5
        expected = scipy.stats.t.sf((0.5 - 0.3) / error, 4)
        assert compute_equivalence_p(np.zeros(5), DIFFERENCES, 0.5) == pytest.approx(expected)
        assert compute_equivalence_p(DIFFERENCES, np.zeros(5), 0.5) == pytest.approx(expected)

    @pytest.mark.parametrize(("shift", "p"), [(0.0, 0.0), (0.25, 0.0), (0.5, 1.0), (-0.5, 1.0)])
    def test_equivalence_without_spread_is_decided_exactly(self, shift: float, p: float) -> None:
        old = np.array([1.0, 2.0, 5.0])
        assert compute_equivalence_p(old, old + shift, 0.5) == p


@pytest.mark.parametrize(
    ("n", "passes", "fails"), [(50, 0.40, 0.40), (100, 0.64, 0.63), (155, 0.80, 0.80)]
)
def test_it_errs_as_often_as_it_says(n: int, passes: float, fails: float) -> None:
    """Within .02, widened by three standard errors of a share seen in 4 000 samples."""
    draws = np.random.default_rng(8)  # noqa: TID251 (samples for the statistics alone)
    samples = draws.normal(0.0, 1.0, (N_SAMPLES, n))
    slack = 0.02 + 3.0 * (0.25 / N_SAMPLES) ** 0.5

    def get_share(mean: float, state: GateState) -> float:
        return sum(decide(row + mean, 0.2).state is state for row in samples) / N_SAMPLES

    assert get_share(0.0, GateState.PASS) == pytest.approx(passes, abs=slack)
    assert get_share(0.4, GateState.FAIL) == pytest.approx(fails, abs=slack)
    for state in (GateState.PASS, GateState.FAIL):
        assert get_share(0.2, state) == pytest.approx(0.05, abs=slack)
