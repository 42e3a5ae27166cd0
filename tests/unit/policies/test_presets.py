"""The named policies, as the model's table says them."""

from __future__ import annotations

from dataclasses import replace

from sim.policies import presets
from sim.policies.base import Checks, Inbound, Log, Order, Policy, Scope


def test_unguarded_is_a_policy_without_levers() -> None:
    assert Policy("unguarded") == presets.UNGUARDED


def test_anchoring_is_a_gateway_with_another_log() -> None:
    gateway, anchored = presets.GATEWAY, presets.ANCHORED
    assert replace(anchored, name="gateway", log=Log.OPERATOR, fee=0) == gateway


def test_a_federation_believes_signed_capabilities() -> None:
    assert presets.FEDERATED.inbound is Inbound.SIGNED_CAPABILITY
    assert presets.FEDERATED.revocation_lag_us > 0
    assert presets.FEDERATED.checks is Checks.GATEWAY


def test_order_and_log_belong_together() -> None:
    named = {policy.order: policy.log for policy in (presets.CHAIN, presets.LAYERED)}
    assert named == {Order.CHAIN: Log.VALIDATORS, Order.LAYERED: Log.BOTH}


def test_bounds_cost_nothing_and_keep_nothing() -> None:
    for policy in (presets.DENY_ALL, presets.REFERENCE_MONITOR, presets.ORACLE):
        assert policy.is_bound
        assert (policy.order, policy.log, policy.fee) == (Order.IMMEDIATE, Log.NOBODY, 0)


def test_all_start_from_the_same_scope() -> None:
    settings = [value for value in vars(presets).values() if isinstance(value, Policy)]
    assert {policy.scope for policy in settings} == {Scope.TASK}
