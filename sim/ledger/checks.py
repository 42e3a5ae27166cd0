"""Every check of the transition: reads state, changes nothing, says all that fails.

A judgement keeps two answers apart: what is true (`violations`, for the receipt) and what
the enforcement point can see (`seen`, for the decision). They differ where a policy takes
somebody's word.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sim.core.compiled import inlined, njit
from sim.core.reasons import DROPPED_LAST, Reason
from sim.core.records import Ints, Kind, Record, Records, ScopeLevel, Status
from sim.core.units import PPM, US_PER_S
from sim.ledger.rules import DEPTH_MAX, Rules, Source

# plain integers: compiled code compares these faster than enum members
_TOKEN, _CLAIM, _CLIENT = int(Source.TOKEN), int(Source.CLAIM), int(Source.CLIENT)
_ARGUMENTS = int(ScopeLevel.ARGUMENTS)
_ACTIVE, _JAILED = int(Status.ACTIVE), int(Status.JAILED)
_CALL, _PUBLISH = int(Kind.CALL), int(Kind.PUBLISH)
_LIVE, _EXPIRED, _DEAD = 1, 2, 0

SIGNATURE_BIT = 1 << int(Reason.BAD_SIGNATURE)
CHAIN_BIT = 1 << int(Reason.WRONG_CHAIN)
EXPIRED_BIT = 1 << int(Reason.EXPIRED)
REPLAYED_BIT = 1 << int(Reason.NONCE_REPLAYED)
GAP_BIT = 1 << int(Reason.NONCE_GAP)
FEE_LOW_BIT = 1 << int(Reason.FEE_TOO_LOW)
FEE_UNPAID_BIT = 1 << int(Reason.CANNOT_PAY_FEE)
STATUS_BIT = 1 << int(Reason.SENDER_NOT_ACTIVE)
KILLED_BIT = 1 << int(Reason.KILL_SWITCH)
CAPABILITY_EXPIRED_BIT = 1 << int(Reason.CAPABILITY_EXPIRED)
CAPABILITY_BIT = 1 << int(Reason.CAPABILITY_DENIED)
SCOPE_BIT = 1 << int(Reason.SCOPE_DENIED)
APPROVAL_BIT = 1 << int(Reason.APPROVAL_MISSING)
RATE_BIT = 1 << int(Reason.RATE_LIMITED)
STAKE_BIT = 1 << int(Reason.INSUFFICIENT_STAKE)
REPUTATION_BIT = 1 << int(Reason.INSUFFICIENT_REPUTATION)
ILLEGITIMATE_BIT = 1 << int(Reason.ILLEGITIMATE)
FUNDS_BIT = 1 << int(Reason.INSUFFICIENT_FUNDS)
CAPABILITY_BITS = CAPABILITY_EXPIRED_BIT | CAPABILITY_BIT | SCOPE_BIT


class Holding(NamedTuple):
    """What an account holds in one namespace at one moment."""

    static: int
    effective: int  # static and every live grant
    expired: int  # held by grants that only ran out
    covers: int  # 1: bits and arguments of the call are covered together


class Judgement(NamedTuple):
    """Outcome of all checks of one call."""

    violations: int  # by the truth
    seen: int  # by what the enforcement point can see
    required: int
    static: int
    effective: int


@inlined
def is_active(account: Record, height: int) -> bool:
    """Whether an account may act at a height: never jailed, or its time for a fraud is over."""
    if account["status"] == _ACTIVE:
        return True
    return account["status"] == _JAILED and 0 < account["jailed_until_height"] <= height


@njit
def get_first_reason(failed: int) -> int:
    """Reason with the smallest number in a mask of failed checks, or APPLIED."""
    if failed == 0:
        return 0
    reason = 0
    while not failed & 1:
        failed >>= 1
        reason += 1
    return reason


@inlined
def is_dropped(reason: int) -> bool:
    """Whether a transaction refused for this reason can never be in a block."""
    return 1 <= reason <= DROPPED_LAST


@inlined
def compute_envelope_violations(
    account: Record, tx: Record, rules: Rules, source: int
) -> tuple[int, int]:
    """Checks of identity, order, fee and standing, which every kind shares.

    Return: what is violated by the truth, and as seen by the enforcement point.
    """
    failed = 0
    forged = tx["key_version"] != account["key_version"]
    if tx["chain_id"] != rules.chain_id:
        failed |= CHAIN_BIT
    if tx["height"] > tx["valid_until_height"]:
        failed |= EXPIRED_BIT
    if tx["nonce"] < account["nonce"]:
        failed |= REPLAYED_BIT
    if tx["nonce"] > account["nonce"]:
        failed |= GAP_BIT
    if tx["fee"] < rules.fee_min:
        failed |= FEE_LOW_BIT
    if tx["fee"] > account["balance"]:
        failed |= FEE_UNPAID_BIT
    if not is_active(account, tx["height"]):
        failed |= STATUS_BIT
    if (rules.killed_kinds >> tx["kind"]) & 1:
        failed |= KILLED_BIT
    if not forged:
        return failed, failed
    if source == _TOKEN and is_old_key_believed(account, tx, rules.revocation_lag_us):
        return failed | SIGNATURE_BIT, failed
    return failed | SIGNATURE_BIT, failed | SIGNATURE_BIT


@inlined
def is_old_key_believed(account: Record, tx: Record, lag_us: int) -> bool:
    """Whether word of the last key rotation has not reached the verifier yet."""
    return (
        tx["key_version"] >= 0
        and tx["key_version"] == account["key_version"] - 1
        and tx["now_us"] < account["key_rotated_us"] + lag_us
    )


@njit
def get_standing(
    accounts: Records, grants: Records, slot: int, now_us: int, lag_us: int, height: int
) -> int:
    """Whether a grant lives, has only expired, or is dead, by a walk to its root.

    What a convict issued is dead while it is barred, and lives again once its time is over.

    Source: UCAN and ZCAP delegation: every link must hold, revocation cascades by the walk.
    """
    standing = _LIVE
    identity = grants[slot]["id"]
    for _ in range(DEPTH_MAX + 1):
        grant = grants[slot]
        if grant["id"] != identity:
            return _DEAD  # the parent's slot was given to another grant
        if grant["revoked_us"] >= 0 and now_us >= grant["revoked_us"] + lag_us:
            return _DEAD
        if now_us >= grant["expires_us"]:
            standing = _EXPIRED
        if grant["parent"] < 0:
            return standing if is_active(accounts[grant["issuer"]], height) else _DEAD
        slot, identity = grant["parent"], grant["parent_id"]
    return _DEAD


@njit
def names_arguments(grant: Record, pool: Ints, wanted: Ints, first: int, last: int) -> bool:
    """Whether a grant names every argument id in wanted[first:last]."""
    named = pool[grant["arguments_from"] : grant["arguments_to"]]
    for index in range(first, last):
        place = np.searchsorted(named, wanted[index])
        if place == named.shape[0] or named[place] != wanted[index]:
            return False
    return True


@njit
def compute_holding(
    accounts: Records,
    account: Record,
    grants: Records,
    pool: Ints,
    namespace: int,
    required: int,
    tx: Record,
    arguments: Ints,
    lag_us: int,
) -> Holding:
    """Capabilities an account holds in a namespace when it makes this call.

    Return: masks in 0..2**63 - 1; `covers` is 1 if the static bits and the grants without
            argument scope hold everything required, or one live grant with argument scope
            holds the rest and names all arguments of the call.
    """
    static = account["capabilities"] if account["namespace"] == namespace else 0
    unscoped = static
    scoped = 0
    expired = 0
    slot = account["grant_first"]
    while slot >= 0:
        grant = grants[slot]
        if grant["namespace"] == namespace:
            standing = get_standing(accounts, grants, slot, tx["now_us"], lag_us, tx["height"])
            if standing == _LIVE and grant["scope_level"] == _ARGUMENTS:
                scoped |= grant["mask"]
            elif standing == _LIVE:
                unscoped |= grant["mask"]
            elif standing == _EXPIRED:
                expired |= grant["mask"]
        slot = grant["next"]
    covers = 1 if required & ~unscoped == 0 else 0
    if not covers and required & ~(unscoped | scoped) == 0:
        rest = required & ~unscoped
        slot = account["grant_first"]
        while slot >= 0 and not covers:
            grant = grants[slot]
            if (
                grant["namespace"] == namespace
                and grant["scope_level"] == _ARGUMENTS
                and rest & ~grant["mask"] == 0
                and get_standing(accounts, grants, slot, tx["now_us"], lag_us, tx["height"])
                == _LIVE
                and names_arguments(
                    grant, pool, arguments, tx["arguments_from"], tx["arguments_to"]
                )
            ):
                covers = 1
            slot = grant["next"]
    return Holding(static, unscoped | scoped, expired, covers)


@inlined
def compute_capability_violations(holding: Holding, required: int) -> int:
    """At most one bit: expired, denied, or outside the arguments."""
    missing = required & ~holding.effective
    if missing == 0:
        return 0 if holding.covers else SCOPE_BIT
    return CAPABILITY_EXPIRED_BIT if missing & ~holding.expired == 0 else CAPABILITY_BIT


@njit
def compute_call_digest(tx: Record, arguments: Ints) -> int:
    """What an approval is bound to: sender, operation, amount and arguments.

    Of a PUBLISH, its kind and price as well: the approval of a call is not good for a sale.

    Return: 0..2**63 - 1. It binds content inside a run and keeps no secret.
    Source: an assumption: a multiplicative mix of 31-bit halves; no product overflows.
    """
    digest = _mix(_mix(_mix(1, tx["sender"]), tx["target"]), tx["amount"])
    if tx["kind"] == _PUBLISH:
        digest = _mix(_mix(digest, _PUBLISH), tx["subject"])
    for index in range(tx["arguments_from"], tx["arguments_to"]):
        digest = _mix(digest, arguments[index])
    return digest


@njit
def _mix(digest: int, word: int) -> int:
    """One step of the call digest; both primes keep their product below 2**62."""
    word = (word ^ (digest >> 7) ^ (digest << 5)) & 0x3FFFFFFFFFFFFFFF
    low = (word & 0x7FFFFFFF) * 1_000_003
    high = (word >> 31) * 998_244_353
    return low ^ high ^ (high >> 29)


@inlined
def has_approval(tx: Record, approvals: Records, n_approvals: int, arguments: Ints) -> bool:
    """Whether the call carries an unused, unexpired approval of exactly this call."""
    slot = tx["parent"]
    if slot < 0 or slot >= n_approvals:
        return False
    approval = approvals[slot]
    return (
        approval["used_height"] < 0
        and approval["sender"] == tx["sender"]
        and tx["now_us"] < approval["expires_us"]
        and approval["call_digest"] == compute_call_digest(tx, arguments)
    )


@njit
def compute_tokens(account: Record, rules: Rules, now_us: int) -> int:
    """Tokens of the rate limit at a time, in millionths of a call, at most the cap."""
    missing = rules.rate_cap_ppm - account["tokens_ppm"]
    elapsed_us = now_us - account["tokens_us"]
    if rules.rate_refill_ppm == 0 or missing <= 0:
        return min(account["tokens_ppm"], rules.rate_cap_ppm)
    if elapsed_us >= missing * US_PER_S // rules.rate_refill_ppm + 1:
        return rules.rate_cap_ppm
    return account["tokens_ppm"] + elapsed_us * rules.rate_refill_ppm // US_PER_S


@inlined
def is_rate_spent(account: Record, rules: Rules, now_us: int) -> bool:
    """Whether the sender has used up its rate; never where no limit is set."""
    return rules.rate_cap_ppm > 0 and compute_tokens(account, rules, now_us) < PPM


@inlined
def get_believed_holding(
    truth: Holding, source: int, tx: Record, client_mask: int, required: int
) -> Holding:
    """Holding as seen by an enforcement point that takes somebody's word."""
    if source == _CLAIM:
        return Holding(truth.static, tx["claim"], 0, 1)
    if source == _CLIENT:
        return Holding(truth.static, client_mask, 0, 1)
    return truth


