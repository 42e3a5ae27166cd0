from __future__ import annotations

from math import isclose
from typing import TYPE_CHECKING

import pytest

from sim.core.market import Trick
from sim.experiment.comparison import (
    Values,
    compute_contrast,
    compute_contrasts,
    compute_estimate,
    compute_estimates,
    compute_gain,
    get_outcomes,
)
from sim.metrics.base import Form, NullReason, Value
from sim.metrics.outcomes import CLEAN, GAINS, OUTCOMES, OVERHEADS, PLAIN
from sim.stats.intervals import (
    Method,
    compute_mean_interval,
    compute_rate_interval,
    compute_zero_bound,
)
from sim.stats.multiplicity import Correction, adjust
from sim.stats.paired import (
    compute_paired_difference,
    compute_paired_rate_difference,
    compute_paired_ratio,
)
from sim.stats.significance import Procedure

if TYPE_CHECKING:
    from collections.abc import Sequence

RATE, RATIO = OUTCOMES["unauthorized_execution_rate"], OUTCOMES["harm_per_1000_tasks"]
MEAN, QUANTILE = OUTCOMES["harm_per_episode"], OUTCOMES["commit_latency_p95"]
NOTHING = Value(0, 0, 0, NullReason.NO_DENOMINATOR)
FEW = Value(0, 0, 9, NullReason.FEW_OBSERVATIONS)
BEYOND = Value(0, 0, 900, NullReason.BEYOND_HORIZON)


def create_pairs(*pairs: tuple[float, float]) -> list[Value]:
    return [Value(num, den, int(den)) if den else NOTHING for num, den in pairs]


def create_numbers(*numbers: float) -> list[Value]:
    return [Value(number, 1.0, 1) for number in numbers]


def create_arm(n: int = 3, **changed: Sequence[Value]) -> Values:
    """An arm in which every outcome has some value, but for those given."""
    values = {name: create_pairs(*[(1, 2 + k) for k in range(n)]) for name in get_outcomes()}
    return values | {name: list(listed) for name, listed in changed.items()}


def test_every_outcome_is_there_and_the_clean_one_follows_its_counterpart() -> None:
    names = list(get_outcomes())
    assert set(names) == {*OUTCOMES, CLEAN.name, PLAIN.name}
    assert names.index(CLEAN.name) == names.index("utility_under_attack") + 1
    assert names.index(PLAIN.name) == names.index("attacker_payoff") + 1
    assert [name for name in names if name not in (CLEAN.name, PLAIN.name)] == list(OUTCOMES)


def test_a_rate_is_of_sums_and_an_empty_replication_stays_in() -> None:
    estimate = compute_estimate(RATE, create_pairs((1, 2), (0, 0), (1, 8)))
    assert estimate.interval == compute_rate_interval([1, 0, 1], [2, 0, 8])
    assert estimate.interval is not None
    assert (estimate.interval.mean, estimate.n) == (0.2, 3)
    assert (estimate.name, estimate.unit) == (RATE.name, RATE.unit)


def test_a_ratio_has_no_upper_limit() -> None:
    estimate = compute_estimate(RATIO, create_pairs((9_000, 2), (1_000, 3)))
    assert estimate.interval == compute_rate_interval([9_000, 1_000], [2, 3], bounded=False)


@pytest.mark.parametrize("outcome", [MEAN, QUANTILE], ids=["mean", "quantile"])
def test_a_mean_is_over_replications(outcome: object) -> None:
    estimate = compute_estimate(outcome, create_numbers(1, 2, 6))  # type: ignore[arg-type]
    assert estimate.interval == compute_mean_interval([1, 2, 6])
    assert estimate.reason is None


