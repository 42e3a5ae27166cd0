"""The lever `unbound`: checks of a policy that do not bind, so that their worth is a difference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.core.reasons import Reason, get_bit
from sim.policies.base import Check

if TYPE_CHECKING:
    from sim.ledger.rules import Rules
    from sim.policies.base import Policy

REASONS = {
    Check.CAPABILITY: (
        Reason.CAPABILITY_EXPIRED,
        Reason.CAPABILITY_DENIED,
        Reason.SCOPE_DENIED,
    ),
    Check.FUNDS: (Reason.INSUFFICIENT_FUNDS,),
    Check.STAKE: (Reason.INSUFFICIENT_STAKE,),
    Check.REPUTATION: (Reason.INSUFFICIENT_REPUTATION,),
}


def compile_unbound(policy: Policy, rules: Rules) -> Rules:
    """Take the checks out of every situation; receipts go on saying what fails."""
    for check in policy.unbound:
        rules.binding[:] &= ~get_bit(*REASONS[check])
    return rules
