"""Record keeping: every kind but CALL. Each validates with its own reasons, then writes.

Reached from `transition` alone. A validation changes nothing and gives the first of the kind's
own reasons that holds; a process writes what was validated.
"""

from __future__ import annotations

from sim.core.compiled import njit
from sim.core.market import Resolution
from sim.core.reasons import Reason
from sim.core.records import LONG_AGO_US, Ints, Kind, Record, ScopeLevel, Status
from sim.ledger.checks import is_active
from sim.ledger.disputes import (
    process_challenge,
    process_resolve,
    validate_challenge,
    validate_resolve,
)
from sim.ledger.granting import process_grant, validate_grant, validate_revoke
from sim.ledger.market import (
    get_price_due,
    process_attest,
    process_buy,
    validate_attest,
    validate_buy,
)
from sim.ledger.rules import Rules
from sim.ledger.staking import process_stake_kind, validate_stake_kind
from sim.ledger.state import (
    ESCROW,
    N_ACCOUNTS,
    N_APPROVALS,
    N_LOGS,
    State,
    find_entity,
    index_entity,
    is_account,
)

_REGISTER, _ROTATE_KEY = int(Kind.REGISTER), int(Kind.ROTATE_KEY)
_TRANSFER, _GRANT = int(Kind.TRANSFER), int(Kind.GRANT)
_REVOKE, _APPROVE, _ANCHOR = int(Kind.REVOKE), int(Kind.APPROVE), int(Kind.ANCHOR)
_BOND, _BUY, _ATTEST = int(Kind.BOND), int(Kind.BUY), int(Kind.ATTEST)
_CHALLENGE, _RESOLVE = int(Kind.CHALLENGE), int(Kind.RESOLVE)
_PAY = int(Resolution.PAY)
_ACTIVE, _ARGUMENTS = int(Status.ACTIVE), int(ScopeLevel.ARGUMENTS)

APPLIED = int(Reason.APPLIED)
TARGET_UNKNOWN = int(Reason.TARGET_UNKNOWN)
TARGET_NOT_ACTIVE, TARGET_SELF = int(Reason.TARGET_NOT_ACTIVE), int(Reason.TARGET_SELF)
BAD_KEY, DUPLICATE, NOT_ISSUER = int(Reason.BAD_KEY), int(Reason.DUPLICATE), int(Reason.NOT_ISSUER)
MASK_NOT_SUBSET, OUTLIVES_PARENT = int(Reason.MASK_NOT_SUBSET), int(Reason.OUTLIVES_PARENT)
TOO_DEEP, GRANT_UNKNOWN = int(Reason.TOO_DEEP), int(Reason.GRANT_UNKNOWN)
ALREADY_REVOKED, ANCHOR_STALE = int(Reason.ALREADY_REVOKED), int(Reason.ANCHOR_STALE)
TABLE_FULL = int(Reason.TABLE_FULL)


@njit
def get_payment(state: State, rules: Rules, tx: Record) -> int:
    """What a transaction takes from its sender's balance, beside the fee."""
    kind = tx["kind"]
    if kind == _BUY:
        return get_price_due(state, rules, tx)
    is_paying = kind in (_REGISTER, _TRANSFER, _BOND, _CHALLENGE)
    is_paying = is_paying or (kind == _RESOLVE and tx["subject"] == _PAY)
    return tx["amount"] if is_paying else 0


@njit
def validate_kind(state: State, rules: Rules, tx: Record, account: Record, arguments: Ints) -> int:
    """First of the kind's own reasons that holds, or APPLIED; changes nothing."""
    kind = tx["kind"]
    if kind == _REGISTER:
        return validate_register(state, tx, account)
    if kind == _ROTATE_KEY:
        return validate_rotate_key(state, tx)
    if kind == _TRANSFER:
        return validate_transfer(state, tx)
    if kind == _GRANT:
        return validate_grant(state, tx, account, arguments)
    if kind == _REVOKE:
        return validate_revoke(state, tx)
    if kind == _APPROVE:
        return validate_approve(state, tx)
    if kind == _ANCHOR:
        return validate_anchor(state, tx)
    if kind == _BUY:
        return validate_buy(state, rules, tx)
    if kind == _ATTEST:
        return validate_attest(state, tx)
    if kind == _CHALLENGE:
        return validate_challenge(state, rules, tx)
    if kind == _RESOLVE:
        return validate_resolve(state, rules, tx)
    return validate_stake_kind(state, rules, tx, account)


@njit
def process_kind(
    state: State, rules: Rules, tx: Record, account: Record, arguments: Ints, receipt: Record
) -> None:
    """Write what the kind writes; everything is checked by now."""
    kind = tx["kind"]
    if kind == _REGISTER:
        process_register(state, rules, tx, account, receipt)
    elif kind == _ROTATE_KEY:
        process_rotate_key(state, tx)
    elif kind == _TRANSFER:
        process_transfer(state, tx, account, receipt)
    elif kind == _GRANT:
        process_grant(state, tx, arguments, receipt)
    elif kind == _REVOKE:
        state.grants[tx["target"]]["revoked_us"] = tx["now_us"]
    elif kind == _APPROVE:
        process_approve(state, tx, receipt)
    elif kind == _ANCHOR:
        process_anchor(state, tx, receipt)
    elif kind == _BUY:
        process_buy(state, rules, tx, account, receipt)
    elif kind == _ATTEST:
        process_attest(state, rules, tx, account, receipt)
    elif kind == _CHALLENGE:
        process_challenge(state, rules, tx, account, receipt)
    elif kind == _RESOLVE:
        process_resolve(state, rules, tx, account, receipt)
    else:
        process_stake_kind(state, rules, tx, account, receipt)


