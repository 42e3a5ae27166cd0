"""Participation of validators: who is silent too long sits out, and loses no stake.

Silence proves nothing: an accused validator can always say that it never got the message.
"""

from __future__ import annotations

from sim.core.arithmetic import mul_ppm
from sim.core.compiled import njit
from sim.core.records import Ints, Record, Status
from sim.core.units import PPM
from sim.ledger.checks import is_active
from sim.ledger.rules import Rules
from sim.ledger.state import N_VALIDATORS, State

_ACTIVE, _JAILED = int(Status.ACTIVE), int(Status.JAILED)
RING_BITS = 63  # places in one word of the ring
ABSENCE_PPM = PPM // 10  # evidence against an account's reputation, in ppm of one full report


@njit
def record_participation(
    state: State, rules: Rules, accounts: Ints, signed: Ints, height: int
) -> int:
    """Count who signed a block and who missed it; jail the absent, release who has served.

    To be called once for each block, with all validators that were to sign it. Whoever is not
    active then is not counted.

    Shapes: accounts int64 (n,), each with a row in the table; signed int64 (n,), 1 or 0.
    Return: accounts jailed by this block.
    Errors: none; an account that is not watched is passed over.
    Source: Cosmos SDK, `x/slashing`, `HandleValidatorSignature`, without its slash.
    """
    release_all(state, height)
    jailed = 0
    for index in range(accounts.shape[0]):
        row = find_validator(state, accounts[index])
        if row < 0 or state.accounts[accounts[index]]["status"] != _ACTIVE:
            continue
        watched = state.liveness[row]
        count_block(watched, rules.liveness_window_blocks, signed[index] == 0)
        if is_absent(watched, rules, height):
            jail(state, watched, height + rules.jail_blocks)
            jailed += 1
    return jailed


@njit
def find_validator(state: State, account: int) -> int:
    """Row of an account in the table, or -1."""
    for row in range(state.counters[N_VALIDATORS]):
        if state.liveness[row]["account"] == account:
            return row
    return -1


@njit
def release_all(state: State, height: int) -> None:
    """Let every validator out whose time is up, for a fraud as well; what has no end stays.

    Source: Cosmos SDK, `x/slashing`: the start height is that of the first block or the release.
    """
    for row in range(state.counters[N_VALIDATORS]):
        watched = state.liveness[row]
        account = state.accounts[watched["account"]]
        if 0 < watched["jailed_until_height"] <= height:
            watched["jailed_until_height"] = 0
            watched["start_height"] = height
        if account["status"] == _JAILED and is_active(account, height):
            account["status"] = _ACTIVE
            account["jailed_until_height"] = 0
            watched["start_height"] = height
            state.dirty[watched["account"] >> 6] = 1


@njit
def count_block(watched: Record, window_blocks: int, is_missed: bool) -> None:
    """Write one block over the oldest of the ring."""
    place = watched["place"]
    bit = 1 << (place % RING_BITS)
    word = watched["ring0"] if place < RING_BITS else watched["ring1"]
    watched["missed"] += (1 if is_missed else 0) - (1 if word & bit else 0)
    word = word | bit if is_missed else word & ~bit
    if place < RING_BITS:
        watched["ring0"] = word
    else:
        watched["ring1"] = word
    watched["place"] = (place + 1) % window_blocks


@njit
def is_absent(watched: Record, rules: Rules, height: int) -> bool:
    """Whether a validator that was watched for a whole window missed too much of it."""
    window_blocks = rules.liveness_window_blocks
    signed_min = mul_ppm(window_blocks, rules.liveness_signed_min_ppm)
    if height <= watched["start_height"] + window_blocks:
        return False
    return watched["missed"] > window_blocks - signed_min


@njit
def jail(state: State, watched: Record, until_height: int) -> None:
    """Stop an absent validator and forget its window; its stake is not touched."""
    account = state.accounts[watched["account"]]
    account["status"] = _JAILED
    account["jailed_until_height"] = max(account["jailed_until_height"], until_height)
    account["negative"] += ABSENCE_PPM
    state.dirty[watched["account"] >> 6] = 1
    watched["place"] = 0
    watched["missed"] = 0
    watched["ring0"] = 0
    watched["ring1"] = 0
    watched["jailed_until_height"] = until_height
