"""What must hold of every run, checked from outside the transition and never repaired.

Plain loops and numpy over a state or over the transactions and receipts of a run in the order in
which they were applied. Shares no rule with the transition: a checker that asked the code it checks
would always agree. The numbers I8..I13 are those of the list of invariants.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from sim.core.compiled import njit
from sim.core.errors import InvariantError
from sim.core.market import Resolution
from sim.core.reasons import DROPPED_FIRST, DROPPED_LAST, Reason, get_bit
from sim.core.records import Ints, Kind, Record, Records
from sim.core.units import SUPPLY_MAX
from sim.ledger.rules import Reputation, Rules, Source
from sim.ledger.state import (
    BURN,
    ESCROW,
    N_ACCOUNTS,
    N_GRANTS,
    N_JUDGES,
    N_VALIDATORS,
    SUPPLY,
    TREASURY,
    State,
)

Mask = NDArray[np.bool_]

AMOUNTS = ("balance", "stake", "unbonding")
GUARDED = (Kind.CALL, Kind.PUBLISH)  # kinds that an enforcement point judges, or never sees
TRADE = (Kind.PUBLISH, Kind.BUY, Kind.ATTEST, Kind.CHALLENGE, Kind.RESOLVE)
TABLES = (
    *("grants", "approvals", "logs", "unbonding", "evidence", "counters"),
    *("signals", "sales", "disputes", "ratings"),
)
CAPABILITY_CHECKS = get_bit(Reason.CAPABILITY_EXPIRED, Reason.CAPABILITY_DENIED)
_LOW = (1 << 31) - 1


@dataclass(slots=True)
class Life:
    """From which row of a run on a grant can authorise, and what ends it."""

    holder: int
    namespace: int
    mask: int
    parent: Life | None
    expires_us: int
    start: int
    stop: int  # row in which it, or what it comes from, is revoked or replaced


def check_conservation(state: State, height: int) -> None:
    """I8: all amounts of all accounts sum to the supply.

    Errors: InvariantError. The sum is exact: no column is added up as 64-bit integers.
    """
    accounts = state.accounts[: state.counters[N_ACCOUNTS]]
    total = sum(_compute_sum(accounts[name]) for name in AMOUNTS)
    supply = int(state.counters[SUPPLY])
    if total != supply:
        raise InvariantError("I8 conservation", height, f"a sum of {supply}", str(total))


def _compute_sum(column: Ints) -> int:
    """Sum of fewer than 2**32 integers, without overflow."""
    return (int((column >> 31).sum()) << 31) + int((column & _LOW).sum())


def check_range(state: State, height: int) -> None:
    """I9: no amount is negative or above the largest supply.

    Errors: InvariantError.
    """
    accounts = state.accounts[: state.counters[N_ACCOUNTS]]
    for name in AMOUNTS:
        column = accounts[name]
        wrong = np.flatnonzero((column < 0) | (column > SUPPLY_MAX))
        if wrong.size:
            account = int(wrong[0])
            found = f"{name} {int(column[account])} of account {account}"
            raise InvariantError("I9 range", height, "amounts in 0..2**62", found)


def get_included(transactions: Records, receipts: Records) -> Mask:
    """Rows whose nonce was spent: not dropped, and nothing past every enforcement point."""
    code, kind = receipts["code"], receipts["kind"]
    dropped = (code >= DROPPED_FIRST) & (code <= DROPPED_LAST)
    unmediated = np.isin(kind, GUARDED) & (transactions["situation"] % 2 == 0)
    return ~dropped & ~unmediated


def get_binding(rules: Rules, transactions: Records, checks: int) -> Mask:
    """Rows in whose situation all of these checks bind."""
    return rules.binding[transactions["situation"]] & checks == checks


def check_nonces(
    before: State, after: State, rules: Rules, transactions: Records, receipts: Records
) -> None:
    """I10: an included nonce is spent, and where replays are refused none comes back.

    Shapes: transactions TRANSACTION (n,), receipts RECEIPT (n,), in the order of application.
    Errors: InvariantError. `before` must be a copy: the transition writes in place.
    """
    n_accounts = int(before.counters[N_ACCOUNTS])
    if np.any(after.accounts["nonce"][:n_accounts] < before.accounts["nonce"][:n_accounts]):
        raise InvariantError("I10 nonce", 0, "nonces that only rise", "an account's nonce fell")
    rows = np.flatnonzero(get_included(transactions, receipts))
    sender, nonce = receipts["sender"][rows], transactions["nonce"][rows]
    unspent = rows[after.accounts["nonce"][sender] <= nonce]
    if unspent.size:
        row = int(unspent[0])
        _raise_at("I10 nonce", receipts, row, "a nonce that is spent", "one still to come")
    highest = np.full(len(after.accounts), -1, dtype=np.int64)
    highest[:n_accounts] = before.accounts["nonce"][:n_accounts] - 1
    fresh = find_fresh(sender, nonce, highest)
    bound = get_binding(rules, transactions, get_bit(Reason.NONCE_REPLAYED))[rows]
    again = rows[bound & ~fresh]
    if again.size:
        row = int(again[0])
        found = f"nonce {int(transactions['nonce'][row])} of account {int(receipts['sender'][row])}"
        _raise_at("I10 nonce", receipts, row, "each nonce once, rising", found)


@njit
def find_fresh(senders: Ints, nonces: Ints, highest: Ints) -> Mask:
    """Rows whose nonce is above all that their sender used before.

    Shapes: senders and nonces int64 (n,); highest int64 (n_accounts,), raised as it goes.
    """
    fresh = np.empty(senders.shape[0], dtype=np.bool_)
    for row in range(senders.shape[0]):
        fresh[row] = nonces[row] > highest[senders[row]]
        highest[senders[row]] = max(highest[senders[row]], nonces[row])
    return fresh


def check_capabilities(
    state: State, rules: Rules, transactions: Records, receipts: Records
) -> None:
    """I11: a call applied where the truth about capabilities binds held what it required.

    Errors: InvariantError.
    """
    situation = transactions["situation"]
    bound = get_binding(rules, transactions, CAPABILITY_CHECKS) & (situation % 2 == 1)
    bound &= rules.source[situation] == Source.TRUTH
    applied = (receipts["code"] == Reason.APPLIED) & np.isin(receipts["kind"], GUARDED)
    rows = np.flatnonzero(applied & bound)
    required = state.operations["requires"][receipts["target"][rows]]
    held = receipts["caps_effective"][rows]
    wrong = np.flatnonzero(required & ~held)
    if wrong.size:
        need, mask = int(required[wrong[0]]), int(held[wrong[0]])
        _raise_at("I11 capability", receipts, int(rows[wrong[0]]), f"{need:#b}", f"mask {mask:#b}")


def check_attenuation(state: State, height: int) -> None:
    """I12: a grant is within the grant it comes from, in bits, time, scope and depth.

    Errors: InvariantError. A parent whose slot was reused is gone, and with it the child's use.
    """
    grants = state.grants[: state.counters[N_GRANTS]]
    slots = np.flatnonzero(grants["parent"] >= 0)
    slots = slots[grants["id"][grants["parent"][slots]] == grants["parent_id"][slots]]
    child, parent = grants[slots], grants[grants["parent"][slots]]
    for what, holds in (
        ("the parent's namespace", child["namespace"] == parent["namespace"]),
        ("a part of the parent's mask", child["mask"] & ~parent["mask"] == 0),
        ("an end no later than the parent's", child["expires_us"] <= parent["expires_us"]),
        ("a scope as narrow as the parent's", child["scope_level"] >= parent["scope_level"]),
        ("a chain no longer than allowed", child["depth_max"] < parent["depth_max"]),
        ("an issuer who holds the parent", child["issuer"] == parent["holder"]),
    ):
        if not np.all(holds):
            slot = int(slots[np.flatnonzero(~holds)[0]])
            raise InvariantError("I12 attenuation", height, what, f"grant in slot {slot}")


def check_authority(before: State, after: State, transactions: Records, receipts: Records) -> None:
    """I13: what a call is said to hold comes from static bits and from grants alive right then.

    Shapes: transactions TRANSACTION (n,), receipts RECEIPT (n,), in the order of application.
    Errors: InvariantError.
    """
    rows = np.flatnonzero(np.isin(receipts["kind"], GUARDED) & (receipts["caps_effective"] != 0))
    rows = rows[np.argsort(receipts["sender"][rows], kind="stable")]  # by sender, then by row
    sender, now_us = receipts["sender"][rows], receipts["committed_us"][rows]
    namespace = after.operations["namespace"][receipts["target"][rows]]
    account = after.accounts[sender]  # static bits never change
    allowed = np.where(account["namespace"] == namespace, account["capabilities"], 0)
    for life in compute_lives(before, transactions, receipts):
        first, last = np.searchsorted(sender, [life.holder, life.holder + 1])
        first, last = first + np.searchsorted(rows[first:last], [life.start, life.stop])
        covered = namespace[first:last] == life.namespace
        covered &= now_us[first:last] < life.expires_us
        allowed[first:last] |= np.where(covered, life.mask, 0)
    wrong = np.flatnonzero(receipts["caps_effective"][rows] & ~allowed)
    if wrong.size:
        row = int(rows[wrong[0]])
        held = f"mask {int(receipts['caps_effective'][row]):#b}"
        _raise_at("I13 authority", receipts, row, f"within {int(allowed[wrong[0]]):#b}", held)


def compute_lives(before: State, transactions: Records, receipts: Records) -> list[Life]:
    """Life of every grant of a run, oldest first."""
    lives: list[Life] = []
    in_slot: dict[int, Life] = {}
    n_rows = int(receipts.shape[0])

    def begin(slot: int, grant: Records, holder: int, row: int) -> Life:
        if slot in in_slot:
            in_slot[slot].stop = min(in_slot[slot].stop, row)
        namespace, mask, expires_us = (
            int(grant[name]) for name in ("namespace", "mask", "expires_us")
        )
        parent = in_slot.get(int(grant["parent"]))
        life = Life(holder, namespace, mask, parent, expires_us, row, n_rows)
        in_slot[slot] = life
        lives.append(life)
        return life

    genesis = before.grants[: before.counters[N_GRANTS]]
    for slot in np.argsort(genesis["id"], kind="stable").tolist():  # parents before children
        grant = genesis[slot]
        life = begin(slot, grant, int(grant["holder"]), 0)
        orphaned = grant["parent"] >= 0 and genesis["id"][grant["parent"]] != grant["parent_id"]
        if grant["revoked_us"] >= 0 or orphaned:
            life.stop = 0
    changes = (receipts["kind"] == Kind.GRANT) | (receipts["kind"] == Kind.REVOKE)
    for row in np.flatnonzero(changes & (receipts["code"] == Reason.APPLIED)).tolist():
        tx = transactions[row]
        if tx["kind"] == Kind.REVOKE:
            life = in_slot[int(tx["target"])]
            life.stop = min(life.stop, row)
        else:
            begin(int(receipts["counterparty"][row]), tx, int(tx["target"]), row)
    for life in lives:  # whoever comes from another ends with it
        if life.parent is not None:
            life.stop = min(life.stop, life.parent.stop)
            life.expires_us = min(life.expires_us, life.parent.expires_us)
    return lives


def find_partners(state: State, tx: Record) -> list[int]:
    """Accounts that a transaction of the market may change beside its sender's."""
    kind, step, target = int(tx["kind"]), int(tx["subject"]), int(tx["target"])
    partners = [BURN, TREASURY, ESCROW] if kind == Kind.RESOLVE else [ESCROW]
    if kind == Kind.PUBLISH:
        return partners
    if kind == Kind.ATTEST or (kind == Kind.RESOLVE and step in (Resolution.PAY, Resolution.TAKE)):
        target = int(state.sales["signal"][target])
    elif kind == Kind.RESOLVE and step != Resolution.RELEASE:
        partners.append(int(state.disputes["challenger"][target]))
        target = int(state.disputes["signal"][target])
    seller = int(state.signals["seller"][target])
    partners.append(seller)
    if kind == Kind.RESOLVE:
        partners += [int(state.accounts["issuer"][seller])]  # who may have judged
        partners += state.judges[: state.counters[N_JUDGES]].tolist()
        slot = int(state.signals["sale_first"][target])
        while slot >= 0:
            partners.append(int(state.sales["buyer"][slot]))
            slot = int(state.sales["next"][slot])
    return partners


