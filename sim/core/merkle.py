"""Merkle trees of RFC 6962 and the hash chain of a log, over SHA-256.

A root does not commit to the size of its tree: whoever publishes a root publishes the size too.
"""

from __future__ import annotations

import hashlib
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import TypeAlias

    from numpy.typing import NDArray

    from sim.core.records import Records

    Leaf: TypeAlias = bytes | memoryview

EMPTY_ROOT = hashlib.sha256().digest()
PAGE = 64  # records a leaf
CHAIN_TAG = b"AMBIT-LOG-V1"


def compute_leaf(data: Leaf) -> bytes:
    """Digest of one leaf; the prefix keeps a leaf from passing for a node."""
    digest = hashlib.sha256(b"\x00")
    digest.update(data)
    return digest.digest()


def compute_node(left: bytes, right: bytes) -> bytes:
    """Digest of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def _compute_parents(level: Sequence[bytes]) -> list[bytes]:
    """Next level up; a last node without a sibling rises as it is and is never doubled."""
    parents = [compute_node(*level[i : i + 2]) for i in range(0, len(level) - 1, 2)]
    return parents + list(level[2 * len(parents) :])


def _create_levels(leaves: Iterable[Leaf]) -> list[list[bytes]]:
    """All digests of a tree, from its leaves up to its root alone."""
    levels = [[compute_leaf(data) for data in leaves]]
    while len(levels[-1]) > 1:
        levels.append(_compute_parents(levels[-1]))
    return levels


def compute_root(leaves: Iterable[Leaf]) -> bytes:
    """Root of the tree over a list of leaf data.

    Return: 32 bytes; SHA-256 of nothing for no leaves.
    Source: RFC 6962, section 2.1.
    """
    return _get_root(_create_levels(leaves))


def _get_root(levels: Sequence[Sequence[bytes]]) -> bytes:
    return levels[-1][0] if levels[-1] else EMPTY_ROOT


def create_inclusion_path(leaves: Sequence[Leaf], index: int) -> list[bytes]:
    """Siblings from one leaf up to the root.

    Errors: ValueError if there is no such leaf.
    Source: RFC 6962, section 2.1.1.
    """
    if not 0 <= index < len(leaves):
        raise ValueError(f"leaf {index} is outside a tree of {len(leaves)}")
    levels = _create_levels(leaves)
    siblings = ((level, (index >> height) ^ 1) for height, level in enumerate(levels))
    return [level[sibling] for level, sibling in siblings if sibling < len(level)]


def is_included(data: Leaf, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether a path proves that a leaf stands at an index of the tree of this size and root.

    Errors: none, whatever the path holds.
    Source: RFC 9162, section 2.1.3.2.
    """
    if not 0 <= index < size:
        return False
    last, digest = size - 1, compute_leaf(data)
    for sibling in path:
        if not last:
            return False
        if index & 1 or index == last:
            digest = compute_node(sibling, digest)
            index, last = _skip_lone_levels(index, last)
        else:
            digest = compute_node(digest, sibling)
        index, last = index >> 1, last >> 1
    return not last and digest == root


def _skip_lone_levels(index: int, last: int) -> tuple[int, int]:
    """Rise to the level at which a node has a left sibling, or to the root's left edge."""
    while index and not index & 1:
        index, last = index >> 1, last >> 1
    return index, last


def create_consistency_proof(leaves: Sequence[Leaf], first: int) -> list[bytes]:
    """Proof that the tree over the first leaves is the beginning of the tree over all.

    Return: digests in the order of the RFC; none when either tree is empty or both are equal.
    Errors: ValueError if first is not in 0..len(leaves).
    Source: RFC 6962, section 2.1.2.
    """
    if not 0 <= first <= len(leaves):
        raise ValueError(f"no first {first} leaves in a tree of {len(leaves)}")
    return _create_subproof(leaves, first, is_known=True) if first else []


def _create_subproof(leaves: Sequence[Leaf], first: int, is_known: bool) -> list[bytes]:
    """SUBPROOF of the RFC; `is_known` while the verifier already holds the first tree's root."""
    if first == len(leaves):
        return [] if is_known else [compute_root(leaves)]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    left, right = leaves[:split], leaves[split:]
    if first <= split:
        return [*_create_subproof(left, first, is_known), compute_root(right)]
    return [*_create_subproof(right, first - split, is_known=False), compute_root(left)]


