"""Why a transaction was not applied: the published codes, their order and their words.

A smaller code is checked first, and the first check that fails and binds is the reason.
A code is also the number of its bit in a receipt's `violations`, so all stay below 63.
"""

from __future__ import annotations

from enum import IntEnum

PENDING = -1  # no decision before the horizon; never a code of the transition


class Reason(IntEnum):
    """Why a transaction was not applied; the order is the precedence of the checks."""

    APPLIED = 0
    # dropped from here on: not includable, nothing changes
    MALFORMED = 1
    UNKNOWN_SENDER = 2
    BAD_SIGNATURE = 3
    WRONG_CHAIN = 4
    EXPIRED = 5
    NONCE_REPLAYED = 6
    NONCE_GAP = 7
    FEE_TOO_LOW = 8
    CANNOT_PAY_FEE = 9
    # rejected from here on: included, nonce spent, fee charged
    SENDER_NOT_ACTIVE = 10
    KILL_SWITCH = 11
    CAPABILITY_EXPIRED = 12
    CAPABILITY_DENIED = 13
    SCOPE_DENIED = 14
    APPROVAL_MISSING = 15
    RATE_LIMITED = 16
    INSUFFICIENT_STAKE = 17
    INSUFFICIENT_REPUTATION = 18
    ILLEGITIMATE = 19
    INSUFFICIENT_FUNDS = 20
    # a kind's own reasons: they hold under every policy
    TARGET_UNKNOWN = 24
    TARGET_NOT_ACTIVE = 25
    TARGET_SELF = 26
    BAD_KEY = 27
    DUPLICATE = 28
    NOT_ISSUER = 29
    MASK_NOT_SUBSET = 30
    OUTLIVES_PARENT = 31
    TOO_DEEP = 32
    GRANT_UNKNOWN = 33
    ALREADY_REVOKED = 34
    ANCHOR_STALE = 35
    TABLE_FULL = 36
    STAKE_TOO_SMALL = 37
    UNBONDING_UNKNOWN = 38
    NOT_MATURED = 39
    PROOF_INVALID = 40
    OFFENCE_TO_COME = 41
    EVIDENCE_TOO_OLD = 42
    EVIDENCE_USED = 43
    SIGNAL_UNKNOWN = 44
    SIGNAL_CLOSED = 45
    PRICE_ABOVE_LIMIT = 46
    NEWCOMER_LIMIT = 47
    BOND_TOO_LOW = 48
    WINDOW_CLOSED = 49
    WINDOW_OPEN = 50
    DISPUTE_OPEN = 51
    DISPUTE_UNKNOWN = 52
    DISPUTE_DECIDED = 53
    NOT_JUDGE = 54
    ALREADY_VOTED = 55
    SALE_UNKNOWN = 56
    NOT_BUYER = 57
    SALE_SETTLED = 58
    SALE_UNSETTLED = 59
    ALREADY_RATED = 60
    SAME_CONTROLLER = 61


DROPPED_FIRST, DROPPED_LAST = int(Reason.MALFORMED), int(Reason.CANNOT_PAY_FEE)

