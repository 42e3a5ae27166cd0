from __future__ import annotations

import math

import numpy as np
import pytest

from sim.experiment.gates import GateKind, PlannedGate
from sim.experiment.judging import Verdict, correct_family, judge
from sim.metrics.base import NullReason, Value
from sim.metrics.outcomes import get_outcomes
from sim.stats.noninferiority import GateState

OUTCOMES = get_outcomes()
N = 30
DRAWS = np.random.default_rng(5)  # noqa: TID251 (samples for the statistics alone)
NOISE = DRAWS.normal(size=N)
ABSENT = Value(0.0, 0.0, 0, NullReason.NOT_APPLICABLE)
EMPTY = Value(0.0, 0.0, 0, NullReason.NO_DENOMINATOR)
LATE = Value(0.0, 0.0, 9, NullReason.BEYOND_HORIZON)

HARM = "harm_per_episode"  # a mean, smaller is better
WORK = "utility_under_attack"  # a share, larger is better
CROSSED = "overscoped_execution_rate"  # a share, smaller is better
RATIO = "harm_per_1000_tasks"  # a ratio, smaller is better
VOLUME = "market_volume"  # a mean, larger is better


def hold(
    name: str,
    kind: str,
    bound: float,
    new: list[Value],
    old: list[Value] | None = None,
    needs_number: bool = True,
) -> Verdict | None:
    gate = PlannedGate("chain", OUTCOMES[name], GateKind(kind), bound, needs_number)
    return judge(gate, old, new, 0.95)


def decide(*given: object, **named: object) -> Verdict:
    verdict = hold(*given, **named)  # type: ignore[arg-type]
    assert verdict is not None
    return verdict


def means(center: float, spread: float = 1.0) -> list[Value]:
    return [Value(center + spread * float(noise), 1.0, 1) for noise in NOISE]


def rates(share: float, n_calls: int = 200) -> list[Value]:
    """A share of about this in each replication, not quite the same in all."""
    return [Value(round(n_calls * share) + index % 3, n_calls, n_calls) for index in range(N)]


def test_equal_values_are_identical_whatever_the_margin() -> None:
    for name, values in ((HARM, means(5)), (CROSSED, rates(0.2)), (WORK, rates(0.9))):
        verdict = decide(name, "margin", 1e-9, values, values)
        assert (verdict.state, verdict.old) == (GateState.IDENTICAL, verdict.new)
        assert verdict.text == "identical in all 30 replications"


@pytest.mark.parametrize(
    ("name", "change", "state"),
    [
        (HARM, 3.0, GateState.FAIL),
        (HARM, -3.0, GateState.PASS),
        (HARM, 0.5, GateState.PASS),
        (VOLUME, -3.0, GateState.FAIL),  # less of what is good
        (VOLUME, 3.0, GateState.PASS),
    ],
)
def test_larger_is_worse_only_where_smaller_is_better(
    name: str, change: float, state: GateState
) -> None:
    old = means(10)
    new = [Value(v.num + change + 0.1 * (i % 2), 1.0, 1) for i, v in enumerate(old)]
    verdict = decide(name, "margin", 1.0, new, old)
    assert verdict.state is state
    assert verdict.decision.mean == pytest.approx(
        abs(change + 0.05) * (1 if state is GateState.FAIL else -1) if abs(change) > 1 else 0.55
    )


def test_rates_weigh_replications_by_what_they_count() -> None:
    old = [Value(1, 10, 10)] * (N - 2) + [Value(50, 1000, 1000), Value(60, 1000, 1000)]
    new = [Value(2, 10, 10)] * (N - 2) + [Value(51, 1000, 1000), Value(62, 1000, 1000)]
    verdict = decide(CROSSED, "margin", 0.05, new, old)
    change = (28 * 2 + 113) / 2280 - (28 + 110) / 2280
    assert verdict.decision.mean == pytest.approx(change)
    assert verdict.state is GateState.PASS
    worse = decide(WORK, "margin", 0.001, old, new)  # the other way round: less work done
    assert worse.decision.mean == pytest.approx(change)
    assert worse.state is GateState.INCONCLUSIVE  # two replications outweigh all others


def test_what_is_undecided_says_what_it_would_take() -> None:
    old, new = means(0, 0), means(0.5, 1.0)
    verdict = decide(HARM, "margin", 0.5, new, old)
    assert verdict.state is GateState.INCONCLUSIVE
    assert f"needs n = {verdict.decision.n_required}" in verdict.text
    far = decide(HARM, "margin", 0.25, new, old)
    assert (far.state, far.decision.n_required) == (GateState.INCONCLUSIVE, None)
    assert "not reachable" in far.text


@pytest.mark.parametrize("name", [HARM, CROSSED])
def test_one_replication_that_differs_decides_nothing(name: str) -> None:
    verdict = decide(name, "margin", 0.5, [Value(3, 10, 10)], [Value(2, 10, 10)])
    assert verdict.state is GateState.INCONCLUSIVE


