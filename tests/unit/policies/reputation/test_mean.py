from __future__ import annotations

from sim.core.units import PPM
from sim.policies.reputation.mean import Mean
from tests.ratings_world import create_view


def test_the_mean_of_signed_ratings_between_none_and_all() -> None:
    rows = [(0, 1, PPM, 500_000), (2, 1, 0, 250_000), (0, 2, PPM), (1, 2, PPM, 4 * PPM)]
    scores = Mean().compute(create_view(rows, 4))
    assert scores.score_ppm.tolist() == [500_000, 562_500, PPM, 500_000]
    assert scores.known.tolist() == [False, True, True, False]


def test_equal_means_are_tied_and_unequal_ones_are_not() -> None:
    third = [(0, 1, PPM), (0, 1, 0), (0, 1, PPM)]
    same = [(0, 2, PPM), (0, 2, 0), (0, 2, PPM)] * 2
    near = [(0, 3, PPM)] * 6_667 + [(0, 3, 0)] * 3_333
    raw = Mean().compute(create_view(third + same + near, 4)).raw
    assert raw[1] == raw[2] < raw[3]
