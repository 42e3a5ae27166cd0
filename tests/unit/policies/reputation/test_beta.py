from __future__ import annotations

from sim.core.units import PPM
from sim.policies.reputation.beta import Beta, BetaForgetting
from tests.ratings_world import create_view

ROWS = [(0, 1, PPM)] * 8 + [(0, 1, 0)] * 2


def test_the_vectors_of_the_definition() -> None:
    view = create_view(ROWS, 2)
    assert Beta().compute(view).score_ppm.tolist() == [500_000, 750_000]
    assert BetaForgetting().compute(view).score_ppm[1] == 741_389
    assert Beta(forgetting_ppm=900_000).compute(view).score_ppm[1] == 659_353
    assert Beta(forgetting_ppm=950_000).compute(view).score_ppm[1] == 705_743


def test_the_order_is_finer_than_the_published_score() -> None:
    many = [(0, 1, PPM)] * 3_000 + [(0, 2, PPM)] * 3_001
    scores = Beta().compute(create_view([*many, (0, 3, 0)], 4))
    assert scores.raw[2] > scores.raw[1]
    assert scores.score_ppm[2] == scores.score_ppm[1]
    assert scores.raw[2] == 3_002 * 10**9 // 3_003


def test_without_evidence_the_score_is_that_of_a_newcomer() -> None:
    scores = Beta().compute(create_view([(0, 1, PPM, 0)], 3, newcomer_ppm=123_456))
    assert scores.score_ppm.tolist() == [123_456] * 3
    assert not scores.known.any()