def is_consistent(
    first: int, second: int, first_root: bytes, second_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether a proof shows that the first tree is the beginning of the second.

    Units:  first and second are sizes; an empty tree is the beginning of every tree.
    Errors: none, whatever the proof holds.
    Source: RFC 9162, section 2.1.4.2.
    """
    if not 0 < first < second:
        is_same = first == second and first_root == second_root
        return not proof and (is_same or (first == 0 < second and first_root == EMPTY_ROOT))
    if not proof:
        return False
    digests = [first_root, *proof] if first & (first - 1) == 0 else proof
    return _fold_proof(first, second, digests) == (first_root, second_root)


def _fold_proof(first: int, second: int, digests: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    """Roots of both trees by a proof, or None unless it spans exactly the second size."""
    node, last = first - 1, second - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old = new = digests[0]
    for digest in digests[1:]:
        if not last:
            return None
        if node & 1 or node == last:
            old, new = compute_node(digest, old), compute_node(digest, new)
            node, last = _skip_lone_levels(node, last)
        else:
            new = compute_node(new, digest)
        node, last = node >> 1, last >> 1
    return None if last else (old, new)


def as_pages(records: Records, page: int) -> list[memoryview]:
    """Raw bytes of every page of records, little endian on every platform."""
    rows = np.ascontiguousarray(records, dtype=records.dtype.newbyteorder("<"))
    content, width = rows.view(np.uint8).data, page * rows.dtype.itemsize
    return [content[start : start + width] for start in range(0, len(content), width)]


def compute_paged_root(records: Records, page: int = PAGE) -> bytes:
    """Root of the tree whose leaves are pages of records.

    Shapes: records is a structured array (n,); the last page may be short.
    Return: 32 bytes; EMPTY_ROOT for no records.
    """
    return compute_root(as_pages(records, page))


class PagedTree:
    """The paged tree of an array that grows and changes: only what changed is hashed again."""

    def __init__(self, page: int = PAGE) -> None:
        self._page = page
        self._n_records = 0
        self._levels: list[list[bytes]] = [[]]

    def root(self, records: Records, n_records: int, dirty: NDArray[np.uint8]) -> bytes:
        """Root over the first records; equal to `compute_paged_root` if no change went unflagged.

        Shapes: dirty is uint8, one a page, at least as long as the pages in use.
        Return: 32 bytes. The flags of hashed pages are cleared; growth needs no flag.
        """
        n_pages = -(-n_records // self._page)
        changed = set(np.flatnonzero(dirty[:n_pages]).tolist())
        changed.update(self._find_resized(n_records, n_pages))
        dirty[:n_pages] = 0
        self._n_records = n_records
        self._resize(n_pages)
        for i in changed:
            rows = records[i * self._page : min((i + 1) * self._page, n_records)]
            self._levels[0][i] = compute_leaf(as_pages(rows, self._page)[0])
        self._hash_ancestors(changed)
        return _get_root(self._levels)

    def _find_resized(self, n_records: int, n_pages: int) -> range:
        """Pages whose content, or whose ancestors, differ because the number of records does."""
        if n_records == self._n_records:
            return range(0)
        first = min(n_records, self._n_records) // self._page
        return range(max(0, min(first, n_pages - 1)), n_pages)

    def _resize(self, n_pages: int) -> None:
        """Give every level its length, and the tree its height."""
        widths = [n_pages]
        while widths[-1] > 1:
            widths.append((widths[-1] + 1) // 2)
        kept = self._levels + [[] for _ in widths]
        self._levels = [
            level[:width] + [b""] * (width - len(level))
            for level, width in zip(kept, widths, strict=False)
        ]

    def _hash_ancestors(self, changed: set[int]) -> None:
        for below, level in pairwise(self._levels):
            changed = {i >> 1 for i in changed}
            for i in changed:
                children = below[2 * i : 2 * i + 2]
                level[i] = compute_node(*children) if len(children) == 2 else children[0]


class GrowingTree:
    """The tree of a log: leaves are appended, only the roots of its full subtrees are kept."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []  # one for each bit set in the size, largest first

    def append(self, data: Leaf) -> None:
        """Add one leaf."""
        digest, size = compute_leaf(data), self.size
        while size & 1:  # a full subtree of this height stands: merge, as a carry does
            digest, size = compute_node(self._peaks.pop(), digest), size >> 1
        self._peaks.append(digest)
        self.size += 1

    def root(self) -> bytes:
        """Root over all leaves so far; equal to `compute_root` of them."""
        if not self._peaks:
            return EMPTY_ROOT
        *_, root = accumulate(reversed(self._peaks), lambda right, left: compute_node(left, right))
        return root


def compute_chain_start(genesis: bytes) -> bytes:
    """Head of an empty log; genesis is the 32-byte hash of the chain it belongs to."""
    return hashlib.sha256(CHAIN_TAG + genesis).digest()


def compute_chain_head(previous: bytes, index: int, record: bytes) -> bytes:
    """Head of a log after a record; its index, from 1, and length keep records from being re-cut.

    Errors: OverflowError if the index exceeds 64 bits or the length 32.
    """
    prefix = b"\x02" + index.to_bytes(8, "big") + len(record).to_bytes(4, "big")
    return hashlib.sha256(prefix + previous + record).digest()


def hash_chain(genesis: bytes, records: Iterable[bytes]) -> list[bytes]:
    """Every head of a log, from the empty log's on: one more than there are records."""
    heads = [compute_chain_start(genesis)]
    for index, record in enumerate(records, start=1):
        heads.append(compute_chain_head(heads[-1], index, record))
    return heads
