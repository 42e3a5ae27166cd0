"""Placeholder."""

from __future__ import annotations

from sim.core.compiled import njit
from sim.core.records import Record
from sim.core.units import PPM
from sim.ledger.rules import Rules


@njit
def rate_account(rules: Rules, account: Record, value_ppm: int, weight_ppm: int) -> None:
    """X."""
    if rules.reputation_rule == 1:
        good = weight_ppm * min(value_ppm, PPM) // PPM
        account["positive"] = account["positive"] * rules.forgetting_ppm // PPM + good
        account["negative"] = account["negative"] * rules.forgetting_ppm // PPM + weight_ppm - good
        prior = rules.prior_weight
        account["reputation_ppm"] = (
            (account["positive"] + prior * rules.newcomer_ppm)
            * PPM
            // (account["positive"] + account["negative"] + prior * PPM)
        )


@njit
def convict_account(rules: Rules, account: Record, weight_ppm: int) -> None:
    """X."""
    account["negative"] += weight_ppm
