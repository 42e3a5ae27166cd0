"""The lever `fee`: the least a transaction must offer, and what honest senders offer."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.ledger.rules import Rules
    from sim.policies.base import Policy


def compile_fee(policy: Policy, rules: Rules) -> Rules:
    """A flat fee a transaction."""
    return rules._replace(fee_min=policy.fee)
