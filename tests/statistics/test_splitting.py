from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from sim.core.draws import Draws, draw_ppm
from sim.core.purposes import Purpose
from sim.stats.closed_forms import compute_ruin_chance
from sim.stats.splitting import (
    Rarity,
    compute_bound,
    compute_crude_replications,
    estimate_chance,
    split,
)

WIN_PPM = 300_000
Wealth = tuple[int, int]  # what it has, and rounds played


class Gambler:
    """Starts with one unit, wins a round with a chance of 0.3, wants a goal before ruin."""

    def __init__(self, win_ppm: int = WIN_PPM) -> None:
        self.win_ppm = win_ppm

    def create(self) -> Wealth:
        return 1, 0

    def copy(self, state: Wealth) -> Wealth:
        return state

    def advance(self, state: Wealth, draws: Draws) -> Wealth:
        wealth, played = state
        drawn = draw_ppm(draws.key0, draws.key1, int(Purpose.SCHEME), 0, played)
        won = drawn < self.win_ppm
        return wealth + (1 if won else -1), played + 1

    def get_level(self, state: Wealth) -> int:
        return max(0, state[0] - 1)

    def is_over(self, state: Wealth) -> bool:
        return state[0] == 0


class Forgetful(Gambler):
    """A planted defect: copies draw as the path they were split from did, so they never part."""

    def advance(self, state: Wealth, draws: Draws) -> Wealth:
        return super().advance(state, Draws(1, "the same for all", 0))


def reach(goal: int, trials: int, n_runs: int, seed: int = 1) -> Rarity[Wealth]:
    return estimate_chance(Gambler(), goal - 1, trials, n_runs, seed, "gambler")


def get_exact(goal: int) -> float:
    """From one unit to the goal before nothing is left."""
    return compute_ruin_chance(goal - 1, goal, 1.0 - WIN_PPM / 1_000_000)


@pytest.mark.slow
def test_a_gambler_wins_twenty_as_rarely_as_is_known() -> None:
    found = reach(20, trials=300, n_runs=30)
    exact = get_exact(20)
    assert exact == pytest.approx(5.8264e-8, rel=1e-4)
    assert found.interval is not None
    assert abs(found.interval.mean - exact) < 0.124 * exact  # 3 standard errors of 30 runs
    chances = [run.compute_chance(300) for run in found.runs]
    assert 0.1 < float(np.std(chances, ddof=1)) / exact < 0.4
    assert found.n_steps / 30 < 1e5  # a run; plain Monte Carlo needs the most of 1e9


@pytest.mark.slow
def test_the_interval_over_runs_holds_the_exact_chance() -> None:
    exact, n = get_exact(6), 150
    found = [reach(6, trials=40, n_runs=20, seed=seed).interval for seed in range(n)]
    held = [
        interval.low <= exact <= interval.high
        for interval in found
        if interval is not None and interval.low is not None and interval.high is not None
    ]
    assert len(held) == n
    assert abs(np.mean(held) - 0.95) < 0.02 + 3.0 * sqrt(0.95 * 0.05 / n)


def test_copies_that_do_not_part_are_caught() -> None:
    found = estimate_chance(Forgetful(), 5, 50, 5, 1, "gambler")
    assert found.interval is None or abs(found.interval.mean - get_exact(6)) > 0.5 * get_exact(6)


def test_a_level_nobody_reached_gives_a_bound_and_no_zero() -> None:
    found = estimate_chance(Gambler(1), 5, 20, 3, 1, "gambler")
    assert found.interval is None
    assert found.bound is not None
    assert 0.0 < found.bound < 0.2
    assert found.shares[0] == 0.0
    assert found.runs[0].hits == (0,)


def test_a_bound_counts_every_level_and_takes_one_that_was_not_tried_for_certain() -> None:
    alone = compute_bound([0], [60])
    assert alone == pytest.approx(1.0 - 0.05 ** (1 / 60), rel=1e-9)
    assert compute_bound([30, 0], [60, 60]) < alone
    assert compute_bound([0, 0], [60, 0]) > alone  # half the error is kept for the second


def test_a_seed_gives_the_same_run_and_runs_differ() -> None:
    runs = [split(Gambler(), 4, 50, seed, "gambler", run) for seed, run in ((1, 0), (1, 0), (1, 1))]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_one_level_is_plain_monte_carlo() -> None:
    found = reach(2, trials=500, n_runs=10)
    assert found.interval is not None
    assert abs(found.interval.mean - 0.3) < 4.0 * sqrt(0.3 * 0.7 / 5_000)


@pytest.mark.parametrize("numbers", [(0, 1, 2), (1, 0, 2), (1, 1, 1)])
def test_numbers_out_of_range_are_refused(numbers: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="expected levels"):
        estimate_chance(Gambler(), *numbers, 1, "gambler")


@pytest.mark.parametrize(
    ("chance", "n"), [(1e-2, 3.8e4), (1e-3, 3.8e5), (1e-4, 3.8e6), (1e-6, 3.8e8)]
)
def test_plain_monte_carlo_needs_as_many_as_is_known(chance: float, n: float) -> None:
    assert compute_crude_replications(chance) == pytest.approx(n, rel=0.02)
