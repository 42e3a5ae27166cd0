from __future__ import annotations

from math import comb, exp

import numpy as np
import pytest

from sim.stats.closed_forms import (
    Attempts,
    compute_attempts_chance,
    compute_audit_chance,
    compute_mean_wait,
    compute_ruin_chance,
    compute_sojourn_tail,
    compute_wait_chance,
)


@pytest.mark.parametrize(
    ("n_servers", "arrivals", "chance", "wait"),
    [(1, 0.8, 0.8, 4.0), (2, 1.6, 0.71111, 1.77778), (3, 2.4, 0.64719, 1.07865)],
)
def test_a_queue_waits_as_published(
    n_servers: int, arrivals: float, chance: float, wait: float
) -> None:
    assert compute_wait_chance(n_servers, arrivals, 1.0) == pytest.approx(chance, abs=5e-6)
    assert compute_mean_wait(n_servers, arrivals, 1.0) == pytest.approx(wait, abs=5e-6)


def test_a_single_server_has_its_published_times() -> None:
    sojourn = compute_mean_wait(1, 0.8, 1.0) + 1.0
    assert sojourn == pytest.approx(5.0)
    assert 0.8 * sojourn == pytest.approx(4.0)
    assert compute_sojourn_tail(1, 0.8, 1.0, 14.979) == pytest.approx(0.05, abs=5e-6)
    assert compute_sojourn_tail(1, 0.8, 1.0, 3.0) == pytest.approx(exp(-0.2 * 3.0))


@pytest.mark.parametrize(("n_servers", "arrivals"), [(1, 0.8), (2, 1.0), (2, 1.6), (3, 2.1)])
def test_the_tail_of_the_sojourn_has_its_mean(n_servers: int, arrivals: float) -> None:
    """Two servers with one customer a service are the case where both rates are equal."""
    times = np.linspace(0.0, 200.0, 20_001)
    tail = [compute_sojourn_tail(n_servers, arrivals, 1.0, time) for time in times]
    mean = compute_mean_wait(n_servers, arrivals, 1.0) + 1.0
    assert tail[0] == 1.0
    assert np.trapezoid(tail, times) == pytest.approx(mean, rel=1e-4)


def test_the_unit_of_time_does_not_matter() -> None:
    assert compute_wait_chance(3, 48.0, 20.0) == pytest.approx(compute_wait_chance(3, 2.4, 1.0))
    assert compute_mean_wait(3, 48.0, 20.0) == pytest.approx(compute_mean_wait(3, 2.4, 1.0) / 20)


@pytest.mark.parametrize(("n_servers", "arrivals"), [(0, 0.5), (1, 0.0), (1, 1.0), (2, 2.1)])
def test_a_queue_that_never_settles_is_refused(n_servers: int, arrivals: float) -> None:
    with pytest.raises(ValueError, match="expected arrivals above 0"):
        compute_wait_chance(n_servers, arrivals, 1.0)


def test_a_negative_time_is_refused() -> None:
    with pytest.raises(ValueError, match="a time from 0"):
        compute_sojourn_tail(1, 0.5, 1.0, -1.0)


@pytest.mark.parametrize(("win", "success"), [(0.5, 0.5), (0.49, 0.40130), (0.45, 0.11850)])
def test_a_gambler_is_ruined_as_published(win: float, success: float) -> None:
    assert 1.0 - compute_ruin_chance(10, 20, win) == pytest.approx(success, abs=5e-6)
    assert compute_ruin_chance(10, 20, 1.0 - win) == pytest.approx(success, abs=5e-6)


@pytest.mark.parametrize("win", [0.0, 0.3, 0.5, 0.7, 1.0])
def test_ruin_is_what_the_next_round_makes_of_it(win: float) -> None:
    chances = [compute_ruin_chance(start, 9, win) for start in range(10)]
    assert (chances[0], chances[-1]) == (1.0, 0.0)
    for start in range(1, 9):
        expected = win * chances[start + 1] + (1.0 - win) * chances[start - 1]
        assert chances[start] == pytest.approx(expected, abs=1e-12)


def test_a_large_goal_does_not_overflow() -> None:
    assert compute_ruin_chance(10, 10**6, 0.45) == pytest.approx(1.0)
    assert compute_ruin_chance(10, 10**6, 0.55) == pytest.approx((0.45 / 0.55) ** 10)


@pytest.mark.parametrize(("start", "goal"), [(-1, 5), (6, 5), (0, 0)])
def test_a_start_past_its_goal_is_refused(start: int, goal: int) -> None:
    with pytest.raises(ValueError, match="start <= goal"):
        compute_ruin_chance(start, goal, 0.5)


@pytest.mark.parametrize("win", [-0.1, 1.1, float("nan")])
def test_a_chance_to_win_is_a_chance(win: float) -> None:
    with pytest.raises(ValueError, match="a chance"):
        compute_ruin_chance(1, 2, win)


@pytest.mark.parametrize(("n_sampled", "chance"), [(100, 0.09566), (1_000, 0.65150), (2_588, 0.95)])
def test_an_audit_finds_as_often_as_published(n_sampled: int, chance: float) -> None:
    assert compute_audit_chance(10_000, 10, n_sampled) == pytest.approx(chance, abs=1e-4)
    assert compute_audit_chance(10_000, 10, n_sampled) == compute_audit_chance(
        10_000, n_sampled, 10
    )


def test_an_audit_finds_as_often_as_counting_says() -> None:
    for n_bad in range(13):
        for n_sampled in range(13):
            missed = comb(12 - n_bad, n_sampled) / comb(12, n_sampled)
            found = compute_audit_chance(12, n_bad, n_sampled)
            assert found == pytest.approx(1.0 - missed, abs=1e-12)


@pytest.mark.parametrize(("n_bad", "n_sampled"), [(-1, 1), (11, 1), (1, -1), (1, 11)])
def test_counts_past_the_whole_are_refused(n_bad: int, n_sampled: int) -> None:
    with pytest.raises(ValueError, match="expected counts of 10"):
        compute_audit_chance(10, n_bad, n_sampled)


def test_attempts_pass_as_often_as_a_tree_of_them_says() -> None:
    def follow(is_round: bool, left: int) -> float:
        passes = attempts.passes_round if is_round else attempts.passes
        if left == 1:
            return passes
        fresh = 0.25 * follow(True, left - 1) + 0.75 * follow(False, left - 1)
        return passes + (1 - passes) * (0.2 * follow(is_round, left - 1) + 0.5 * fresh)

    attempts = Attempts(0.1, 0.6, 0.4, 0.25, 0.2, 0.5, 3)
    expected = 0.4 * follow(True, 3) + 0.6 * follow(False, 3)
    assert compute_attempts_chance(attempts) == pytest.approx(expected, rel=1e-12)
    assert compute_attempts_chance(attempts._replace(n=1)) == pytest.approx(0.4 * 0.6 + 0.6 * 0.1)
    assert compute_attempts_chance(attempts._replace(passes=0.0, passes_round=0.0)) == 0.0
    with pytest.raises(ValueError, match="expected chances"):
        compute_attempts_chance(attempts._replace(n=0))