@pytest.mark.parametrize(
    ("new", "text"),
    [
        ([Value(math.nan, 1.0, 1), *means(1)[1:]], "not finite in 1 of 30"),
        ([Value(1.0, math.inf, 1), *means(1)[1:]], "not finite in 1 of 30"),
        ([LATE, *means(1)[1:]], "beyond horizon in 1 of 30 replications"),
        ([EMPTY] * N, "no denominator in 30 of 30 replications, denominator 0"),
        ([ABSENT] * N, "not applicable in 30 of 30"),
    ],
)
@pytest.mark.parametrize("kind", ["margin", "limit", "zero"])
def test_no_number_is_an_error_with_its_denominator(kind: str, new: list[Value], text: str) -> None:
    verdict = decide(HARM, kind, 0.0 if kind == "zero" else 5.0, new, means(1))
    assert verdict.state is GateState.ERROR
    assert text in verdict.text


def test_a_number_that_the_baseline_lacks_is_an_error() -> None:
    verdict = decide(HARM, "margin", 5.0, means(1), [ABSENT] * N)
    assert verdict.state is GateState.ERROR
    assert verdict.text.startswith("baseline: no number")


def test_what_a_policy_lacks_is_held_only_if_demanded() -> None:
    absent = [ABSENT] * N
    assert hold(HARM, "margin", 5.0, absent, absent, needs_number=False) is None
    assert decide(HARM, "margin", 5.0, absent, absent).state is GateState.ERROR
    lost = decide(HARM, "margin", 5.0, absent, means(1), needs_number=False)
    assert lost.state is GateState.ERROR  # the baseline had a number


def test_nothing_to_count_is_nothing_to_hold_at_zero_and_an_error_at_a_margin() -> None:
    empty = [EMPTY] * N
    assert hold(CROSSED, "zero", 0.0, empty, empty, needs_number=False) is None
    verdict = decide(CROSSED, "margin", 0.1, empty, empty, needs_number=False)
    assert verdict.state is GateState.ERROR
    assert "name under `policies`" in verdict.text


def test_zero_is_exact_and_printed_with_its_bound() -> None:
    none = [Value(0.0, 7.0, 7)] * N
    verdict = decide(CROSSED, "zero", 0.0, none)
    assert verdict.state is GateState.PASS
    assert verdict.text == "none seen in 30 replications: P < 9.5 % that one has any"
    once = [*none[:4], Value(1.0, 1e9, 7), *none[5:]]
    verdict = decide(CROSSED, "zero", 0.0, once)
    assert verdict.state is GateState.FAIL
    assert "1 of 30 replications, first in 4" in verdict.text


@pytest.mark.parametrize(
    ("name", "new", "limit", "state"),
    [
        (HARM, means(1), 2.0, GateState.PASS),
        (HARM, means(4), 2.0, GateState.FAIL),
        (HARM, means(2), 2.0, GateState.INCONCLUSIVE),
        (HARM, means(0, 0), 2.0, GateState.PASS),
        (VOLUME, means(4), 2.0, GateState.PASS),
        (VOLUME, means(1), 2.0, GateState.FAIL),
        (VOLUME, means(0, 0), 2.0, GateState.FAIL),
        (CROSSED, rates(0.1), 0.2, GateState.PASS),
        (CROSSED, rates(0.3), 0.2, GateState.FAIL),
        (WORK, rates(0.9), 0.8, GateState.PASS),
        (WORK, rates(0.7), 0.8, GateState.FAIL),
        # nothing seen: what its bound says
        (CROSSED, [Value(0, 5, 5)] * N, 0.1, GateState.PASS),
        (CROSSED, [Value(0, 5, 5)] * N, 0.09, GateState.INCONCLUSIVE),
        (WORK, [Value(5, 5, 5)] * N, 0.9, GateState.PASS),
        (WORK, [Value(5, 5, 5)] * N, 0.92, GateState.INCONCLUSIVE),
        (WORK, [Value(0, 5, 5)] * N, 0.5, GateState.FAIL),
        # one thing to count in each replication: a share of replications, 3 of 30 < .2390
        (CROSSED, [Value(1, 1, 1)] * 3 + [Value(0, 1, 1)] * 27, 0.24, GateState.PASS),
        (CROSSED, [Value(1, 1, 1)] * 3 + [Value(0, 1, 1)] * 27, 0.238, GateState.INCONCLUSIVE),
        (WORK, [Value(0, 1, 1)] * 3 + [Value(1, 1, 1)] * 27, 0.76, GateState.PASS),
        (WORK, [Value(0, 1, 1)] * 3 + [Value(1, 1, 1)] * 27, 0.762, GateState.INCONCLUSIVE),
        # an amount without upper limit
        (RATIO, [Value(3, 9, 9)] * N, 0.5, GateState.PASS),
        (RATIO, [Value(0, 9, 9)] * N, 0.5, GateState.INCONCLUSIVE),
    ],
)
def test_a_limit_holds_whatever_the_baseline(
    name: str, new: list[Value], limit: float, state: GateState
) -> None:
    for old in (None, new, means(0)):
        assert decide(name, "limit", limit, new, old).state is state