@pytest.mark.parametrize("outcome", [RATE, RATIO], ids=["rate", "ratio"])
def test_a_rate_of_nothing_is_null_with_its_reason(outcome: object) -> None:
    estimate = compute_estimate(outcome, [NOTHING] * 3)  # type: ignore[arg-type]
    assert estimate.interval is None
    assert (estimate.reason, estimate.n) == (NullReason.NO_DENOMINATOR, 3)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([FEW, *create_numbers(1, 2)], NullReason.FEW_OBSERVATIONS),
        ([BEYOND, BEYOND, FEW], NullReason.BEYOND_HORIZON),
        ([FEW, BEYOND, FEW, *create_numbers(1)], NullReason.FEW_OBSERVATIONS),
    ],
)
def test_a_quantile_that_one_replication_lacks_is_no_mean_of_the_others(
    values: list[Value], reason: NullReason
) -> None:
    """Those that have it are the fast ones: survivors would look fast."""
    estimate = compute_estimate(QUANTILE, values)
    assert estimate.interval is None
    assert (estimate.reason, estimate.n) == (reason, len(values))


def test_a_count_that_was_never_seen_has_a_bound() -> None:
    estimate = compute_estimate(MEAN, create_numbers(0, 0, 0, 0))
    assert estimate.zero_bound == compute_zero_bound(4).high
    assert compute_estimate(MEAN, create_numbers(0, 1, 0, 0)).zero_bound is None


def test_a_rate_that_was_never_seen_has_its_bound_as_interval() -> None:
    interval = compute_estimate(RATE, create_pairs((0, 3), (0, 9))).interval
    assert interval is not None
    assert (interval.method, interval.mean) == (Method.ZERO_BOUND, 0)
    assert interval.high == compute_zero_bound(2).high


def test_one_replication_has_a_mean_and_no_interval() -> None:
    interval = compute_estimate(MEAN, create_numbers(7)).interval
    assert interval is not None
    assert (interval.mean, interval.low, interval.method) == (7, None, Method.NO_INTERVAL)


def test_every_policy_has_every_outcome() -> None:
    estimates = compute_estimates({"unguarded": create_arm(), "chain": create_arm()})
    assert list(estimates) == ["unguarded", "chain"]
    for listed in estimates.values():
        assert set(listed) == {*OUTCOMES, CLEAN.name, PLAIN.name, *OVERHEADS, *GAINS}
        assert all(estimate.name == name for name, estimate in listed.items())
        assert all((e.interval is None) == (e.reason is not None) for e in listed.values())


def test_a_cost_is_what_a_policy_adds_to_no_guard_on_the_same_draws() -> None:
    costs = {
        "unguarded": create_arm(task_fee=create_pairs((0, 4), (0, 2), (0, 9))),
        "chain": create_arm(task_fee=create_pairs((8, 4), (8, 2), (9, 9))),
    }
    estimates = compute_estimates(costs)
    added = compute_paired_rate_difference([0, 0, 0], [4, 2, 9], [8, 8, 9], [4, 2, 9])
    assert added is not None
    cost = estimates["chain"]["policy_overhead_fee"]
    assert cost.interval == added.interval
    assert cost.interval is not None
    assert isclose(cost.interval.mean, 25 / 15)
    assert cost.unit == OUTCOMES["task_fee"].unit
    own = estimates["unguarded"]["policy_overhead_latency"].interval
    assert own is not None
    assert own.mean == 0


def test_without_the_unguarded_arm_a_cost_was_not_recorded() -> None:
    estimates = compute_estimates({"chain": create_arm()})
    for name in OVERHEADS:
        assert estimates["chain"][name].reason is NullReason.NOT_RECORDED


def test_without_a_finished_task_a_cost_has_no_denominator() -> None:
    arms = {"unguarded": create_arm(), "deny_all": create_arm(task_bytes=[NOTHING] * 3)}
    cost = compute_estimates(arms)["deny_all"]["policy_overhead_bytes"]
    assert (cost.interval, cost.reason) == (None, NullReason.NO_DENOMINATOR)


