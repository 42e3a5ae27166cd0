"""What must hold of a whole market at any moment, and which part of a large one is booked in full.

As `market_invariants`, from outside: these sums are taken over the tables as they stand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.core.errors import InvariantError
from sim.core.market import Resolution, SaleState, SignalState
from sim.core.records import Kind
from sim.core.units import PPM
from sim.ledger.market_invariants import MARKET_KINDS
from sim.ledger.state import ESCROW, N_ACCOUNTS, N_DISPUTES, N_SALES, N_SIGNALS

if TYPE_CHECKING:
    from sim.core.records import Ints, Records
    from sim.ledger.state import State


def check_totals(state: State, height: int) -> None:
    """I16, I15 and I17 in sum: the pool is what is held, offences are verdicts, scores are shares.

    Errors: InvariantError.
    """
    counters = state.counters
    accounts = state.accounts[: counters[N_ACCOUNTS]]
    signals, sales = state.signals[: counters[N_SIGNALS]], state.sales[: counters[N_SALES]]
    held = sales["paid"][sales["state"] == int(SaleState.HELD)]
    bonds = signals["bond"].sum() + state.disputes["bond"][: counters[N_DISPUTES]].sum()
    expected, balance = int(held.sum() + bonds), int(accounts["balance"][ESCROW])
    if balance != expected:
        raise InvariantError("I16 escrow", height, f"{expected} in the pool", str(balance))
    false = signals["seller"][signals["state"] == int(SignalState.FRAUDULENT)]
    verdicts = np.bincount(false, minlength=len(accounts))
    wrong = np.flatnonzero(accounts["offences"] > verdicts)
    if wrong.size:
        found = f"{int(accounts['offences'][wrong[0]])} offences of account {int(wrong[0])}"
        raise InvariantError("I15 conviction", height, f"{int(verdicts[wrong[0]])} upheld", found)
    scores = accounts["reputation_ppm"]
    if scores.min() < 0 or scores.max() > PPM:
        found = f"{int(scores.min())}..{int(scores.max())}"
        raise InvariantError("I17 score", height, f"scores in 0..{PPM}", found)


def find_signals(transactions: Records, receipts: Records, state: State) -> Ints:
    """Signal that each applied row of a market is about; -1 for all other rows.

    Shapes: transactions TRANSACTION (n,), receipts RECEIPT (n,).
    """
    kind, target, step = transactions["kind"], transactions["target"], transactions["subject"]
    about = np.full(len(receipts), -1, dtype=np.int64)
    applied = (receipts["code"] == 0) & np.isin(kind, MARKET_KINDS)
    resolves = applied & (kind == Kind.RESOLVE)
    itself = applied & np.isin(kind, (Kind.BUY, Kind.CHALLENGE))
    itself |= resolves & (step == Resolution.RELEASE)
    of_sale = applied & (kind == Kind.ATTEST)
    of_sale |= resolves & np.isin(step, (Resolution.PAY, Resolution.TAKE))
    of_dispute = resolves & (step <= Resolution.TIMEOUT)
    published = applied & (kind == Kind.PUBLISH)
    about[published] = receipts["counterparty"][published]
    about[itself] = target[itself]
    about[of_sale] = state.sales["signal"][target[of_sale]]
    about[of_dispute] = state.disputes["signal"][target[of_dispute]]
    return about
