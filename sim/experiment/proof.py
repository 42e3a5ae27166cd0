"""Proof that one record stands in the chain's log, for somebody who knows only its last digest."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.core.errors import InputError, InvariantError, Position
from sim.core.merkle import PAGE, as_pages, compute_paged_root, create_inclusion_path, is_included
from sim.core.reasons import PENDING
from sim.experiment.explain import StoredRun
from sim.trace.records import Header, create_header

if TYPE_CHECKING:
    from pathlib import Path

    from sim.core.records import Records
    from sim.trace.records import Trace

CHAIN = -1  # in `Trace.domains`


class RecordProof(NamedTuple):
    """One receipt, and what connects it with the digest of the last block."""

    record: dict[str, int]  # the receipt by field
    height: int
    position: int  # in its block
    page: bytes  # the receipts of its leaf, as they were hashed
    leaf: int  # index of the page in its block
    n_pages: int
    path: list[bytes]  # siblings from the page up to the block's root
    before: bytes  # digest of the header before its block's
    headers: list[Header]  # from its block's on, up to the last

    def holds(self, head: bytes) -> bool:
        """Whether the page stands in its block, and its block in the chain that ends in `head`.

        Source: RFC 9162, section 2.1.3.2, for the path; each header's digest covers the one
        before.
        """
        root = self.headers[0].receipts_root
        if not is_included(self.page, self.leaf, self.n_pages, self.path, root):
            return False
        digest = self.before
        for header in self.headers:
            digest = create_header(digest, *header[:-1]).digest
        return digest == head


def prove_record(folder: Path, policy: str, replication: int, number: int) -> RecordProof:
    """Proof for a record of the chain's log, counted from 0 over all blocks.

    The replication is lived through again, and refused if it does not come to its digest.
    Errors: InputError where there is no such result or record; StorageError as for `explain`.
    """
    stored = StoredRun(folder)
    trace = stored.run_again(stored.choose((policy,))[0], replication)
    receipts = find_chain_receipts(trace)
    if not trace.headers:
        raise InputError(Position(str(folder)), "record", f"{policy} keeps no chain")
    if not 0 <= number < len(receipts):
        problem = f"{policy} wrote {len(receipts)} records on a chain, asked for number {number}"
        raise InputError(Position(str(folder)), "record", problem)
    height = int(receipts["height"][number])
    block = receipts[receipts["height"] == height]
    leaf = int(receipts["position"][number]) // PAGE
    pages = as_pages(block, PAGE)
    first = next(i for i, header in enumerate(trace.headers) if header.height == height)
    if compute_paged_root(block) != trace.headers[first].receipts_root:
        raise InvariantError("receipts root of a block", height, "the header's", "another")
    return RecordProof(
        record={name: int(receipts[name][number]) for name in receipts.dtype.names or ()},
        height=height,
        position=int(receipts["position"][number]),
        page=bytes(pages[leaf]),
        leaf=leaf,
        n_pages=len(pages),
        path=create_inclusion_path(pages, leaf),
        before=trace.headers[first - 1].digest if first else bytes(32),
        headers=trace.headers[first:],
    )


def find_chain_receipts(trace: Trace) -> Records:
    """What the chain decided, in the order of its blocks."""
    decided = (trace.domains == CHAIN) & (trace.receipts["code"] != PENDING)
    receipts = trace.receipts[decided]
    order = np.lexsort((receipts["position"], receipts["height"]))
    chosen: Records = receipts[order]
    return chosen
