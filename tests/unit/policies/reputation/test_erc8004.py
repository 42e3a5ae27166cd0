from __future__ import annotations

import numpy as np
import pytest

from sim.core.units import PPM
from sim.policies.reputation.erc8004 import (
    ClampedMean,
    DeployedMean,
    Median,
    OnePerRater,
    compute_wild_mean,
    find_latest,
    summarise_records,
)
from tests.ratings_world import create_ratings, create_view

HUGE = 2**62
AGENT = 9


@pytest.mark.parametrize(
    ("records", "summary"),
    [
        ([(87, 0), (9977, 2), (100, 0)], (3, 95, 0)),
        ([(87, 0), (100, 0), (10**38, 0)], (3, 33333333333333333333333333333333333395, 0)),
        ([(-1, 0), (0, 0)], (2, 0, 0)),  # toward zero
        ([(15, 1), (2, 0)], (2, 1, 0)),  # the lowest of equally frequent decimals
        ([(15, 1), (25, 1), (2, 0)], (3, 20, 1)),
        ([], (0, 0, 0)),
    ],
)
def test_the_deployed_summary(
    records: list[tuple[int, int]], summary: tuple[int, int, int]
) -> None:
    assert summarise_records(records) == summary


def test_the_deployed_mean_in_parts_per_million() -> None:
    rows = [(0, AGENT, 870_000), (1, AGENT, 997_700), (2, AGENT, PPM)]
    assert DeployedMean().compute(create_view(rows, 10)).raw[AGENT] == 955_900


@pytest.mark.parametrize(
    "values",
    [[HUGE, HUGE, HUGE], [HUGE, 1, 2], [-HUGE, 5, 0], [-1, 0], [-3, -4], [7], [HUGE] * 9 + [-5]],
)
def test_the_mean_of_wild_values_is_exact(values: list[int]) -> None:
    ratings = create_ratings([(0, 1, value) for value in values])
    mean = compute_wild_mean(ratings, np.array([0, len(values)]))
    total = sum(values)
    assert mean[1] == (abs(total) // len(values)) * (1 if total >= 0 else -1)


def test_the_robust_rule_on_the_vector_of_the_definition() -> None:
    a, b, c, d, e = range(5)
    rows = [
        (a, AGENT, 870_000),
        (b, AGENT, 997_700),
        (c, AGENT, PPM),
        (d, AGENT, HUGE),
        (a, AGENT, -500_000),
        (e, AGENT, 600_000),
    ]
    assert OnePerRater().compute(create_view(rows, 10)).score_ppm[AGENT] == 997_700
    two = create_view([*rows[:2], (a, AGENT, 0)], 10)
    assert not OnePerRater().compute(two).known[AGENT]
    assert OnePerRater(raters_min=2).compute(two).score_ppm[AGENT] == 0


def test_a_rater_without_standing_is_left_out_of_the_robust_rule_alone() -> None:
    rows = [(0, AGENT, PPM), (1, AGENT, PPM), (2, AGENT, 0), (3, AGENT, 0, 0), (4, AGENT, 0, 0)]
    view = create_view(rows, 10)
    assert OnePerRater().compute(view).score_ppm[AGENT] == PPM
    assert Median().compute(view).score_ppm[AGENT] == 0


def test_the_lower_median_of_an_even_number() -> None:
    rows = [(rater, AGENT, value) for rater, value in enumerate([900_000, 100_000, 300_000, HUGE])]
    assert Median().compute(create_view(rows, 10)).score_ppm[AGENT] == 300_000


def test_clamping_comes_before_the_mean() -> None:
    rows = [(0, AGENT, HUGE), (1, AGENT, 0), (2, AGENT, -HUGE), (3, AGENT, PPM)]
    assert ClampedMean().compute(create_view(rows, 10)).score_ppm[AGENT] == 500_000


def test_the_latest_record_of_each_pair_is_kept() -> None:
    rows = [(0, 1, 1), (0, 2, 2), (0, 1, 3), (2, 1, 4), (0, 2, 5, 0)]
    assert find_latest(create_ratings(rows), 3).tolist() == [1, 2, 3]
