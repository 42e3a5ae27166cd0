"""The levers `judges`, `committee`, `verdict` and `bond`: who decides a complaint, at what risk.

Without a ledger of stakes, the seller's operator can only make it give back what it has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.ledger.rules import Judges as Code
from sim.policies.base import Judges

if TYPE_CHECKING:
    from sim.ledger.rules import Rules
    from sim.policies.base import Policy

CODES = {
    Judges.NOBODY: Code.NOBODY,
    Judges.OPERATOR: Code.OPERATOR,
    Judges.ARBITER: Code.ARBITER,
    Judges.COMMITTEE: Code.COMMITTEE,
}


def compile_disputes(policy: Policy, rules: Rules) -> Rules:
    """Seats, time and bonds of a dispute."""
    return rules._replace(
        judges=int(CODES[policy.judges]),
        committee=policy.committee,
        verdict_us=policy.verdict_us,
        bond_min=policy.bond,
        claws_back=int(policy.judges is Judges.OPERATOR),
    )
