"""Delegation: the kinds GRANT and REVOKE. Reached from `kinds` alone."""

from __future__ import annotations

import numpy as np

from sim.core.compiled import njit
from sim.core.reasons import Reason
from sim.core.records import Ints, Record, ScopeLevel
from sim.ledger.checks import get_standing, is_active
from sim.ledger.rules import DEPTH_MAX
from sim.ledger.state import N_GRANT_IDS, N_GRANTS, N_POOL, State, is_account

_ARGUMENTS = int(ScopeLevel.ARGUMENTS)

APPLIED, TABLE_FULL = int(Reason.APPLIED), int(Reason.TABLE_FULL)
TARGET_UNKNOWN, NOT_ISSUER = int(Reason.TARGET_UNKNOWN), int(Reason.NOT_ISSUER)
TARGET_NOT_ACTIVE, TARGET_SELF = int(Reason.TARGET_NOT_ACTIVE), int(Reason.TARGET_SELF)
MASK_NOT_SUBSET, OUTLIVES_PARENT = int(Reason.MASK_NOT_SUBSET), int(Reason.OUTLIVES_PARENT)
TOO_DEEP, GRANT_UNKNOWN = int(Reason.TOO_DEEP), int(Reason.GRANT_UNKNOWN)
ALREADY_REVOKED = int(Reason.ALREADY_REVOKED)


@njit
def validate_grant(state: State, tx: Record, account: Record, arguments: Ints) -> int:
    """A grant is a part of what its issuer holds, for no longer, down a bounded chain."""
    if not is_account(state, tx["target"]):
        return TARGET_UNKNOWN
    if not is_active(state.accounts[tx["target"]], tx["height"]):
        return TARGET_NOT_ACTIVE
    if tx["target"] == tx["sender"]:
        return TARGET_SELF
    if tx["depth_max"] < 0 or tx["depth_max"] > DEPTH_MAX:
        return TOO_DEEP
    if tx["mask"] == 0 or not is_rising(arguments, tx["arguments_from"], tx["arguments_to"]):
        return MASK_NOT_SUBSET
    if tx["parent"] >= 0:
        reason = validate_parent(state, tx, arguments)
    else:
        held = account["capabilities"] if account["namespace"] == tx["namespace"] else 0
        reason = MASK_NOT_SUBSET if tx["mask"] & ~held != 0 else APPLIED
    if reason != APPLIED:
        return reason
    return APPLIED if has_room_for_grant(state, tx) else TABLE_FULL


@njit
def is_rising(arguments: Ints, first: int, last: int) -> bool:
    """Whether argument ids are sorted without repeats, as the search in them needs."""
    for index in range(first + 1, last):  # noqa: SIM110 - a generator does not compile
        if arguments[index] <= arguments[index - 1]:
            return False
    return True


@njit
def validate_parent(state: State, tx: Record, arguments: Ints) -> int:
    """Attenuation: child within parent in bits, arguments, time and depth (I12)."""
    if tx["parent"] >= state.counters[N_GRANTS]:
        return GRANT_UNKNOWN
    parent = state.grants[tx["parent"]]
    if parent["holder"] != tx["sender"]:
        return NOT_ISSUER
    if parent["revoked_us"] >= 0:
        return ALREADY_REVOKED
    if parent["namespace"] != tx["namespace"] or tx["mask"] & ~parent["mask"] != 0:
        return MASK_NOT_SUBSET
    if not is_scope_narrower(state.pool, parent, tx, arguments):
        return MASK_NOT_SUBSET
    if tx["expires_us"] > parent["expires_us"]:
        return OUTLIVES_PARENT
    now_us, height = tx["now_us"], tx["height"]
    if get_standing(state.accounts, state.grants, tx["parent"], now_us, 0, height) != 1:
        return OUTLIVES_PARENT  # an ancestor ended: nothing may outlive it
    if parent["depth"] >= DEPTH_MAX or tx["depth_max"] >= parent["depth_max"]:
        return TOO_DEEP
    return APPLIED


@njit
def is_scope_narrower(pool: Ints, parent: Record, tx: Record, arguments: Ints) -> bool:
    """Whether the child's scope level and arguments stay within the parent's."""
    if tx["scope_level"] < parent["scope_level"]:
        return False
    if parent["scope_level"] != _ARGUMENTS:
        return True
    named = pool[parent["arguments_from"] : parent["arguments_to"]]
    for index in range(tx["arguments_from"], tx["arguments_to"]):
        place = np.searchsorted(named, arguments[index])
        if place == named.shape[0] or named[place] != arguments[index]:
            return False
    return True


