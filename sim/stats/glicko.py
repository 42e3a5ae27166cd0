"""Glicko-2 ratings of one rating period, to analyse results with.

Never inside a policy: it is floating point and iterates to a tolerance, so two replicas need not
agree on the last digit.
"""

from __future__ import annotations

from math import exp, log, pi, sqrt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Column = NDArray[np.float64]

CENTRE = 1_500.0  # rating of who has not played
SCALE = 173.7178  # points of the printed scale in one unit of the internal one
TOLERANCE = 1e-6  # of the logarithm of the variance


class Ratings(NamedTuple):
    """Players in columns, all float64 (n_players,)."""

    rating: Column
    deviation: Column  # of the rating, in points
    volatility: Column  # of the skill, in internal units a period


class Evidence(NamedTuple):
    """What one period says of each player who played; all float64 (n_players,)."""

    variance: Column  # of the rating, from the games alone; infinite without a game
    surprise: Column  # points won above expectation, each game by its weight


def create_ratings(n_players: int) -> Ratings:
    """Ratings of players of whom nothing is known.

    Source: Glickman 2013, Example of the Glicko-2 system: 1500, 350 and 0.06.
    """
    columns = (np.full(n_players, value) for value in (CENTRE, 350.0, 0.06))
    return Ratings(*columns)


def compute_ratings(
    before: Ratings, first: ArrayLike, second: ArrayLike, score: ArrayLike, tau: float = 0.5
) -> Ratings:
    """Ratings after one period; all of its games are judged by the ratings before it.

    Shapes: before float64 (n_players,) each; first and second int64 (n_games,), players by
            row; score float64 (n_games,), of the first: 1 won, 0.5 drawn, 0 lost.
    Units:  points; tau, how much volatility may change, is usually 0.3 to 1.2.
    Return: new columns; who did not play only becomes less certain.
    Errors: ValueError if a value is out of range, lengths differ, or somebody plays alone.
    Source: Glickman 2013, Example of the Glicko-2 system.
    """
    first, second = np.asarray(first, dtype=np.int64), np.asarray(second, dtype=np.int64)
    score = np.asarray(score, dtype=np.float64)
    validate_period(before, first, second, score, tau)
    mu, phi = (before.rating - CENTRE) / SCALE, before.deviation / SCALE
    evidence = compute_evidence(mu, phi, first, second, score)
    volatility = before.volatility.copy()
    for player in np.flatnonzero(np.isfinite(evidence.variance)):
        volatility[player] = compute_volatility(
            float(before.volatility[player]),
            float(phi[player]),
            float(evidence.variance[player]),
            float(evidence.surprise[player]),
            tau,
        )
    phi = 1.0 / np.sqrt(1.0 / (phi**2 + volatility**2) + 1.0 / evidence.variance)
    mu = mu + phi**2 * evidence.surprise
    return Ratings(CENTRE + SCALE * mu, SCALE * phi, volatility)


def compute_evidence(
    mu: Column, phi: Column, first: NDArray[np.int64], second: NDArray[np.int64], score: Column
) -> Evidence:
    """Sum up each player's games; a game counts for both who play it."""
    player, opponent = np.concatenate((first, second)), np.concatenate((second, first))
    scores = np.concatenate((score, 1.0 - score))
    weight = 1.0 / np.sqrt(1.0 + 3.0 * phi[opponent] ** 2 / pi**2)
    expected = 1.0 / (1.0 + np.exp(-weight * (mu[player] - mu[opponent])))
    precision = sum_by_player(player, weight**2 * expected * (1.0 - expected), mu.size)
    variance = np.divide(1.0, precision, out=np.full(mu.size, np.inf), where=precision > 0.0)
    return Evidence(variance, sum_by_player(player, weight * (scores - expected), mu.size))


def sum_by_player(player: NDArray[np.int64], values: Column, n_players: int) -> Column:
    """Sums of the values of each player; 0 for who has none."""
    return np.asarray(np.bincount(player, values, n_players), dtype=np.float64)


def compute_volatility(
    volatility: float, phi: float, variance: float, surprise: float, tau: float
) -> float:
    """Volatility after a period, by the Illinois iteration on the logarithm of its square.

    Source: Glickman 2013, Example of the Glicko-2 system, step 5.
    """
    known, delta2 = phi**2 + variance, (variance * surprise) ** 2
    start = log(volatility**2)

    def compute_slope(x: float) -> float:
        new = exp(x)
        fit = new * (delta2 - known - new) / (2.0 * (known + new) ** 2)
        return fit - (x - start) / tau**2

    low = start
    if delta2 > known:
        high = log(delta2 - known)
    else:
        steps = 1
        while compute_slope(start - steps * tau) < 0.0:
            steps += 1
        high = start - steps * tau
    at_low, at_high = compute_slope(low), compute_slope(high)
    while abs(high - low) > TOLERANCE:
        middle = low + (low - high) * at_low / (at_high - at_low)
        at_middle = compute_slope(middle)
        if at_middle * at_high <= 0.0:
            low, at_low = high, at_high
        else:
            at_low /= 2.0
        high, at_high = middle, at_middle
    return sqrt(exp(low))


def validate_period(
    before: Ratings,
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    score: Column,
    tau: float,
) -> None:
    """ValueError unless players and games are as `compute_ratings` says."""
    n_players = before.rating.size
    if any(column.shape != (n_players,) or not np.isfinite(column).all() for column in before):
        raise ValueError("expected one finite value per player in every column")
    if np.any(before.deviation <= 0.0) or np.any(before.volatility <= 0.0) or not tau > 0.0:
        raise ValueError("expected deviations, volatilities and tau above 0")
    if first.ndim != 1 or not first.shape == second.shape == score.shape:
        raise ValueError("expected two players and a score for every game")
    players = np.concatenate((first, second))
    if np.any((players < 0) | (players >= n_players)) or np.any(first == second):
        raise ValueError(f"expected two different players in 0..{n_players - 1} in every game")
    if not np.all((score >= 0.0) & (score <= 1.0)):
        raise ValueError("expected scores in 0..1")
