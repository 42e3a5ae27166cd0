"""The one place where accounts change: apply_blocks, apply_block, apply_transaction, kinds.

Reads top to bottom. Every check comes before the first write, so a rejection needs no
rollback; a rejection is a reason code, never an exception.
"""

from __future__ import annotations

import numpy as np

from sim.core.compiled import inlined, njit
from sim.core.reasons import Reason
from sim.core.records import Ints, Kind, Record, Records, ScopeLevel, Status
from sim.core.units import PPM, SUPPLY_MAX
from sim.ledger.checks import (
    compute_envelope_violations,
    compute_tokens,
    get_first_reason,
    has_approval,
    is_active,
    is_dropped,
    judge_call,
)
from sim.ledger.kinds import get_payment, process_kind, validate_kind
from sim.ledger.market import process_publish, validate_publish
from sim.ledger.rules import Rules, Source
from sim.ledger.state import (
    ESCROW,
    N_ACCOUNTS,
    N_APPROVALS,
    SUPPLY,
    TREASURY,
    State,
)

_CALL, _PUBLISH = int(Kind.CALL), int(Kind.PUBLISH)
_KIND_FIRST, _KIND_LAST = int(min(Kind)), int(max(Kind))
_ACTIVE, _JAILED = int(Status.ACTIVE), int(Status.JAILED)
_CLIENT, _ARGUMENTS = int(Source.CLIENT), int(ScopeLevel.ARGUMENTS)

APPLIED = int(Reason.APPLIED)
MALFORMED, UNKNOWN_SENDER = int(Reason.MALFORMED), int(Reason.UNKNOWN_SENDER)
FUNDS, TARGET_UNKNOWN = int(Reason.INSUFFICIENT_FUNDS), int(Reason.TARGET_UNKNOWN)


@njit
def apply_blocks(
    state: State,
    rules: Rules,
    transactions: Records,
    arguments: Ints,
    receipts: Records,
    ends: Ints,
) -> int:
    """Apply consecutive blocks, checking conservation after each.

    Shapes: transactions TRANSACTION (n,), receipts RECEIPT (n,) to be filled, ends int64
            (n_blocks,): where each block stops, rising to n.
    Return: -1, or the index of the first block after which an amount is out of range or the
            sum of all amounts is not the supply.
    """
    first = 0
    for block in range(ends.shape[0]):
        apply_block(state, rules, transactions[first : ends[block]], arguments, receipts[first:])
        first = ends[block]
        if not is_conserved(state):
            return block
    return -1


@njit
def is_conserved(state: State) -> bool:
    """Whether no amount is negative and all of them sum to the supply (I8, I9)."""
    accounts = state.accounts
    total = 0
    for index in range(state.counters[N_ACCOUNTS]):
        account = accounts[index]
        balance, stake, unbonding = account["balance"], account["stake"], account["unbonding"]
        for amount in (balance, stake, unbonding):
            if amount < 0 or amount > SUPPLY_MAX - total:
                return False
            total += amount
    return total == state.counters[SUPPLY]


@njit
def apply_block(
    state: State, rules: Rules, transactions: Records, arguments: Ints, receipts: Records
) -> None:
    """Drop, reject or apply transactions in order; write one receipt for each."""
    accounts, grants, operations = state.accounts, state.grants, state.operations
    pool, approvals, counters = state.pool, state.approvals, state.counters
    client_scopes, dirty = state.client_scopes, state.dirty
    binding, source = rules.binding, rules.source
    for position in range(transactions.shape[0]):
        tx, receipt = transactions[position], receipts[position]
        write_receipt_header(receipt, tx, position)
        reason = validate_form(tx, counters[N_ACCOUNTS], arguments.shape[0])
        if reason != APPLIED:
            receipt["code"] = reason
            receipt["violations"] = 1 << reason
            continue
        account = accounts[tx["sender"]]
        if tx["kind"] != _CALL and tx["kind"] != _PUBLISH:
            receipt["code"] = apply_record_keeping(state, rules, tx, account, arguments, receipt)
            continue
        if tx["target"] < 0 or tx["target"] >= operations.shape[0]:
            receipt["violations"] = 1 << TARGET_UNKNOWN
            receipt["code"] = reject_call(accounts, account, rules, tx, receipt, dirty)
            continue
        operation = operations[tx["target"]]
        client_mask, situation = 0, tx["situation"]
        if (
            source[situation] == _CLIENT
            and 0 <= account["org"] < client_scopes.shape[0] > operation["org"]
        ):
            client_mask = client_scopes[operation["org"], account["org"]]
        judgement = judge_call(
            accounts,
            account,
            grants,
            pool,
            approvals,
            counters[N_APPROVALS],
            operation,
            client_mask,
            rules,
            source[situation],
            tx,
            arguments,
        )
        receipt["required"] = judgement.required
        receipt["caps_static"] = judgement.static
        receipt["caps_effective"] = judgement.effective
        violations, seen = judgement.violations, judgement.seen
        if tx["kind"] == _PUBLISH:
            own = 1 << validate_publish(state, rules, tx, account)
            violations |= own & ~1  # bit 0 would be that all is well
            seen |= own & ~1
        receipt["violations"] = violations
        reason = get_first_reason(seen & binding[situation])
        receipt["code"] = reason
        if is_dropped(reason) or not is_mediated(tx):
            continue
        include(accounts, account, tx, receipt, dirty)
        if reason == APPLIED:
            spend_token(account, rules, tx["now_us"])
            use_approval(approvals, counters[N_APPROVALS], tx, arguments)
            if tx["kind"] == _PUBLISH:
                process_publish(state, rules, tx, account, receipt)
            else:
                move_price(accounts, account, operation, tx, receipt, dirty)


