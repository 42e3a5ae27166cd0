"""What must hold of trade in every run, checked from outside the transition.

As `invariants`: shares no rule with the transition, never repairs. Signals, sales and disputes
are booked a second time here, from the transactions and receipts of a run alone, and each batch
costs what is in it and no more.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from sim.core.errors import InvariantError
from sim.core.market import Resolution, SaleState, SignalState, Verdict
from sim.core.reasons import Reason
from sim.core.records import Kind, list_rows
from sim.core.units import PPM
from sim.ledger.rules import Judges, Settlement, Slashing
from sim.ledger.state import (
    ESCROW,
    N_ACCOUNTS,
    N_DISPUTES,
    N_JUDGES,
    N_RATINGS,
    N_SALES,
    N_SIGNALS,
)

if TYPE_CHECKING:
    from sim.core.records import Record, Records, Row
    from sim.ledger.rules import Rules
    from sim.ledger.state import State

MARKET_KINDS = (Kind.PUBLISH, Kind.BUY, Kind.ATTEST, Kind.CHALLENGE, Kind.RESOLVE)

# Where the price of a sale can go, and no other way: from, to.
SALE_MOVES = frozenset(
    {
        (SaleState.HELD, SaleState.PAID),
        (SaleState.HELD, SaleState.REFUNDED),
        (SaleState.HELD, SaleState.TAKEN),
        (SaleState.INVOICED, SaleState.PAID),
        (SaleState.INVOICED, SaleState.VOID),
        (SaleState.PAID, SaleState.RECOVERED),
    }
)
SIGNAL_MOVES = frozenset(
    {
        (SignalState.STANDING, SignalState.DISPUTED),
        (SignalState.STANDING, SignalState.CLOSED),
        (SignalState.DISPUTED, SignalState.STANDING),
        (SignalState.DISPUTED, SignalState.FRAUDULENT),
    }
)


@dataclass(slots=True)
class Offer:
    """A signal as booked."""

    seller: int
    price: int
    bond: int
    has_proof: bool
    closes_us: int
    state: SignalState
    sales: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Deal:
    """A sale as booked."""

    signal: int
    buyer: int
    price: int
    paid: int
    state: SaleState
    is_rated: bool = False


@dataclass(slots=True)
class Case:
    """A dispute as booked."""

    signal: int
    challenger: int
    bond: int
    opened_us: int
    bench: list[int]
    verdict: Verdict = Verdict.OPEN
    votes: dict[int, bool] = field(default_factory=dict)


class MarketBook:
    """Who sold what to whom, who disputes it, and what is in escrow for it."""

    def __init__(self, before: State, rules: Rules) -> None:
        """Begin with what a state says; `before` may change afterwards."""
        counters = before.counters
        self.rules = rules
        self.pool = int(before.accounts["balance"][ESCROW])
        self.frauds = dict(enumerate(before.accounts["offences"][: counters[N_ACCOUNTS]].tolist()))
        self.offers = {
            slot: _read_offer(before.signals[slot]) for slot in range(counters[N_SIGNALS])
        }
        self.deals = {slot: _read_deal(before.sales[slot]) for slot in range(counters[N_SALES])}
        for slot, deal in self.deals.items():
            self.offers[deal.signal].sales.append(slot)
        self.cases = {
            slot: self.read_case(before, before.disputes[slot])
            for slot in range(counters[N_DISPUTES])
        }
        self.n_ratings = int(counters[N_RATINGS])

    def read_case(self, state: State, dispute: Record) -> Case:
        """A dispute that a state already has, with the votes given so far."""
        n_seats, first = int(dispute["n_seats"]), int(dispute["seat_first"])
        signal, challenger = int(dispute["signal"]), int(dispute["challenger"])
        bench = self.get_bench(state, self.offers[signal].seller, first, n_seats)
        voted, upheld = int(dispute["voted"]), int(dispute["upheld"])
        votes = {a: bool(upheld >> k & 1) for k, a in enumerate(bench) if voted >> k & 1}
        money, verdict = int(dispute["bond"]), Verdict(int(dispute["verdict"]))
        return Case(signal, challenger, money, int(dispute["opened_us"]), bench, verdict, votes)

    def get_bench(self, state: State, seller: int, first: int, n_seats: int) -> list[int]:
        """Accounts that may judge a dispute about a seller, seat by seat."""
        judges = state.judges[: state.counters[N_JUDGES]].tolist()
        if self.rules.judges == Judges.OPERATOR:
            return [int(state.accounts["issuer"][seller])]
        if self.rules.judges == Judges.ARBITER:
            return judges[:1]
        is_drawn = self.rules.judges == Judges.COMMITTEE
        return [judges[(first + k) % len(judges)] for k in range(n_seats * is_drawn)]

    def add(self, transactions: Records, receipts: Records, state: State) -> None:
        """Book a batch and compare every row it touched with the state after it.

        Shapes: transactions TRANSACTION (n,), receipts RECEIPT (n,), in the order of application.
        Errors: InvariantError.
        """
        applied = (receipts["code"] == Reason.APPLIED) & np.isin(receipts["kind"], MARKET_KINDS)
        touched: dict[int, None] = {}  # signals, in order
        rows = np.flatnonzero(applied)
        pairs = zip(list_rows(transactions, rows), list_rows(receipts, rows), strict=True)
        for tx, receipt in pairs:
            signal = self.book(tx, receipt, state)
            if signal >= 0:
                touched[signal] = None
        for signal in touched:
            self.compare(signal, state, int(receipts["height"][-1]))

    def book(self, tx: Row, receipt: Row, state: State) -> int:
        """Book one applied transaction; return the signal it is about, or -1."""
        slot, target = int(receipt["counterparty"]), int(tx["target"])
        match int(receipt["kind"]):
            case Kind.PUBLISH:
                return self.publish(tx, receipt, slot) if slot >= 0 else -1  # never came here
            case Kind.BUY:
                return self.buy(tx, receipt, slot)
            case Kind.ATTEST:
                return self.attest(tx, receipt)
            case Kind.CHALLENGE:
                return self.challenge(tx, receipt, slot, state)
        match int(tx["subject"]):
            case Resolution.VOTE | Resolution.PROOF | Resolution.TIMEOUT:
                return self.judge(tx, receipt)
            case Resolution.RELEASE:
                return self.release(target, receipt)
        return self.settle(tx, receipt)

    def publish(self, tx: Row, receipt: Row, slot: int) -> int:
        """A new signal, its bond in escrow."""
        bond, closes_us = int(receipt["amount"]), int(receipt["committed_us"]) + self.rules.offer_us
        seller, price, has_proof = int(tx["sender"]), int(tx["subject"]), bool(tx["mask"] & 1)
        self.offers[slot] = Offer(seller, price, bond, has_proof, closes_us, SignalState.STANDING)
        self.pool += bond
        return slot

    def buy(self, tx: Row, receipt: Row, slot: int) -> int:
        """A new sale, its price in escrow, with the seller or on an invoice."""
        signal, paid = int(tx["target"]), int(receipt["amount"])
        offer = self.get_offer(signal, receipt)
        if offer.state != SignalState.STANDING or offer.seller == tx["sender"]:
            _raise_at("I16 sale", receipt, "a standing signal of another", f"{offer.state.name}")
        if not 0 <= paid <= offer.price <= int(tx["amount"]):
            _raise_at("I16 sale", receipt, f"at most {offer.price} paid", str(paid))
        state = SaleState.PAID if paid == offer.price else SaleState.INVOICED
        if self.rules.settlement == Settlement.ESCROW:
            state = SaleState.HELD
            self.pool += paid
        self.deals[slot] = Deal(signal, int(tx["sender"]), offer.price, paid, state)
        offer.sales.append(slot)
        due_us = int(receipt["committed_us"]) + self.rules.window_us
        offer.closes_us = max(offer.closes_us, due_us)
        return signal

    def attest(self, tx: Row, receipt: Row) -> int:
        """A rating needs a sale, comes from its buyer, and comes once."""
        deal = self.deals.get(int(tx["target"]))
        if deal is None or deal.buyer != tx["sender"]:
            _raise_at("I16 rating", receipt, "a sale to the rater", str(deal))
        if deal.is_rated:
            _raise_at("I16 rating", receipt, "one rating of each sale", "another")
        deal.is_rated = True
        self.n_ratings += 1
        return deal.signal

    def challenge(self, tx: Row, receipt: Row, slot: int, state: State) -> int:
        """A new dispute, its bond in escrow, and its seats as drawn."""
        signal, challenger = int(tx["target"]), int(tx["sender"])
        offer = self.get_offer(signal, receipt)
        self.move_signal(offer, SignalState.DISPUTED, receipt)
        if challenger == offer.seller or receipt["committed_us"] >= offer.closes_us:
            _raise_at("I16 dispute", receipt, "another's, within the window", "it is not")
        n_judges = int(state.counters[N_JUDGES])
        first, n_seats = int(tx["draw_ppm"]) * n_judges // PPM, min(self.rules.committee, n_judges)
        bench = self.get_bench(state, offer.seller, first, n_seats)
        bond, opened_us = int(receipt["amount"]), int(receipt["committed_us"])
        self.cases[slot] = Case(signal, challenger, bond, opened_us, bench)
        self.pool += bond
        return signal

    def judge(self, tx: Row, receipt: Row) -> int:
        """A vote, a proof or the end of the time, and the verdict if there is one now."""
        case, slashed = self.cases.get(int(tx["target"])), int(receipt["amount"])
        if case is None or case.verdict != Verdict.OPEN:
            _raise_at("I14 fraud", receipt, "an open dispute", str(case))
        offer = self.offers[case.signal]
        is_over = receipt["committed_us"] >= case.opened_us + self.rules.verdict_us
        if tx["subject"] == Resolution.VOTE:
            judge = int(tx["sender"])
            if judge not in case.bench or judge in (offer.seller, case.challenger):
                _raise_at("I14 fraud", receipt, f"a vote of {case.bench}", str(judge))
            if judge in case.votes or is_over:
                _raise_at("I14 fraud", receipt, "one vote of each in time", f"another of {judge}")
            case.votes[judge] = bool(tx["amount"] > 0)
        elif tx["subject"] == Resolution.PROOF and not offer.has_proof:
            _raise_at("I14 fraud", receipt, "a signal with a proof", "one without")
        elif tx["subject"] == Resolution.TIMEOUT and not is_over:
            _raise_at("I14 fraud", receipt, "a time-out after its time", "one before")
        case.verdict = self.compute_verdict(case, tx)
        if slashed != 0 and case.verdict != Verdict.UPHELD:
            _raise_at("I14 fraud", receipt, "a slash for an upheld dispute", case.verdict.name)
        if case.verdict != Verdict.OPEN:
            self.close(case, offer, receipt)
        return case.signal

    def compute_verdict(self, case: Case, tx: Row) -> Verdict:
        """What the votes, or a proof, justify."""
        if tx["subject"] == Resolution.PROOF:
            return Verdict.REJECTED if tx["proof_valid"] == 1 else Verdict.UPHELD
        n_for = sum(case.votes.values())
        n_against = len(case.votes) - n_for
        if tx["subject"] == Resolution.TIMEOUT:
            if not case.votes:
                return Verdict.UNDECIDED
            return Verdict.UPHELD if n_for > n_against else Verdict.REJECTED
        if 2 * n_for > len(case.bench):
            return Verdict.UPHELD
        return Verdict.REJECTED if 2 * n_against >= len(case.bench) else Verdict.OPEN

    def close(self, case: Case, offer: Offer, receipt: Row) -> None:
        """Both bonds of an upheld dispute leave the pool with the prices; else one bond does."""
        self.pool -= case.bond
        case.bond = 0
        if case.verdict != Verdict.UPHELD:
            self.move_signal(offer, SignalState.STANDING, receipt)
            return
        self.move_signal(offer, SignalState.FRAUDULENT, receipt)
        self.pool -= offer.bond
        offer.bond = 0
        if self.rules.slash_rule != Slashing.NONE:
            self.frauds[offer.seller] = self.frauds.get(offer.seller, 0) + 1
        for deal in (self.deals[slot] for slot in offer.sales):
            if deal.state == SaleState.HELD:
                self.pool -= deal.paid
                self.move_sale(deal, SaleState.REFUNDED, receipt)
            elif deal.state == SaleState.INVOICED:
                self.move_sale(deal, SaleState.VOID, receipt)
            elif deal.state == SaleState.PAID and self.rules.claws_back:
                self.move_sale(deal, SaleState.RECOVERED, receipt)

    def release(self, signal: int, receipt: Row) -> int:
        """A signal that nobody disputes, after its window: all that is held for it leaves."""
        offer = self.get_offer(signal, receipt)
        self.move_signal(offer, SignalState.CLOSED, receipt)
        if receipt["committed_us"] < offer.closes_us:
            _raise_at("I16 escrow", receipt, f"a release at {offer.closes_us}", "one before")
        left, offer.bond = offer.bond, 0
        for deal in (self.deals[slot] for slot in offer.sales):
            if deal.state == SaleState.HELD:
                left += deal.paid
                self.move_sale(deal, SaleState.PAID, receipt)
        if left != receipt["amount"]:
            _raise_at("I16 escrow", receipt, f"{left} to leave", str(int(receipt["amount"])))
        self.pool -= left
        return signal

    def settle(self, tx: Row, receipt: Row) -> int:
        """A payment of an invoice, or a price that the keeper of the escrow takes."""
        deal, amount = self.deals.get(int(tx["target"])), int(receipt["amount"])
        if deal is None:
            _raise_at("I16 escrow", receipt, "a sale", "none")
        if tx["subject"] == Resolution.TAKE:
            if amount != deal.paid:
                _raise_at("I16 escrow", receipt, f"{deal.paid} to leave", str(amount))
            self.move_sale(deal, SaleState.TAKEN, receipt)
            self.pool -= amount
            return deal.signal
        if deal.state != SaleState.INVOICED or deal.buyer != tx["sender"]:
            _raise_at("I16 sale", receipt, "an invoice of its own", deal.state.name)
        deal.paid += amount
        if amount < 0 or deal.paid > deal.price:
            _raise_at("I16 sale", receipt, f"at most {deal.price} paid", str(deal.paid))
        if deal.paid == deal.price:
            self.move_sale(deal, SaleState.PAID, receipt)
        return deal.signal

    def get_offer(self, signal: int, receipt: Row) -> Offer:
        """A signal that was published."""
        offer = self.offers.get(signal)
        if offer is None:
            _raise_at("I16 signal", receipt, "a published signal", str(signal))
        return offer

    def move_signal(self, offer: Offer, state: SignalState, receipt: Row) -> None:
        """Along the table, or not at all."""
        if (offer.state, state) not in SIGNAL_MOVES:
            _raise_at("I16 signal", receipt, "a move in the table", f"{offer.state} to {state}")
        offer.state = state

    def move_sale(self, deal: Deal, state: SaleState, receipt: Row) -> None:
        """Along the table, or not at all: no price arrives twice."""
        if (deal.state, state) not in SALE_MOVES:
            _raise_at("I16 sale", receipt, "a move in the table", f"{deal.state} to {state}")
        deal.state = state

    def compare(self, signal: int, state: State, height: int) -> None:
        """A signal, its dispute and its sales stand in the state where they are booked."""
        offer, row = self.offers[signal], state.signals[signal]
        found = [(int(row["state"]), int(row["bond"]))]
        booked = [(int(offer.state), offer.bond)]
        if row["dispute"] >= 0:
            dispute, case = state.disputes[row["dispute"]], self.cases[int(row["dispute"])]
            found.append((int(dispute["verdict"]), int(dispute["bond"])))
            booked.append((int(case.verdict), case.bond))
        sales = state.sales[offer.sales]
        found += zip(sales["state"].tolist(), sales["rated"].tolist(), strict=True)
        deals = [self.deals[slot] for slot in offer.sales]
        booked += [(int(deal.state), int(deal.is_rated)) for deal in deals]
        if found != booked:
            raise InvariantError("I16 books", height, f"{booked} of signal {signal}", str(found))

    def check(self, state: State, height: int) -> None:
        """The pool holds what is booked, scores are shares, and convicts had their dispute.

        Errors: InvariantError.
        """
        balance, n_ratings = int(state.accounts["balance"][ESCROW]), int(state.counters[N_RATINGS])
        if balance != self.pool:
            raise InvariantError("I16 escrow", height, f"{self.pool} in the pool", str(balance))
        if n_ratings != self.n_ratings:
            raise InvariantError("I16 rating", height, f"{self.n_ratings}", str(n_ratings))
        accounts = state.accounts[: state.counters[N_ACCOUNTS]]
        scores = accounts["reputation_ppm"]
        wrong = np.flatnonzero((scores < 0) | (scores > PPM))
        if wrong.size:
            found = f"{int(scores[wrong[0]])} of account {int(wrong[0])}"
            raise InvariantError("I17 score", height, f"scores in 0..{PPM}", found)
        for account in np.flatnonzero(accounts["offences"]).tolist():
            frauds, said = self.frauds.get(account, 0), int(accounts["offences"][account])
            if said > frauds:
                found = f"{said} offences of account {account}"
                raise InvariantError("I15 conviction", height, f"{frauds} upheld", found)


def _read_offer(row: Record) -> Offer:
    seller, price, bond, closes_us = (int(row[n]) for n in ("seller", "price", "bond", "closes_us"))
    state = SignalState(int(row["state"]))
    return Offer(seller, price, bond, bool(row["has_proof"]), closes_us, state)


def _read_deal(row: Record) -> Deal:
    signal, buyer, price, paid = (int(row[n]) for n in ("signal", "buyer", "price", "paid"))
    return Deal(signal, buyer, price, paid, SaleState(int(row["state"])), bool(row["rated"]))


def _raise_at(invariant: str, receipt: Row, expected: str, found: str) -> NoReturn:
    """Name the position of the transaction that broke an invariant."""
    where = f"{found} at position {int(receipt['position'])} by account {int(receipt['sender'])}"
    raise InvariantError(invariant, int(receipt["height"]), expected, where)
