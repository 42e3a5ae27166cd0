"""The trace of one replication: everything that was decided, and what the world knows of it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from sim.core.records import Ints, Records
from sim.trace.market import NO_MARKET, MarketRecord
from sim.trace.ordering import Ordering

if TYPE_CHECKING:
    from collections.abc import Sequence


class Participation(NamedTuple):
    """Who signed a block: counted once so many transactions had been applied."""

    n_applied: int
    height: int
    signers: tuple[int, ...]  # validators


class Epoch(NamedTuple):
    """Scores written at the end of an epoch, once so many transactions had been applied."""

    n_applied: int
    score_ppm: Ints  # by account
    known: Ints  # 1: somebody was heard about it


class DomainRecord(NamedTuple):
    """What one ledger was given and came to: enough to do it all again."""

    name: str
    transactions: Records  # TRANSACTION, as applied
    ends: list[int]  # where each batch of them stops
    state_root: bytes
    participations: Sequence[Participation] = ()
    epochs: Sequence[Epoch] = ()


class Header(NamedTuple):
    """One block: its place, its content by digest, and the header before it."""

    height: int
    proposed_us: int
    committed_us: int
    n_transactions: int
    messages: int  # spent on ordering it, beside those of its transactions
    n_bytes: int
    receipts_root: bytes
    state_root: bytes  # empty but at checkpoints
    digest: bytes


class Trace(NamedTuple):
    """One replication under one policy.

    Shapes: attempts and truths run in parallel, one row a transaction that was decided or is
            still pending; `domains` says where it was decided, -1 for the chain.
    """

    policy: str
    replication: int
    horizon_us: int
    receipts: Records  # RECEIPT; code PENDING where nothing was decided
    truths: Records  # TRUTH
    transactions: Records  # TRANSACTION
    domains: Ints
    tasks: Records  # TASK
    approvals: Records  # APPROVAL_REQUEST
    exposure: Records  # EXPOSURE
    headers: list[Header]
    ledgers: list[DomainRecord]
    ordering: Ordering
    market: MarketRecord = NO_MARKET
    exogenous: bytes = b""  # digest of what came upon everybody, whatever the policy

    @property
    def messages(self) -> int:
        """Messages beside those of single transactions."""
        return sum(header.messages for header in self.headers)

    @property
    def n_bytes(self) -> int:
        """Bytes beside those of single transactions."""
        return sum(header.n_bytes for header in self.headers)

    def compute_digest(self) -> bytes:
        """Digest of everything that must be equal between two runs of the same cell."""
        digest = hashlib.blake2b(digest_size=16)
        ordering = self.ordering
        for records in (
            *(self.receipts, self.truths, self.tasks, self.approvals, self.exposure),
            *(ordering.views, ordering.commits),
            *self.market[:5],
        ):
            digest.update(len(records).to_bytes(8, "little"))
            digest.update(records.tobytes())
        for header in self.headers:
            digest.update(header.digest)
        for ledger in self.ledgers:
            digest.update(ledger.state_root)
        return digest.digest()


def create_header(
    before: bytes,
    height: int,
    proposed_us: int,
    committed_us: int,
    n_transactions: int,
    messages: int,
    n_bytes: int,
    receipts_root: bytes,
    state_root: bytes,
) -> Header:
    """Next header of a chain: its digest covers all its fields and the digest before it."""
    numbers = (height, proposed_us, committed_us, n_transactions, messages, n_bytes)
    digest = hashlib.sha256(before)
    for number in numbers:
        digest.update(number.to_bytes(8, "little"))
    digest.update(receipts_root + state_root)
    return Header(*numbers, receipts_root, state_root, digest.digest())
