"""The best of many equal attackers looks worse than it is; on fresh draws it does not.

200 attackers that are all alike, 30 replications each, sd 1: the largest of 200 means of 30 lies
2.746 / sqrt(30) = .501 above the truth (order statistics of the normal distribution).
"""

from __future__ import annotations

import zlib
from math import sqrt
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from sim.experiment import attack as module
from sim.experiment.attack import Plan, PolicyAttack, attack_policy
from sim.experiment.attack_factors import Factor, Kind
from sim.experiment.attack_search import Sampler, Settings
from sim.experiment.attack_trials import compute_holdout_seed
from sim.metrics.base import Value
from sim.metrics.outcomes import OUTCOMES
from sim.scenario.load import load_scenario
from tests.worlds import write_scenario

N_TRIALS, N_REPLICATIONS, N_SEARCHES = 200, 30, 12
INFLATION = 2.746 / sqrt(N_REPLICATIONS)
SD_OF_BEST = 0.41 / sqrt(N_REPLICATIONS)  # of the largest of 200 normal means


class Means(NamedTuple):
    """What searches among equal attackers came to, on average."""

    in_search: float
    on_holdout: float


def measure_null(settings: Settings, seed: int, replications: int) -> list[Value]:
    """No attacker hurts more than another: normal draws named by attacker and seed."""
    name = zlib.crc32(repr(settings).encode())
    draws = np.random.default_rng([seed, name])  # noqa: TID251 (no replication of a world)
    return [Value(float(value), 1.0, 1) for value in draws.normal(size=replications)]


def create_null_plan(folder: Path, seed: int) -> Plan:
    loaded = load_scenario(write_scenario(folder))
    return Plan(
        loaded,
        {},
        OUTCOMES["harm_per_episode"],
        [Factor("a", Kind.SHARE, 0, 1_000_000)],
        seed,
        module.compute_holdout_seed(seed),
        N_TRIALS,
        N_REPLICATIONS,
        holdout=N_REPLICATIONS,
        workers=1,
    )


def search_null(folder: Path) -> list[PolicyAttack]:
    plans = [create_null_plan(folder, seed) for seed in range(1, N_SEARCHES + 1)]
    return [attack_policy("null", plan, measure_null) for plan in plans]


@pytest.fixture(scope="module")
def searches(tmp_path_factory: pytest.TempPathFactory) -> list[PolicyAttack]:
    return search_null(tmp_path_factory.mktemp("null"))


def compute_means(attacks: list[PolicyAttack], sampler: Sampler) -> Means:
    found = [attack.worst[sampler] for attack in attacks]
    scores = [judged.trial.score for judged in found if judged.trial.score is not None]
    fresh = [value.num for judged in found for value in judged.values]
    assert len(scores) == N_SEARCHES
    return Means(float(np.mean(scores)), float(np.mean(fresh)))


def is_honest(means: Means) -> bool:
    """Whether the judgement is within three standard errors of the truth, which is 0."""
    return abs(means.on_holdout) < 3.0 / sqrt(N_SEARCHES * N_REPLICATIONS)


@pytest.mark.slow
@pytest.mark.parametrize("sampler", [Sampler.RANDOM, Sampler.TPE])
def test_a_search_score_is_inflated_and_the_holdout_is_not(
    searches: list[PolicyAttack], sampler: Sampler
) -> None:
    means = compute_means(searches, sampler)
    assert abs(means.in_search - INFLATION) < 3.0 * SD_OF_BEST / sqrt(N_SEARCHES)
    assert is_honest(means)


@pytest.mark.slow
def test_a_holdout_on_the_draws_of_the_search_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "compute_holdout_seed", lambda seed: seed)
    assert not is_honest(compute_means(search_null(tmp_path), Sampler.RANDOM))


def test_the_holdout_never_meets_the_draws_of_the_search(tmp_path: Path) -> None:
    asked: list[tuple[Settings, int]] = []

    def measure(settings: Settings, seed: int, replications: int) -> list[Value]:
        asked.append((settings, seed))
        return measure_null(settings, seed, replications)

    plan = create_null_plan(tmp_path, 1)._replace(trials=3)
    found = attack_policy("null", plan, measure)
    judged = [settings for settings, seed in asked if seed == plan.holdout_seed]
    assert {seed for _, seed in asked} == {plan.seed, plan.holdout_seed}
    assert judged == [(), *(judged.trial.settings for judged in found.worst.values())]


def test_a_holdout_seed_is_another_number_for_every_seed() -> None:
    seeds = range(2_000)
    derived = [compute_holdout_seed(seed) for seed in seeds]
    assert all(a != b for a, b in zip(seeds, derived, strict=True))
    assert len(set(derived)) == len(derived)
    assert compute_holdout_seed(1) == 974_002_040  # results that were printed are found again
