from __future__ import annotations

from math import inf

import pytest

from sim.experiment.comparison import Contrast, Values, compute_contrasts, compute_estimates
from sim.experiment.run import RunResult
from sim.metrics.base import Form, Value
from sim.metrics.outcomes import get_outcomes
from sim.report.verdicts import SAME, describe_pairing, describe_primary, judge
from sim.scenario.load import load_scenario
from sim.stats.bootstrap import Limits
from sim.stats.intervals import Interval, Method
from sim.stats.paired import Difference, Pairing
from sim.stats.significance import Procedure, Significance
from tests.worlds import POLICIES, SCENARIOS

LOADED = load_scenario(SCENARIOS / "nine_seconds.yaml")
N = 30


def create_arm(harm: float, utility: int = 500) -> Values:
    """Harm around a mean, some of it shared by all arms; every other outcome is the same."""
    values = {}
    for name, outcome in get_outcomes().items():
        den = 1.0 if outcome.form in (Form.MEAN, Form.QUANTILE) else 10.0
        values[name] = [Value(den / 2, den, 10)] * N
    values["harm_per_episode"] = [
        Value(harm + k % 7 + 0.1 * harm * (k % 3), 1.0, 1) for k in range(N)
    ]
    values["utility_under_attack"] = [Value(utility + k, 1000, 1000) for k in range(N)]
    return values


def create_result(arms: dict[str, Values], *primary: str) -> RunResult:
    baseline = next(iter(arms))
    return RunResult(
        loaded=LOADED._replace(scenario=LOADED.scenario.model_copy(update={"primary": primary})),
        policies={name: POLICIES[name] for name in arms},
        baseline=baseline,
        seed=17,
        replications=N,
        values=arms,
        estimates=compute_estimates(arms),
        contrasts=compute_contrasts(arms, baseline, primary),
        digests={},
        folder=None,
    )


def create_contrast(mean: float, p_adjusted: float, procedure: Procedure) -> Contrast:
    interval = Interval(mean, -inf, inf, N, Method.PAIRED_T)
    significance = Significance(p_adjusted / 2, procedure)
    difference = Difference(interval, None)
    return Contrast("m", "b", "a", difference, N, True, significance, p_adjusted)


@pytest.mark.parametrize(
    ("mean", "direction", "verdict"),
    [
        (-1.0, "down", "better"),
        (1.0, "down", "worse"),
        (1.0, "up", "better"),
        (-1.0, "up", "worse"),
        (1.0, "", "higher"),
        (-1.0, "", "lower"),
    ],
)
def test_better_depends_on_the_direction(mean: float, direction: str, verdict: str) -> None:
    assert judge(create_contrast(mean, 0.049, Procedure.PAIRED_T), direction) == verdict


def test_what_does_not_survive_the_correction_is_not_claimed() -> None:
    contrast = create_contrast(1.0, 0.05, Procedure.PAIRED_T)
    assert contrast.significance is not None
    assert contrast.significance.p < 0.05
    assert judge(contrast, "down") == "no difference shown"
    assert judge(create_contrast(0.0, 1.0, Procedure.IDENTICAL), "down") == SAME


def test_each_primary_outcome_has_a_line_with_its_pairing() -> None:
    arms = {
        "unguarded": create_arm(1_000),
        "gateway": create_arm(200),
        "chain": create_arm(1_000),
        "layered": create_arm(2_000, utility=100),
    }
    lines = describe_primary(create_result(arms, "harm_per_episode", "utility_under_attack"))
    assert lines[0].startswith("Against unguarded on primary outcomes, after Holm's correction")
    assert "6 comparisons" in lines[0]
    assert (
        "harm per episode: better: gateway; worse: layered; the same in every replication: chain"
        in lines[1]
    )
    assert "(pairing: rho 1.00, variance ratio 0.00..0." in lines[1]
    assert "worse: layered; the same in every replication: gateway, chain" in lines[2]
    assert len(lines) == 3


def test_without_anything_to_compare_nothing_is_claimed() -> None:
    assert describe_primary(create_result({"unguarded": create_arm(9)}, "harm_per_episode")) == []


def test_a_bound_is_no_policy_to_be_better() -> None:
    arms = {name: create_arm(h) for name, h in (("unguarded", 900), ("chain", 9), ("oracle", 1))}
    text = "\n".join(describe_primary(create_result(arms, "harm_per_episode")))
    assert "chain" in text
    assert "oracle" not in text
    assert "2 comparisons" in text  # the correction counts it all the same


def test_two_intervals_on_other_sides_of_zero_are_both_shown() -> None:
    result = create_result(
        {"unguarded": create_arm(1_000), "gateway": create_arm(990)}, "harm_per_episode"
    )
    found = [c for c in result.contrasts if c.is_primary]
    assert len(describe_primary(result)) == 2
    found[0] = found[0]._replace(bca=Limits(-3.0, 2.0))
    text = describe_primary(result.__class__(**{**vars(result), "contrasts": found}))[-1]
    assert "disagree about harm per episode under gateway" in text
    assert "BCa -3..2" in text


def test_a_pairing_that_is_the_same_everywhere_is_one_number() -> None:
    contrast = create_contrast(1.0, 0.01, Procedure.PAIRED_T)
    assert contrast.difference is not None
    paired = contrast._replace(difference=contrast.difference._replace(pairing=Pairing(0.8, 0.25)))
    assert describe_pairing([paired, paired]) == " (pairing: rho 0.80, variance ratio 0.25)"
    assert describe_pairing([contrast]) == ""
