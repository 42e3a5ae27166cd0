"""The lever `rate_per_minute`: a token bucket for each account.

The bucket holds ten seconds of the rate, and never less than five calls (an assumption).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.core.units import PPM

if TYPE_CHECKING:
    from sim.ledger.rules import Rules
    from sim.policies.base import Policy

BURST_CALLS_MIN = 5


def compile_rate_limit(policy: Policy, rules: Rules) -> Rules:
    """Refill by the second; spend one token a call that is included."""
    if policy.rate_per_minute == 0:
        return rules
    refill_ppm = policy.rate_per_minute * PPM // 60
    cap_ppm = max(BURST_CALLS_MIN * PPM, 10 * refill_ppm)
    return rules._replace(rate_cap_ppm=cap_ppm, rate_refill_ppm=refill_ppm)
