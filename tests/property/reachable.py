"""Every outcome that each kind of transaction can have, and no other."""

from __future__ import annotations

from sim.core.reasons import Reason
from sim.core.records import Kind

_ANY_KIND = frozenset(r for r in Reason if r <= Reason.KILL_SWITCH)
_CALL_ONLY = frozenset(r for r in Reason if Reason.KILL_SWITCH < r <= Reason.INSUFFICIENT_FUNDS)
REACHABLE: dict[Kind, frozenset[Reason]] = {
    Kind.REGISTER: _ANY_KIND
    | {
        Reason.INSUFFICIENT_FUNDS,
        Reason.BAD_KEY,
        Reason.DUPLICATE,
        Reason.NOT_ISSUER,
        Reason.MASK_NOT_SUBSET,
        Reason.TABLE_FULL,
    },
    Kind.ROTATE_KEY: _ANY_KIND | {Reason.TARGET_UNKNOWN, Reason.BAD_KEY, Reason.NOT_ISSUER},
    Kind.TRANSFER: _ANY_KIND
    | {
        Reason.INSUFFICIENT_FUNDS,
        Reason.TARGET_UNKNOWN,
        Reason.TARGET_NOT_ACTIVE,
        Reason.TARGET_SELF,
    },
    Kind.CALL: _ANY_KIND | _CALL_ONLY | {Reason.TARGET_UNKNOWN},
    Kind.GRANT: _ANY_KIND
    | {
        Reason.TARGET_UNKNOWN,
        Reason.TARGET_NOT_ACTIVE,
        Reason.TARGET_SELF,
        Reason.NOT_ISSUER,
        Reason.MASK_NOT_SUBSET,
        Reason.OUTLIVES_PARENT,
        Reason.TOO_DEEP,
        Reason.GRANT_UNKNOWN,
        Reason.ALREADY_REVOKED,
        Reason.TABLE_FULL,
    },
    Kind.REVOKE: _ANY_KIND | {Reason.NOT_ISSUER, Reason.GRANT_UNKNOWN, Reason.ALREADY_REVOKED},
    Kind.APPROVE: _ANY_KIND | {Reason.TARGET_UNKNOWN, Reason.NOT_ISSUER, Reason.TABLE_FULL},
    Kind.ANCHOR: _ANY_KIND | {Reason.TARGET_UNKNOWN, Reason.NOT_ISSUER, Reason.ANCHOR_STALE},
    Kind.BOND: _ANY_KIND | {Reason.INSUFFICIENT_FUNDS},
    Kind.UNBOND: _ANY_KIND | {Reason.STAKE_TOO_SMALL, Reason.TABLE_FULL},
    Kind.WITHDRAW: _ANY_KIND | {Reason.UNBONDING_UNKNOWN, Reason.NOT_ISSUER, Reason.NOT_MATURED},
    Kind.EVIDENCE: _ANY_KIND
    | {
        Reason.TARGET_UNKNOWN,
        Reason.PROOF_INVALID,
        Reason.OFFENCE_TO_COME,
        Reason.EVIDENCE_TOO_OLD,
        Reason.EVIDENCE_USED,
        Reason.TABLE_FULL,
    },
    Kind.PUBLISH: _ANY_KIND
    | _CALL_ONLY
    | {Reason.TARGET_UNKNOWN, Reason.BOND_TOO_LOW, Reason.NEWCOMER_LIMIT, Reason.TABLE_FULL},
    Kind.BUY: _ANY_KIND
    | {
        Reason.INSUFFICIENT_FUNDS,
        Reason.SIGNAL_UNKNOWN,
        Reason.SIGNAL_CLOSED,
        Reason.TARGET_SELF,
        Reason.TARGET_NOT_ACTIVE,
        Reason.PRICE_ABOVE_LIMIT,
        Reason.TABLE_FULL,
    },
    Kind.ATTEST: _ANY_KIND
    | {
        Reason.SALE_UNKNOWN,
        Reason.NOT_BUYER,
        Reason.ALREADY_RATED,
        Reason.SALE_UNSETTLED,
        Reason.SAME_CONTROLLER,
        Reason.TABLE_FULL,
    },
    Kind.CHALLENGE: _ANY_KIND
    | {
        Reason.INSUFFICIENT_FUNDS,
        Reason.SIGNAL_UNKNOWN,
        Reason.TARGET_SELF,
        Reason.DISPUTE_OPEN,
        Reason.WINDOW_CLOSED,
        Reason.BOND_TOO_LOW,
        Reason.TABLE_FULL,
    },
    Kind.RESOLVE: _ANY_KIND
    | {
        Reason.INSUFFICIENT_FUNDS,
        Reason.TARGET_UNKNOWN,
        Reason.DISPUTE_UNKNOWN,
        Reason.DISPUTE_DECIDED,
        Reason.DISPUTE_OPEN,
        Reason.TABLE_FULL,
        Reason.WINDOW_OPEN,
        Reason.WINDOW_CLOSED,
        Reason.PROOF_INVALID,
        Reason.NOT_JUDGE,
        Reason.ALREADY_VOTED,
        Reason.SIGNAL_UNKNOWN,
        Reason.SALE_UNKNOWN,
        Reason.NOT_BUYER,
        Reason.SALE_SETTLED,
    },
}