@inlined
def judge_call(
    accounts: Records,
    account: Record,
    grants: Records,
    pool: Ints,
    approvals: Records,
    n_approvals: int,
    operation: Record,
    client_mask: int,
    rules: Rules,
    source: int,
    tx: Record,
    arguments: Ints,
) -> Judgement:
    """All checks of one call, in no order: the order is in the numbers of the reasons."""
    violations, seen = compute_envelope_violations(account, tx, rules, source)
    required, namespace = operation["requires"], operation["namespace"]
    if account["grant_first"] < 0:
        static = account["capabilities"] if account["namespace"] == namespace else 0
        truth = Holding(static, static, 0, 1 if required & ~static == 0 else 0)
    else:
        truth = compute_holding(
            accounts, account, grants, pool, namespace, required, tx, arguments, 0
        )
    failed = compute_capability_violations(truth, required)
    violations |= failed
    if source == _TOKEN and failed and rules.revocation_lag_us > 0:
        lag_us = rules.revocation_lag_us
        late = compute_holding(
            accounts, account, grants, pool, namespace, required, tx, arguments, lag_us
        )
        seen |= compute_capability_violations(late, required)
    elif source in (_CLAIM, _CLIENT):
        believed = get_believed_holding(truth, source, tx, client_mask, required)
        seen |= compute_capability_violations(believed, required)
    else:
        seen |= failed
    other = 0
    if (rules.approval_effects >> operation["effect"]) & 1 and not has_approval(
        tx, approvals, n_approvals, arguments
    ):
        other |= APPROVAL_BIT
    if is_rate_spent(account, rules, tx["now_us"]):
        other |= RATE_BIT
    if account["stake"] < rules.stake_min:
        other |= STAKE_BIT
    if account["reputation_ppm"] < rules.reputation_ppm_min:
        other |= REPUTATION_BIT
    if tx["illegitimate"]:
        other |= ILLEGITIMATE_BIT
    if tx["amount"] > account["balance"] - min(tx["fee"], account["balance"]):
        other |= FUNDS_BIT
    return Judgement(violations | other, seen | other, required, truth.static, truth.effective)
