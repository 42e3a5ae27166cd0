from __future__ import annotations

import numpy as np
import pytest

from sim.stats.glicko import Ratings, compute_ratings, create_ratings

PUBLISHED = Ratings(
    np.array([1_500.0, 1_400.0, 1_550.0, 1_700.0]),
    np.array([200.0, 30.0, 100.0, 300.0]),
    np.full(4, 0.06),
)


def get_player(ratings: Ratings, player: int) -> tuple[float, ...]:
    return tuple(float(column[player]) for column in ratings)


def test_the_published_example_comes_out() -> None:
    after = compute_ratings(PUBLISHED, [0, 0, 0], [1, 2, 3], [1, 0, 0])
    rating, deviation, volatility = get_player(after, 0)
    assert rating == pytest.approx(1_464.05, abs=1e-2)
    assert deviation == pytest.approx(151.52, abs=1e-2)
    assert volatility == pytest.approx(0.059996, abs=1e-5)


def test_a_game_counts_for_both_whoever_is_named_first() -> None:
    one = compute_ratings(PUBLISHED, [0, 2], [1, 3], [1.0, 0.5])
    other = compute_ratings(PUBLISHED, [1, 3], [0, 2], [0.0, 0.5])
    for column, same in zip(one, other, strict=True):
        assert column == pytest.approx(same, rel=1e-12)
    assert one.rating[0] > 1_500.0
    assert one.rating[1] < 1_400.0


def test_a_win_between_equals_moves_both_as_far() -> None:
    rating = compute_ratings(create_ratings(2), [0], [1], [1]).rating
    assert rating[0] - 1_500.0 == pytest.approx(1_500.0 - rating[1])
    assert rating[0] == pytest.approx(1_662.31, abs=1e-2)


def test_who_does_not_play_only_becomes_less_certain() -> None:
    after = compute_ratings(PUBLISHED, [0], [1], [1])
    rating, deviation, volatility = get_player(after, 3)
    assert (rating, volatility) == (1_700.0, 0.06)
    assert deviation == pytest.approx(np.hypot(300.0, 0.06 * 173.7178))


def test_a_period_without_a_game_is_a_period() -> None:
    after = compute_ratings(PUBLISHED, [], [], [])
    assert (after.rating == PUBLISHED.rating).all()
    assert (after.deviation > PUBLISHED.deviation).all()


def test_upsets_raise_volatility_and_results_as_expected_lower_it() -> None:
    strong = Ratings(np.array([2_400.0, 1_500.0]), np.full(2, 40.0), np.full(2, 0.06))
    games = np.zeros(20, dtype=np.int64), np.ones(20, dtype=np.int64)
    assert compute_ratings(strong, *games, np.zeros(20)).volatility[0] > 0.06
    assert compute_ratings(strong, *games, np.ones(20)).volatility[0] < 0.06


def test_a_volatility_far_too_large_falls_to_the_root_of_its_equation() -> None:
    """It is so far off that the search has to widen its bracket; the root is checked apart."""
    volatility, tau = 20.0, 3.0
    wild = Ratings(np.full(2, 1_500.0), np.full(2, 1.0), np.full(2, volatility))
    found = compute_ratings(wild, [0], [1], [0.5], tau=tau).volatility[0]
    phi2 = (1.0 / 173.7178) ** 2
    known = phi2 + 4.0 * (1.0 + 3.0 * phi2 / np.pi**2)  # a draw of equals: no surprise
    new = found**2
    fit = new * (-known - new) / (2.0 * (known + new) ** 2)
    assert fit == pytest.approx(np.log(new / volatility**2) / tau**2, abs=1e-5)
    assert found < volatility / 2.0


@pytest.mark.parametrize(
    ("changes", "games", "problem"),
    [
        ({"deviation": np.ones(3)}, ([0], [1], [1]), "one finite value"),
        ({"rating": np.array([0.0, np.nan, 0.0, 0.0])}, ([0], [1], [1]), "one finite value"),
        ({"deviation": np.zeros(4)}, ([0], [1], [1]), "above 0"),
        ({"volatility": -np.ones(4)}, ([0], [1], [1]), "above 0"),
        ({}, ([0, 1], [1], [1]), "two players and a score"),
        ({}, ([0], [4], [1]), "two different players"),
        ({}, ([-1], [0], [1]), "two different players"),
        ({}, ([2], [2], [1]), "two different players"),
        ({}, ([0], [1], [1.5]), r"scores in 0\.\.1"),
        ({}, ([0], [1], [np.nan]), r"scores in 0\.\.1"),
    ],
)
def test_what_is_out_of_range_is_refused(
    changes: dict[str, np.ndarray], games: tuple[list[float], ...], problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        compute_ratings(PUBLISHED._replace(**changes), *games)


def test_a_tau_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="tau above 0"):
        compute_ratings(PUBLISHED, [0], [1], [1], tau=0.0)
