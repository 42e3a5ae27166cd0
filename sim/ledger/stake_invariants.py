"""What must hold of stake and punishment in every run, checked from outside the transition.

As `invariants`: shares no rule with the transition, never repairs. What is staked is booked a
second time here, from the receipts of a run alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from sim.core.errors import InvariantError
from sim.core.market import Resolution
from sim.core.reasons import Reason
from sim.core.records import Kind, list_rows
from sim.ledger.state import N_ACCOUNTS, N_DISPUTES, N_EVIDENCE, N_SIGNALS, N_UNBONDING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.core.records import Ints, Record, Records, Row
    from sim.ledger.rules import Rules
    from sim.ledger.state import State

STAKE_KINDS = (
    *(Kind.BOND, Kind.UNBOND, Kind.WITHDRAW, Kind.EVIDENCE),
    *(Kind.PUBLISH, Kind.CHALLENGE, Kind.RESOLVE),  # a dispute can end in a slash
)
# as plain numbers: to look a member up costs more than all else that is done with a row
_BOND, _UNBOND, _WITHDRAW = int(Kind.BOND), int(Kind.UNBOND), int(Kind.WITHDRAW)
_PUBLISH, _CHALLENGE = int(Kind.PUBLISH), int(Kind.CHALLENGE)
_EVIDENCE, _RESOLVE = int(Kind.EVIDENCE), int(Kind.RESOLVE)
VERDICTS = (Resolution.VOTE, Resolution.PROOF, Resolution.TIMEOUT)
FRAUD = 100  # as a kind of statement
WORDS = ("word0", "word1", "word2", "word3")


@dataclass(slots=True)
class Entry:
    """Stake on its way back."""

    account: int
    amount: int
    created_height: int
    matures_height: int


class Book:
    """Who has what at stake, by the receipts of a run."""

    def __init__(self, before: State) -> None:
        counters = before.counters
        self.stake = dict(enumerate(before.accounts["stake"][: counters[N_ACCOUNTS]].tolist()))
        rows = before.unbonding[: counters[N_UNBONDING]].tolist()
        self.entries = {slot: Entry(*row) for slot, row in enumerate(rows) if row[1] > 0}
        signals = before.signals[["seller", "published_height"]][: counters[N_SIGNALS]]
        self.signals: dict[int, tuple[int, int]] = dict(enumerate(signals.tolist()))
        disputed = before.disputes["signal"][: counters[N_DISPUTES]].tolist()
        self.disputes: dict[int, int] = dict(enumerate(disputed))

    def get_slashable(self, account: int, offence_height: int) -> list[tuple[int, int, Entry]]:
        """Entries that began no earlier than an offence: (maturity, slot, entry), in order."""
        return sorted(
            (entry.matures_height, slot, entry)
            for slot, entry in self.entries.items()
            if entry.account == account and entry.created_height >= offence_height
        )

    def add(self, tx: Row, receipt: Row, unbonding_blocks: int) -> None:
        """Book one applied transaction."""
        kind, sender = int(receipt["kind"]), int(receipt["sender"])
        amount, slot = int(receipt["amount"]), int(receipt["counterparty"])
        if kind == _BOND:
            self.stake[sender] = self.stake.get(sender, 0) + amount
        elif kind == _UNBOND:
            height = int(receipt["height"])
            self.stake[sender] = self.stake.get(sender, 0) - amount
            self.entries[slot] = Entry(sender, amount, height, height + unbonding_blocks)
        elif kind == _WITHDRAW:
            self.entries.pop(slot, None)
        elif kind == _PUBLISH:
            if slot >= 0:  # else it went past the enforcement point, and is on no ledger
                self.signals[slot] = sender, int(receipt["height"])
        elif kind == _CHALLENGE:
            self.disputes[slot] = int(tx["target"])
        else:
            accused, offence_height, _ = self.get_offence(tx)
            self.draw(accused, offence_height, amount)

    def get_offence(self, tx: Row) -> tuple[int, int, tuple[int, ...]]:
        """Of evidence or of a verdict: the accused, the height, and what is punished once."""
        if tx["kind"] == _RESOLVE:
            signal = self.disputes.get(int(tx["target"]), -1)
            accused, height = self.signals.get(signal, (-1, 0))
            return accused, height, (accused, signal, FRAUD)
        return int(tx["target"]), int(tx["subject"]), get_offence(tx, "target", "amount", "mask")

    def draw(self, account: int, offence_height: int, amount: int) -> None:
        """Take a slash from what leaves first, then from what is bonded."""
        for _, slot, entry in self.get_slashable(account, offence_height):
            drawn = min(amount, entry.amount)
            entry.amount -= drawn
            amount -= drawn
            if entry.amount == 0:
                del self.entries[slot]
        self.stake[account] = self.stake.get(account, 0) - amount


def get_stake_rows(transactions: Records, receipts: Records) -> Ints:
    """Rows of a run that moved stake, and those that say whose a verdict took.

    Of those rows alone, they are all of them.
    """
    kind, slot = receipts["kind"], receipts["counterparty"]
    applied = (receipts["code"] == Reason.APPLIED) & np.isin(kind, STAKE_KINDS)
    slashed = applied & (kind == Kind.RESOLVE) & (receipts["amount"] != 0)
    slashed &= np.isin(transactions["subject"], VERDICTS)
    opened = applied & (kind == Kind.CHALLENGE)
    opened &= np.isin(slot, transactions["target"][slashed])
    published = applied & (kind == Kind.PUBLISH)
    published &= np.isin(slot, transactions["target"][opened])
    itself = applied & ~np.isin(kind, (Kind.PUBLISH, Kind.CHALLENGE, Kind.RESOLVE))
    return np.flatnonzero(itself | slashed | opened | published)


def list_stake_rows(transactions: Records, receipts: Records) -> Iterator[tuple[Row, Row]]:
    """Each transaction that moved stake and its receipt, in order."""
    rows = get_stake_rows(transactions, receipts)
    return zip(list_rows(transactions, rows), list_rows(receipts, rows), strict=True)


def check_unbonding(state: State, height: int) -> None:
    """What an account has unbonding is the sum of its live entries (part of I8).

    Errors: InvariantError.
    """
    n_accounts = int(state.counters[N_ACCOUNTS])
    entries = state.unbonding[: state.counters[N_UNBONDING]]
    held = [0] * n_accounts
    for account, amount in zip(
        entries["account"].tolist(), entries["amount"].tolist(), strict=True
    ):
        held[account] += amount
    for account, said in enumerate(state.accounts["unbonding"][:n_accounts].tolist()):
        if said != held[account]:
            expected = f"entries of {said} for account {account}"
            raise InvariantError("I8 unbonding", height, expected, f"entries of {held[account]}")


def check_slashing(before: State, rules: Rules, transactions: Records, receipts: Records) -> None:
    """I14: a slash needs valid and recent evidence, comes once for it, and is within the stake.

    What a verdict needs is checked with the disputes, in `market_invariants`.

    That nothing is withdrawn before its time belongs here: it would outrun the evidence.

    Shapes: transactions TRANSACTION (n,), receipts RECEIPT (n,), in the order of application.
    Errors: InvariantError. `before` must be a copy: the transition writes in place.
    """
    book, seen = Book(before), set()
    for proof in before.evidence[: before.counters[N_EVIDENCE]]:
        seen |= {get_id(proof), get_offence(proof, "offender", "view", "statement")}
    for tx, receipt in list_stake_rows(transactions, receipts):
        kind, height = int(receipt["kind"]), int(receipt["height"])
        if kind == _WITHDRAW:
            entry = book.entries.get(int(tx["target"]))
            if entry is None or entry.account != tx["sender"] or height < entry.matures_height:
                _raise_at("I14 slashing", receipt, "a matured entry of its own", str(entry))
        elif kind == _EVIDENCE:
            age, age_max = height - int(tx["subject"]), rules.evidence_age_blocks
            if tx["proof_valid"] != 1:
                _raise_at("I14 slashing", receipt, "evidence that verifies", "one that does not")
            if not 0 <= age <= age_max:
                _raise_at("I14 slashing", receipt, f"an age in 0..{age_max}", str(age))
            names = {get_id(tx), get_offence(tx, "target", "amount", "mask")}
            if names & seen:
                _raise_at("I14 slashing", receipt, "each offence once", "one that was punished")
            seen |= names
            check_amount(book, tx, receipt)
        elif kind == _RESOLVE:
            *_, offence = book.get_offence(tx)
            if offence in seen:
                _raise_at("I14 slashing", receipt, "each offence once", "one that was punished")
            seen.add(offence)
            check_amount(book, tx, receipt)
        book.add(tx, receipt, rules.unbonding_blocks)


def check_amount(book: Book, tx: Row, receipt: Row) -> None:
    """A slash takes no more than there is at stake for the offence (I14)."""
    (accused, offence_height, _), amount = book.get_offence(tx), int(receipt["amount"])
    entries = book.get_slashable(accused, offence_height)
    slashable = book.stake.get(accused, 0) + sum(entry.amount for _, _, entry in entries)
    if not 0 <= amount <= slashable:
        _raise_at("I14 slashing", receipt, f"a slash in 0..{slashable}", str(amount))


def get_id(row: Row | Record) -> tuple[int, ...]:
    """Identity of a piece of evidence."""
    return tuple(int(row[word]) for word in WORDS)


def get_offence(row: Row | Record, *columns: str) -> tuple[int, ...]:
    """What is punished once: accused, view and kind of statement."""
    return tuple(int(row[column]) for column in columns)


def check_stakes(
    before: State, after: State, rules: Rules, transactions: Records, receipts: Records
) -> None:
    """I15, in the ledger: stake falls by its owner's UNBOND or by evidence that names it alone.

    A verdict on a signal of its own is such evidence.

    Shapes: transactions TRANSACTION (n,), receipts RECEIPT (n,), in the order of application.
    Errors: InvariantError. `before` must be a copy: the transition writes in place.
    """
    book = Book(before)
    for tx, receipt in list_stake_rows(transactions, receipts):
        book.add(tx, receipt, rules.unbonding_blocks)
    stakes: Ints = after.accounts["stake"][: after.counters[N_ACCOUNTS]]
    for account, stake in enumerate(stakes.tolist()):
        if stake != book.stake.get(account, 0):
            expected = f"stake {book.stake.get(account, 0)} of account {account}"
            raise InvariantError("I15 stake", 0, expected, str(stake))
    for slot, row in enumerate(after.unbonding[: after.counters[N_UNBONDING]].tolist()):
        found = Entry(*row) if row[1] > 0 else None
        if found != book.entries.get(slot):
            expected = f"{book.entries.get(slot)} in slot {slot}"
            raise InvariantError("I15 stake", 0, expected, str(found))


def _raise_at(invariant: str, receipt: Row, expected: str, found: str) -> NoReturn:
    """Name the position of the transaction that broke an invariant."""
    where = f"{found} at position {int(receipt['position'])} by account {int(receipt['sender'])}"
    raise InvariantError(invariant, int(receipt["height"]), expected, where)
