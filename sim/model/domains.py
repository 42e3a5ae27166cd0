"""Enforcement domains: ledgers, the rules they run under, and all that was applied to them."""

from __future__ import annotations

import hashlib
from copy import copy
from typing import TYPE_CHECKING

import numpy as np

from sim.core.errors import InvariantError
from sim.core.merkle import PagedTree
from sim.core.records import (
    RECEIPT,
    TRANSACTION,
    Ints,
    Records,
    take_records,
)
from sim.core.table import Table
from sim.ledger.invariants import check_attenuation, check_capabilities, check_nonces
from sim.ledger.liveness import record_participation
from sim.ledger.market import process_epoch
from sim.ledger.market_invariants import MarketBook
from sim.ledger.market_totals import check_totals, find_signals
from sim.ledger.rules import Rules
from sim.ledger.stake_invariants import (
    check_slashing,
    check_stakes,
    check_unbonding,
    get_stake_rows,
)
from sim.ledger.state import (
    GROWING,
    N_ACCOUNTS,
    N_APPROVALS,
    N_DISPUTES,
    N_EVIDENCE,
    N_GRANTS,
    N_JUDGES,
    N_LOGS,
    N_POOL,
    N_RATINGS,
    N_SALES,
    N_SIGNALS,
    N_UNBONDING,
    N_VALIDATORS,
    State,
    create_grown,
)
from sim.ledger.transition import apply_blocks
from sim.model.batches import Batch
from sim.model.calls import stamp_batch
from sim.model.signing import create_signing
from sim.model.world import World
from sim.trace.records import DomainRecord, Epoch, Participation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.policies.reputation.base import Scores


BOOKED_TRADERS = 2_000  # of a market with more, not every signal is booked a second time
MARKET_TABLES = ("signals", "sales", "disputes", "ratings")
AUDITOR, ARBITER = 0, 1  # offices that some policies fill
N_OFFICES = 2


