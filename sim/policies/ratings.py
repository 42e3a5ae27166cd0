"""The levers `reputation`, `forgetting` and `rating_weight`: what ratings come to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.ledger.rules import Weighting as Code
from sim.policies.base import Weighting

if TYPE_CHECKING:
    from sim.ledger.rules import Reputation, Rules
    from sim.policies.base import Policy

CODES = {
    Weighting.EQUAL: Code.EQUAL,
    Weighting.VALUE: Code.VALUE,
    Weighting.STAKE: Code.STAKE,
}


def compile_ratings(policy: Policy, rules: Rules, inside: Reputation) -> Rules:
    """What a rating weighs, and what it does at once; the rest waits for the epoch's end."""
    return rules._replace(
        reputation_rule=int(inside),
        forgetting_ppm=policy.forgetting_ppm,
        rating_weight=int(CODES[policy.rating_weight]),
    )
