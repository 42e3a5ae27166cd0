"""The log an operator keeps: a hash chain over pages, and a Merkle tree whose root is anchored.

The chain alone shows a change only to somebody who remembers an old head; the operator who
holds the only head rewrites it at will. An anchored root is what an auditor compares with.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sim.core.merkle import GrowingTree, compute_chain_head, compute_chain_start
from sim.core.records import Ints, Records, join_records

PAGE = 64  # entries in a leaf; a cut starts a new one

LOG_ENTRY = np.dtype(
    [
        (name, np.int64)
        for name in (
            "sender",
            "caps_static",
            "caps_effective",
            "kind",
            "target",
            "code",
            "height",
            "committed_us",
        )
    ]
)


class Cut(NamedTuple):
    """State of a log at one moment: what an anchor commits to."""

    size: int  # entries
    root: bytes


class OperatorLog:
    """One org's log of what its gateway decided."""

    def __init__(self) -> None:
        self.entries: list[Records] = []
        self.times: list[Ints] = []
        self.size = 0  # entries in the tree and the chain
        self.head = compute_chain_start(bytes(32))
        self.tree = GrowingTree()

    def append(self, receipts: Records, final_us: Ints, rewrites: bool) -> None:
        """Note decisions in the order they were made.

        A hostile operator rewrites what it would rather not have done: whoever acted held
        everything that was required.
        """
        entries = np.zeros(len(receipts), dtype=LOG_ENTRY)
        for name in LOG_ENTRY.names or ():
            entries[name] = receipts[name]
        if rewrites:
            entries["caps_effective"] |= receipts["required"]
        self.entries.append(entries)
        self.times.append(final_us)

    def cut(self, until_us: int) -> Cut:
        """Bring chain and tree up to the last entry not later than a time."""
        times = np.concatenate(self.times) if self.times else np.zeros(0, dtype=np.int64)
        last = self.size + int(np.searchsorted(times, until_us, side="right"))
        entries = self._get_pending()
        pending = entries[: last - self.size]
        for first in range(0, len(pending), PAGE):
            page = pending[first : first + PAGE].tobytes()
            self.head = compute_chain_head(self.head, self.tree.size + 1, page)
            self.tree.append(page)
        self.entries = [entries[len(pending) :]]
        self.times = [times[len(pending) :]]
        self.size = last
        return Cut(last, self.tree.root())

    def _get_pending(self) -> Records:
        """Entries not in the tree yet."""
        if not self.entries:
            return np.zeros(0, dtype=LOG_ENTRY)
        return join_records(self.entries)
