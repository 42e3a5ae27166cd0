"""The lever `fee`."""

from __future__ import annotations

from sim.ledger.rules import create_rules
from sim.policies.base import Policy
from sim.policies.fees import compile_fee


def test_the_fee_is_the_least_a_transaction_offers() -> None:
    before = create_rules()
    after = compile_fee(Policy("p", fee=9), before)
    assert after.fee_min == 9
    assert after._replace(fee_min=0) == before
