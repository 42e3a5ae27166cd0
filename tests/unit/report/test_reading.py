from __future__ import annotations

import re
from dataclasses import replace

import pytest

from sim.experiment.comparison import (
    Values,
    compute_contrasts,
    compute_estimates,
    get_outcomes,
)
from sim.experiment.run import RunResult
from sim.metrics.base import Form, NullReason, Value
from sim.report.reading import write_reading
from sim.scenario.load import load_scenario
from tests.worlds import POLICIES, SCENARIOS

LOADED = load_scenario(SCENARIOS / "nine_seconds.yaml")
NOTHING = Value(0, 0, 0, NullReason.NO_DENOMINATOR)
N = 30


def create_arm(
    harm: float, utility: float = 0.5, latency_s: float = 1.0, record: float = 1.0, step: float = 1
) -> Values:
    """N replications: harm varies around its mean by steps, the same in every arm of one step."""
    values = {}
    for name, outcome in get_outcomes().items():
        den = 1.0 if outcome.form in (Form.MEAN, Form.QUANTILE) else 10.0
        values[name] = [Value(den / 2, den, 10)] * N
    values["harm_per_episode"] = [
        Value(harm + step * (k - (N - 1) / 2) if harm else 0.0, 1.0, 1) for k in range(N)
    ]
    values["utility_under_attack"] = [Value(1000 * utility, 1000, 1000)] * N
    values["commit_latency_p95"] = [Value(latency_s, 1.0, 500)] * N
    values["four_tuple_completeness"] = [Value(10 * record, 10, 10)] * N
    return values


def create_result(arms: dict[str, Values], baseline: str = "") -> RunResult:
    baseline = baseline or next(iter(arms))
    return RunResult(
        loaded=LOADED,
        policies={
            name: POLICIES.get(name) or replace(POLICIES["chain"], name=name) for name in arms
        },
        baseline=baseline,
        seed=17,
        replications=N,
        values=arms,
        estimates=compute_estimates(arms),
        contrasts=compute_contrasts(arms, baseline, LOADED.scenario.primary),
        digests={},
        folder=None,
    )


def read(arms: dict[str, Values], baseline: str = "") -> str:
    text = write_reading(create_result(arms, baseline))
    assert find_bare_zeros(text) == []
    return text


# no bare zero


def find_bare_zeros(text: str) -> list[str]:
    """Sentences with a zero that say neither in how many replications nor below what."""
    sentences = re.split(r"(?<=[.!?]) (?=[A-Z])", text)
    return [
        sentence
        for sentence in sentences
        if re.search(r"(?<![\d.,])-?0(\.0+)?(?![\d.])( ?%)?", re.sub(r"\.$", "", sentence))
        and not re.search(r"replications|<|at most", sentence)
    ]


@pytest.mark.parametrize(
    "text",
    [
        "All policies got 0 % of the tasks done in time.",
        "Harm was 0.",
        "It took 0 s.",
        "Less harm: gateway (0 % less).",
        "Fine. Tasks done in time ranged from 0 % under chain to 3 % under gateway.",
        "It was 0.0 %.",
    ],
)
def test_the_checker_finds_a_planted_zero(text: str) -> None:
    assert find_bare_zeros(text) != []


@pytest.mark.parametrize(
    "text",
    [
        "No harm was seen in 30 replications of gateway.",
        "It was 0 % in all 30 replications.",
        "It was 10 % and 0.5 s.",
        "It was 0 (< 0.095).",
        "Harm was 100.",
    ],
)
def test_the_checker_lets_a_zero_with_its_n_pass(text: str) -> None:
    assert find_bare_zeros(text) == []


# harm


def test_what_stopped_all_some_more_or_none_of_the_harm_is_said() -> None:
    text = read(
        {
            "unguarded": create_arm(1_000),
            "gateway": create_arm(0),
            "chain": create_arm(250),
            "layered": create_arm(1_500),
            "anchored": create_arm(1_000.5, step=-400),
        }
    )
    assert f"No harm was seen in {N} replications of gateway." in text
    assert "Less harm: chain (75 % less)." in text
    assert "More harm: layered (50 % more)." in text
    assert "No difference that can be told from chance: anchored." in text


