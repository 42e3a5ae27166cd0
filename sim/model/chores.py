"""What is done for traders without any decision of theirs: release, proof, ruling, time-out, audit.

Each is a transaction by whoever would send it: the seller, the challenger, the arbiter, an
operator or an auditor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.core.market import Resolution, SaleState, SignalState, Verdict
from sim.core.purposes import Purpose
from sim.core.records import Ints, Kind, Posture, Records, Status
from sim.core.units import PPM
from sim.ledger.state import N_SALES
from sim.model.batches import Batch, create_batch, join_batches
from sim.model.calendar import Calendar
from sim.model.domains import ARBITER, AUDITOR, get_office_account
from sim.model.trade_layout import CHORE, NEVER_US, Chore
from sim.model.trades import MARKET
from sim.policies.base import Judges

if TYPE_CHECKING:
    from sim.model.market import Market

SLACK_US = 2_000_000  # after the end of a window: what is late by a block is not early


class Chores:
    """Chores to come, in order of time."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self.waiting = Calendar(CHORE, market.world.scenario.window)
        self.ran_away_us = self.draw_flight_us()
        if self.ran_away_us < NEVER_US:
            self.add(Chore.RUN_AWAY, np.array([self.ran_away_us]), np.zeros(1, dtype=np.int64))

    def draw_flight_us(self) -> int:
        """When whoever keeps the escrow runs away with it; never, unless it is a third party."""
        market = self.market
        if market.policy.judges is not Judges.ARBITER:
            return NEVER_US
        scenario = market.world.scenario
        drawn, when = market.draws.get_ppm(Purpose.THIRD_PARTY, 0, np.array([0, 1])).tolist()
        if drawn >= scenario.market.third_party_failure:
            return NEVER_US
        return int(scenario.horizon * when // PPM)

    def add(self, chore: Chore, time_us: Ints, subject: Ints) -> None:
        """Chores of one kind at given times; none in a window that is over."""
        rows = np.zeros(len(subject), dtype=CHORE)
        rows["time_us"] = np.maximum(time_us, self.market.until_us)
        rows["chore"], rows["subject"] = int(chore), subject
        self.waiting.add(rows)

    def do(self, until_us: int) -> Batch:
        """Transactions of what is to be done before a time."""
        rows = self.waiting.take(until_us)
        rows = rows.take(np.lexsort((rows["subject"], rows["chore"], rows["time_us"])))
        ways = {
            Chore.RELEASE: self.release,
            Chore.PROVE: self.prove,
            Chore.RULE: self.rule,
            Chore.TIME_OUT: self.time_out,
            Chore.AUDIT: self.audit,
            Chore.RUN_AWAY: self.run_away,
        }
        batches = [way(rows[rows["chore"] == int(chore)]) for chore, way in ways.items()]
        return join_batches(batches)

    def create(self, kind: Kind, rows: Records, senders: Ints, targets: Ints) -> Batch:
        """Transactions of one kind."""
        batch = create_batch(len(rows))
        tx, truth = batch
        tx["kind"], tx["sender"], tx["target"] = int(kind), senders, targets
        tx["submitted_us"] = truth["ready_us"] = rows["time_us"]
        truth["trader"], truth["final_us"] = MARKET, -1
        truth["entity"] = senders
        orgs = self.market.account_orgs[senders]
        truth["caller_org"] = truth["owner_org"] = np.maximum(orgs, 0)
        return batch

    def resolve(self, step: Resolution, rows: Records, senders: Ints, targets: Ints) -> Batch:
        """RESOLVE transactions that do one thing."""
        batch = self.create(Kind.RESOLVE, rows, senders, targets)
        batch.transactions["subject"] = int(step)
        return batch

    def release(self, rows: Records) -> Batch:
        """The seller asks for its money, or, where it is barred, the auditor's office does."""
        market = self.market
        signals = market.domain.state.signals[rows["subject"]]
        rows = rows[signals["state"] == int(SignalState.STANDING)]
        sellers = market.identities["account"][market.signals["identity"][rows["subject"]]]
        return self.resolve(Resolution.RELEASE, rows, self.stand_in(sellers), rows["subject"])

    def stand_in(self, senders: Ints) -> Ints:
        """The same accounts, with the auditor's office for those that may send nothing now."""
        market = self.market
        accounts = market.domain.state.accounts[market.domain.local[senders]]
        until_height, height = accounts["jailed_until_height"], market.get_height()
        is_served = (until_height > 0) & (until_height <= height)
        barred = np.isin(accounts["status"], (int(Status.TOMBSTONED), int(Status.FROZEN)))
        barred |= (accounts["status"] == int(Status.JAILED)) & ~is_served
        return np.where(barred, get_office_account(market.world, AUDITOR), senders)

    def put_back(self, steps: Ints, subjects: Ints, time_us: Ints) -> None:
        """Chores whose sender was barred between asking and being heard: the office does them."""
        for step, chore in (
            (Resolution.RELEASE, Chore.RELEASE),
            (Resolution.PROOF, Chore.PROVE),
            (Resolution.TIMEOUT, Chore.TIME_OUT),
        ):
            rows = np.flatnonzero(steps == int(step))
            self.add(chore, time_us[rows], subjects[rows])

    def get_open(self, rows: Records) -> Records:
        """Chores of disputes that are still open."""
        verdict = self.market.domain.state.disputes["verdict"][rows["subject"]]
        return rows[verdict == int(Verdict.OPEN)]

    def get_challengers(self, rows: Records) -> Ints:
        """Accounts of the world that opened those disputes, or who stands in for them."""
        local = self.market.domain.state.disputes["challenger"][rows["subject"]]
        return self.stand_in(self.market.domain.get_world_accounts()[local])

    def prove(self, rows: Records) -> Batch:
        """The proof that a disputed signal carries is looked at."""
        rows = self.get_open(rows)
        if not len(rows):
            return create_batch(0)
        market = self.market
        batch = self.resolve(Resolution.PROOF, rows, self.get_challengers(rows), rows["subject"])
        signal = market.domain.state.disputes["signal"][rows["subject"]]
        market.signals["n_examined"][signal] += 1
        batch.transactions["proof_valid"] = market.claims.verify(market, signal)
        return batch

    def rule(self, rows: Records) -> Batch:
        """The arbiter decides as a committee would have; an operator, by how it is run."""
        rows = self.get_open(rows)
        market = self.market
        if market.policy.judges is Judges.ARBITER:
            rows = rows[rows["time_us"] < self.ran_away_us]
        if not len(rows):
            return create_batch(0)
        signal = market.domain.state.disputes["signal"][rows["subject"]]
        market.signals["n_examined"][signal] += 1
        if market.policy.judges is Judges.ARBITER:
            office = get_office_account(market.world, ARBITER)
            senders = np.full(len(rows), office, dtype=np.int64)
            upholds = self.judge_as_committee(signal)
        else:
            trader = market.identities["trader"][market.signals["identity"][signal]]
            senders = market.traders["org"][trader]
            upholds = self.judge_as_operator(signal, senders)
        batch = self.resolve(Resolution.VOTE, rows, senders, rows["subject"])
        batch.transactions["amount"] = upholds
        return batch

    def judge_as_committee(self, signal: Ints) -> Ints:
        """Majority of as many opinions as a committee has seats, each wrong as often as a judge.

        Source: an assumption: a third party asks as many people as a committee would have, none
        of them with an interest of its own.
        """
        market = self.market
        keys, n_seats = market.signals["key"][signal], market.policy.committee
        error_ppm = market.world.scenario.market.judge_error
        wrong = np.zeros(len(signal), dtype=np.int64)
        for seat in range(n_seats):
            wrong += market.draws.get_ppm(Purpose.OPINION, keys, seat) < error_ppm
        fraudulent = market.signals["fraudulent"][signal] == 1
        n_for = np.where(fraudulent, n_seats - wrong, wrong)
        return (2 * n_for > n_seats).astype(np.int64)

    def judge_as_operator(self, signal: Ints, orgs: Ints) -> Ints:
        """An honest operator makes its member give back what it took, if it can be convinced."""
        market = self.market
        keys = market.signals["key"][signal]
        drawn = market.draws.get_ppm(Purpose.RECOVERY, keys, 0)
        upholds = drawn < market.world.scenario.market.recovery
        upholds &= market.world.postures[orgs] == int(Posture.HONEST)
        return (upholds & (market.signals["fraudulent"][signal] == 1)).astype(np.int64)

    def time_out(self, rows: Records) -> Batch:
        """Whoever opened a dispute ends it once its time is over."""
        rows = self.get_open(rows)
        if not len(rows):
            return create_batch(0)
        return self.resolve(Resolution.TIMEOUT, rows, self.get_challengers(rows), rows["subject"])

    def audit(self, rows: Records) -> Batch:
        """The auditor has looked at a signal, and disputes it if it looks false."""
        market = self.market
        if not len(rows):
            return create_batch(0)
        signal = rows["subject"]
        market.signals["n_examined"][signal] += 1
        keys = market.signals["key"][signal]
        error_ppm = market.world.scenario.market.judge_error
        wrong = market.draws.get_ppm(Purpose.AUDIT, keys, 1) < error_ppm
        looks = (market.signals["fraudulent"][signal] == 1) ^ wrong
        standing = market.domain.state.signals["state"][signal] == int(SignalState.STANDING)
        rows = rows[looks & standing]
        office = get_office_account(market.world, AUDITOR)
        senders = np.full(len(rows), office, dtype=np.int64)
        batch = self.create(Kind.CHALLENGE, rows, senders, rows["subject"])
        bond = market.domain.state.signals["bond"][rows["subject"]]
        batch.transactions["amount"] = np.maximum(bond, market.policy.bond)
        if len(rows):
            keys = market.signals["key"][rows["subject"]]
            batch.transactions["draw_ppm"] = market.draws.get_ppm(Purpose.SEAT, keys, 0)
        return batch

    def run_away(self, rows: Records) -> Batch:
        """Whoever keeps the escrow takes all of it."""
        market = self.market
        if not len(rows):
            return create_batch(0)
        state = market.domain.state
        held = state.sales["state"][: state.counters[N_SALES]] == int(SaleState.HELD)
        sales = np.flatnonzero(held)
        office = get_office_account(market.world, ARBITER)
        rows = np.repeat(rows[:1], len(sales))
        senders = np.full(len(sales), office, dtype=np.int64)
        return self.resolve(Resolution.TAKE, rows, senders, sales)
