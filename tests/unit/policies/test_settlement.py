from __future__ import annotations

import pytest

from sim.core.reasons import Reason, get_bit
from sim.ledger.rules import Settlement as Code
from sim.ledger.rules import create_rules
from sim.policies.base import Check, Policy, Settlement
from sim.policies.settlement import compile_settlement

FUNDS = get_bit(Reason.INSUFFICIENT_FUNDS)


@pytest.mark.parametrize(
    ("settlement", "code", "looks"),
    [
        (Settlement.TRUST, Code.TRUST, False),
        (Settlement.PREPAID, Code.PREPAID, True),
        (Settlement.ESCROW, Code.ESCROW, True),
    ],
)
def test_money_that_moves_at_once_must_be_there(
    settlement: Settlement, code: Code, looks: bool
) -> None:
    rules = compile_settlement(Policy("p", settlement=settlement), create_rules())
    assert rules.settlement == code
    assert bool((rules.binding & FUNDS).all()) == looks
    assert bool((rules.binding & FUNDS).any()) == looks


def test_a_policy_that_leaves_funds_unbound_looks_at_none() -> None:
    policy = Policy("p", settlement=Settlement.ESCROW, unbound=(Check.FUNDS,))
    assert not (compile_settlement(policy, create_rules()).binding & FUNDS).any()


def test_times_and_the_fee_are_passed_on() -> None:
    policy = Policy("p", window_us=7, offer_us=8, escrow_fee_ppm=9)
    rules = compile_settlement(policy, create_rules())
    assert (rules.window_us, rules.offer_us, rules.escrow_fee_ppm) == (7, 8, 9)


def test_every_settlement_has_a_code() -> None:
    codes = {
        compile_settlement(Policy("p", settlement=each), create_rules()).settlement
        for each in Settlement
    }
    assert codes == {int(code) for code in Code}
