"""Policies by name, those of installed packages among them, and their way to rules."""

from __future__ import annotations

from importlib.metadata import entry_points

from sim.ledger.rules import Rules, create_rules
from sim.policies import presets
from sim.policies.approval import compile_approval
from sim.policies.base import Checks, Policy
from sim.policies.enforcement import (
    compile_bound,
    compile_chain,
    compile_gateway,
    compile_outbound,
)
from sim.policies.fees import compile_fee
from sim.policies.rate_limit import compile_rate_limit
from sim.policies.revocation import compile_revocation_lag


def load_policies() -> dict[str, Policy]:
    """Presets by name, in the order every table shows them.

    Entry points of the group `ambit.policies` add to them; each names a `Policy`.
    Errors: ValueError if a package reuses a name.
    """
    policies = {
        policy.name: policy
        for policy in (
            presets.UNGUARDED,
            presets.GATEWAY,
            presets.ANCHORED,
            presets.FEDERATED,
            presets.CHAIN,
            presets.LAYERED,
            presets.DENY_ALL,
            presets.REFERENCE_MONITOR,
            presets.ORACLE,
        )
    }
    for entry in entry_points(group="ambit.policies"):
        if entry.name in policies:
            raise ValueError(f"policy {entry.name!r} is defined twice")
        policies[entry.name] = entry.load()
    return policies


def compile_gateway_rules(policy: Policy) -> Rules:
    """Rules of one org's gateway under a policy; a gateway charges no fee."""
    rules = create_rules()
    if policy.checks is Checks.LAYERED:
        compile_outbound(rules)
    elif policy.checks is Checks.GATEWAY:
        compile_gateway(policy, rules)
    return _compile_shared(policy, rules)


def compile_chain_rules(policy: Policy) -> Rules:
    """Rules of the chain, or of the one domain that stands in for it under a bound."""
    rules = create_rules()
    if policy.is_bound:
        rules = compile_bound(policy, rules)
        is_monitor = policy.checks is Checks.REFERENCE_MONITOR
        return _compile_shared(policy, rules) if is_monitor else rules
    if policy.checks is Checks.LAYERED:  # approval is an affair of each org and its gateway
        rules = compile_rate_limit(policy, compile_revocation_lag(policy, compile_chain(rules)))
        return compile_fee(policy, rules)
    if policy.checks is Checks.CHAIN:
        compile_chain(rules)
    return compile_fee(policy, _compile_shared(policy, rules))


def _compile_shared(policy: Policy, rules: Rules) -> Rules:
    for lever in (compile_approval, compile_rate_limit, compile_revocation_lag):
        rules = lever(policy, rules)
    return rules
