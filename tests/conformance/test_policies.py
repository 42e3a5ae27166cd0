"""What every policy must keep to; one that is added is tested here without another line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from sim.core.draws import Draws
from sim.core.reasons import ALWAYS_BINDING, Reason, get_bit
from sim.core.records import Effect, Kind
from sim.experiment.conformance.base import Check as Requirement
from sim.experiment.conformance.base import describe_check
from sim.experiment.conformance.policies import CHECKS, differ
from sim.ledger.rules import Rules
from sim.model.genesis import get_static_masks
from sim.policies import presets
from sim.policies.base import (
    Check,
    Checks,
    Inbound,
    Judges,
    Log,
    Order,
    Policy,
    Protocol,
    Scope,
    Settlement,
    Slashing,
    Weighting,
)
from sim.policies.registry import (
    compile_chain_rules,
    compile_gateway_rules,
    load_policies,
)
from tests.markets_world import CROWD, load_market
from tests.worlds import create_reacher, create_worker, load_world, run

POLICIES = load_policies()
ORACLE = "oracle"


def compile_both(policy: Policy) -> tuple[Rules, Rules]:
    """Rules of its gateways and of its chain or open domain."""
    return compile_gateway_rules(policy), compile_chain_rules(policy)


@pytest.mark.parametrize("check", CHECKS, ids=describe_check)
@pytest.mark.parametrize("name", POLICIES)
def test_it_does_what_all_of_its_kind_must(name: str, check: Requirement) -> None:
    check(POLICIES[name])


@pytest.mark.parametrize("name", POLICIES)
def test_it_is_summed_up_in_a_line(name: str) -> None:
    assert POLICIES[name].name == name
    summary = presets.SUMMARIES[name]
    assert 0 < len(summary) <= 100
    assert "\n" not in summary


def test_no_summary_is_of_nothing() -> None:
    assert presets.SUMMARIES.keys() <= POLICIES.keys()


def test_unguarded_binds_nothing_and_deny_all_no_call() -> None:
    for rules in compile_both(POLICIES["unguarded"]):
        assert (rules.binding == ALWAYS_BINDING).all()
    rules = compile_chain_rules(POLICIES["deny_all"])
    assert rules.killed_kinds == 1 << int(Kind.CALL) | 1 << int(Kind.PUBLISH)
    assert (rules.binding & get_bit(Reason.KILL_SWITCH)).all()


def test_a_monitor_checks_what_the_chain_checks() -> None:
    chain, monitor = (
        compile_chain_rules(POLICIES[name]) for name in ("chain", "reference_monitor")
    )
    assert set(monitor.binding.tolist()) == {int(chain.binding.max())}


def compare_rules(preset: str) -> Callable[[Path, dict[str, Any]], bool]:
    """Whether a lever changes what is compiled from a preset."""

    def changes(_: Path, levers: dict[str, Any]) -> bool:
        before, after = POLICIES[preset], replace(POLICIES[preset], **levers)
        return any(
            differ(*pair) for pair in zip(compile_both(before), compile_both(after), strict=True)
        )

    return changes


def compare_runs(preset: str) -> Callable[[Path, dict[str, Any]], bool]:
    """Whether a lever changes what happens under a preset."""

    def changes(folder: Path, levers: dict[str, Any]) -> bool:
        agents = [create_worker(cross_org_share=0.3), create_reacher(count=4, goals=["wipe"])]
        world = load_world(folder, agents=agents, detection={"loss": "5s"})
        before, after = POLICIES[preset], replace(POLICIES[preset], **levers)
        return run(world, before).compute_digest() != run(world, after).compute_digest()

    return changes


def compare_trade(preset: str, **others: Any) -> Callable[[Path, dict[str, Any]], bool]:
    """Whether a lever changes what happens on a market under a preset."""

    def changes(folder: Path, levers: dict[str, Any]) -> bool:
        world = load_market(folder, agents=CROWD, horizon="40s")
        before = replace(POLICIES[preset], **others)
        digests = [
            run(world, each).compute_digest() for each in (before, replace(before, **levers))
        ]
        return digests[0] != digests[1]

    return changes


def compare_masks(folder: Path, levers: dict[str, Any]) -> bool:
    """Whether a lever changes what an account holds without a grant."""
    world, draws = load_world(folder), Draws(1, "test", 0)
    before, after = POLICIES["gateway"], replace(POLICIES["gateway"], **levers)
    holders = list(world.holders)
    masks = [get_static_masks(holders, policy, world, draws) for policy in (before, after)]
    return masks[0] != masks[1]


# for each lever: another setting, and where it shows
LEVERS: dict[str, tuple[Any, Callable[[Path, dict[str, Any]], bool]]] = {
    "checks": (Checks.CHAIN, compare_rules("gateway")),
    "order": (Order.GATEWAY, compare_runs("reference_monitor")),
    "log": (Log.NOBODY, compare_runs("anchored")),
    "inbound": (Inbound.CLIENT_SCOPES, compare_rules("gateway")),
    "scope": (Scope.ROLE, compare_masks),
    "mediation_ppm": (500_000, compare_runs("gateway")),
    "approval": ((Effect.WRITE,), compare_rules("gateway")),
    "rate_per_minute": (30, compare_rules("chain")),
    "anchor_blocks": (5, compare_runs("anchored")),
    "revocation_lag_us": (1_000_000, compare_rules("gateway")),
    "commit_delay_us": (5_000_000, compare_runs("unguarded")),
    "fee": (7, compare_rules("chain")),
    "protocol": (Protocol.SEQUENCER, compare_runs("chain")),
    "unbound": ((Check.CAPABILITY,), compare_trade("chain")),
    "settlement": (Settlement.TRUST, compare_trade("chain")),
    "window_us": (5_000_000, compare_trade("gateway")),
    "offer_us": (3_000_000, compare_trade("gateway")),
    "escrow_fee_ppm": (100_000, compare_trade("federated", window_us=5_000_000)),
    "judges": (Judges.ARBITER, compare_trade("chain")),
    "committee": (1, compare_trade("chain")),
    "verdict_us": (100_000, compare_trade("chain")),
    "bond": (7, compare_trade("chain")),
    "audit_ppm": (500_000, compare_trade("chain")),
    "slashing": (Slashing.PROPORTIONAL, compare_trade("chain")),
    "slash_rate_ppm": (500_000, compare_trade("chain", slashing=Slashing.PROPORTIONAL)),
    "slash_fixed": (77, compare_trade("chain", slashing=Slashing.FIXED)),
    "slash_harm_ppm": (500_000, compare_trade("chain", slashing=Slashing.HARM)),
    "stake_min": (2_000, compare_trade("chain")),
    "reputation": ("none", compare_trade("chain")),
    "rating_weight": (Weighting.STAKE, compare_trade("chain", window_us=5_000_000)),
    "epoch_us": (5_000_000, compare_trade("chain", reputation="eigentrust", window_us=5_000_000)),
    "reputation_ppm_min": (550_000, compare_trade("chain")),
    "newcomer_ppm": (400_000, compare_trade("chain")),
    "newcomer_price_max": (95, compare_trade("chain")),
}


def test_every_lever_is_listed_here() -> None:
    assert set(LEVERS) == {field.name for field in fields(Policy)} - {"name"}


@pytest.mark.parametrize("lever", LEVERS)
def test_a_lever_moves_something(tmp_path: Path, lever: str) -> None:
    setting, changes = LEVERS[lever]
    assert changes(tmp_path, {lever: setting})


@pytest.mark.parametrize("lever", ["approval", "rate_per_minute"])
@pytest.mark.parametrize("name", [name for name in POLICIES if name not in {"deny_all", ORACLE}])
def test_a_lever_on_checks_reaches_every_policy_that_checks(name: str, lever: str) -> None:
    policy = replace(POLICIES[name], **{lever: LEVERS[lever][0]})
    deciding = compile_gateway_rules if policy.has_gateways else compile_chain_rules
    assert differ(deciding(POLICIES[name]), deciding(policy))


@pytest.mark.parametrize("scope", Scope)
def test_scopes_are_ever_narrower(tmp_path: Path, scope: Scope) -> None:
    world, draws = load_world(tmp_path), Draws(1, "test", 0)
    broad = replace(POLICIES["gateway"], scope=Scope.ROLE)
    masks = [
        get_static_masks(list(world.holders), policy, world, draws)
        for policy in (broad, replace(broad, scope=scope))
    ]
    assert all(narrow & ~wide == 0 for wide, narrow in zip(*masks, strict=True))
