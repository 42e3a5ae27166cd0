from __future__ import annotations

from dataclasses import replace

import pytest

from sim.core.reasons import EVERY_CHECK, get_bit
from sim.ledger.rules import create_rules
from sim.policies.base import Check, Policy
from sim.policies.registry import compile_chain_rules, compile_clearing_rules, load_policies
from sim.policies.unbound import REASONS, compile_unbound


@pytest.mark.parametrize("check", Check)
def test_a_check_that_is_unbound_binds_nowhere_and_the_others_stay(check: Check) -> None:
    rules = create_rules()
    rules.binding[:] = EVERY_CHECK
    binding = compile_unbound(Policy("p", unbound=(check,)), rules).binding
    assert (binding == EVERY_CHECK & ~get_bit(*REASONS[check])).all()


def test_several_checks_can_be_unbound_at_once() -> None:
    rules = create_rules()
    rules.binding[:] = EVERY_CHECK
    binding = compile_unbound(Policy("p", unbound=tuple(Check)), rules).binding
    gone = [reason for reasons in REASONS.values() for reason in reasons]
    assert (binding == EVERY_CHECK & ~get_bit(*gone)).all()


@pytest.mark.parametrize("check", Check)
def test_no_other_lever_binds_it_again(check: Check) -> None:
    """Escrow brings a check of funds along; it must not bring it back."""
    for compile_rules, preset in (
        (compile_chain_rules, "chain"),
        (compile_clearing_rules, "federated"),
    ):
        policy = replace(load_policies()[preset], unbound=(check,))
        assert not (compile_rules(policy).binding & get_bit(*REASONS[check])).any()


def test_every_check_names_its_reasons() -> None:
    assert REASONS.keys() == set(Check)
    assert all(REASONS.values())
