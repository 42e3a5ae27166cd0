"""Disputes about sound signals, vote by vote through the ledger's own rules.

The smallest world in which a committee can convict an innocent: a seller with signals on offer,
somebody who disputes them, and judges. Every step is a transaction that `apply_blocks` judges, so
seats, majority, the end of a dispute and what it costs are those of a whole replication. The state
is a few small tables and can be copied, as a rare event needs it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.core.market import Resolution, SignalState, Verdict
from sim.core.purposes import Purpose
from sim.core.records import RECEIPT, Ints, Kind
from sim.ledger.state import (
    ESCROW,
    N_DISPUTES,
    N_FIXED,
    N_JUDGES,
    N_SIGNALS,
    State,
    add_account,
    add_judge,
    create_state,
)
from sim.ledger.transition import apply_blocks
from sim.model.batches import create_batch

if TYPE_CHECKING:
    from sim.core.draws import Draws
    from sim.ledger.rules import Rules

BALANCE = 10**9  # enough for every bond and fee
SELLER, CHALLENGER, OTHERS, JUDGE_FIRST = range(N_FIXED, N_FIXED + 4)
PRICE = 100
NO_ARGUMENTS: Ints = np.zeros(0, dtype=np.int64)


class Stakes(NamedTuple):
    """What is bonded before the first dispute, in base units."""

    seller: int = 0
    others: int = 0  # all others together, which some rules of slashing look at


class Dispute(NamedTuple):
    """Where the latest dispute stands: the ledger, and how many seats were asked."""

    state: State
    n_asked: int  # -1: nobody has disputed a signal yet


class WrongfulConviction:
    """A sound signal is disputed and convicted: how far it is from there is votes short.

    `chances_ppm` is, for each judge in the order of the seats, the chance to vote that the sound
    signal is false. A level is one more such vote; the last one is the majority.
    """

    n_signals = 1  # on offer, and disputed one after another
    stakes = Stakes()

    def __init__(self, rules: Rules, chances_ppm: tuple[int, ...]) -> None:
        self.rules, self.chances_ppm = rules, chances_ppm

    @property
    def n_seats(self) -> int:
        """Seats of a dispute."""
        return min(self.rules.committee, len(self.chances_ppm))

    @property
    def n_convicting(self) -> int:
        """Votes that convict."""
        return self.n_seats // 2 + 1

    @property
    def n_levels(self) -> int:
        """Votes that convict."""
        return self.n_convicting

    def create(self) -> Dispute:
        """Sound signals on offer, and everybody rich."""
        n, n_signals = len(self.chances_ppm), self.n_signals
        state = create_state(
            supply=(n + 4) * BALANCE + sum(self.stakes),
            accounts=n + JUDGE_FIRST,
            judges=n,
            signals=n_signals,
            sales=1,
            disputes=n_signals,
            evidence=n_signals,
            ratings=1,
        )
        stakes = {SELLER: self.stakes.seller, OTHERS: self.stakes.others}
        for entity in range(N_FIXED, n + JUDGE_FIRST):
            stake = stakes.get(entity, 0)
            add_account(state, entity=entity, org=-1, namespace=-1, balance=BALANCE, stake=stake)
        for judge in range(n):
            add_judge(state, JUDGE_FIRST + judge)
        bond = self.rules.bond_min
        signals = state.signals[:n_signals]
        signals["seller"], signals["price"], signals["bond"] = SELLER, PRICE, bond
        signals["closes_us"], signals["state"] = self.rules.offer_us + 1, int(SignalState.STANDING)
        signals["sale_first"] = signals["dispute"] = -1
        state.counters[N_SIGNALS] = n_signals
        state.accounts[SELLER]["balance"] -= n_signals * bond
        state.accounts[ESCROW]["balance"] += n_signals * bond
        return Dispute(state, -1)

    def copy(self, state: Dispute) -> Dispute:
        """The same disputes, to go on from by themselves."""
        tables = {name: table.copy() for name, table in state.state._asdict().items()}
        return Dispute(State(**tables), state.n_asked)

    def advance(self, state: Dispute, draws: Draws) -> Dispute:
        """A challenge, or the vote of the next judge in the order of the seats."""
        ledger, n_asked = state
        number = int(ledger.counters[N_DISPUTES]) - 1
        if not self.is_open(state):
            place_ppm = int(draws.get_ppm(Purpose.SEAT, 0, number + 1)[0])
            bond = self.rules.bond_min
            self._apply(ledger, Kind.CHALLENGE, CHALLENGER, number + 1, 0, bond, place_ppm)
            return Dispute(ledger, 0)
        n_judges = int(ledger.counters[N_JUDGES])
        place = (int(ledger.disputes[number]["seat_first"]) + n_asked) % n_judges
        drawn = int(draws.get_ppm(Purpose.OPINION, place, number)[0])
        upholds = int(drawn < self.chances_ppm[place])
        judge = int(ledger.judges[place])
        self._apply(ledger, Kind.RESOLVE, judge, number, int(Resolution.VOTE), upholds, 0)
        return Dispute(ledger, n_asked + 1)

    def get_level(self, state: Dispute) -> int:
        """Votes against the innocent; as many as convict only once the ledger has convicted."""
        if self.count_convictions(state):
            return self.n_levels
        return min(self.count_votes(state), self.n_levels - 1)

    def is_over(self, state: Dispute) -> bool:
        """Whether no signal is left to dispute and the last dispute has ended."""
        is_last = state.state.counters[N_DISPUTES] == self.n_signals
        return bool(is_last) and (not self.is_open(state) or state.n_asked >= self.n_seats)

    def is_open(self, state: Dispute) -> bool:
        """Whether a dispute waits for its verdict."""
        disputes = state.state.disputes[: state.state.counters[N_DISPUTES]]
        return len(disputes) > 0 and disputes[-1]["verdict"] == int(Verdict.OPEN)

    def count_votes(self, state: Dispute) -> int:
        """Votes against the innocent in the latest dispute."""
        disputes = state.state.disputes[: state.state.counters[N_DISPUTES]]
        return int(disputes[-1]["upheld"]).bit_count() if len(disputes) else 0

    def count_convictions(self, state: Dispute) -> int:
        """Disputes that the innocent has lost."""
        return int(np.count_nonzero(state.state.disputes["verdict"] == int(Verdict.UPHELD)))

    def _apply(
        self,
        ledger: State,
        kind: Kind,
        sender: int,
        target: int,
        subject: int,
        amount: int,
        draw_ppm: int,
    ) -> None:
        """One transaction in a block of its own.

        Errors: ValueError if the ledger refuses it, which it has no reason to.
        """
        transactions = create_batch(1).transactions
        tx, receipts = transactions[0], np.zeros(1, dtype=RECEIPT)
        tx["kind"], tx["sender"], tx["target"] = int(kind), sender, target
        tx["subject"], tx["amount"] = subject, amount
        tx["nonce"], tx["key_version"] = ledger.accounts[sender]["nonce"], 0
        tx["fee"], tx["draw_ppm"], tx["height"] = self.rules.fee_min, draw_ppm, 1
        ends = np.ones(1, dtype=np.int64)
        broken = apply_blocks(ledger, self.rules, transactions, NO_ARGUMENTS, receipts, ends)
        if broken >= 0 or receipts["code"][0]:
            raise ValueError(f"{kind.name} was refused: {receipts['code'][0]}, block {broken}")


class Ruin(WrongfulConviction):
    """A seller of sound signals is convicted until its stake is below what a seller must have.

    A level is one more vote that convicts, `n_ruinous` convictions of `n_convicting` votes each;
    the last one is reached once the ledger's own account is below the floor of the rules.
    """

    def __init__(
        self,
        rules: Rules,
        chances_ppm: tuple[int, ...],
        n_signals: int,
        stakes: Stakes,
        n_ruinous: int,
    ) -> None:
        super().__init__(rules, chances_ppm)
        self.n_signals, self.stakes, self.n_ruinous = n_signals, stakes, n_ruinous

    @property
    def n_levels(self) -> int:
        """Votes that ruin."""
        return self.n_ruinous * self.n_convicting

    def get_level(self, state: Dispute) -> int:
        """Votes of lost disputes, and those of the one that goes on."""
        if self.is_ruined(state):
            return self.n_levels
        votes = self.count_votes(state) if self.is_open(state) else 0
        level = self.count_convictions(state) * self.n_convicting + votes
        return min(level, self.n_levels - 1)

    def is_over(self, state: Dispute) -> bool:
        """Whether it is ruined, or nothing more is disputed."""
        return self.is_ruined(state) or super().is_over(state)

    def is_ruined(self, state: Dispute) -> bool:
        """Whether what is left is less than a seller must have."""
        return int(state.state.accounts[SELLER]["stake"]) < self.rules.stake_min
