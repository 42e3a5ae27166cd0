"""What is traded: layouts of signals, sales, disputes and ratings, and where each can stand.

As in `records`, every column is int64, and -1 means none.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum

from sim.core.records import create_layout


class Resolution(IntEnum):
    """What a RESOLVE does."""

    VOTE = 0  # a judge's vote on a dispute
    PROOF = 1  # the claim of a disputed signal is checked by its proof
    TIMEOUT = 2  # a dispute ends with the votes there are
    RELEASE = 3  # a signal's window is over: its sales are paid out
    PAY = 4  # a buyer pays its invoice
    TAKE = 5  # who keeps the escrow for others keeps it for good


class SignalState(IntEnum):
    """Where a signal stands; the last two are final."""

    STANDING = 0
    DISPUTED = 1
    FRAUDULENT = 2  # a dispute was resolved against it
    CLOSED = 3  # its window ended without


class SaleState(IntEnum):
    """Where the price of a sale is; all but the first two are final."""

    HELD = 1  # in escrow
    INVOICED = 2  # still to be paid
    PAID = 3  # with the seller
    REFUNDED = 4  # back with the buyer, from escrow
    VOID = 5  # not to be paid any more
    RECOVERED = 6  # back with the buyer as far as the seller had it
    TAKEN = 7  # with who kept the escrow


class Verdict(IntEnum):
    """How a dispute ended."""

    OPEN = 0
    UPHELD = 1  # the signal is fraudulent
    REJECTED = 2
    UNDECIDED = 3  # nobody voted in time


# A published claim that others buy.
SIGNAL = create_layout(
    "seller",
    "operation",  # its type: the capability it needed
    "price",
    "bond",  # in escrow until it is closed
    "has_proof",  # 1: it carries a proof that a dispute can check
    "published_height",
    "published_us",
    "closes_us",  # end of its dispute window: later with each sale
    "state",  # SignalState
    "n_sales",
    "sale_first",  # newest of its sales, or -1
    "dispute",  # its last dispute, or -1
    "word0",  # commitment to what it says: 32 bytes, little endian
    "word1",
    "word2",
    "word3",
)

SALE = create_layout(
    "signal",
    "buyer",
    "price",
    "paid",  # of the price, so far
    "bought_us",
    "due_us",  # end of its dispute window; an invoice is due by then
    "state",  # SaleState
    "rated",  # 1: the buyer has rated it
    "next",  # next older sale of the signal, or -1
)

DISPUTE = create_layout(
    "signal",
    "challenger",
    "bond",  # in escrow until it is decided
    "opened_us",
    "opened_height",
    "seat_first",  # first of the seats of judges that decide it
    "n_seats",
    "voted",  # a bit for each seat
    "upheld",  # a bit for each seat that voted to uphold it
    "verdict",  # Verdict
    "decided_us",
)

# One accepted rating of a sale.
RATING = create_layout(
    "rater",
    "ratee",
    "sale",
    "value",  # ppm, 1_000_000: good; beyond it, whatever the rater wrote
    "weight_ppm",  # 0..4_000_000
    "height",
)


class Role(IntEnum):
    """What a trader lives by."""

    SELLER = 0
    BUYER = 1
    JUDGE = 2


class Trick(StrEnum):
    """What an attacker does with names; without it, on the same stake, it has one and keeps it."""

    SYBIL = "sybil"  # many at once
    WHITEWASH = "whitewash"  # one after the other


class Occasion(IntEnum):
    """What calls for a decision of a trader."""

    ACT = 0  # it is free to do something
    FOUND = 1  # it takes a signal that it bought for fraudulent
    RATE = 2  # it may rate a sale of its own
    DUE = 3  # an invoice of its own is due
    JUDGE = 4  # it has a seat in a dispute


# What a trader decides: one row for each occasion.
MOVE = create_layout(
    "kind",  # Kind of the transaction; 0: it lets the occasion pass
    "target",  # signal, sale, dispute or unbonding slot; see the kind
    "price",  # PUBLISH: asked; BUY: paid at most
    "amount",  # BOND, UNBOND, TRANSFER
    "value",  # ATTEST: ppm; RESOLVE of a judge: 1 upholds, 0 rejects
    "fraudulent",  # PUBLISH 1: the signal is false, whether it knows or not
    "memory0",  # what it wants to remember
    "memory1",
)
