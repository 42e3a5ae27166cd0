"""Small honest runs of the market, batch by batch, for tests that spoil them."""

from __future__ import annotations

from copy import deepcopy
from typing import NamedTuple

from sim.core.market import Resolution
from sim.core.records import RECEIPT, TRANSACTION, Kind
from sim.ledger.market_invariants import MarketBook
from sim.ledger.rules import Judges, Rules, Settlement, Slashing
from sim.ledger.state import State
from tests.ledger_world import (
    AGENT,
    HELPER,
    NONCE,
    NOW_US,
    OPERATOR,
    OWNER,
    READ,
    Row,
    add_stake,
    apply_all,
    create_records,
    create_row,
    create_strict_rules,
    create_transaction,
    create_world,
    load_state,
)

JUDGES = (7, 8, 9)
WINDOWS = {"offer_us": 10, "window_us": 20, "verdict_us": 10}


class MarketRun(NamedTuple):
    """Rules, states before and after, and what was applied between them."""

    rules: Rules
    before: State
    after: State
    transactions: list[Row]
    receipts: list[Row]

    def check(self) -> None:
        """Let the book see it all."""
        book = MarketBook(self.before, self.rules)
        transactions = create_records(TRANSACTION, self.transactions)
        book.add(transactions, create_records(RECEIPT, self.receipts), self.after)
        book.check(self.after, 0)


def create_market_state() -> State:
    """The small world, in which an agent sells, others buy and dispute, and three judge."""
    world = create_world()
    for entity in (14, 15, 16):
        world["accounts"].append(create_row("accounts", entity=entity, nonce=NONCE))
    world["accounts"][OWNER]["nonce"] = NONCE
    add_stake(world, AGENT, 1_000)
    world["judges"] = list(JUDGES)
    return load_state(world)


def run_market(rules: Rules, steps: list[tuple[int, Kind, Row]]) -> MarketRun:
    """Apply steps (sender, kind, columns) one after another; nonces are counted here."""
    state, before = create_market_state(), create_market_state()
    nonces: dict[int, int] = {}
    transactions = []
    for sender, kind, columns in steps:
        nonce = nonces.get(sender, NONCE)
        nonces[sender] = nonce + 1
        transactions.append(create_transaction(kind, sender=sender, nonce=nonce, **columns))
    receipts = apply_all(state, rules, deepcopy(transactions))
    return MarketRun(rules, before, state, transactions, receipts)


def publish(seller: int = AGENT, **columns: int) -> tuple[int, Kind, Row]:
    given = {"target": READ, "subject": 20, "amount": 10, "mask": 1}
    return seller, Kind.PUBLISH, given | columns


def buy(buyer: int, signal: int, **columns: int) -> tuple[int, Kind, Row]:
    return buyer, Kind.BUY, {"target": signal, "amount": 20} | columns


def resolve(sender: int, step: Resolution, target: int, **columns: int) -> tuple[int, Kind, Row]:
    return sender, Kind.RESOLVE, {"subject": step, "target": target} | columns


LATE = {"now_us": NOW_US + 20}


def create_escrow_run() -> MarketRun:
    """A fraud that two of three judges uphold, and a signal that is rated and released."""
    rules = create_strict_rules(slash_rule=Slashing.PROPORTIONAL, **WINDOWS)
    return run_market(
        rules,
        [
            publish(),
            buy(OWNER, 0),
            (OPERATOR, Kind.CHALLENGE, {"target": 0, "amount": 10}),
            resolve(7, Resolution.VOTE, 0, amount=1),
            resolve(8, Resolution.VOTE, 0, amount=1),
            publish(OPERATOR),
            buy(OWNER, 1),
            (HELPER, Kind.CHALLENGE, {"target": 1, "amount": 10}),
            resolve(HELPER, Resolution.TIMEOUT, 0 + 1, now_us=NOW_US + 10),
            (OWNER, Kind.ATTEST, {"target": 1, "amount": 900_000, **LATE}),
            resolve(9, Resolution.RELEASE, 1, **LATE),
        ],
    )


def create_trust_run() -> MarketRun:
    """An invoice that is paid in two parts, and one that a proof makes void."""
    rules = create_strict_rules(
        settlement=Settlement.TRUST, judges=Judges.OPERATOR, slash_rule=Slashing.NONE, **WINDOWS
    )
    return run_market(
        rules,
        [
            publish(),
            buy(OWNER, 0),
            buy(OPERATOR, 0),
            resolve(OWNER, Resolution.PAY, 0, amount=15),
            resolve(OWNER, Resolution.PAY, 0, amount=15),
            (OWNER, Kind.CHALLENGE, {"target": 0, "amount": 10}),
            resolve(9, Resolution.PROOF, 0, proof_valid=0),
        ],
    )


def create_arbiter_run() -> MarketRun:
    """A price that the keeper of the escrow takes, and a dispute that it rejects."""
    rules = create_strict_rules(judges=Judges.ARBITER, **WINDOWS)
    return run_market(
        rules,
        [
            publish(),
            buy(OWNER, 0),
            resolve(7, Resolution.TAKE, 0),
            (OPERATOR, Kind.CHALLENGE, {"target": 0, "amount": 10}),
            resolve(7, Resolution.VOTE, 0),
            (OPERATOR, Kind.CHALLENGE, {"target": 0, "amount": 10}),
        ],
    )
