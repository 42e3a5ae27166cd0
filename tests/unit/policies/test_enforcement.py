"""The lever `checks`: which checks bind, for whom, and on whose word.

The table of postures is tested where worlds run, in `tests/simulation/test_flow.py`.
"""

from __future__ import annotations

import numpy as np
import pytest

from sim.core.reasons import ALWAYS_BINDING, EVERY_CHECK, GOVERNANCE, Reason, get_bit
from sim.core.records import Kind, Posture
from sim.ledger.rules import ACROSS, INSIDE, Source, create_rules, get_situation
from sim.policies.base import Checks, Inbound, Policy
from sim.policies.enforcement import (
    CHAINED,
    GOVERNED,
    INBOUND,
    compile_bound,
    compile_chain,
    compile_everywhere,
    compile_gateway,
    compile_outbound,
)

MONEY = get_bit(Reason.FEE_TOO_LOW, Reason.CANNOT_PAY_FEE, Reason.INSUFFICIENT_FUNDS)
STANDING = get_bit(Reason.INSUFFICIENT_STAKE, Reason.INSUFFICIENT_REPUTATION)


def test_a_chain_checks_everything_but_the_truth() -> None:
    assert CHAINED | get_bit(Reason.ILLEGITIMATE) == EVERY_CHECK
    assert CHAINED & get_bit(Reason.ILLEGITIMATE) == 0


def test_a_gateway_checks_what_a_chain_does_but_money_and_standing() -> None:
    assert GOVERNED == CHAINED & ~MONEY & ~STANDING
    governance = get_bit(*GOVERNANCE) & ~STANDING & ~get_bit(Reason.ILLEGITIMATE)
    assert GOVERNED & governance == governance


@pytest.mark.parametrize("inbound", Inbound)
def test_an_owner_cannot_see_another_orgs_approvals(inbound: Inbound) -> None:
    binding, _ = INBOUND[inbound]
    assert binding == GOVERNED & ~get_bit(Reason.APPROVAL_MISSING)


def test_each_word_has_its_source() -> None:
    assert {inbound: source for inbound, (_, source) in INBOUND.items()} == {
        Inbound.API_KEY: Source.CLAIM,
        Inbound.CLIENT_SCOPES: Source.CLIENT,
        Inbound.SIGNED_CAPABILITY: Source.TOKEN,
    }


def test_a_gateway_before_a_chain_leaves_the_inbound_to_the_chain() -> None:
    full = compile_gateway(Policy("p", inbound=Inbound.SIGNED_CAPABILITY), create_rules())
    outbound = compile_outbound(create_rules())
    for caller in Posture:
        for owner in Posture:
            inside = get_situation(INSIDE, caller, owner, 1)
            across = get_situation(ACROSS, caller, owner, 1)
            assert outbound.binding[inside] == full.binding[inside]
            expected = GOVERNED if caller is Posture.HONEST else ALWAYS_BINDING
            assert outbound.binding[across] == expected
            assert outbound.source[across] == Source.TRUTH


def test_no_compiler_binds_a_path_that_goes_round() -> None:
    for rules in (
        compile_gateway(Policy("p"), create_rules()),
        compile_outbound(create_rules()),
        compile_chain(create_rules()),
    ):
        assert (rules.binding[0::2] == ALWAYS_BINDING).all()


def test_everywhere_is_every_situation() -> None:
    assert set(compile_everywhere(create_rules(), 123).binding.tolist()) == {123}


@pytest.mark.parametrize(
    ("checks", "binding"),
    [
        (Checks.DENY_ALL, ALWAYS_BINDING | get_bit(Reason.KILL_SWITCH)),
        (Checks.REFERENCE_MONITOR, CHAINED),
        (Checks.ORACLE, ALWAYS_BINDING | get_bit(Reason.ILLEGITIMATE)),
    ],
)
def test_a_bound_binds_the_same_everywhere(checks: Checks, binding: int) -> None:
    rules = compile_bound(Policy("p", checks=checks), create_rules())
    assert set(rules.binding.tolist()) == {binding}
    assert not np.any(rules.source)
    killed = 1 << int(Kind.CALL) | 1 << int(Kind.PUBLISH)
    assert rules.killed_kinds == (killed if checks is Checks.DENY_ALL else 0)