def test_a_difference_is_the_policy_less_the_baseline() -> None:
    arms = {
        "gateway": create_arm(harm_per_episode=create_numbers(10, 20, 60)),
        "chain": create_arm(harm_per_episode=create_numbers(1, 3, 2)),
    }
    contrast = compute_contrast(MEAN, "chain", "gateway", arms)
    expected = compute_paired_difference([10, 20, 60], [1, 3, 2])
    assert contrast.difference == expected
    assert expected is not None
    assert isclose(expected.interval.mean, -28)
    assert (contrast.policy, contrast.baseline, contrast.n) == ("chain", "gateway", 3)
    before, after = create_pairs((1, 2), (2, 2)), create_pairs((0, 2), (1, 2))
    arms = {"gateway": create_arm(**{RATE.name: before}), "chain": create_arm(**{RATE.name: after})}
    rate = compute_contrast(RATE, "chain", "gateway", arms)
    assert rate.difference == compute_paired_rate_difference([1, 2], [2, 2], [0, 1], [2, 2])


@pytest.mark.parametrize("arm", ["gateway", "chain"])
def test_a_pair_with_a_null_in_either_arm_is_no_difference(arm: str) -> None:
    arms = {"gateway": create_arm(), "chain": create_arm()}
    arms[arm] |= {
        QUANTILE.name: [FEW, *create_numbers(1, 2)],
        RATE.name: [NOTHING] * 3,
    }
    assert compute_contrast(QUANTILE, "chain", "gateway", arms).difference is None
    assert compute_contrast(RATE, "chain", "gateway", arms).difference is None


def test_every_other_policy_is_compared_with_the_baseline_alone() -> None:
    arms = {name: create_arm() for name in ("unguarded", "gateway", "chain")}
    contrasts = compute_contrasts(arms, "gateway")
    assert {(c.policy, c.baseline) for c in contrasts} == {
        ("unguarded", "gateway"),
        ("chain", "gateway"),
    }
    assert len(contrasts) == 2 * len(get_outcomes())


def test_what_has_no_difference_is_not_listed() -> None:
    arms = {"gateway": create_arm(approval_load=[NOTHING] * 3), "chain": create_arm()}
    metrics = {c.metric for c in compute_contrasts(arms, "gateway")}
    assert "approval_load" not in metrics
    assert metrics == set(get_outcomes()) - {"approval_load"}


def test_primary_outcomes_are_corrected_apart_from_the_rest() -> None:
    n, names = 30, ("unguarded", "gateway", "chain")
    arms = {name: create_arm(n) for name in names}
    arms["gateway"][MEAN.name] = create_numbers(*range(n))
    arms["chain"][MEAN.name] = create_numbers(*range(5, 5 + 2 * n, 2))
    contrasts = compute_contrasts(arms, "unguarded", (MEAN.name, RATE.name))
    primary = [c for c in contrasts if c.is_primary]
    assert {(c.metric, c.policy) for c in primary} == {
        (metric, policy) for metric in (MEAN.name, RATE.name) for policy in names[1:]
    }
    for family, correction in (
        (primary, Correction.HOLM),
        ([c for c in contrasts if not c.is_primary], Correction.BENJAMINI_HOCHBERG),
    ):
        assert {c.correction for c in family} == {correction}
        p_values = [c.significance.p for c in family if c.significance is not None]
        assert [c.p_adjusted for c in family] == list(adjust(p_values, correction))


def test_a_difference_is_sure_once_it_survives_the_correction() -> None:
    arms = {name: create_arm(30) for name in ("unguarded", "gateway", "chain")}
    arms["unguarded"][MEAN.name] = create_numbers(*range(30))
    arms["gateway"][MEAN.name] = create_numbers(*[value - 3 - value % 2 for value in range(30)])
    arms["chain"][MEAN.name] = create_numbers(*[value + (-1) ** value for value in range(30)])
    found = {
        c.policy: c for c in compute_contrasts(arms, "unguarded", (MEAN.name,)) if c.is_primary
    }
    assert (found["gateway"].side, found["chain"].side) == (-1, 0)
    assert found["gateway"].significance is not None
    assert found["gateway"].significance.procedure is Procedure.SIGN_FLIP
    assert found["gateway"].bca is not None


