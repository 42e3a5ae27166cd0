from __future__ import annotations

from math import inf, nan

import pytest

from sim.stats.deterrence import (
    compute_boundary_stake,
    compute_break_even_detection,
    compute_profit,
)

WORLDS = [(1_000.0, 0.25, 0.0, 0.0), (1_000.0, 0.2, 500.0, 50.0), (10.0, 0.9, 1.0, 0.5)]


@pytest.mark.parametrize(
    ("world", "kept", "forfeited"), [(WORLDS[0], 4_000, 3_000), (WORLDS[1], 4_250, 3_250)]
)
def test_the_boundary_stake_is_the_published_one(
    world: tuple[float, ...], kept: float, forfeited: float
) -> None:
    assert compute_boundary_stake(*world, gain_forfeited=False) == pytest.approx(kept)
    assert compute_boundary_stake(*world, gain_forfeited=True) == pytest.approx(forfeited)


def test_the_break_even_chance_is_the_published_one() -> None:
    assert compute_break_even_detection(10, 100, gain_forfeited=False) == pytest.approx(0.1)
    assert compute_break_even_detection(10, 100, gain_forfeited=True) == pytest.approx(
        0.0909, abs=5e-5
    )


@pytest.mark.parametrize("gain_forfeited", [False, True])
@pytest.mark.parametrize("world", WORLDS)
def test_an_attack_pays_below_its_boundary_only(
    world: tuple[float, ...], gain_forfeited: bool
) -> None:
    gain, detection, reputation, cost = world
    boundary = compute_boundary_stake(*world, gain_forfeited=gain_forfeited)

    def profit_at(slash: float) -> float:
        others = reputation, cost
        return compute_profit(gain, detection, slash, *others, gain_forfeited=gain_forfeited)

    if boundary < 0:
        assert profit_at(0.0) < 0
        return
    assert profit_at(boundary) == pytest.approx(0.0, abs=1e-9)
    assert profit_at(boundary + 0.1) < 0
    assert profit_at(max(0.0, boundary - 0.1)) >= 0
    again = compute_break_even_detection(
        gain, boundary, reputation, cost, gain_forfeited=gain_forfeited
    )
    assert again == pytest.approx(detection)


@pytest.mark.parametrize("gain_forfeited", [False, True])
def test_who_is_never_caught_is_not_deterred(gain_forfeited: bool) -> None:
    assert compute_boundary_stake(5, 0, gain_forfeited=gain_forfeited) == inf
    assert compute_boundary_stake(5, 0, 0, 5, gain_forfeited=gain_forfeited) == -inf


def test_what_never_pays_needs_no_discovery() -> None:
    assert compute_break_even_detection(5, 0, 0, 5, gain_forfeited=False) == 0


def test_certain_discovery_does_not_deter_from_a_gain_that_is_kept() -> None:
    assert compute_break_even_detection(10, 4, gain_forfeited=False) == 2.5
    assert compute_break_even_detection(10, 0, gain_forfeited=False) == inf
    assert compute_break_even_detection(10, 0, gain_forfeited=True) == 1


@pytest.mark.parametrize("detection", [-0.1, 1.1, nan])
def test_a_chance_is_a_chance(detection: float) -> None:
    with pytest.raises(ValueError, match="a chance"):
        compute_boundary_stake(1, detection, gain_forfeited=True)


@pytest.mark.parametrize("amount", [-1.0, inf, nan])
def test_an_amount_is_finite_and_not_negative(amount: float) -> None:
    with pytest.raises(ValueError, match="amounts"):
        compute_profit(1, 0.5, amount, gain_forfeited=True)
    with pytest.raises(ValueError, match="amounts"):
        compute_boundary_stake(1, 0.5, amount, gain_forfeited=True)
    with pytest.raises(ValueError, match="amounts"):
        compute_break_even_detection(1, 1, 0, amount, gain_forfeited=True)
