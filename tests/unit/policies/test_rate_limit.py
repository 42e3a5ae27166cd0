"""The lever `rate_per_minute`."""

from __future__ import annotations

import pytest

from sim.core.units import PPM
from sim.ledger.rules import create_rules
from sim.policies.base import Policy
from sim.policies.rate_limit import BURST_CALLS_MIN, compile_rate_limit


def test_no_rate_is_no_limit() -> None:
    rules = compile_rate_limit(Policy("p", rate_per_minute=0), create_rules())
    assert (rules.rate_cap_ppm, rules.rate_refill_ppm) == (0, 0)


@pytest.mark.parametrize(
    ("rate", "refill_ppm", "calls"),
    [(1, 16_666, 5), (30, 500_000, 5), (60, PPM, 10), (600, 10 * PPM, 100)],
)
def test_the_bucket_holds_ten_seconds_and_never_less_than_five_calls(
    rate: int, refill_ppm: int, calls: int
) -> None:
    rules = compile_rate_limit(Policy("p", rate_per_minute=rate), create_rules())
    assert (rules.rate_refill_ppm, rules.rate_cap_ppm) == (refill_ppm, calls * PPM)
    assert rules.rate_cap_ppm >= BURST_CALLS_MIN * PPM
