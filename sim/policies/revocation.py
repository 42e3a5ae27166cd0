"""The lever `revocation_lag`: how late an offline verifier hears that a right has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.ledger.rules import Rules
    from sim.policies.base import Policy


def compile_revocation_lag(policy: Policy, rules: Rules) -> Rules:
    """Revoked grants and rotated keys keep working this long where tokens are checked offline."""
    return rules._replace(revocation_lag_us=policy.revocation_lag_us)
