"""Whether an attack pays its attacker, and what it would take that it does not.

An attacker gains something, is caught with some chance, and then loses its slash and the worth
of its reputation; the attempt has a cost either way. Whether it keeps the gain when it is caught
is a fact of the world, so every function has to be told.
"""

from __future__ import annotations

from math import inf


def compute_profit(
    gain: float,
    detection: float,
    slash: float,
    reputation: float = 0.0,
    cost: float = 0.0,
    *,
    gain_forfeited: bool,
) -> float:
    """Expected profit of an attack: it pays if this is above 0.

    Units:  amounts from 0, in one unit; detection is a chance in 0..1; slash and reputation
            are lost when caught.
    Errors: ValueError if something is out of range.
    Source: Becker 1968, Crime and Punishment: An Economic Approach.
    """
    validate_chance(detection)
    validate_amounts(gain, slash, reputation, cost)
    kept = gain * (1.0 - detection) if gain_forfeited else gain
    return kept - detection * (slash + reputation) - cost


def compute_boundary_stake(
    gain: float,
    detection: float,
    reputation: float = 0.0,
    cost: float = 0.0,
    *,
    gain_forfeited: bool,
) -> float:
    """Slash at which the attack pays nothing; with any more it has a loss.

    Return: in the unit of the amounts; at or below 0 no stake is needed. Nobody is caught with
            a chance of 0: infinite if the attack pays then, minus infinite if it does not.
    Errors: ValueError if something is out of range.
    Source: `compute_profit` = 0, solved for the slash.
    """
    profit = compute_profit(gain, detection, 0.0, 0.0, cost, gain_forfeited=gain_forfeited)
    validate_amounts(reputation)
    if detection == 0.0:
        return inf if profit > 0.0 else -inf
    return profit / detection - reputation


def compute_break_even_detection(
    gain: float,
    slash: float,
    reputation: float = 0.0,
    cost: float = 0.0,
    *,
    gain_forfeited: bool,
) -> float:
    """Chance of being caught at which the attack pays nothing; with any more it has a loss.

    Return: from 0; 0 if it never pays, above 1 if even certain discovery does not deter,
            infinite if being caught costs nothing.
    Errors: ValueError if something is out of range.
    Source: `compute_profit` = 0, solved for the chance.
    """
    validate_amounts(gain, slash, reputation, cost)
    if gain <= cost:
        return 0.0
    lost = slash + reputation + (gain if gain_forfeited else 0.0)
    return (gain - cost) / lost if lost > 0.0 else inf


def validate_chance(chance: float) -> None:
    """ValueError unless it lies in 0..1."""
    if not 0.0 <= chance <= 1.0:
        raise ValueError(f"expected a chance in 0..1, found {chance}")


def validate_amounts(*amounts: float) -> None:
    """ValueError unless all are finite and none is negative."""
    if not all(0.0 <= amount < inf for amount in amounts):
        raise ValueError(f"expected finite amounts from 0, found {amounts}")