def test_names_are_joined_as_in_a_sentence() -> None:
    names = ["gateway", "anchored", "federated"]
    text = read({"unguarded": create_arm(1_000), **{name: create_arm(0) for name in names}})
    assert "of gateway, anchored and federated." in text


def test_the_baseline_is_not_compared_with_itself() -> None:
    text = read({"unguarded": create_arm(1_000), "gateway": create_arm(0)})
    assert not re.search(r"unguarded \(\d+ % (less|more)\)", text)
    assert re.search(r"Under unguarded, harm was \S+ value units", text)


def test_bounds_are_not_read_as_policies() -> None:
    arms = {"unguarded": create_arm(1_000), "chain": create_arm(400), "oracle": create_arm(0)}
    text = read(arms | {"deny_all": create_arm(0, utility=0)})
    assert "oracle" not in text
    assert "deny_all" not in text


def test_where_the_baseline_saw_no_harm_there_is_nothing_to_stop() -> None:
    text = read({"unguarded": create_arm(0), "gateway": create_arm(0)})
    assert "Under unguarded no harm was seen" in text


def test_a_policy_that_does_harm_where_the_baseline_did_none_is_named() -> None:
    """That the baseline is clean does not make the others so."""
    text = read({"gateway": create_arm(0), "leaky": create_arm(900)}, "gateway")
    assert "leaky" in text.split("Tasks done")[0]


def test_a_small_difference_is_not_rounded_to_nothing() -> None:
    read({"unguarded": create_arm(1_000), "gateway": create_arm(999)})


# use, delay, records


def test_useful_work_is_read_from_worst_to_best() -> None:
    arms = {
        "unguarded": create_arm(9, utility=0.9),
        "gateway": create_arm(9, utility=0.81),
        "chain": create_arm(9, utility=0.42),
    }
    assert "ranged from 42 % under chain to 90 % under unguarded" in read(arms)


def test_useful_work_that_is_equal_is_said_once() -> None:
    arms = {"unguarded": create_arm(9, utility=0.5), "chain": create_arm(9, utility=0.5)}
    assert "All policies got 50 % of the tasks done in time." in read(arms)


@pytest.mark.parametrize("best", [0, 0.3])
def test_work_that_is_never_done_is_no_bare_zero(best: float) -> None:
    read({"unguarded": create_arm(9, utility=best), "chain": create_arm(9, utility=0)})


def test_who_waits_longest_is_named() -> None:
    arms = {"unguarded": create_arm(9, latency_s=0.01), "chain": create_arm(9, latency_s=1.5)}
    assert re.search(r"took longest under chain \(p95 1\.5 s\)", read(arms))


def test_a_delay_of_nothing_is_no_bare_zero() -> None:
    read({"unguarded": create_arm(9, latency_s=0), "gateway": create_arm(9, latency_s=0)})


def test_who_left_no_true_record_is_named() -> None:
    arms = {"unguarded": create_arm(9, record=0), "chain": create_arm(9)}
    assert "was left by unguarded." in read(arms)
    assert "record" not in read({"gateway": create_arm(9), "chain": create_arm(9)})


def test_what_has_no_number_is_left_out() -> None:
    empty = {
        name: [NOTHING] * N
        for name in ("utility_under_attack", "commit_latency_p95", "four_tuple_completeness")
    }
    text = read({"unguarded": create_arm(9) | empty, "chain": create_arm(9) | empty})
    assert "Tasks done" not in text
    assert "took longest" not in text


def test_the_reading_says_how_sure_it_is() -> None:
    text = read({"unguarded": create_arm(9), "chain": create_arm(3)})
    assert f"the same {N} worlds (seed 17)" in text


def test_one_replication_claims_no_difference() -> None:
    arms = {
        name: {key: values[:1] for key, values in create_arm(harm).items()}
        for name, harm in (("unguarded", 900), ("chain", 100))
    }
    text = write_reading(create_result(arms))
    assert "No difference that can be told from chance: chain." in text


def test_a_name_in_markup_is_read_as_it_is() -> None:
    arms = {"unguarded": create_arm(9), "[red]x[/red]": create_arm(0)}
    assert "replications of [red]x[/red]." in read(arms)
