"""Stake and evidence: the kinds BOND, UNBOND, WITHDRAW and EVIDENCE.

Reached from `kinds` alone. Stake leaves an account in two ways: by its own UNBOND and WITHDRAW,
and by evidence that names it.
"""

from __future__ import annotations

from sim.core.compiled import njit
from sim.core.reasons import Reason
from sim.core.records import Kind, Record
from sim.ledger.rules import Rules
from sim.ledger.slashing import slash_account
from sim.ledger.state import N_ACCOUNTS, N_EVIDENCE, N_UNBONDING, State

_BOND, _UNBOND, _WITHDRAW = int(Kind.BOND), int(Kind.UNBOND), int(Kind.WITHDRAW)

APPLIED, TARGET_UNKNOWN = int(Reason.APPLIED), int(Reason.TARGET_UNKNOWN)
NOT_ISSUER, TABLE_FULL = int(Reason.NOT_ISSUER), int(Reason.TABLE_FULL)
STAKE_TOO_SMALL, NOT_MATURED = int(Reason.STAKE_TOO_SMALL), int(Reason.NOT_MATURED)
UNBONDING_UNKNOWN, PROOF_INVALID = int(Reason.UNBONDING_UNKNOWN), int(Reason.PROOF_INVALID)
OFFENCE_TO_COME, EVIDENCE_TOO_OLD = int(Reason.OFFENCE_TO_COME), int(Reason.EVIDENCE_TOO_OLD)
EVIDENCE_USED = int(Reason.EVIDENCE_USED)


@njit
def validate_stake_kind(state: State, rules: Rules, tx: Record, account: Record) -> int:
    """First of the kind's own reasons that holds, or APPLIED; a BOND has none."""
    kind = tx["kind"]
    if kind == _BOND:
        return APPLIED
    if kind == _UNBOND:
        return validate_unbond(state, tx, account)
    if kind == _WITHDRAW:
        return validate_withdraw(state, tx)
    return validate_evidence(state, rules, tx)


@njit
def process_stake_kind(
    state: State, rules: Rules, tx: Record, account: Record, receipt: Record
) -> None:
    """Write what the kind writes; everything is checked by now."""
    kind = tx["kind"]
    if kind == _BOND:
        process_bond(tx, account, receipt)
    elif kind == _UNBOND:
        process_unbond(state, rules, tx, account, receipt)
    elif kind == _WITHDRAW:
        process_withdraw(state, tx, account, receipt)
    else:
        process_evidence(state, rules, tx, receipt)


@njit
def process_bond(tx: Record, account: Record, receipt: Record) -> None:
    """From balance to stake; without a binding check of funds, as much as there is."""
    bonded = min(tx["amount"], account["balance"])
    account["balance"] -= bonded
    account["stake"] += bonded
    receipt["amount"] = bonded


@njit
def find_unbonding_slot(state: State) -> int:
    """First free slot for an unbonding entry; the table's length if all are taken."""
    for slot in range(state.counters[N_UNBONDING]):
        if state.unbonding[slot]["amount"] == 0:
            return slot
    return state.counters[N_UNBONDING]


@njit
def validate_unbond(state: State, tx: Record, account: Record) -> int:
    """Some of what is bonded, and no more."""
    if tx["amount"] == 0 or tx["amount"] > account["stake"]:
        return STAKE_TOO_SMALL
    return APPLIED if find_unbonding_slot(state) < state.unbonding.shape[0] else TABLE_FULL


@njit
def process_unbond(
    state: State, rules: Rules, tx: Record, account: Record, receipt: Record
) -> None:
    """From stake into an entry that can still be slashed until it is withdrawn."""
    slot = find_unbonding_slot(state)
    if slot == state.counters[N_UNBONDING]:
        state.counters[N_UNBONDING] += 1
    entry = state.unbonding[slot]
    entry["account"] = tx["sender"]
    entry["amount"] = tx["amount"]
    entry["created_height"] = tx["height"]
    entry["matures_height"] = tx["height"] + rules.unbonding_blocks
    account["stake"] -= tx["amount"]
    account["unbonding"] += tx["amount"]
    receipt["amount"] = tx["amount"]
    receipt["counterparty"] = slot


@njit
def validate_withdraw(state: State, tx: Record) -> int:
    """A matured entry of the sender's own."""
    slot = tx["target"]
    if slot < 0 or slot >= state.counters[N_UNBONDING]:
        return UNBONDING_UNKNOWN
    entry = state.unbonding[slot]
    if entry["amount"] == 0:
        return UNBONDING_UNKNOWN
    if entry["account"] != tx["sender"]:
        return NOT_ISSUER
    return APPLIED if tx["height"] >= entry["matures_height"] else NOT_MATURED


@njit
def process_withdraw(state: State, tx: Record, account: Record, receipt: Record) -> None:
    """From the entry back to balance; its slot is free again."""
    entry = state.unbonding[tx["target"]]
    receipt["amount"] = entry["amount"]
    receipt["counterparty"] = tx["target"]
    account["unbonding"] -= entry["amount"]
    account["balance"] += entry["amount"]
    entry["amount"] = 0


@njit
def validate_evidence(state: State, rules: Rules, tx: Record) -> int:
    """A proven, recent offence of a known account that was not dealt with before.

    Source: CometBFT, evidence: unexpired, verified and not yet committed.
    """
    if tx["target"] < 0 or tx["target"] >= state.counters[N_ACCOUNTS]:
        return TARGET_UNKNOWN
    if tx["proof_valid"] != 1:
        return PROOF_INVALID
    if tx["subject"] > tx["height"]:
        return OFFENCE_TO_COME
    if tx["subject"] < max(0, tx["height"] - rules.evidence_age_blocks):
        return EVIDENCE_TOO_OLD
    for slot in range(state.counters[N_EVIDENCE]):
        if is_same_evidence(state.evidence[slot], tx):
            return EVIDENCE_USED
    return APPLIED if state.counters[N_EVIDENCE] < state.evidence.shape[0] else TABLE_FULL


@njit
def is_same_evidence(evidence: Record, tx: Record) -> bool:
    """Whether an accepted proof is this one, or one of the same offence.

    An offence is one account's conflict in one view with one kind of statement: of three votes
    in a view there are three pairs, and honest reporters may each bring another.
    """
    if (
        evidence["offender"] == tx["target"]
        and evidence["view"] == tx["amount"]
        and evidence["statement"] == tx["mask"]
    ):
        return True
    return (
        evidence["word0"] == tx["word0"]
        and evidence["word1"] == tx["word1"]
        and evidence["word2"] == tx["word2"]
        and evidence["word3"] == tx["word3"]
    )


@njit
def process_evidence(state: State, rules: Rules, tx: Record, receipt: Record) -> None:
    """Keep the proof, and slash the accused for it; the reporter is the sender."""
    slot = state.counters[N_EVIDENCE]
    evidence = state.evidence[slot]
    evidence["offender"] = tx["target"]
    evidence["reporter"] = tx["sender"]
    evidence["view"] = tx["amount"]
    evidence["statement"] = tx["mask"]
    evidence["offence_height"] = tx["subject"]
    evidence["height"] = tx["height"]
    evidence["word0"] = tx["word0"]
    evidence["word1"] = tx["word1"]
    evidence["word2"] = tx["word2"]
    evidence["word3"] = tx["word3"]
    receipt["amount"] = slash_account(state, rules, evidence, 0, -1)  # no harm is recorded yet
    receipt["counterparty"] = slot
    state.counters[N_EVIDENCE] += 1
