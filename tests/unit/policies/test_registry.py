"""Policies by name, and which compiler each goes through."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from sim.core.records import Effect
from sim.policies import registry
from sim.policies.base import Policy
from sim.policies.registry import compile_chain_rules, compile_gateway_rules, load_policies

POLICIES = load_policies()


def test_names_come_in_the_order_of_every_table() -> None:
    assert list(POLICIES)[:6] == [
        "unguarded",
        "gateway",
        "anchored",
        "federated",
        "chain",
        "layered",
    ]
    assert [name for name, policy in POLICIES.items() if policy.is_bound] == list(POLICIES)[6:]


def test_a_package_may_add_a_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = Policy("mine", fee=3)
    entry = SimpleNamespace(name="mine", load=lambda: mine)
    monkeypatch.setattr(
        registry, "entry_points", lambda group: [entry] * (group == "ambit.policies")
    )
    assert load_policies()["mine"] is mine


def test_a_package_may_not_take_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = SimpleNamespace(name="chain", load=lambda: Policy("chain"))
    monkeypatch.setattr(registry, "entry_points", lambda group: [entry])
    with pytest.raises(ValueError, match="'chain' is defined twice"):
        load_policies()


def test_a_gateway_charges_no_fee_and_a_chain_does() -> None:
    layered = replace(POLICIES["layered"], fee=5)
    assert compile_gateway_rules(layered).fee_min == 0
    assert compile_chain_rules(layered).fee_min == 5


def test_layered_limits_rates_on_both_and_asks_for_approval_at_the_gateway() -> None:
    levers = replace(POLICIES["layered"], approval=(Effect.WRITE,), rate_per_minute=60)
    gateway, chain = compile_gateway_rules(levers), compile_chain_rules(levers)
    assert gateway.approval_effects == 0b010
    assert chain.approval_effects == 0
    assert gateway.rate_cap_ppm == chain.rate_cap_ppm > 0


def test_a_gateway_policy_checks_nothing_on_the_ledger_of_its_anchors() -> None:
    bare = compile_chain_rules(POLICIES["unguarded"])
    assert np.array_equal(compile_chain_rules(POLICIES["anchored"]).binding, bare.binding)
