from __future__ import annotations

from sim.core.units import PPM
from sim.policies.reputation.novai import Novai
from tests.ratings_world import create_view


def test_one_up_and_three_down_in_order() -> None:
    rows = [(0, 1, PPM)] * 60 + [(0, 1, 0)] + [(0, 2, 0)] * 20 + [(0, 2, PPM)]
    scores = Novai().compute(create_view(rows, 4))
    assert scores.score_ppm.tolist() == [500_000, 970_000, 10_000, 500_000]
    assert scores.known.tolist() == [False, True, True, False]
