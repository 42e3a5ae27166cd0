"""Records of a market: signals, sales, disputes, traders and scores, with the ground truth.

Ground truth (whether a signal was fraudulent, who controls whom) is written by the world, never
by a ledger. All columns are int64; -1 means none or never.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sim.core.records import Records, create_layout

SIGNAL_RECORD = create_layout(
    "signal",  # number on the ledger
    "seller",  # trader
    "price",
    "published_us",
    "closes_us",  # end of its dispute window, later with each sale
    "state",  # SignalState at the horizon
    "n_sales",
    "n_examined",  # buyers, judges and auditors who looked at whether it is true
    "fraudulent",
)

SALE_RECORD = create_layout(
    "sale",
    "signal",
    "seller",  # traders
    "buyer",
    "price",
    "paid",  # of the price, by the horizon, whether it came back or not
    "state",  # SaleState at the horizon
    "bought_us",
    "due_us",
    "paid_us",  # when the price was collected in full, in escrow or by the seller; -1: never
    "settled_us",  # when its state became final
    "fraudulent",
    "harm",  # value lost by acting on a fraudulent signal, beside the price
    "worth",  # value won by acting on a sound one
    "score_ppm",  # score of the seller as the buyer knew it
    "known",  # 1: somebody had rated the seller before
    "value",  # rating given, ppm; -1: none
)

DISPUTE_RECORD = create_layout(
    "dispute",
    "signal",
    "challenger",  # trader, or -1: an auditor
    "accused",  # trader
    "bond",
    "opened_us",
    "decided_us",
    "verdict",  # Verdict at the horizon
    "fraudulent",  # whether the signal is
    "slashed",  # base units taken from the accused for it
    "restored",  # base units of the slash that went to buyers
)

TRADER_RECORD = create_layout(
    "trader",
    "controller",  # first identity of who is really behind it: equal for all of one attacker
    "cohort",
    "role",  # Role
    "is_adversary",
    "joined_us",
    "left_us",  # when it began anew under another name
    "wealth_start",  # balance, stake and unbonding
    "wealth_end",
    "capital_added",
    "n_frauds",  # fraudulent signals of it that were sold
    "first_fraud_us",  # when it first published one
    "n_convictions",
    "n_wrong",  # of these, for signals that were sound
    "slashed",
    "refused",  # acts refused by governance
    "unfunded",  # purchases refused because it could not pay
)

# Scores as published, at fixed times: one row for each trader that sells.
SCORE_RECORD = create_layout("time_us", "trader", "score_ppm", "known", "n_frauds")


class MarketRecord(NamedTuple):
    """Everything about the market of one replication."""

    signals: Records  # SIGNAL_RECORD
    sales: Records  # SALE_RECORD
    disputes: Records  # DISPUTE_RECORD
    traders: Records  # TRADER_RECORD
    scores: Records  # SCORE_RECORD
    is_open: bool = False  # False: there is no market in this scenario
    demotion_ppm: int = 0  # a score below it counts as demoted
    parity_us: int = 0  # how long after joining an account counts as a newcomer


NO_MARKET = MarketRecord(
    np.zeros(0, dtype=SIGNAL_RECORD),
    np.zeros(0, dtype=SALE_RECORD),
    np.zeros(0, dtype=DISPUTE_RECORD),
    np.zeros(0, dtype=TRADER_RECORD),
    np.zeros(0, dtype=SCORE_RECORD),
)
