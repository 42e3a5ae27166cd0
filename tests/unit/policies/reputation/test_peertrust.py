from __future__ import annotations

from math import isqrt

import numpy as np
import pytest

from sim.core.units import PPM
from sim.policies.reputation.peertrust import (
    PeerTrustPsm,
    PeerTrustTvm,
    compute_isqrt,
    compute_similarity,
    rank_from_last,
)
from tests.ratings_world import create_ratings, create_view

AGREEMENT = [  # 0 evaluates; 1 and 2 rated the peers 3 and 4 too
    (0, 3, 900_000),
    (0, 4, 500_000),
    (1, 3, 800_000),
    (1, 4, 700_000),
    (2, 3, 100_000),
    (2, 4, PPM),
]
VERDICT = [(1, 5, PPM), (2, 5, 0)]


def test_each_rater_weighs_what_the_last_epoch_made_of_him() -> None:
    rows = [(0, 3, PPM), (1, 3, PPM), (2, 3, 0)]
    view = create_view(rows, 4, before_ppm=[900_000, 600_000, 300_000, 0])
    assert PeerTrustTvm().compute(view).score_ppm[3] == 833_333


def test_similarity_to_the_evaluator() -> None:
    similarity = compute_similarity(create_ratings(AGREEMENT), np.array([0]), 6)
    assert similarity.tolist() == [PPM, 841_887, 332_917, 0, 0, 0]


def test_all_raters_evaluate_where_no_trusted_account_has_rated() -> None:
    ratings = create_ratings(AGREEMENT)
    by_all = compute_similarity(ratings, np.array([], dtype=np.int64), 6)
    assert by_all.any()
    assert compute_similarity(ratings, np.array([5]), 6).tolist() == by_all.tolist()


def test_the_peers_count_that_both_have_rated_not_the_raters_they_share() -> None:
    rows = [*AGREEMENT, (1, 6, 0), (3, 1, PPM), (3, 2, 0)]  # 0 never rated 6, nor a common rater
    similarity = compute_similarity(create_ratings(rows), np.array([0]), 7)
    assert similarity[1:3].tolist() == [841_887, 332_917]


def test_a_verdict_weighs_agreement() -> None:
    view = create_view(AGREEMENT + VERDICT, 6, pretrusted=[0])
    assert PeerTrustPsm().compute(view).score_ppm[5] == 716_619


def test_without_overlap_nothing_is_known() -> None:
    view = create_view([(0, 3, PPM), (1, 4, PPM)], 5, pretrusted=[0])
    scores = PeerTrustPsm().compute(view)
    assert scores.known.tolist() == [False, False, False, True, False]
    assert scores.score_ppm[4] == 500_000


def test_without_seeds_all_raters_evaluate() -> None:
    rows = [(0, 3, PPM), (1, 3, PPM), (2, 3, 0)]
    similarity = compute_similarity(create_ratings(rows), np.array([], dtype=np.int64), 4)
    assert similarity.tolist() == [666_666, 666_666, 333_334, 0]  # the mean is 666_666


@pytest.mark.parametrize(
    ("recent_ppm", "window_ratings", "score_ppm"),
    [(700_000, 50, 700_000), (700_000, 0, 900_000), (860_000, 50, 953_333)],
)
def test_a_clearly_lower_window_is_published(
    recent_ppm: int, window_ratings: int, score_ppm: int
) -> None:
    rows = [(0, 1, PPM)] * 100 + [(0, 1, recent_ppm)] * 50
    scores = PeerTrustTvm(window_ratings=window_ratings).compute(create_view(rows, 2))
    assert scores.score_ppm[1] == score_ppm


def test_a_light_rating_counts_less() -> None:
    rows = [(0, 2, PPM, 250_000), (1, 2, PPM)]
    assert PeerTrustTvm().compute(create_view(rows, 3)).score_ppm[2] == 625_000


def test_ranks_count_later_ratings_of_the_same_account() -> None:
    assert rank_from_last(np.array([1, 2, 1, 1, 2])).tolist() == [2, 1, 1, 0, 0]
    assert rank_from_last(np.array([], dtype=np.int64)).tolist() == []


def test_roots_are_rounded_down() -> None:
    squares = [0, 1, 2, 3, 4, 24, 25, 10**12 - 1, 10**12, 445_000_000_000]
    assert compute_isqrt(np.array(squares)).tolist() == [isqrt(each) for each in squares]
