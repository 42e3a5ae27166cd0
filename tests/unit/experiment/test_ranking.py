from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sim.cli.app import app
from sim.core.errors import InputError
from sim.experiment.compare import choose_baseline, choose_metric
from sim.experiment.comparison import compute_estimates
from sim.experiment.ranking import rank_policies
from sim.experiment.run import RunOptions, RunResult, run_scenario
from sim.metrics.base import NullReason, Value
from sim.report.ranking_table import describe_ranking
from sim.scenario.load import load_scenario
from tests.worlds import write_scenario

NAMES = ["unguarded", "gateway", "chain", "oracle"]


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    folder = tmp_path_factory.mktemp("ranking")
    path = write_scenario(
        folder,
        policies=NAMES,
        primary=["utility_under_attack", "harm_per_episode"],
        tasks={"report": {"calls": ["look", "send"], "deadline": "10s"}},
    )
    options = RunOptions(replications=3, workers=1, out=folder / "out")
    return run_scenario(load_scenario(path), options)


def create_result(stored: RunResult, **harm: list[float]) -> RunResult:
    """The stored run with other harm under some policies, one value of each replication."""
    values = {
        name: stored.values[name] | {"harm_per_episode": [Value(value, 1.0, 1) for value in listed]}
        for name, listed in harm.items()
    }
    policies = {name: stored.policies[name] for name in harm}
    return replace(stored, policies=policies, values=values, estimates=compute_estimates(values))


def test_policies_stand_from_best_to_worst_without_bounds(stored: RunResult) -> None:
    result = create_result(
        stored, unguarded=[90.0, 80.0, 95.0], gateway=[10.0, 30.0, 20.0], oracle=[0.0] * 3
    )
    ranking = rank_policies(result, "harm_per_episode")
    assert ranking.policies == ["gateway", "unguarded"]
    assert ranking.means == pytest.approx([20.0, 265 / 3])
    assert ranking.chance is not None
    assert 0.98 < ranking.chance < 1.0
    assert ranking.survivors is None


def test_a_rate_is_ranked_by_its_estimate(stored: RunResult) -> None:
    ranking = rank_policies(stored, "utility_under_attack")
    for policy, mean in zip(ranking.policies, ranking.means, strict=True):
        interval = stored.estimates[policy]["utility_under_attack"].interval
        assert interval is not None
        assert mean == pytest.approx(interval.mean)
    assert ranking.means == sorted(ranking.means, reverse=True)


def test_a_race_selects_and_those_that_never_differ_share_the_place(stored: RunResult) -> None:
    noise = [float(k % 5) for k in range(30)]
    far = [value + 50.0 + (value == 3.0) for value in noise]
    result = create_result(stored, unguarded=far, gateway=noise, chain=noise)
    ranking = rank_policies(result, "harm_per_episode", 10.0)
    assert (ranking.survivors, ranking.is_selected) == (["gateway", "chain"], True)
    text = "\n".join(describe_ranking(ranking, replace(result, replications=30)))
    assert "Selected: gateway, chain, the same in every replication" in text
    assert "   1. gateway" in text
    assert "   1. chain" in text
    assert "   3. unguarded" in text


def test_too_few_replications_select_nobody(stored: RunResult) -> None:
    near = [float(k % 5) for k in range(12)]
    other = [float((k + 2) % 5) + 0.1 for k in range(12)]
    result = create_result(stored, unguarded=near, gateway=other)
    ranking = rank_policies(result, "harm_per_episode", 0.05)
    assert not ranking.is_selected
    assert "No selection at 95 %" in describe_ranking(ranking, result)[-1]
    few = create_result(stored, unguarded=near[:9], chain=other[:9])
    short = rank_policies(few, "harm_per_episode", 1.0)
    assert short.survivors is None
    assert "it takes 10 replications" in describe_ranking(short, few)[-1]


def test_nothing_seen_is_ranked_with_its_bound(stored: RunResult) -> None:
    result = create_result(stored, unguarded=[90.0, 80.0, 95.0], gateway=[0.0] * 3)
    lines = describe_ranking(rank_policies(result, "harm_per_episode"), result)
    assert "none seen  P < " in lines[1]


def test_what_has_no_number_is_named_and_not_ranked(stored: RunResult) -> None:
    result = create_result(stored, unguarded=[9.0, 8.0, 7.0], gateway=[1.0, 2.0, 3.0])
    result.values["gateway"]["harm_per_episode"][1] = Value(0, 0, 0, NullReason.NOT_RECORDED)
    ranking = rank_policies(result, "harm_per_episode")
    assert (ranking.policies, ranking.unknown) == (["unguarded"], ["gateway"])
    assert "Without a number: gateway." in "\n".join(describe_ranking(ranking, result))


@pytest.mark.parametrize(
    ("metric", "problem", "nearest"),
    [
        ("harm_per_episod", "unknown outcome", "harm_per_episode"),
        ("purchases_unfunded", "neither small nor large", ""),
        ("censorship_delay", "no policy of this result has a number", ""),
    ],
)
def test_what_cannot_rank_is_refused(
    stored: RunResult, metric: str, problem: str, nearest: str
) -> None:
    with pytest.raises(InputError, match=problem) as caught:
        rank_policies(stored, metric)
    assert caught.value.nearest == nearest


def test_another_baseline_compares_all_others_with_it(stored: RunResult) -> None:
    result = choose_baseline(stored, "gateway")
    assert {(c.baseline, c.policy) for c in result.contrasts} == {
        ("gateway", name) for name in NAMES if name != "gateway"
    }
    assert choose_baseline(stored, "") is stored
    with pytest.raises(InputError, match="no such policy") as caught:
        choose_baseline(stored, "gatway")
    assert caught.value.nearest == "gateway"


def test_the_first_primary_outcome_ranks_if_none_is_named(stored: RunResult) -> None:
    assert choose_metric(stored) == "utility_under_attack"


def test_the_command_compares_what_was_stored(stored: RunResult) -> None:
    assert stored.folder is not None
    arguments = ["compare", str(stored.folder), "--baseline", "gateway", "--json"]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    (document,) = json.loads(done.stdout)["results"]
    assert document["digest"] == stored.digest
    assert document["baseline"] == "gateway"
    assert document["ranking"]["metric"] == "utility_under_attack"
    first = document["comparisons"][0]
    assert {"p", "p_adjusted", "correction", "primary", "bca", "rho"} <= set(first)
    text = CliRunner().invoke(app, arguments[:-1], catch_exceptions=False).stdout
    assert "Ranked by tasks done in time" in text


def test_a_folder_without_a_result_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no finished result"):
        CliRunner().invoke(app, ["compare", str(tmp_path)], catch_exceptions=False)