@inlined
def write_receipt_header(receipt: Record, tx: Record, position: int) -> None:
    """What a receipt says whatever is decided."""
    receipt["sender"] = tx["sender"]
    receipt["kind"] = tx["kind"]
    receipt["target"] = tx["target"]
    receipt["required"] = 0
    receipt["caps_static"] = 0
    receipt["caps_effective"] = 0
    receipt["violations"] = 0
    receipt["height"] = tx["height"]
    receipt["position"] = position
    receipt["submitted_us"] = tx["submitted_us"]
    receipt["committed_us"] = tx["now_us"]
    receipt["amount"] = 0
    receipt["fee"] = 0
    receipt["counterparty"] = -1


@inlined
def validate_form(tx: Record, n_accounts: int, n_arguments: int) -> int:
    """MALFORMED or UNKNOWN_SENDER: bounds on everything that indexes or counts."""
    if tx["kind"] < _KIND_FIRST or tx["kind"] > _KIND_LAST:
        return MALFORMED
    if tx["fee"] < 0 or tx["fee"] > SUPPLY_MAX or tx["mask"] < 0:
        return MALFORMED
    if tx["nonce"] < 0 or tx["nonce"] > SUPPLY_MAX:
        return MALFORMED
    if tx["amount"] < 0 or tx["amount"] > SUPPLY_MAX:
        return MALFORMED
    if tx["kind"] == _PUBLISH and (tx["subject"] < 0 or tx["subject"] > SUPPLY_MAX):
        return MALFORMED
    if tx["scope_level"] < 0 or tx["scope_level"] > _ARGUMENTS:
        return MALFORMED
    if tx["arguments_from"] < 0 or tx["arguments_to"] < tx["arguments_from"]:
        return MALFORMED
    if tx["arguments_to"] > n_arguments:
        return MALFORMED
    if tx["sender"] < 0 or tx["sender"] >= n_accounts or tx["sender"] == ESCROW:
        return UNKNOWN_SENDER  # nobody signs for the escrow pool
    return APPLIED


@inlined
def is_mediated(tx: Record) -> bool:
    """Whether the call goes through an enforcement point; else nothing here knows of it."""
    return tx["situation"] & 1 == 1


@inlined
def include(
    accounts: Records, account: Record, tx: Record, receipt: Record, dirty: np.ndarray
) -> None:
    """The effect of inclusion, applied and rejected alike: nonce spent, fee charged."""
    if account["status"] == _JAILED and is_active(account, tx["height"]):
        account["status"] = _ACTIVE  # it has served its time
        account["jailed_until_height"] = 0
    account["nonce"] = max(account["nonce"], tx["nonce"] + 1)
    fee = min(tx["fee"], account["balance"])
    if fee > 0:
        account["balance"] -= fee
        accounts[TREASURY]["balance"] += fee
        dirty[TREASURY >> 6] = 1
    receipt["fee"] = fee
    dirty[tx["sender"] >> 6] = 1


@inlined
def spend_token(account: Record, rules: Rules, now_us: int) -> None:
    """Take one call from the sender's rate."""
    if rules.rate_cap_ppm > 0:
        tokens_ppm = compute_tokens(account, rules, now_us)
        if tokens_ppm >= PPM:
            account["tokens_ppm"] = tokens_ppm - PPM
            account["tokens_us"] = now_us


@njit
def reject_call(
    accounts: Records,
    account: Record,
    rules: Rules,
    tx: Record,
    receipt: Record,
    dirty: np.ndarray,
) -> int:
    """A call of an operation that does not exist: judged by its envelope alone."""
    situation = tx["situation"]
    violations, seen = compute_envelope_violations(account, tx, rules, rules.source[situation])
    receipt["violations"] |= violations
    reason = get_first_reason((seen | 1 << TARGET_UNKNOWN) & rules.binding[situation])
    if not is_dropped(reason) and is_mediated(tx):
        include(accounts, account, tx, receipt, dirty)
    return reason


@inlined
def move_price(
    accounts: Records,
    account: Record,
    operation: Record,
    tx: Record,
    receipt: Record,
    dirty: np.ndarray,
) -> None:
    """Pay the operation's owner; without a binding check of funds, as much as there is."""
    owner = operation["owner"]
    if owner < 0 or tx["amount"] == 0:
        return
    paid = min(tx["amount"], account["balance"])
    account["balance"] -= paid
    accounts[owner]["balance"] += paid
    dirty[owner >> 6] = 1
    receipt["amount"] = paid
    receipt["counterparty"] = owner


@inlined
def use_approval(approvals: Records, n_approvals: int, tx: Record, arguments: Ints) -> None:
    """An approval is good for one call, and only for its own."""
    if has_approval(tx, approvals, n_approvals, arguments):
        approvals[tx["parent"]]["used_height"] = tx["height"]


@njit
def apply_record_keeping(
    state: State, rules: Rules, tx: Record, account: Record, arguments: Ints, receipt: Record
) -> int:
    """Every kind but CALL: judge the envelope, then the kind's own checks, then write."""
    situation = tx["situation"]
    violations, seen = compute_envelope_violations(account, tx, rules, rules.source[situation])
    balance_after = account["balance"] - min(tx["fee"], account["balance"])
    if get_payment(state, rules, tx) > balance_after:
        violations |= 1 << FUNDS
        seen |= 1 << FUNDS
    own = validate_kind(state, rules, tx, account, arguments)
    if own != APPLIED:
        violations |= 1 << own
        seen |= 1 << own
    receipt["violations"] = violations
    reason = get_first_reason(seen & rules.binding[situation])
    if is_dropped(reason):
        return reason
    include(state.accounts, account, tx, receipt, state.dirty)
    if reason == APPLIED:
        process_kind(state, rules, tx, account, arguments, receipt)
    return reason
