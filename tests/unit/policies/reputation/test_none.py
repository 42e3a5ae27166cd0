from __future__ import annotations

from sim.core.units import PPM
from sim.policies.reputation.none import Nobody
from tests.ratings_world import create_view


def test_everybody_stays_a_newcomer() -> None:
    scores = Nobody().compute(create_view([(0, 1, PPM)] * 5, 2, newcomer_ppm=42))
    assert scores.score_ppm.tolist() == [42, 42]
    assert scores.known.tolist() == [False, False]