PROSE: dict[Reason, str] = {
    Reason.APPLIED: "every binding check passed",
    Reason.MALFORMED: "the transaction is not in the one canonical form",
    Reason.UNKNOWN_SENDER: "no account has this sender",
    Reason.BAD_SIGNATURE: "the signature is not by the sender's current key",
    Reason.WRONG_CHAIN: "signed for another chain",
    Reason.EXPIRED: "past the height up to which it was valid",
    Reason.NONCE_REPLAYED: "its nonce was used before",
    Reason.NONCE_GAP: "an earlier nonce is still missing",
    Reason.FEE_TOO_LOW: "offers less than the minimum fee",
    Reason.CANNOT_PAY_FEE: "the sender's balance does not cover the fee",
    Reason.SENDER_NOT_ACTIVE: "the sender is jailed, frozen or tombstoned",
    Reason.KILL_SWITCH: "this kind of transaction is switched off",
    Reason.CAPABILITY_EXPIRED: "only an expired grant held the needed capability",
    Reason.CAPABILITY_DENIED: "the needed capability is not held: over-scoped",
    Reason.SCOPE_DENIED: "the capability is held, but not for these arguments",
    Reason.APPROVAL_MISSING: "no valid human approval of this very call",
    Reason.RATE_LIMITED: "the sender's rate is used up",
    Reason.INSUFFICIENT_STAKE: "the sender's stake is below the floor",
    Reason.INSUFFICIENT_REPUTATION: "the sender's reputation is below the floor",
    Reason.ILLEGITIMATE: "ground truth says no (only the bound `oracle` can see it)",
    Reason.INSUFFICIENT_FUNDS: "the sender's balance does not cover the amount",
    Reason.TARGET_UNKNOWN: "no such account, operation, log or call",
    Reason.TARGET_NOT_ACTIVE: "the target account is not active",
    Reason.TARGET_SELF: "sender and target are one account",
    Reason.BAD_KEY: "the public key is not canonical or of small order",
    Reason.DUPLICATE: "the entity is registered already",
    Reason.NOT_ISSUER: "the sender does not own what it would change or pass on",
    Reason.MASK_NOT_SUBSET: "grants more than the issuer holds",
    Reason.OUTLIVES_PARENT: "would expire after the grant it comes from",
    Reason.TOO_DEEP: "the chain of grants is longer than allowed",
    Reason.GRANT_UNKNOWN: "no such grant",
    Reason.ALREADY_REVOKED: "the grant is revoked already",
    Reason.ANCHOR_STALE: "the log does not grow past its last anchor",
    Reason.TABLE_FULL: "the ledger's table has no room left",
    Reason.STAKE_TOO_SMALL: "unbonds nothing, or more than is bonded",
    Reason.UNBONDING_UNKNOWN: "no such unbonding entry",
    Reason.NOT_MATURED: "the unbonding entry has not matured yet",
    Reason.PROOF_INVALID: "does not prove that the accused signed two conflicting statements",
    Reason.OFFENCE_TO_COME: "the offence is said to lie in the future",
    Reason.EVIDENCE_TOO_OLD: "the offence is too long ago",
    Reason.EVIDENCE_USED: "the evidence or its offence was dealt with before",
    Reason.SIGNAL_UNKNOWN: "no such signal",
    Reason.SIGNAL_CLOSED: "the signal is not for sale any more",
    Reason.PRICE_ABOVE_LIMIT: "the signal costs more than the buyer would pay",
    Reason.NEWCOMER_LIMIT: "a newcomer may not ask that much",
    Reason.BOND_TOO_LOW: "the bond is below what is asked for",
    Reason.WINDOW_CLOSED: "the dispute window is over",
    Reason.WINDOW_OPEN: "the window is not over yet",
    Reason.DISPUTE_OPEN: "the signal is disputed right now",
    Reason.DISPUTE_UNKNOWN: "no such dispute",
    Reason.DISPUTE_DECIDED: "the dispute is decided already",
    Reason.NOT_JUDGE: "the sender has no seat in this dispute, and keeps no escrow",
    Reason.ALREADY_VOTED: "the judge has voted already",
    Reason.SALE_UNKNOWN: "no such sale",
    Reason.NOT_BUYER: "the sender is not the buyer of this sale",
    Reason.SALE_SETTLED: "the sale is settled already",
    Reason.SALE_UNSETTLED: "the sale is not settled yet",
    Reason.ALREADY_RATED: "the sale is rated already",
    Reason.SAME_CONTROLLER: "buyer and seller were registered by one org",
}

# Refusals of governance; everything else that is not applied failed for a business reason and
# is no attempt in the metrics.
GOVERNANCE: frozenset[Reason] = frozenset(
    {
        Reason.BAD_SIGNATURE,
        Reason.SENDER_NOT_ACTIVE,
        Reason.KILL_SWITCH,
        Reason.CAPABILITY_EXPIRED,
        Reason.CAPABILITY_DENIED,
        Reason.SCOPE_DENIED,
        Reason.APPROVAL_MISSING,
        Reason.RATE_LIMITED,
        Reason.INSUFFICIENT_STAKE,
        Reason.INSUFFICIENT_REPUTATION,
        Reason.ILLEGITIMATE,
    }
)


def get_bit(*reasons: Reason) -> int:
    """Mask with the bit of each reason."""
    mask = 0
    for reason in reasons:
        mask |= 1 << int(reason)
    return mask


# Drop and kind checks whose failure would leave the state without meaning: never optional.
ALWAYS_BINDING = get_bit(
    Reason.MALFORMED,
    Reason.UNKNOWN_SENDER,
    *(reason for reason in Reason if reason >= Reason.TARGET_UNKNOWN),
)
EVERY_CHECK = get_bit(*(reason for reason in Reason if reason != Reason.APPLIED))
