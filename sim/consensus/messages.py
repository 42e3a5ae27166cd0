"""What replicas say to each other, and what they ask of their host.

A statement is what gets signed: `(kind, view, subject)`; the subject is the digest of a block or,
in a time-out, the view of the highest certificate known. Two statements of one kind and view with
different subjects by one validator conflict; for proposals and votes they convict it.
"""

from __future__ import annotations

import hashlib
from enum import IntEnum
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

Signature: TypeAlias = Any  # opaque: made and read by one signature scheme
Statement: TypeAlias = tuple[int, int, Any]

STATEMENT_TAG = b"AMBIT-VOTE-V1"


class StatementKind(IntEnum):
    """What a validator says of a view."""

    PROPOSAL = 1
    VOTE = 2  # of a chained protocol, and for PREPARE of basic HotStuff
    PRECOMMIT = 3
    COMMIT = 4
    TIMEOUT = 5


PROPOSAL, VOTE = int(StatementKind.PROPOSAL), int(StatementKind.VOTE)
PRECOMMIT, COMMIT = int(StatementKind.PRECOMMIT), int(StatementKind.COMMIT)
TIMEOUT = int(StatementKind.TIMEOUT)


class Certificate(NamedTuple):
    """A quorum's votes for one block in one view; its first three fields are what they signed."""

    kind: int
    view: int
    digest: bytes
    signers: tuple[int, ...] = ()
    signatures: tuple[Signature, ...] = ()


class Block(NamedTuple):
    """A batch in its place: above the parent that it carries the certificate of."""

    digest: bytes
    view: int
    height: int
    proposer: int
    justify: Certificate  # of the parent
    payload: bytes  # digest of the batch; empty: no batch
    root: bytes  # state root after it

    @property
    def parent(self) -> bytes:
        """Digest of the block below."""
        return self.justify.digest


class TimeoutCertificate(NamedTuple):
    """A quorum gave up on a view; each says how high a certificate it knows."""

    view: int
    signers: tuple[int, ...]
    high_views: tuple[int, ...]
    signatures: tuple[Signature, ...]


class Proposal(NamedTuple):
    """A leader's block, and why its view may begin if not by the certificate in the block."""

    block: Block
    entry: TimeoutCertificate | None
    signature: Signature


class Vote(NamedTuple):
    """A validator's vote; the proposer's signature comes along, so that lies are found out."""

    kind: int
    view: int
    digest: bytes
    validator: int
    signature: Signature
    proposal_signature: Signature = None


class Timeout(NamedTuple):
    """A validator gives up on a view, tells what it knows, and why it is in that view."""

    view: int
    validator: int
    high: Certificate
    entry: TimeoutCertificate | None
    signature: Signature


class Phase(NamedTuple):
    """Somebody shows a certificate; in basic HotStuff that asks for the next vote."""

    certificate: Certificate


class NewView(NamedTuple):
    """Basic HotStuff: a validator enters a view and tells its leader the highest certificate."""

    view: int
    validator: int
    high: Certificate
    signature: Signature


class Fetch(NamedTuple):
    """Asks for a block and those below it, down to the asker's committed height."""

    digest: bytes
    height: int
    validator: int


class Blocks(NamedTuple):
    """Blocks that were asked for, highest first, each the parent of the one before."""

    blocks: tuple[Block, ...]


Message: TypeAlias = Proposal | Vote | Timeout | Phase | NewView | Fetch | Blocks


class Evidence(NamedTuple):
    """Two conflicting statements, both signed by the accused."""

    accused: int
    first: Statement
    first_signature: Signature
    second: Statement
    second_signature: Signature


class Send(NamedTuple):
    """Effect: a message to one validator."""

    to: int
    message: Message


class Broadcast(NamedTuple):
    """Effect: a message to all other validators."""

    message: Message


class Arm(NamedTuple):
    """Effect: call `on_timer` after this long, instead of at any time set before."""

    delay_us: int


class Ready(NamedTuple):
    """Effect: it leads this view and may propose, after a delay."""

    view: int
    delay_us: int


class Commit(NamedTuple):
    """Effect: a block is final here; effects of this kind come in order of height."""

    block: Block
    root: bytes  # what this replica's own execution came to


class Accuse(NamedTuple):
    """Effect: proof against a validator."""

    evidence: Evidence


Effect: TypeAlias = Send | Broadcast | Arm | Ready | Commit | Accuse


def encode_statement(statement: Statement) -> bytes:
    """Bytes that are signed: domain tag, kind, view, subject; fixed widths, little endian."""
    kind, view, subject = statement
    if not isinstance(subject, bytes):
        subject = subject.to_bytes(32, "little")
    return STATEMENT_TAG + kind.to_bytes(1, "little") + view.to_bytes(8, "little") + subject


@lru_cache(maxsize=1_024)  # every replica asks it of every block
def compute_root(root_before: bytes, payload: bytes) -> bytes:
    """State root after a batch: stands for its execution, which ordering never sees."""
    return hashlib.sha256(root_before + payload).digest()


@lru_cache(maxsize=1_024)  # every replica asks it of every block
def compute_digest(
    view: int, height: int, proposer: int, below: Statement, payload: bytes, root: bytes
) -> bytes:
    """Digest of a block's content; `below` is what the certificate of its parent says."""
    content = b"%d,%d,%d,%d,%d,%b" % (view, height, proposer, *below)
    return hashlib.sha256(content + b"%d," % len(payload) + payload + root).digest()


def create_block(
    view: int, height: int, proposer: int, justify: Certificate, payload: bytes, root: bytes
) -> Block:
    """A block with the digest of its content."""
    digest = compute_digest(view, height, proposer, justify[:3], payload, root)
    return Block(digest, view, height, proposer, justify, payload, root)


def is_genuine(block: Block) -> bool:
    """Whether a block's digest is that of its content."""
    digest, view, height, proposer, justify, payload, root = block
    return digest == compute_digest(view, height, proposer, justify[:3], payload, root)


GENESIS_ROOT = bytes(32)
_BEFORE_GENESIS = Certificate(VOTE, -1, bytes(32))
GENESIS = create_block(0, 0, -1, _BEFORE_GENESIS, b"", GENESIS_ROOT)
GENESIS_CERTIFICATE = Certificate(VOTE, 0, GENESIS.digest)
