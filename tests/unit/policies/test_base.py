"""What a policy says of itself, from its levers."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from sim.core.records import Effect
from sim.policies.base import Checks, Log, Order, Policy


def test_a_policy_without_levers_is_no_guard() -> None:
    policy = Policy("none")
    assert not policy.is_bound
    assert not policy.checks_signatures
    assert not policy.requires_approval
    assert not policy.anchors
    assert not policy.has_gateways
    assert not policy.has_chain


@pytest.mark.parametrize("checks", Checks)
def test_only_who_checks_can_ask_for_approval(checks: Checks) -> None:
    policy = Policy("p", checks=checks, approval=(Effect.WRITE,))
    assert policy.requires_approval == policy.checks_signatures
    assert not Policy("p", checks=checks).requires_approval


@pytest.mark.parametrize(
    ("checks", "is_bound", "checks_signatures"),
    [
        (Checks.NONE, False, False),
        (Checks.GATEWAY, False, True),
        (Checks.CHAIN, False, True),
        (Checks.LAYERED, False, True),
        (Checks.DENY_ALL, True, False),
        (Checks.REFERENCE_MONITOR, True, True),
        (Checks.ORACLE, True, False),
    ],
)
def test_bounds_and_signatures(checks: Checks, is_bound: bool, checks_signatures: bool) -> None:
    policy = Policy("p", checks=checks)
    assert (policy.is_bound, policy.checks_signatures) == (is_bound, checks_signatures)


@pytest.mark.parametrize(
    ("order", "gateways", "chain"),
    [
        (Order.IMMEDIATE, False, False),
        (Order.GATEWAY, True, False),
        (Order.CHAIN, False, True),
        (Order.LAYERED, True, True),
    ],
)
def test_who_orders(order: Order, gateways: bool, chain: bool) -> None:
    policy = Policy("p", order=order)
    assert (policy.has_gateways, policy.has_chain) == (gateways, chain)


@pytest.mark.parametrize("log", Log)
def test_whose_log_is_committed_elsewhere(log: Log) -> None:
    assert Policy("p", log=log).anchors == (log in {Log.ANCHORED, Log.FEDERATED, Log.BOTH})


def test_a_policy_does_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        Policy("p").fee = 1  # type: ignore[misc]
