"""Limits of shares: exact numbers, and what a plain t interval gets wrong."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from sim.stats.intervals import Method, compute_rate_interval
from sim.stats.limits import decide_proportion, decide_share, decide_unseen
from sim.stats.noninferiority import GateState, decide
from sim.stats.paired import compute_rate_differences
from sim.stats.selftest import draw_clustered

NUM, DEN = [1, 0, 2, 1], [10, 8, 12, 10]  # rate .1, logit jackknife error .3824192
N_SAMPLES = 2_000


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


class TestProportion:
    def test_the_bounds_are_those_of_clopper_and_pearson(self) -> None:
        decision = decide_proportion(2, 100, 0.05)
        test = scipy.stats.binomtest(2, 100, 0.05, alternative="greater")
        assert decision.low == pytest.approx(test.proportion_ci(0.95, "exact").low)
        assert decision.p_worse == pytest.approx(test.pvalue)
        below = scipy.stats.binomtest(2, 100, 0.05, alternative="less")
        assert decision.high == pytest.approx(below.proportion_ci(0.95, "exact").high)
        assert (decision.mean, decision.n) == (0.02, 100)

    @pytest.mark.parametrize(
        ("limit", "state"),
        [
            (0.0617, GateState.PASS),
            (0.0616, GateState.INCONCLUSIVE),  # its upper bound is .0616192
            (0.0037, GateState.INCONCLUSIVE),
            (0.0035, GateState.FAIL),  # its lower bound is .0035695
        ],
    )
    def test_two_of_a_hundred(self, limit: float, state: GateState) -> None:
        assert decide_proportion(2, 100, limit).state is state

    def test_nothing_but_events_is_the_mirror_of_none(self) -> None:
        decision = decide_proportion(30, 30, 0.9)
        assert (decision.low, decision.high) == (pytest.approx(0.05 ** (1 / 30)), 1.0)
        assert decision.p_worse == pytest.approx(0.9**30)
        assert decision.state is GateState.FAIL
        assert decide_proportion(30, 30, 0.91).state is GateState.INCONCLUSIVE

    @pytest.mark.parametrize(("k", "n"), [(0, 5), (6, 5), (1, 0)])
    def test_a_count_out_of_range_is_refused(self, k: int, n: int) -> None:
        with pytest.raises(ValueError, match="episodes"):
            decide_proportion(k, n, 0.5)


class TestShare:
    def test_it_is_judged_by_the_interval_that_is_printed(self) -> None:
        decision = decide_share(NUM, DEN, 0.3, 0.975)
        assert (decision.low, decision.high) == (
            pytest.approx(0.0318530, abs=1e-7),
            pytest.approx(0.2728529, abs=1e-7),
        )
        printed = compute_rate_interval(NUM, DEN, 0.95)
        assert printed is not None
        assert printed[:4] == (decision.mean, decision.low, decision.high, decision.n)

    def test_its_p_value_is_of_the_logit_scale(self) -> None:
        statistic = (np.log(0.1 / 0.9) - np.log(0.05 / 0.95)) / 0.3824192
        expected = scipy.stats.t.sf(statistic, 3)
        assert decide_share(NUM, DEN, 0.05).p_worse == pytest.approx(expected, rel=1e-6)

    @pytest.mark.parametrize(
        ("limit", "state"),
        [(0.25, GateState.PASS), (0.2, GateState.INCONCLUSIVE), (0.04, GateState.FAIL)],
    )
    def test_its_bounds_decide(self, limit: float, state: GateState) -> None:
        """One-sided 95 %: .1 on the logit scale, give or take 2.3534 times .3824 (.0432, .2146)."""
        decision = decide_share(NUM, DEN, limit)
        assert (decision.low, decision.high) == (
            pytest.approx(0.04322, abs=5e-5),
            pytest.approx(0.21460, abs=5e-5),
        )
        assert decision.state is state
        assert (decision.n_required is None) is (state is not GateState.INCONCLUSIVE)

    def test_the_fail_and_its_p_value_agree(self) -> None:
        for limit in np.linspace(0.01, 0.3, 59):
            decision = decide_share(NUM, DEN, float(limit))
            assert (decision.state is GateState.FAIL) is (decision.p_worse < 0.05)

    def test_one_thing_to_count_in_each_replication_makes_a_proportion(self) -> None:
        num = [1, 0, 0, 1, *[0] * 96]
        assert decide_share(num, [1] * 100, 0.05) == decide_proportion(2, 100, 0.05)
        assert decide_share([*num, 0], [*[1] * 100, 0], 0.05) == decide_proportion(2, 100, 0.05)

    def test_nothing_seen_is_judged_by_replications_that_could_have_seen_it(self) -> None:
        assert decide_share([0] * 29, [200] * 29, 0.1).state is GateState.PASS
        assert decide_share([0] * 29, [200] * 28 + [0], 0.1).state is GateState.INCONCLUSIVE
        assert decide_share([0], [10**9], 0.5).state is GateState.INCONCLUSIVE

    def test_a_plain_interval_passes_what_was_seen_nowhere_and_this_one_does_not(self) -> None:
        """The planted defect: no spread, so the bounds of t lie on the estimate itself."""
        zeros, calls = np.zeros(5), np.full(5, 200.0)
        plain = compute_rate_differences(zeros, np.ones(5), zeros, calls)
        assert plain is not None
        assert decide(plain, 0.01).high == 0.0
        decision = decide_share(zeros, calls, 0.01)
        assert (decision.state, decision.n_required) == (GateState.INCONCLUSIVE, 299)
        assert decision.high == pytest.approx(1 - 0.05 ** (1 / 5))

    def test_an_event_seen_once_passes_no_limit_that_none_seen_does_not(self) -> None:
        for limit in (0.01, 0.05, 0.09, 0.1, 0.12, 0.2):
            none = decide_share([0] * 30, [200] * 30, limit).state
            once = decide_share([1] + [0] * 29, [200] * 30, limit).state
            assert (none, once) != (GateState.INCONCLUSIVE, GateState.PASS)
        decision = decide_share([1] + [0] * 29, [200] * 30, 0.16)
        assert decision.high == pytest.approx(0.1486, abs=1e-4)
        assert (decision.state, decision.mean) == (GateState.PASS, 1 / 6000)
        # and does not fail for what is surely true of replications, not of calls
        assert decide_share([1] + [0] * 29, [200] * 30, 0.001).state is GateState.INCONCLUSIVE

    def test_one_replication_that_was_spared_proves_no_fail(self) -> None:
        num = [199] + [200] * 29
        assert decide_share(num, [200] * 30, 0.8).state is GateState.FAIL
        assert decide_share(num, [200] * 30, 0.9).state is GateState.INCONCLUSIVE
        printed = compute_rate_interval(num, [200] * 30)
        assert printed is not None
        assert printed.method is Method.LOGIT_DELTA_T
        assert printed.low is not None
        assert printed.low > 0.9

    def test_nothing_but_events_fails_by_its_bound(self) -> None:
        decision = decide_share([200] * 30, [200] * 30, 0.9)
        assert (decision.state, decision.low) == (GateState.FAIL, pytest.approx(0.05 ** (1 / 30)))
        assert decide_share([200] * 30, [200] * 30, 0.91).state is GateState.INCONCLUSIVE

    def test_one_replication_alone_decides_nothing(self) -> None:
        decision = decide_share([3, 0], [10, 0], 0.9)
        assert (decision.state, decision.low) == (GateState.INCONCLUSIVE, None)

    def test_the_same_rate_everywhere_is_compared_itself(self) -> None:
        states = [decide_share([2, 4], [8, 16], at).state for at in (0.5, 0.25, 0.125)]
        assert states == [GateState.PASS, GateState.INCONCLUSIVE, GateState.FAIL]

    @pytest.mark.parametrize(
        ("num", "den", "limit", "words"),
        [
            ([0], [0], 0.5, "nothing was counted"),
            ([3], [2], 0.5, "not bounded"),
            ([1, 2], [2], 0.5, "one value per replication"),
            ([1], [2], 1.0, "limit"),
        ],
    )
    def test_what_is_no_share_is_refused(
        self, num: list[int], den: list[int], limit: float, words: str
    ) -> None:
        with pytest.raises(ValueError, match=words):
            decide_share(num, den, limit)

    @pytest.mark.slow
    def test_at_the_limit_it_errs_as_often_as_it_says_and_a_plain_interval_more_often(self) -> None:
        """Clustered calls, 30 replications: a wrong pass in 5 %, within three standard errors."""
        draws = np.random.default_rng(31)  # noqa: TID251 (samples for the statistics alone)
        passed = plain = 0
        for _ in range(N_SAMPLES):
            num, den, _ = draw_clustered(draws, 30, 0.1)
            passed += decide_share(num, den, 0.05).state is GateState.PASS
            values = compute_rate_differences(np.zeros(30), np.ones(30), num, den)
            assert values is not None
            plain += decide(values, 0.05).state is GateState.PASS
        slack = 3.0 * (0.05 * 0.95 / N_SAMPLES) ** 0.5
        assert passed / N_SAMPLES <= 0.05 + 0.02 + slack
        assert plain / N_SAMPLES > 0.08