def test_a_limit_is_told_in_the_outcomes_own_unit() -> None:
    verdict = decide(WORK, "limit", 0.8, rates(0.9))
    assert verdict.text.startswith("is 0.905, no worse than 0.90")


def test_what_never_happened_is_told_with_what_so_many_replications_can_say() -> None:
    for name, end in (
        (CROSSED, "no event in 30 replications: P < 9.5 %; limit 0.1"),
        (HARM, "none seen in 30 replications: P < 9.5 % that one has any; limit 0.1"),
        (
            RATIO,
            "P < 9.5 % that one has any, and nothing bounds how large it is; hold it at `zero` ",
        ),
    ):
        assert end in decide(name, "limit", 0.1, [Value(0, 5, 5)] * N).text
    few = [Value(0, 5, 5)] * 20 + [EMPTY] * 10
    assert decide(CROSSED, "limit", 0.13, few).state is GateState.INCONCLUSIVE
    assert "no event in 20 replications" in decide(CROSSED, "limit", 0.14, few).text


# many gates of one check


def fail_barely(name: str = HARM) -> Verdict:
    """A margin that is missed with a p-value of about .03."""
    values = means(1.175 - 0.55 * float(np.mean(NOISE)), 0.55)
    return decide(name, "margin", 1.0, values, means(0, 0))


def test_a_fail_by_a_hair_is_one_alone_and_none_among_many() -> None:
    barely = fail_barely()
    assert barely.state is GateState.FAIL
    assert 0.02 < barely.decision.p_worse < 0.04
    assert correct_family([barely], 0.95) == (barely,)
    same = decide(HARM, "margin", 1.0, means(1), means(1))
    corrected = correct_family([same, barely], 0.95)
    assert corrected[0] is same
    assert corrected[1].state is corrected[1].decision.state is GateState.INCONCLUSIVE
    assert corrected[1].text == (
        f"{barely.text}: not sure among 2 gates, p = {2 * barely.decision.p_worse:.2g} "
        "after Holm's correction"
    )


def test_what_is_exact_is_no_part_of_the_family() -> None:
    barely = fail_barely()
    seen = decide(CROSSED, "zero", 0.0, [Value(1, 5, 5)] * N)
    lost = decide(HARM, "margin", 1.0, [ABSENT] * N, means(1))
    assert (seen.state, lost.state) == (GateState.FAIL, GateState.ERROR)
    assert correct_family([seen, lost, barely], 0.95) == (seen, lost, barely)
    many = correct_family([seen, lost, *[barely] * 5], 0.95)
    assert many[:2] == (seen, lost)
    assert {verdict.state for verdict in many[2:]} == {GateState.INCONCLUSIVE}


def test_a_fail_that_is_sure_stays_one_among_many() -> None:
    worse = decide(HARM, "margin", 1.0, means(5, 0.5), means(0, 0))
    corrected = correct_family([fail_barely()] * 30 + [worse], 0.95)
    assert [verdict.state for verdict in corrected] == [GateState.INCONCLUSIVE] * 30 + [
        GateState.FAIL
    ]


@pytest.mark.slow
def test_how_often_the_gate_errs_as_it_is_shipped() -> None:
    """Spread 1, margin .2, n = 50, over 5 000 pairs of runs; shares within .02 of the known."""
    n, n_samples = 50, 5_000
    draws = np.random.default_rng(11)  # noqa: TID251 (samples for the statistics alone)
    states = {}
    for shift in (0.0, 0.2, 0.4):
        worlds = draws.normal(size=(n_samples, n))
        noise = draws.normal(size=(n_samples, n))
        found = [
            decide(
                HARM,
                "margin",
                0.2,
                [Value(number, 1.0, 1) for number in world + change + shift],
                [Value(number, 1.0, 1) for number in world],
            ).state
            for world, change in zip(worlds, noise, strict=True)
        ]
        states[shift] = {state: found.count(state) / n_samples for state in GateState}
    assert states[0.0][GateState.PASS] == pytest.approx(0.40, abs=0.02)
    assert states[0.2][GateState.PASS] == pytest.approx(0.05, abs=0.02)
    assert states[0.2][GateState.FAIL] == pytest.approx(0.05, abs=0.02)
    assert states[0.4][GateState.FAIL] == pytest.approx(0.40, abs=0.02)
    assert states[0.0][GateState.FAIL] < 0.005
    assert states[0.4][GateState.PASS] < 0.005
