"""One dispute about a sound signal, vote by vote through the ledger's own rules.

The smallest world in which a committee can convict an innocent: a seller with one signal on
offer, somebody who disputes it, and judges. Every step is a transaction that `apply_blocks`
judges, so seats, majority and the end of a dispute are those of a whole replication. The state
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
SELLER, CHALLENGER, JUDGE_FIRST = N_FIXED, N_FIXED + 1, N_FIXED + 2
PRICE = 100
NO_ARGUMENTS: Ints = np.zeros(0, dtype=np.int64)


class Dispute(NamedTuple):
    """Where a dispute stands: the ledger, and how many seats were asked."""

    state: State
    n_asked: int  # -1: nobody has disputed the signal yet


class WrongfulConviction:
    """A sound signal is disputed and convicted: how far it is from there is votes short.

    `chances_ppm` is, for each judge in the order of the seats, the chance to vote that the sound
    signal is false. A level is one more such vote; the last one is the majority.
    """

    def __init__(self, rules: Rules, chances_ppm: tuple[int, ...]) -> None:
        self.rules, self.chances_ppm = rules, chances_ppm

    @property
    def n_seats(self) -> int:
        """Seats of a dispute."""
        return min(self.rules.committee, len(self.chances_ppm))

    @property
    def n_levels(self) -> int:
        """Votes that convict."""
        return self.n_seats // 2 + 1

    def create(self) -> Dispute:
        """A sound signal on offer, and everybody rich."""
        n = len(self.chances_ppm)
        state = create_state(
            supply=(n + 3) * BALANCE,
            accounts=n + JUDGE_FIRST,
            judges=n,
            signals=1,
            sales=1,
            disputes=1,
            evidence=1,
            ratings=1,
        )
        for entity in range(N_FIXED, n + JUDGE_FIRST):
            add_account(state, entity=entity, org=-1, namespace=-1, balance=BALANCE, stake=0)
        for judge in range(n):
            add_judge(state, JUDGE_FIRST + judge)
        bond = self.rules.bond_min
        signal = state.signals[0]
        signal["seller"], signal["price"], signal["bond"] = SELLER, PRICE, bond
        signal["closes_us"], signal["state"] = self.rules.offer_us + 1, int(SignalState.STANDING)
        signal["sale_first"] = signal["dispute"] = -1
        state.counters[N_SIGNALS] = 1
        state.accounts[SELLER]["balance"] -= bond
        state.accounts[ESCROW]["balance"] += bond
        return Dispute(state, -1)

    def copy(self, state: Dispute) -> Dispute:
        """The same dispute, to go on from by itself."""
        tables = {name: table.copy() for name, table in state.state._asdict().items()}
        return Dispute(State(**tables), state.n_asked)

    def advance(self, state: Dispute, draws: Draws) -> Dispute:
        """The challenge, then one judge after another in the order of the seats."""
        ledger, n_asked = state
        if n_asked < 0:
            place_ppm = int(draws.get_ppm(Purpose.SEAT, 0, 0)[0])
            self._apply(ledger, Kind.CHALLENGE, CHALLENGER, 0, self.rules.bond_min, place_ppm)
            return Dispute(ledger, 0)
        n_judges = int(ledger.counters[N_JUDGES])
        place = (int(ledger.disputes[0]["seat_first"]) + n_asked) % n_judges
        drawn = int(draws.get_ppm(Purpose.OPINION, place, 0)[0])
        upholds = int(drawn < self.chances_ppm[place])
        judge = int(ledger.judges[place])
        self._apply(ledger, Kind.RESOLVE, judge, int(Resolution.VOTE), upholds, 0)
        return Dispute(ledger, n_asked + 1)

    def get_level(self, state: Dispute) -> int:
        """Votes against the innocent; as many as convict only once the ledger has convicted."""
        if state.n_asked < 0:
            return 0
        dispute = state.state.disputes[0]
        if dispute["verdict"] == int(Verdict.UPHELD):
            return self.n_levels
        return min(int(dispute["upheld"]).bit_count(), self.n_levels - 1)

    def is_over(self, state: Dispute) -> bool:
        """Whether there is a verdict, or nobody left to vote."""
        if state.n_asked < 0:
            return False
        is_decided = state.state.disputes[0]["verdict"] != int(Verdict.OPEN)
        return bool(is_decided) or state.n_asked >= self.n_seats

    def _apply(
        self, ledger: State, kind: Kind, sender: int, subject: int, amount: int, draw_ppm: int
    ) -> None:
        """One transaction in a block of its own.

        Errors: ValueError if the ledger refuses it, which it has no reason to.
        """
        transactions = create_batch(1).transactions
        tx, receipts = transactions[0], np.zeros(1, dtype=RECEIPT)
        tx["kind"], tx["sender"], tx["subject"], tx["amount"] = int(kind), sender, subject, amount
        tx["key_version"], tx["fee"], tx["draw_ppm"] = 0, self.rules.fee_min, draw_ppm
        tx["height"] = 1
        ends = np.ones(1, dtype=np.int64)
        broken = apply_blocks(ledger, self.rules, transactions, NO_ARGUMENTS, receipts, ends)
        if broken >= 0 or receipts["code"][0]:
            raise ValueError(f"{kind.name} was refused: {receipts['code'][0]}, block {broken}")