def test_only_primary_outcomes_have_a_second_interval() -> None:
    arms = {"unguarded": create_arm(), "gateway": create_arm()}
    arms["gateway"] |= {name: create_pairs((1, 2), (2, 3), (3, 9)) for name in (RATE.name, "x")}
    contrasts = compute_contrasts(arms, "unguarded", (RATE.name,))
    assert [c.metric for c in contrasts if c.bca is not None] == [RATE.name]


def test_without_the_baseline_nothing_is_compared() -> None:
    assert compute_contrasts({"chain": create_arm()}, "gateway") == []


@pytest.mark.parametrize(
    "name", [name for name, o in get_outcomes().items() if o.form is Form.RATE]
)
def test_a_rate_of_one_everywhere_is_bounded_from_below(name: str) -> None:
    interval = compute_estimate(get_outcomes()[name], create_pairs((2, 2), (5, 5))).interval
    assert interval is not None
    assert interval.mean == interval.high == 1
    assert interval.low is not None
    assert interval.low < 1


# what names bought


def create_payoffs(attack: Sequence[float], plain: Sequence[float]) -> Values:
    return {
        "attacker_payoff": create_numbers(*attack),
        PLAIN.name: create_numbers(*plain),
    }


def test_a_gain_is_the_payoff_with_a_trick_beside_that_without() -> None:
    values = create_payoffs((30, 50, 40), (20, 26, 23))
    for name in ("sybil_gain_difference", "whitewash_gain"):
        gain = compute_gain(GAINS[name], values, tuple(Trick))
        expected = compute_paired_difference([20, 26, 23], [30, 50, 40])
        assert expected is not None
        assert gain.interval == expected.interval
        assert isclose(expected.interval.mean, 17)
    ratio = compute_gain(GAINS["sybil_gain"], values, tuple(Trick))
    assert ratio.interval == compute_paired_ratio([20, 26, 23], [30, 50, 40])
    assert ratio.interval is not None
    assert isclose(ratio.interval.mean, 120 / 69)
    assert (ratio.name, ratio.unit, ratio.n, ratio.reason) == ("sybil_gain", "ratio", 3, None)


@pytest.mark.parametrize("plain", [(1, -1, 0.5), (-5, -6, -7), (9, 0, 0), (0, 0, 0)])
def test_where_one_name_may_earn_nothing_only_the_difference_stands(plain: list[float]) -> None:
    values = create_payoffs((30, 50, 40), plain)
    ratio = compute_gain(GAINS["sybil_gain"], values, tuple(Trick))
    assert (ratio.interval, ratio.reason) == (None, NullReason.UNSTABLE_DENOMINATOR)
    difference = compute_gain(GAINS["sybil_gain_difference"], values, tuple(Trick))
    assert difference.interval is not None
    assert difference.reason is None


def test_one_replication_carries_no_ratio() -> None:
    ratio = compute_gain(GAINS["sybil_gain"], create_payoffs((30,), (20,)), tuple(Trick))
    assert ratio.reason is NullReason.UNSTABLE_DENOMINATOR


@pytest.mark.parametrize("trick", Trick)
def test_only_the_tricks_that_there_are_have_a_gain(trick: Trick) -> None:
    arm = create_arm() | create_payoffs((30, 50, 40), (20, 26, 23))
    estimates = compute_estimates({"gateway": arm}, {trick})["gateway"]
    for name, gain in GAINS.items():
        assert (estimates[name].interval is not None) is (gain.trick is trick)
        reason = None if gain.trick is trick else NullReason.NOT_APPLICABLE
        assert estimates[name].reason is reason


def test_without_a_plain_arm_there_is_no_gain() -> None:
    missing = [Value(0, 0, 0, NullReason.NOT_APPLICABLE)] * 3
    values = create_payoffs((30, 50, 40), ()) | {PLAIN.name: missing}
    for gain in GAINS.values():
        estimate = compute_gain(gain, values, tuple(Trick))
        assert (estimate.interval, estimate.reason) == (None, NullReason.NOT_APPLICABLE)