def check_dropped(
    before: State, after: State, rules: Rules, transactions: Records, receipts: Records
) -> None:
    """Nothing changes by a dropped transaction: only what included receipts name may differ.

    Errors: InvariantError. `before` must be a copy: the transition writes in place. Scores that
            the end of an epoch writes, and nothing else of an account, may differ as well.
    """
    included = get_included(transactions, receipts)
    moved = (receipts["amount"] != 0) | (receipts["fee"] != 0) | (receipts["counterparty"] != -1)
    wrong = np.flatnonzero(~included & moved)
    if wrong.size:
        _raise_at("dropped", receipts, int(wrong[0]), "nothing moved", "an amount, fee or slot")
    n_accounts = int(before.counters[N_ACCOUNTS])
    touched = np.zeros(after.accounts.shape[0], dtype=bool)
    touched[TREASURY] = included.any()  # it takes the fees
    touched[receipts["sender"][included]] = True
    applied = included & (receipts["code"] == Reason.APPLIED)
    for kinds, column in (
        ((Kind.TRANSFER, Kind.CALL), "counterparty"),
        ((Kind.ROTATE_KEY, Kind.GRANT, Kind.EVIDENCE), "target"),
    ):
        others = receipts[column][applied & np.isin(receipts["kind"], kinds)]
        touched[others[others >= 0]] = True
    touched[BURN] |= np.any(receipts["kind"][applied] == Kind.EVIDENCE)  # it takes slashes
    for row in np.flatnonzero(applied & np.isin(receipts["kind"], TRADE)).tolist():
        touched[find_partners(after, transactions[row])] = True
    ours = before.accounts[:n_accounts].copy()
    watched = after.liveness["account"][: after.counters[N_VALIDATORS]]
    for column in (
        "status",
        "negative",
        "jailed_until_height",
    ):  # absence is judged beside all transactions
        ours[column][watched] = after.accounts[column][watched]
    if rules.reputation_rule == Reputation.EPOCH:  # scores are written beside all transactions
        ours["reputation_ppm"] = after.accounts["reputation_ppm"][:n_accounts]
    changed = ours != after.accounts[:n_accounts]
    wrong = np.flatnonzero(changed & ~touched[:n_accounts])
    if wrong.size:
        raise InvariantError("dropped", 0, "no change", f"account {int(wrong[0])} changed")
    if not applied.any():
        for name in TABLES:
            if not np.array_equal(getattr(before, name), getattr(after, name)):
                raise InvariantError("dropped", 0, "no change", f"{name} changed")


def _raise_at(invariant: str, receipts: Records, row: int, expected: str, found: str) -> NoReturn:
    """Name the row of the run that broke an invariant."""
    height = int(receipts["height"][row])
    raise InvariantError(invariant, height, expected, f"{found} in row {row}")
