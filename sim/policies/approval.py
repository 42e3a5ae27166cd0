"""The lever `approval`: which effects need a human before they happen."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.ledger.rules import Rules
    from sim.policies.base import Policy


def compile_approval(policy: Policy, rules: Rules) -> Rules:
    """Calls with these effects need an approval bound to exactly that call."""
    effects = 0
    for effect in policy.approval:
        effects |= 1 << int(effect)
    return rules._replace(approval_effects=effects)