@njit
def validate_register(state: State, tx: Record, account: Record) -> int:
    """An issuer registers an account in its own org with a part of what it holds itself."""
    if tx["proof_valid"] != 1:
        return BAD_KEY
    if find_entity(state.entity_index, state.accounts, tx["target"]) >= 0:
        return DUPLICATE
    if tx["subject"] != account["org"]:
        return NOT_ISSUER
    held = account["capabilities"] if account["namespace"] == tx["namespace"] else 0
    if tx["mask"] & ~held != 0:
        return MASK_NOT_SUBSET
    if state.counters[N_ACCOUNTS] >= state.accounts.shape[0]:
        return TABLE_FULL
    return APPLIED


@njit
def process_register(
    state: State, rules: Rules, tx: Record, account: Record, receipt: Record
) -> None:
    """A new account, funded by its issuer."""
    index = state.counters[N_ACCOUNTS]
    paid = min(tx["amount"], account["balance"])
    fresh = state.accounts[index]
    fresh["entity"] = tx["target"]
    fresh["org"] = tx["subject"]
    fresh["namespace"] = tx["namespace"]
    fresh["balance"] = paid
    fresh["capabilities"] = tx["mask"]
    fresh["status"] = _ACTIVE
    fresh["reputation_ppm"] = rules.newcomer_ppm
    fresh["registered_height"] = tx["height"]
    fresh["issuer"] = tx["sender"]
    fresh["key_rotated_us"] = -1
    fresh["tokens_us"] = LONG_AGO_US
    fresh["grant_first"] = -1
    account["balance"] -= paid
    state.dirty[index >> 6] = 1
    state.counters[N_ACCOUNTS] += 1
    index_entity(state.entity_index, tx["target"], index)
    receipt["amount"] = paid
    receipt["counterparty"] = index


@njit
def validate_rotate_key(state: State, tx: Record) -> int:
    """An account rotates its own key; its issuer may do so for it."""
    if not is_account(state, tx["target"]):
        return TARGET_UNKNOWN
    if tx["proof_valid"] != 1:
        return BAD_KEY
    if tx["target"] != tx["sender"] and state.accounts[tx["target"]]["issuer"] != tx["sender"]:
        return NOT_ISSUER
    return APPLIED


@njit
def process_rotate_key(state: State, tx: Record) -> None:
    """The old key signs nothing from the next position on."""
    target = state.accounts[tx["target"]]
    target["key_version"] += 1
    target["key_rotated_us"] = tx["now_us"]
    state.dirty[tx["target"] >> 6] = 1


@njit
def validate_transfer(state: State, tx: Record) -> int:
    """Money goes to another account that exists and is active; the escrow pool takes none."""
    if not is_account(state, tx["target"]):
        return TARGET_UNKNOWN
    if tx["target"] == ESCROW or not is_active(state.accounts[tx["target"]], tx["height"]):
        return TARGET_NOT_ACTIVE
    return TARGET_SELF if tx["target"] == tx["sender"] else APPLIED


@njit
def process_transfer(state: State, tx: Record, account: Record, receipt: Record) -> None:
    """Debit the sender, credit the target; without a binding check, as much as there is."""
    paid = min(tx["amount"], account["balance"])
    account["balance"] -= paid
    state.accounts[tx["target"]]["balance"] += paid
    state.dirty[tx["target"] >> 6] = 1
    receipt["amount"] = paid
    receipt["counterparty"] = tx["target"]


@njit
def validate_approve(state: State, tx: Record) -> int:
    """Only the issuer of an account approves its calls."""
    if not is_account(state, tx["target"]):
        return TARGET_UNKNOWN
    if state.accounts[tx["target"]]["issuer"] != tx["sender"]:
        return NOT_ISSUER
    return APPLIED if state.counters[N_APPROVALS] < state.approvals.shape[0] else TABLE_FULL


@njit
def process_approve(state: State, tx: Record, receipt: Record) -> None:
    """Keep the approval until its call uses it."""
    slot = state.counters[N_APPROVALS]
    approval = state.approvals[slot]
    approval["approver"] = tx["sender"]
    approval["sender"] = tx["target"]
    approval["call_digest"] = tx["subject"]
    approval["expires_us"] = tx["expires_us"]
    approval["used_height"] = -1
    state.counters[N_APPROVALS] += 1
    receipt["counterparty"] = slot


@njit
def validate_anchor(state: State, tx: Record) -> int:
    """A log's owner commits to a longer log than last time."""
    if tx["target"] < 0 or tx["target"] >= state.counters[N_LOGS]:
        return TARGET_UNKNOWN
    log = state.logs[tx["target"]]
    if log["owner"] != tx["sender"]:
        return NOT_ISSUER
    return APPLIED if tx["subject"] > log["size"] else ANCHOR_STALE


@njit
def process_anchor(state: State, tx: Record, receipt: Record) -> None:
    """The ledger remembers size and root of the log."""
    log = state.logs[tx["target"]]
    log["size"] = tx["subject"]
    log["cut_height"] = tx["amount"]
    log["height"] = tx["height"]
    log["root0"] = tx["word0"]
    log["root1"] = tx["word1"]
    log["root2"] = tx["word2"]
    log["root3"] = tx["word3"]
    receipt["counterparty"] = tx["target"]
