from __future__ import annotations

from sim.core.units import PPM
from sim.policies.reputation.sum import Sum
from tests.ratings_world import create_view


def test_praise_less_blame() -> None:
    rows = [(0, 1, PPM)] * 12 + [(0, 1, 0)] * 2 + [(0, 2, 0)] * 10 + [(0, 3, PPM), (0, 3, 0)]
    scores = Sum().compute(create_view(rows, 5))
    assert scores.raw.tolist() == [0, 10 * PPM, -10 * PPM, 0, 0]
    assert scores.score_ppm.tolist() == [500_000, 750_000, 250_000, 500_000, 500_000]
    assert scores.known.tolist() == [False, True, True, True, False]


def test_the_curve_is_a_knob() -> None:
    view = create_view([(0, 1, PPM)], 2)
    assert Sum(half_ratings=1).compute(view).score_ppm[1] == 750_000