@njit
def find_grant_slot(state: State, tx: Record) -> int:
    """Slot for a new grant: the one it replaces, else a dead one of the holder, else -1."""
    dead = -1
    slot = state.accounts[tx["target"]]["grant_first"]
    while slot >= 0:
        grant = state.grants[slot]
        if tx["subject"] > 0 and grant["lane"] == tx["subject"] and grant["issuer"] == tx["sender"]:
            return slot
        if dead < 0 and (grant["revoked_us"] >= 0 or grant["expires_us"] <= tx["now_us"]):
            dead = slot
        slot = grant["next"]
    return dead


@njit
def has_room_for_grant(state: State, tx: Record) -> bool:
    """Whether the tables of grants and of their arguments can take this one."""
    if state.counters[N_POOL] + tx["arguments_to"] - tx["arguments_from"] > state.pool.shape[0]:
        return False
    return state.counters[N_GRANTS] < state.grants.shape[0] or find_grant_slot(state, tx) >= 0


@njit
def process_grant(state: State, tx: Record, arguments: Ints, receipt: Record) -> None:
    """Write the grant into its slot and, if the slot is new, into the holder's list."""
    counters, holder = state.counters, state.accounts[tx["target"]]
    slot = find_grant_slot(state, tx)
    if slot < 0:
        slot = counters[N_GRANTS]
        counters[N_GRANTS] += 1
        state.grants[slot]["next"] = holder["grant_first"]
        holder["grant_first"] = slot
        state.dirty[tx["target"] >> 6] = 1
    counters[N_GRANT_IDS] += 1
    grant = state.grants[slot]
    parent = tx["parent"] if tx["parent"] >= 0 else -1
    grant["id"] = counters[N_GRANT_IDS]
    grant["parent"] = parent
    grant["parent_id"] = state.grants[parent]["id"] if parent >= 0 else 0
    grant["issuer"] = tx["sender"]
    grant["holder"] = tx["target"]
    grant["namespace"] = tx["namespace"]
    grant["lane"] = tx["subject"]
    grant["mask"] = tx["mask"]
    grant["expires_us"] = tx["expires_us"]
    grant["scope_level"] = tx["scope_level"]
    grant["depth"] = state.grants[parent]["depth"] + 1 if parent >= 0 else 0
    grant["depth_max"] = tx["depth_max"]
    grant["revoked_us"] = -1
    keep_arguments(state, grant, tx, arguments)
    receipt["counterparty"] = slot


@njit
def keep_arguments(state: State, grant: Record, tx: Record, arguments: Ints) -> None:
    """Copy the named arguments into the pool; a reused slot keeps its place if they fit."""
    wanted = tx["arguments_to"] - tx["arguments_from"]
    if wanted > grant["arguments_to"] - grant["arguments_from"]:
        grant["arguments_from"] = state.counters[N_POOL]
        state.counters[N_POOL] += wanted
    grant["arguments_to"] = grant["arguments_from"] + wanted
    for index in range(wanted):
        state.pool[grant["arguments_from"] + index] = arguments[tx["arguments_from"] + index]


@njit
def validate_revoke(state: State, tx: Record) -> int:
    """Whoever issued any link of the chain may cut it there."""
    slot = tx["target"]
    if slot < 0 or slot >= state.counters[N_GRANTS] or state.grants[slot]["id"] != tx["subject"]:
        return GRANT_UNKNOWN
    if not is_issuer_above(state, slot, tx["sender"]):
        return NOT_ISSUER
    return ALREADY_REVOKED if state.grants[slot]["revoked_us"] >= 0 else APPLIED


@njit
def is_issuer_above(state: State, slot: int, sender: int) -> bool:
    """Whether an account issued this grant or one it comes from."""
    identity = state.grants[slot]["id"]
    for _ in range(DEPTH_MAX + 1):
        grant = state.grants[slot]
        if grant["id"] != identity:
            return False
        if grant["issuer"] == sender:
            return True
        if grant["parent"] < 0:
            return False
        slot, identity = grant["parent"], grant["parent_id"]
    return False
