from __future__ import annotations

import numpy as np
import pytest

from sim.core.units import PPM
from sim.policies.reputation.base import G9
from sim.policies.reputation.eigentrust import (
    EigenTrust,
    EigenTrustSeeded,
    build_flow,
    find_largest,
    spread_trust,
)
from tests.ratings_world import create_ratings, create_view

WEIGHTS = [[0, 7, 3], [5, 0, 5], [10, 0, 0]]


def create_rows(weights: list[list[int]]) -> list[tuple[int, int, int, int]]:
    return [
        (rater, ratee, PPM if weight > 0 else 0, abs(weight) * 100_000)
        for rater, row in enumerate(weights)
        for ratee, weight in enumerate(row)
        if weight
    ]


@pytest.mark.parametrize(
    ("second_row", "trust"),
    [
        ([5, 0, 5], [475_539_442, 282_945_966, 241_514_592]),
        ([0, 0, 0], [540_540_544, 321_621_620, 137_837_836]),
        ([-5, 0, -5], [540_540_544, 321_621_620, 137_837_836]),  # blame alone is nothing
    ],
)
def test_the_vectors_of_the_definition(second_row: list[int], trust: list[int]) -> None:
    view = create_view(create_rows([WEIGHTS[0], second_row, WEIGHTS[2]]), 3, pretrusted=[0])
    scores = EigenTrustSeeded().compute(view)
    assert scores.raw.tolist() == trust
    expected = [min(PPM, each * 3 * 500_000 // G9) for each in trust]
    assert scores.score_ppm.tolist() == expected


def test_trust_sums_to_one_whatever_is_rounded() -> None:
    rows = [(a, b, PPM, 1 + (a * 7 + b) % 13) for a in range(11) for b in range(11) if a != b]
    scores = EigenTrust().compute(create_view(rows, 11))
    assert int(scores.raw.sum()) == G9


def test_each_row_sums_to_one_and_the_first_largest_entry_takes_the_rest() -> None:
    rows = [(0, 1, PPM, 1), (0, 2, PPM, 1), (0, 3, PPM, 1), (1, 0, PPM, 1), (1, 3, PPM, 2)]
    flow = build_flow(create_ratings(rows), 4)
    matrix = flow.incoming.toarray().T
    assert matrix.tolist() == [
        [0, 333_333_334, 333_333_333, 333_333_333],
        [333_333_333, 0, 0, 666_666_667],
        [0, 0, 0, 0],
        [0, 0, 0, 0],
    ]
    assert flow.is_silent.tolist() == [2, 3]


def test_the_first_of_equal_largest_is_found_in_each_row() -> None:
    amounts, firsts = np.array([1, 5, 5, 2, 9, 9, 9]), np.array([0, 3, 4])
    assert find_largest(amounts, firsts, np.array([3, 1, 3])).tolist() == [1, 3, 4]


def test_several_ratings_of_one_pair_add_up() -> None:
    rows = [(0, 1, PPM), (0, 1, 0, 400_000), (0, 2, PPM, 600_000)]
    matrix = build_flow(create_ratings(rows), 3).incoming.toarray()
    assert matrix[:, 0].tolist() == [0, G9 // 2, G9 // 2]


def test_a_fixed_point_ends_the_steps() -> None:
    flow = build_flow(create_ratings([]), 4)
    start = np.array([G9, 0, 0, 0])
    assert spread_trust(flow, start, 150_000).tolist() == start.tolist()


def test_without_seeds_everybody_is_one() -> None:
    view = create_view(create_rows(WEIGHTS), 3)
    assert EigenTrustSeeded().compute(view).raw.tolist() == EigenTrust().compute(view).raw.tolist()


def test_the_average_account_has_half_and_a_favourite_at_most_one() -> None:
    ring = [(0, 1, PPM), (1, 2, PPM), (2, 3, PPM), (3, 0, PPM)]
    assert EigenTrust().compute(create_view(ring, 4)).score_ppm.tolist() == [500_000] * 4
    star = [(each, 0, PPM) for each in range(1, 9)]
    assert EigenTrust().compute(create_view(star, 9)).score_ppm[0] == PPM
