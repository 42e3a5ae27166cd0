"""The levers `stake_min`, `reputation_min` and the newcomer rule: who may sell at all.

Source: Douceur 2002, The Sybil Attack, for a cost of each identity; Friedman and Resnick 2001, The
Social Cost of Cheap Pseudonyms, for distrusting newcomers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.ledger.rules import Rules
    from sim.policies.base import Policy


def compile_admission(policy: Policy, rules: Rules) -> Rules:
    """Floors of stake and score, and what a newcomer may ask."""
    return rules._replace(
        stake_min=policy.stake_min,
        reputation_ppm_min=policy.reputation_ppm_min,
        newcomer_price_max=policy.newcomer_price_max,
    )
