"""The levers `settlement`, `window`, `offer` and `escrow_fee`: how the price of a signal is paid.

Escrow and prepayment only mean something where a buyer without funds is refused, so they bring
that check along.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.core.reasons import Reason, get_bit
from sim.ledger.rules import Settlement as Code
from sim.policies.base import Check, Settlement

if TYPE_CHECKING:
    from sim.ledger.rules import Rules
    from sim.policies.base import Policy

CODES = {
    Settlement.TRUST: Code.TRUST,
    Settlement.PREPAID: Code.PREPAID,
    Settlement.ESCROW: Code.ESCROW,
}


def compile_settlement(policy: Policy, rules: Rules) -> Rules:
    """When the price moves, for how long it can be disputed, and who earns by keeping it."""
    if policy.settlement is not Settlement.TRUST and Check.FUNDS not in policy.unbound:
        rules.binding[:] |= get_bit(Reason.INSUFFICIENT_FUNDS)
    return rules._replace(
        settlement=int(CODES[policy.settlement]),
        window_us=policy.window_us,
        offer_us=policy.offer_us,
        escrow_fee_ppm=policy.escrow_fee_ppm,
    )
