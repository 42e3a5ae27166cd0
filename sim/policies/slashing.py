"""The levers `slashing`, `slash_rate`, `slash_fixed` and `slash_harm`: what a fraud costs.

A policy that slashes nothing for fraud still punishes validators that contradict themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.ledger.rules import Slashing as Code
from sim.policies.base import Slashing

if TYPE_CHECKING:
    from sim.ledger.rules import Rules
    from sim.policies.base import Policy

CODES = {
    Slashing.NONE: Code.NONE,
    Slashing.FIXED: Code.FIXED,
    Slashing.PROPORTIONAL: Code.PROPORTIONAL,
    Slashing.HARM: Code.HARM,
    Slashing.ESCALATING: Code.ESCALATING,
    Slashing.CORRELATED: Code.CORRELATED,
    Slashing.ETHEREUM: Code.ETHEREUM,
    Slashing.COSMOS: Code.COSMOS,
}


def compile_slashing(policy: Policy, rules: Rules) -> Rules:
    """The rule, and the number it goes by."""
    return rules._replace(
        slash_rule=int(CODES[policy.slashing]),
        slash_rate_ppm=policy.slash_rate_ppm,
        slash_fixed=policy.slash_fixed,
        slash_harm_ppm=policy.slash_harm_ppm,
    )
