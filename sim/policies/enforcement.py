"""The lever `checks`: which checks bind inside an org and across orgs, by whose posture.

Real effects happen at the resource's owner, so a negligent owner ignores any verdict, a
chain's as much as a gateway's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.core.reasons import ALWAYS_BINDING, EVERY_CHECK, Reason, get_bit
from sim.core.records import Kind, Posture
from sim.ledger.rules import ACROSS, INSIDE, Rules, Source, get_situation
from sim.policies.base import Checks, Inbound, Policy

if TYPE_CHECKING:
    from collections.abc import Iterator

# what a gateway binds: identity, order, standing, capability, approval, rate
GOVERNED = ALWAYS_BINDING | get_bit(
    Reason.BAD_SIGNATURE,
    Reason.WRONG_CHAIN,
    Reason.EXPIRED,
    Reason.NONCE_REPLAYED,
    Reason.NONCE_GAP,
    Reason.SENDER_NOT_ACTIVE,
    Reason.KILL_SWITCH,
    Reason.CAPABILITY_EXPIRED,
    Reason.CAPABILITY_DENIED,
    Reason.SCOPE_DENIED,
    Reason.APPROVAL_MISSING,
    Reason.RATE_LIMITED,
)
CHAINED = EVERY_CHECK & ~get_bit(Reason.ILLEGITIMATE)
# what an owner can judge of a caller whose own gateway does not run
INBOUND = {
    Inbound.API_KEY: (GOVERNED & ~get_bit(Reason.APPROVAL_MISSING), Source.CLAIM),
    Inbound.CLIENT_SCOPES: (GOVERNED & ~get_bit(Reason.APPROVAL_MISSING), Source.CLIENT),
    Inbound.SIGNED_CAPABILITY: (GOVERNED & ~get_bit(Reason.APPROVAL_MISSING), Source.TOKEN),
}


def compile_gateway(policy: Policy, rules: Rules) -> Rules:
    """Rules of an org's gateway: its own checks going out, the `inbound` lever coming in."""
    for caller, owner in _get_pairs():
        runs = owner != Posture.NEGLIGENT
        _bind(rules, INSIDE, caller, owner, GOVERNED if runs else ALWAYS_BINDING, Source.TRUTH)
        if caller == Posture.HONEST:
            _bind(rules, ACROSS, caller, owner, GOVERNED, Source.TRUTH)
        elif runs:
            binding, source = INBOUND[policy.inbound]
            _bind(rules, ACROSS, caller, owner, binding, source)
    return rules


def compile_outbound(rules: Rules) -> Rules:
    """Rules of a gateway in front of a chain: across orgs it checks what goes out, no more."""
    for caller, owner in _get_pairs():
        runs = owner != Posture.NEGLIGENT
        _bind(rules, INSIDE, caller, owner, GOVERNED if runs else ALWAYS_BINDING, Source.TRUTH)
        if caller == Posture.HONEST:
            _bind(rules, ACROSS, caller, owner, GOVERNED, Source.TRUTH)
    return rules


def compile_chain(rules: Rules) -> Rules:
    """Rules of the chain: every check, wherever the owner honours the verdict."""
    for caller, owner in _get_pairs():
        binding = CHAINED if owner != Posture.NEGLIGENT else ALWAYS_BINDING
        for boundary in (INSIDE, ACROSS):
            _bind(rules, boundary, caller, owner, binding, Source.TRUTH)
    return rules


def compile_everywhere(rules: Rules, binding: int) -> Rules:
    """The same checks on every call, whatever its path and whoever owns the resource."""
    rules.binding[:] = binding
    return rules


def compile_bound(policy: Policy, rules: Rules) -> Rules:
    """Rules of the three bounds that every comparison shows."""
    if policy.checks is Checks.DENY_ALL:
        killed = rules._replace(killed_kinds=1 << int(Kind.CALL) | 1 << int(Kind.PUBLISH))
        return compile_everywhere(killed, ALWAYS_BINDING | get_bit(Reason.KILL_SWITCH))
    if policy.checks is Checks.ORACLE:
        return compile_everywhere(rules, ALWAYS_BINDING | get_bit(Reason.ILLEGITIMATE))
    return compile_everywhere(rules, CHAINED)


def _get_pairs() -> Iterator[tuple[Posture, Posture]]:
    return ((caller, owner) for caller in Posture for owner in Posture)


def _bind(
    rules: Rules, boundary: int, caller: Posture, owner: Posture, binding: int, source: Source
) -> None:
    situation = get_situation(boundary, caller, owner, mediated=1)
    rules.binding[situation] = binding
    rules.source[situation] = source
