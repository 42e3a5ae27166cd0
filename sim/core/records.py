"""Record layouts: one numpy structured dtype for each kind of row.

Every column is int64. Amounts are base units in 0..2**62, times `_us` whole microseconds of
simulated time, masks use bits 0..62, indices count from 0 and -1 means none.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

Records: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.void]]
Record: TypeAlias = Any  # one row of `Records`: its columns are reached by name
Row: TypeAlias = dict[str, int]  # one row as plain numbers, by column
Ints: TypeAlias = NDArray[np.int64]

FOREVER_US = 2**62  # an expiry that never comes
LONG_AGO_US = -(2**61)  # before all time


class Kind(IntEnum):
    """Kinds of transaction."""

    REGISTER = 1
    ROTATE_KEY = 2
    TRANSFER = 3
    CALL = 4
    GRANT = 5
    REVOKE = 6
    APPROVE = 7
    ANCHOR = 8
    BOND = 9
    UNBOND = 10
    WITHDRAW = 11
    EVIDENCE = 12
    PUBLISH = 13
    BUY = 14
    ATTEST = 15
    CHALLENGE = 16
    RESOLVE = 17


class Status(IntEnum):
    """Standing of an account."""

    ACTIVE = 0
    JAILED = 1
    TOMBSTONED = 2
    FROZEN = 3


class Effect(IntEnum):
    """What an operation can do at most."""

    READ = 0
    WRITE = 1
    DESTRUCTIVE = 2


class Posture(IntEnum):
    """How an org runs its enforcement point."""

    HONEST = 0
    NEGLIGENT = 1
    HOSTILE = 2


class ScopeLevel(IntEnum):
    """How narrow a grant is."""

    ROLE = 0
    TASK = 1
    ARGUMENTS = 2


def create_layout(*names: str) -> np.dtype[np.void]:
    """Columns of int64."""
    return np.dtype([(name, np.int64) for name in names])


ACCOUNT = create_layout(
    "entity",  # stable identity: BLAKE2b of group name and index, 63 bits
    "org",  # index of the org it belongs to
    "namespace",  # catalogue of operations its static capabilities speak of
    "balance",
    "stake",  # bonded: at risk, and what admission asks for
    "unbonding",  # on its way back, still at risk: sum of its live entries
    "nonce",  # next nonce to use
    "capabilities",  # static mask in its namespace
    "reputation_ppm",
    "positive",  # evidence, fixed point
    "negative",
    "status",  # Status
    "registered_height",
    "issuer",  # account that registered it
    "key_version",  # rises with each rotation; the key itself is kept beside the records
    "key_rotated_us",
    "tokens_ppm",  # rate limit: tokens left, in millionths of a call
    "tokens_us",  # time of the last refill; long before all time at first: a full bucket
    "grant_first",  # first slot of its list of grants
    "n_ratings",  # ratings it got; 0: its score is that of a newcomer
    "offences",  # frauds it was convicted of
    "jailed_until_height",  # of a conviction: it is active again from here on; 0: no such end
)

GRANT = create_layout(
    "id",  # counts from 1; a reused slot gets a new id
    "parent",  # slot of the grant it attenuates, or -1
    "parent_id",
    "issuer",
    "holder",
    "namespace",
    "lane",  # a new grant by the same issuer in the same lane replaces this one; 0: never
    "mask",
    "expires_us",
    "scope_level",  # ScopeLevel
    "depth",  # links above it
    "depth_max",  # links allowed below it
    "revoked_us",  # -1 while it stands
    "arguments_from",  # range of its argument ids in the pool, sorted
    "arguments_to",
    "next",  # next slot in the holder's list
)

APPROVAL = create_layout("approver", "sender", "call_digest", "expires_us", "used_height")

LOG = create_layout("owner", "size", "cut_height", "height", "root0", "root1", "root2", "root3")

UNBONDING = create_layout(
    "account",
    "amount",  # 0: a free slot
    "created_height",
    "matures_height",  # from here on it can be withdrawn
)

# One accepted proof that an account signed two conflicting statements.
EVIDENCE = create_layout(
    "offender",
    "reporter",
    "view",  # with the offender and the statement it names the offence
    "statement",  # kind of the statements
    "offence_height",
    "height",  # in which it was accepted
    "base",  # stake at risk for the offence, before the slash
    "amount",  # slashed
    "word0",  # id (32 bytes, little endian)
    "word1",
    "word2",
    "word3",
)

# Participation of one validator in the last blocks.
LIVENESS = create_layout(
    "account",
    "start_height",  # since when it is watched: its first block, or its last release
    "place",  # of the oldest block in the ring
    "missed",  # blocks in the ring that it missed
    "ring0",  # a bit for each missed block: places 0..62
    "ring1",  # places 63..125
    "jailed_until_height",  # 0: not jailed for its absence
)

OPERATION = create_layout(
    "org",  # owner
    "owner",  # account that is paid, or -1 where it lives on another ledger
    "namespace",
    "requires",  # mask
    "effect",  # Effect
    "egress",  # 1: can carry data out
    "reversible",  # 1: can be undone
    "value_at_risk",
)

# The columns up to `word3` are signed; those after are stamped by the way in, never by the sender.
SIGNED_COLUMNS = (
    "kind",  # Kind
    "sender",
    "nonce",
    "chain_id",
    "valid_until_height",
    "fee",
    # account, operation, slot of a grant or of unbonding, log; REGISTER: new entity;
    # PUBLISH: operation; BUY, CHALLENGE: signal; ATTEST: sale; RESOLVE: dispute, signal or sale
    "target",
    # REGISTER org; GRANT lane; REVOKE grant id; APPROVE call digest; ANCHOR size;
    # EVIDENCE height of the offence; PUBLISH price; RESOLVE Resolution
    "subject",
    # money of REGISTER, TRANSFER, CALL, BOND, UNBOND; ANCHOR cut height; EVIDENCE view;
    # PUBLISH, CHALLENGE bond; BUY highest price; ATTEST value; RESOLVE vote or payment
    "amount",
    "namespace",  # REGISTER, GRANT
    "mask",  # REGISTER, GRANT; EVIDENCE: kind of the statements; PUBLISH 1: it carries a proof
    "expires_us",  # GRANT, APPROVE
    "scope_level",  # GRANT
    "depth_max",  # GRANT
    "parent",  # GRANT: slot of the parent; CALL: slot of the approval
    "arguments_from",  # GRANT, CALL: range in the argument column of the batch
    "arguments_to",
    # public key, root (ANCHOR), evidence id or commitment (PUBLISH): 32 bytes, little endian
    "word0",
    "word1",
    "word2",
    "word3",
)
STAMPED_COLUMNS = (
    "key_version",  # version of the key that signed; -1: forged
    # 1: what it carries proves what it says: a public key that is canonical and not of small
    # order, or two conflicting statements of its view, kind and height signed by the accused;
    # RESOLVE: the proof that the signal carries verifies
    "proof_valid",
    "claim",  # mask that the caller's side claims to hold
    "situation",  # which row of `Rules.binding` judges it
    "draw_ppm",  # CHALLENGE: which seats judge it, drawn by nobody who has a part in it
    "illegitimate",  # 1 only for the bound that may read ground truth
    "submitted_us",
    "height",  # position given by the ordering
    "now_us",
)
TRANSACTION = create_layout(*SIGNED_COLUMNS, *STAMPED_COLUMNS)

RECEIPT = create_layout(
    "sender",
    "kind",
    "target",
    "required",
    "caps_static",
    "caps_effective",
    "code",  # Reason
    "violations",  # every check it fails, binding or not, by the truth
    "height",
    "position",  # index inside the batch
    "submitted_us",
    "committed_us",
    "amount",  # moved, or slashed
    "fee",  # charged
    "counterparty",  # who got the amount; of other kinds, the slot written
)

# What an agent means to do next: one row an agent and window.
INTENT = create_layout(
    "agent",
    "time_us",
    "task",  # ordinal of the task inside the agent's life
    "call",  # position in the task; 64 and above: an act the task did not ask for
    "attempt",
    "operation",  # index into the world's operations
    "account",  # whose key signs it
    "arguments_from",  # range of its checked arguments in the world's column
    "arguments_to",
    "goal",  # Goal
    "path",  # -1: as drawn; otherwise rank of the path in 0..999_999
    "resent",  # 1: an old transaction sent again
)


class Goal(IntEnum):
    """Why a call is made: ground truth, never shown to a policy."""

    WORK = 0
    ERROR = 1  # an honest mistake
    ATTACK = 2


ATTACK_CALL_FIRST = 64  # call numbers from here on are acts the task did not ask for

# What the world knows of a transaction: beside its receipt, never in it.
TRUTH = create_layout(
    "agent",  # who really acted, or -1 where it is no attempt of an agent
    "entity",  # key of its draws
    "task",
    "call",
    "attempt",
    "operation",  # index into the world's operations, or -1
    "caller_org",
    "owner_org",
    "ready_us",  # when it came to the first enforcement point, any approval in hand
    "final_us",  # when the decision was final
    "legit",
    "goal",
    "harm",
    "irreversible",
    "mediated",
    "forged",
    "cancelled",  # 1: applied, but its delayed effect was called off in time
    "needs_approval",
    "approved",  # 1: a valid approval came with it
    "logged",  # 1: a log kept by the policy has a record of it
    "log_complete",  # 1: that record's four-tuple equals the receipt's
    "messages",
    "bytes",
    "censored",  # 1: some leader leaves its agent's calls out
    "trader",  # identity that did it on the market, or -1
    "fraudulent",  # PUBLISH 1: the signal is false
)

TASK = create_layout(
    "agent",
    "task",
    "template",
    "submitted_us",
    "started_us",  # -1: never picked up
    "deadline_us",
    "finished_us",  # -1: never finished
)

APPROVAL_REQUEST = create_layout(
    "agent",
    "task",
    "call",
    "attempt",
    "asked_us",
    "decided_us",
    "decision",  # Decision
    "harmful",
)


class Decision(IntEnum):
    """How a request for approval ended."""

    OPEN = 0
    APPROVED = 1
    REFUSED = 2
    TIMED_OUT = 3


EXPOSURE = create_layout("log", "height", "records")


def join_records(tables: Sequence[Records]) -> Records:
    """Rows of several tables of one layout, one after another.

    Tables are joined as plain int64: numpy compares structured layouts field by field, which
    costs more than the rows of a small window.
    """
    filled = [table for table in tables if len(table)]
    if not filled:
        return tables[0]
    if len(filled) == 1:
        return filled[0]
    joined: Records = np.concatenate([table.view(np.int64) for table in filled]).view(
        filled[0].dtype
    )
    return joined


def take_records(table: Records, rows: Ints | NDArray[np.bool_] | slice) -> Records:
    """Rows of a table, by number or by flag; all of them are the table itself.

    `take` copies whole rows; numpy's own indexing goes through their fields one by one.
    """
    if isinstance(rows, slice):
        return table[rows]
    if rows.dtype == np.bool_:
        if rows.all():
            return table
        rows = np.flatnonzero(rows)
    return table.take(rows)


def list_rows(table: Records, rows: Ints) -> list[Row]:
    """Some rows of a table as plain numbers by name.

    Whoever goes through rows one by one in Python reads these many times faster than numpy's.
    """
    names = table.dtype.names or ()
    return [dict(zip(names, each, strict=True)) for each in table.take(rows).tolist()]
