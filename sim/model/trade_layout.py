"""Columns of a market: who trades, what is on offer, and what calls for a decision.

All are int64; times are microseconds, -1 means none.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

from sim.core.records import create_layout

if TYPE_CHECKING:
    from sim.strategies.trading import Trader

NEVER_US = 2**62  # nobody waits for that
ACT_STRIDE = 1_024  # ordinals of one act: its offers, and what comes of it

# One identity as it was laid out. An identity that begins anew gets a fresh name and account; the
# trader behind it stays the same.
TRADER = create_layout(
    "entity",  # of its controller: key of its draws while it has its first name
    "account",  # of the world
    "org",
    "cohort",
    "role",  # Role
    "is_adversary",
    "controller",  # first identity of who is behind it
    "place",  # among the identities of its controller, from 0
    "group_first",  # range of traders that are its partners
    "group_last",
    "price",
    "funds",
    "stake",
    "signal_type",  # row of SIGNAL_TYPE, or -1
    "act_us",  # mean time between two acts
    "starts_us",
    "pretrusted",
    "spare_first",  # accounts of the world that it can begin anew with
    "spare_last",
)

SIGNAL_TYPE = create_layout(
    "offset",  # operation, counted from an org's first
    "worth",
    "harm",
    "detection_ppm",
    "false_alarm_ppm",
    "detection_us",
    "verifiable",
)

# How a trader stands in one replication.
STANDING = create_layout(
    "next_us",
    "ordinal",  # acts so far
    "identity",  # row of the identities it acts under now
    "incarnation",
    "is_away",  # 1: it waits for a fresh account
    "memory0",
    "memory1",
    "latest",  # signal it published last under this identity, or -1
)

# A name somebody acts or acted under.
IDENTITY = create_layout(
    "trader",
    "account",  # of the world
    "entity",  # key of its draws
    "joined_us",
    "left_us",
    "capital",  # base units it brought along
    "n_frauds",
    "first_fraud_us",
    "n_convictions",
    "n_wrong",
    "refused",
    "unfunded",
    "unbonding_slot",  # its last unbonding entry, or -1
)

# What the world knows of a signal on the ledger.
SIGNAL_TRUTH = create_layout(
    "identity",
    "signal_type",
    "price",
    "published_us",
    "fraudulent",
    "n_examined",
    "key",  # of what is drawn about it: the same under every policy
    "closed_us",  # when its sales were settled, -1: not yet
    "n_sales",
)

SALE_TRUTH = create_layout(
    "signal",
    "buyer",  # identity
    "bought_us",
    "due_us",
    "settled_us",  # when it was paid or taken by itself; -1: with its signal
    "found",  # 1: the buyer takes it for fraudulent, once it has found out
    "found_us",
    "score_ppm",
    "known",
    "value",  # rating, ppm; -1: none
    "ordinal",  # among the purchases of its buyer
)

OCCASION = create_layout(
    "time_us",
    "trader",
    "identity",
    "occasion",  # Occasion
    "subject",  # sale or dispute
    "signal",
    "looks",  # 1: it looks fraudulent
    "ordinal",
)


# What a seller has on offer.
OFFER = create_layout(
    "signal",
    "trader",
    "identity",
    "until_us",  # from here on it is not for sale; 0: nothing is
    "score_ppm",
    "known",
)


# What the world itself does for those who trade, at a time.
class Chore(IntEnum):
    """Kinds of chore."""

    RELEASE = 0  # a signal's window is over
    PROVE = 1  # a disputed signal carries a proof
    RULE = 2  # the arbiter or the operator decides a dispute
    TIME_OUT = 3  # a dispute's time is over
    AUDIT = 4  # an auditor has looked at a signal
    RUN_AWAY = 5  # whoever keeps the escrow runs away with it


CHORE = create_layout(
    "time_us",
    "chore",  # Chore
    "subject",  # signal or dispute
    "tries",  # times it was refused to who was to do it
)


class TraderCohort(NamedTuple):
    """Traders that share a strategy: a range of the table."""

    name: str
    strategy: Trader
    first: int
    last: int
