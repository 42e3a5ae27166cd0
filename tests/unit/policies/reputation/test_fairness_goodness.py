from __future__ import annotations

import numpy as np

from sim.core.units import PPM
from sim.policies.reputation.fairness_goodness import (
    Fairness,
    FairnessGoodness,
    compute_verdict,
    divide_toward_zero,
)
from tests.ratings_world import Row, create_view

A, B, C, X, Y = range(5)
ROWS: list[Row] = [
    (A, X, PPM),
    (B, X, PPM),
    (C, X, 0),
    (A, Y, PPM, 500_000),
    (C, Y, PPM),
]


def test_the_vector_of_the_definition() -> None:
    verdict = compute_verdict(create_view(ROWS, 5))
    assert verdict.fairness_ppm.tolist() == [822_115, 656_250, 540_866, PPM, PPM]
    assert verdict.goodness_ppm.tolist() == [0, 0, 0, 312_499, 475_961]
    assert verdict.n_steps == 12


def test_goodness_is_published_between_none_and_all() -> None:
    scores = FairnessGoodness().compute(create_view(ROWS, 5))
    assert scores.score_ppm.tolist() == [500_000] * 3 + [(312_499 + PPM) // 2, (475_961 + PPM) // 2]
    assert scores.known.tolist() == [False] * 3 + [True] * 2


def test_fairness_is_that_of_raters_and_who_never_rated_ranks_as_fair() -> None:
    scores = Fairness().compute(create_view(ROWS, 5))
    assert scores.score_ppm.tolist() == [822_115, 656_250, 540_866, 500_000, 500_000]
    assert scores.known.tolist() == [True] * 3 + [False] * 2
    assert scores.raw[X] == scores.raw.max() > scores.raw[A]


def test_negated_ratings_negate_goodness() -> None:
    negated = [(*row[:2], PPM - row[2], *row[3:]) for row in ROWS]
    verdict, mirror = (compute_verdict(create_view(rows, 5)) for rows in (ROWS, negated))
    assert mirror.goodness_ppm.tolist() == (-verdict.goodness_ppm).tolist()
    assert mirror.fairness_ppm.tolist() == verdict.fairness_ppm.tolist()


def test_division_rounds_toward_zero() -> None:
    assert divide_toward_zero(np.array([-7, 7, -1, 0]), 2).tolist() == [-3, 3, 0, 0]
