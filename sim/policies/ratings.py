"""The lever `rating_weight`: what a rating weighs. What it comes to is up to `reputation`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.ledger.rules import Weighting as Code
from sim.policies.base import Weighting

if TYPE_CHECKING:
    from sim.ledger.rules import Rules
    from sim.policies.base import Policy

CODES = {
    Weighting.EQUAL: Code.EQUAL,
    Weighting.VALUE: Code.VALUE,
    Weighting.STAKE: Code.STAKE,
}


def compile_ratings(policy: Policy, rules: Rules) -> Rules:
    """Equal weights, or by what is at stake in the sale or behind the rater."""
    return rules._replace(rating_weight=int(CODES[policy.rating_weight]))