class Domain:
    """One ledger, the rules it runs under, and everything that was ever applied to it."""

    def __init__(self, name: str, state: State, rules: Rules, local: Ints, world: World) -> None:
        self.name, self.state, self.rules, self.world = name, state, rules, world
        self.local = local  # account of the world -> account here, -1: none
        self.signing = create_signing(world.scenario.signatures, world.loaded.stream)
        self.height = 0
        self.genesis = state._replace(
            accounts=state.accounts.copy(), counters=state.counters.copy()
        )  # before any transaction: what the books are checked against
        named = world.templates["named_to"] - world.templates["named_from"]
        self.named_max = int(named.max(initial=0))  # arguments in one grant
        self.nonces = np.zeros(local.shape[0], dtype=np.int64)
        self.key_versions = np.zeros(local.shape[0], dtype=np.int64)
        self.applied, self.receipts = Table(TRANSACTION), Table(RECEIPT)
        self.tree = PagedTree()
        self.ends: list[int] = []
        self.n_applied = 0
        self.participations: list[Participation] = []
        self.epochs: list[Epoch] = []
        self.book: MarketBook | None = None
        self.n_jailed = 0  # times a validator was jailed for its absence

    def fork(self) -> Domain:
        """The same ledger, to go on from here on its own; its rules and operations are shared."""
        other = copy(self)
        shared = {"operations": self.state.operations, "client_scopes": self.state.client_scopes}
        tables = {name: table.copy() for name, table in self.state._asdict().items()}
        other.state = State(**{**tables, **shared})
        other.local = self.local.copy()  # it grows where somebody begins anew
        other.nonces, other.key_versions = self.nonces.copy(), self.key_versions.copy()
        other.applied, other.receipts = self.applied.copy(), self.receipts.copy()
        other.ends = list(self.ends)
        other.participations = list(self.participations)
        other.epochs = list(self.epochs)
        other.book = None  # nothing is traded before time starts
        other.tree = PagedTree()
        return other

    def apply(self, batch: Batch, ends: Ints) -> Records:
        """Stamp, sign and apply consecutive blocks that end at `ends`; return receipts.

        Errors: InvariantError if conservation breaks.
        """
        transactions, truths = batch
        stamp_batch(transactions, truths, self.local, self.nonces, self.key_versions)
        self.signing.process(transactions, self.world.arguments, self.state)
        n = len(batch)
        self.make_room(n)
        receipts = self.receipts.extend(n)
        broken = apply_blocks(
            self.state, self.rules, transactions, self.world.arguments, receipts, ends
        )
        if broken >= 0:
            height = int(transactions["height"][ends[broken] - 1])
            raise InvariantError("I8 conservation", height, "the supply", "another sum")
        self.check_trade(transactions, receipts)
        self.resync(batch, receipts)
        self.applied.append(transactions)
        self.ends += (ends + self.n_applied).tolist()
        self.n_applied += n
        return receipts

    def check_trade(self, transactions: Records, receipts: Records) -> None:
        """Book what was traded a second time, and compare: all of it, or every so many signals.

        Errors: InvariantError.
        """
        n_traders = len(self.world.market.traders)
        if not n_traders or not len(receipts):
            return
        height, stride = int(receipts["height"].max()), 1 + n_traders // BOOKED_TRADERS
        about = find_signals(transactions, receipts, self.state)
        if self.book is None:
            self.book = MarketBook(self.genesis, self.rules)
        rows = np.flatnonzero((about >= 0) & (about % stride == 0))
        if len(rows):
            self.book.add(
                take_records(transactions, rows), take_records(receipts, rows), self.state
            )
        if stride == 1:
            self.book.check(self.state, height)
        check_totals(self.state, height)

    def record_participation(self, height: int, signers: Sequence[int]) -> None:
        """Count who signed a block, after all that was applied so far."""
        self.participations.append(Participation(self.n_applied, height, tuple(signers)))
        self.n_jailed += replay_participation(self.state, self.rules, self.participations[-1])

    def end_epoch(self, scores: Scores) -> None:
        """Write the scores of an epoch, after all that was applied so far."""
        n = len(scores.score_ppm)
        known = np.asarray(scores.known, dtype=np.int64)
        self.epochs.append(Epoch(self.n_applied, scores.score_ppm[:n].copy(), known))
        process_epoch(self.state, self.rules, scores.score_ppm, known)

    def check_books(self) -> None:
        """Check everything that was ever applied here against what must hold of a ledger.

        Errors: InvariantError.
        """
        transactions, receipts = self.get_transactions(), self.get_receipts()
        state, rules = self.state, self.rules
        check_nonces(self.genesis, state, rules, transactions, receipts)
        check_capabilities(state, rules, transactions, receipts)
        check_attenuation(state, self.height)
        check_unbonding(state, self.height)
        rows = get_stake_rows(transactions, receipts)
        of_stakes = take_records(transactions, rows), take_records(receipts, rows)
        check_slashing(self.genesis, rules, *of_stakes)
        check_stakes(self.genesis, state, rules, *of_stakes)

    def make_room(self, n: int) -> None:
        """Let the growing tables take whatever n transactions may write."""
        rooms = {**dict.fromkeys(GROWING, n), "pool": n * self.named_max}
        if not self.world.market.cohorts:
            rooms |= dict.fromkeys(MARKET_TABLES, 0)
        self.state = create_grown(self.state, **rooms)

    def get_receipts(self) -> Records:
        """All receipts, in the order of application."""
        return self.receipts.get_rows()

    def get_transactions(self) -> Records:
        """All transactions, in the order of application."""
        return self.applied.get_rows()

    def compute_state_root(self) -> bytes:
        """Root over every table: pages of accounts, only dirty ones hashed again, then the rest.

        Keys and signatures are not in any table, so real and trusted ones give the same root.
        """
        state = self.state
        counters = state.counters
        root = hashlib.sha256(
            self.tree.root(state.accounts, int(counters[N_ACCOUNTS]), state.dirty)
        )
        for table, used in (
            (state.grants, N_GRANTS),
            (state.approvals, N_APPROVALS),
            (state.logs, N_LOGS),
            (state.pool, N_POOL),
            (state.unbonding, N_UNBONDING),
            (state.evidence, N_EVIDENCE),
            (state.liveness, N_VALIDATORS),
            (state.signals, N_SIGNALS),
            (state.sales, N_SALES),
            (state.disputes, N_DISPUTES),
            (state.ratings, N_RATINGS),
            (state.judges, N_JUDGES),
        ):
            root.update(table[: counters[used]].tobytes())
        root.update(counters.tobytes())
        return root.digest()

    def create_record(self) -> DomainRecord:
        """What this ledger was given and came to."""
        root = self.compute_state_root()
        return DomainRecord(
            self.name, self.get_transactions(), self.ends, root, self.participations, self.epochs
        )

    def get_world_accounts(self) -> Ints:
        """Account of the world behind each account here; -1 for those of the genesis block."""
        known = self.local >= 0
        accounts = np.full(int(self.local.max()) + 1, -1, dtype=np.int64)
        accounts[self.local[known]] = np.flatnonzero(known)
        return accounts

    def resync(self, batch: Batch, receipts: Records) -> None:
        """Senders whose transaction was dropped ask the ledger for their nonce again."""
        dropped = (receipts["code"] >= 1) & (receipts["code"] < 10)
        if not dropped.any():
            return
        for sender in np.unique(batch.transactions["sender"][dropped]):
            account = int(np.flatnonzero(self.local == sender)[0])
            self.nonces[account] = self.state.accounts[sender]["nonce"]


def replay_participation(state: State, rules: Rules, participation: Participation) -> int:
    """Write down who signed a block; return how many are jailed for having missed too many."""
    watched = state.liveness["account"][: state.counters[N_VALIDATORS]]
    signed = np.zeros(len(watched), dtype=np.int64)
    signed[list(participation.signers)] = 1
    return int(record_participation(state, rules, watched, signed, participation.height))


def get_validator_account(world: World, validator: int) -> int:
    """Account of the world that stands for a validator: after orgs, holders and offices."""
    return get_office_account(world, N_OFFICES) + validator


def get_office_account(world: World, office: int) -> int:
    """Account of the world of the auditor or the arbiter: after orgs and holders."""
    return world.n_orgs + len(world.holders) + office


def get_account_orgs(world: World) -> Ints:
    """Org of each account of the world that orgs and holders have; -1 for the offices."""
    orgs = [*range(world.n_orgs), *[holder.org for holder in world.holders]]
    return np.array([*orgs, *[-1] * N_OFFICES], dtype=np.int64)
