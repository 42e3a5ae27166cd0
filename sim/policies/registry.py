"""Policies by name, those of installed packages among them, and their way to rules."""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points as search_entry_points

from sim.ledger.rules import Rules, create_rules
from sim.policies import presets
from sim.policies.admission import compile_admission
from sim.policies.approval import compile_approval
from sim.policies.base import Checks, Policy
from sim.policies.disputes import compile_disputes
from sim.policies.enforcement import (
    compile_bound,
    compile_chain,
    compile_gateway,
    compile_outbound,
)
from sim.policies.fees import compile_fee
from sim.policies.rate_limit import compile_rate_limit
from sim.policies.ratings import compile_ratings
from sim.policies.reputation.base import Rule, compile_reputation
from sim.policies.reputation.registry import load_reputation_rules
from sim.policies.revocation import compile_revocation_lag
from sim.policies.settlement import compile_settlement
from sim.policies.slashing import compile_slashing
from sim.policies.unbound import compile_unbound

# a search of all that is installed takes longer than a small world: done once
entry_points = cache(lambda group: tuple(search_entry_points(group=group)))


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
    return compile_unbound(policy, _compile_shared(policy, rules))


def compile_clearing_rules(policy: Policy) -> Rules:
    """Rules of the ledger on which signals are traded where gateways judge: one for all orgs.

    The seller's gateway checks what it publishes, if it runs; a buyer has only the `inbound`
    lever to go by. What is paid, held and given back is up to the market's own levers.
    """
    rules = compile_gateway(policy, create_rules())
    return _compile_market(policy, _compile_shared(policy, rules))


def compile_chain_rules(policy: Policy) -> Rules:
    """Rules of the chain, or of the one domain that stands in for it under a bound."""
    rules = create_rules()
    if policy.is_bound:
        rules = compile_bound(policy, rules)
        if policy.checks is Checks.REFERENCE_MONITOR:
            rules = _compile_shared(policy, rules)
    elif policy.checks is Checks.LAYERED:  # approval is an affair of each org and its gateway
        rules = compile_rate_limit(policy, compile_revocation_lag(policy, compile_chain(rules)))
        rules = compile_fee(policy, rules)
    else:
        if policy.checks is Checks.CHAIN:
            compile_chain(rules)
        rules = compile_fee(policy, _compile_shared(policy, rules))
    return _compile_market(policy, rules)


def create_reputation_rule(policy: Policy) -> Rule:
    """The rule that a policy turns ratings into scores by."""
    return load_reputation_rules()[policy.reputation]()


def _compile_shared(policy: Policy, rules: Rules) -> Rules:
    for lever in (compile_approval, compile_rate_limit, compile_revocation_lag):
        rules = lever(policy, rules)
    return rules


def _compile_market(policy: Policy, rules: Rules) -> Rules:
    for lever in (
        compile_settlement,
        compile_disputes,
        compile_slashing,
        compile_admission,
        compile_ratings,
    ):
        rules = lever(policy, rules)
    rules = compile_reputation(create_reputation_rule(policy), rules, policy.newcomer_ppm)
    return compile_unbound(policy, rules)
