"""The gate: its states, the replications it asks for, and how often it errs."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from sim.stats.noninferiority import (
    GateDecision,
    GateState,
    compute_equivalence_p,
    compute_required_n,
    compute_worse_p,
    correct_fails,
    decide,
)

DIFFERENCES = np.array([0.3, 0.1, 0.4, 0.2, 0.5])
N_SAMPLES = 4_000
N_FAMILIES = 300


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


# many gates of one check


def draw_family(draws: np.random.Generator, n_gates: int, mean: float) -> list[GateDecision]:  # noqa: TID251
    """Gates of one check, half of their spread shared as it is between outcomes of one run."""
    shared, own = draws.normal(size=(1, 50)), draws.normal(size=(n_gates, 50))
    return [decide(row, 0.2) for row in mean + 0.5**0.5 * (shared + own)]


class TestFamily:
    def test_one_gate_alone_fails_as_it_did(self) -> None:
        for margin in (0.05, 0.1, 0.3, 9.0):
            decision = decide(DIFFERENCES, margin)
            assert correct_fails([decision]) == [decision]

    def test_a_fail_that_is_not_sure_among_all_is_inconclusive(self) -> None:
        """Holm's adjusted p-values of .001, .012, .02, .04 and .2: .005, .048, .06, .08 and .2."""
        p_values = [0.02, 0.2, 0.001, 0.04, 0.012]
        states = [GateState.FAIL if p < 0.05 else GateState.INCONCLUSIVE for p in p_values]
        given = [
            GateDecision(state, 1.0, 0.5, 2.0, 0.2, 30, None, p)
            for state, p in zip(states, p_values, strict=True)
        ]
        corrected = correct_fails(given)
        failing = [decision.p_worse for decision in corrected if decision.state is GateState.FAIL]
        assert failing == [0.001, 0.012]
        assert corrected[0].state is GateState.INCONCLUSIVE
        assert corrected[0].p_worse == pytest.approx(0.06)
        assert corrected[1] == given[1]

    def test_it_takes_no_pass_away_and_gives_none(self) -> None:
        given = [decide(DIFFERENCES, margin) for margin in (0.11, 0.12, 0.3, 5.0, 9.0)]
        before = [decision.state is GateState.PASS for decision in given]
        assert [each.state is GateState.PASS for each in correct_fails(given)] == before

    def test_a_level_shared_among_looks_is_shared_among_gates_too(self) -> None:
        given = [GateDecision(GateState.FAIL, 1.0, 0.5, 2.0, 0.2, 30, None, 0.004)] * 5
        assert {each.state for each in correct_fails(given, 0.95)} == {GateState.FAIL}
        assert {each.state for each in correct_fails(given, 0.99)} == {GateState.INCONCLUSIVE}

    def test_a_check_without_gates_has_none(self) -> None:
        assert correct_fails([]) == []

    @pytest.mark.slow
    def test_twenty_gates_at_their_margins_fail_by_accident_as_rarely_as_one(self) -> None:
        """Without the correction a quarter of such checks would be red, at the least."""
        draws = np.random.default_rng(21)  # noqa: TID251 (samples for the statistics alone)
        alone = together = 0
        for _ in range(N_FAMILIES):
            family = draw_family(draws, 20, 0.2)
            alone += any(each.state is GateState.FAIL for each in family)
            together += any(each.state is GateState.FAIL for each in correct_fails(family))
        slack = 3.0 * (0.05 * 0.95 / N_FAMILIES) ** 0.5
        assert alone / N_FAMILIES > 0.25
        assert together / N_FAMILIES <= 0.05 + slack

    def test_a_change_that_is_large_is_found_among_twenty(self) -> None:
        draws = np.random.default_rng(22)  # noqa: TID251 (samples for the statistics alone)
        family = [*draw_family(draws, 19, 0.0), decide(draws.normal(1.2, 1.0, 50), 0.2)]
        failing = [each.state is GateState.FAIL for each in correct_fails(family)]
        assert failing == [False] * 19 + [True]
