from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import pytest

from sim.core.merkle import compute_chain_head, compute_chain_start, compute_root
from sim.core.records import RECEIPT, Records, join_records
from sim.trace.log import LOG_ENTRY, PAGE, Cut, OperatorLog

if TYPE_CHECKING:
    from collections.abc import Sequence


def create_receipts(n: int, first: int = 0) -> Records:
    """Receipts that all differ, each for one more capability than was held."""
    receipts = np.zeros(n, dtype=RECEIPT)
    receipts["sender"] = first + np.arange(n)
    receipts["caps_static"] = 0b001
    receipts["caps_effective"] = 0b011
    receipts["required"] = 0b100
    receipts["code"] = (first + np.arange(n)) % 3
    receipts["height"] = 7
    receipts["committed_us"] = 10 * (first + np.arange(n))
    return receipts


def create_entries(receipts: Records) -> Records:
    """What an honest operator notes of each receipt."""
    entries = np.zeros(len(receipts), dtype=LOG_ENTRY)
    for name in LOG_ENTRY.names or ():
        entries[name] = receipts[name]
    return entries


def create_pages(entries: Records, sizes: Sequence[int]) -> list[bytes]:
    """Leaves of a log that was cut at these sizes: a cut starts a new page."""
    pages, first = [], 0
    for size in sizes:
        part = entries[first:size]
        pages += [part[k : k + PAGE].tobytes() for k in range(0, len(part), PAGE)]
        first = size
    return pages


def compute_tree(leaves: Sequence[bytes]) -> bytes:
    """RFC 6962, section 2.1, as it is written there."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    left, right = compute_tree(leaves[:split]), compute_tree(leaves[split:])
    return hashlib.sha256(b"\x01" + left + right).digest()


def compute_head(pages: Sequence[bytes]) -> bytes:
    """The hash chain of the reference: index, length and the head before are hashed too."""
    head = hashlib.sha256(b"AMBIT-LOG-V1" + bytes(32)).digest()
    for index, page in enumerate(pages, start=1):
        prefix = b"\x02" + index.to_bytes(8, "big") + len(page).to_bytes(4, "big")
        head = hashlib.sha256(prefix + head + page).digest()
    return head


def create_log(n: int, rewrites: bool = False) -> OperatorLog:
    """A log of n decisions, one every ten microseconds, that came in batches."""
    log, receipts = OperatorLog(), create_receipts(n)
    for first in range(0, n, 50):
        batch = receipts[first : first + 50]
        log.append(batch, batch["committed_us"].copy(), rewrites)
    return log


def test_an_empty_log_has_the_root_of_nothing() -> None:
    log = OperatorLog()
    assert log.cut(10**9) == Cut(0, hashlib.sha256().digest())
    assert log.head == compute_head([])


@pytest.mark.parametrize("n", [1, PAGE - 1, PAGE, PAGE + 1, 3 * PAGE + 5, 1_000])
def test_chain_and_tree_are_those_of_the_reference(n: int) -> None:
    log = create_log(n)
    cut = log.cut(10 * n)
    pages = create_pages(create_entries(create_receipts(n)), [n])
    assert cut == Cut(n, compute_tree(pages))
    assert log.head == compute_head(pages)


@pytest.mark.parametrize("seed", range(4))
def test_cuts_anywhere_give_the_pages_between_them(seed: int) -> None:
    sizes = sorted({(k * 97 + seed * 31) % 400 for k in range(1, 7)} | {400})
    log, entries = create_log(400), create_entries(create_receipts(400))
    for number, size in enumerate(sizes, start=1):
        cut = log.cut(10 * size - 1)  # the last entry came at 10 * (size - 1)
        pages = create_pages(entries, sizes[:number])
        assert cut == Cut(size, compute_tree(pages))
        assert log.head == compute_head(pages)


def test_an_entry_of_the_very_moment_is_in_the_cut_and_a_later_one_is_not() -> None:
    for until_us, size in ((-1, 0), (0, 1), (9, 1), (10, 2), (11, 2), (30, 4), (10**9, 4)):
        assert create_log(4).cut(until_us).size == size


def test_entries_of_one_moment_are_cut_together() -> None:
    log, receipts = OperatorLog(), create_receipts(5)
    log.append(receipts, np.array([5, 5, 5, 6, 6]), rewrites=False)
    assert [log.cut(until_us).size for until_us in (4, 5, 5, 6)] == [0, 3, 3, 5]


def test_a_cut_without_news_changes_nothing() -> None:
    log = create_log(100)
    first, head = log.cut(10**6), log.head
    assert log.cut(2 * 10**6) == first
    assert log.head == head


def test_what_comes_later_leaves_an_anchored_root_as_it_was() -> None:
    log = create_log(100)
    anchored = log.cut(499)
    log.append(create_receipts(20, first=100), np.full(20, 5_000), rewrites=False)
    assert anchored == create_log(100).cut(499)
    later = log.cut(10**6)
    assert (anchored.size, later.size) == (50, 120)
    assert later.root != anchored.root


def test_a_log_keeps_what_was_decided_when_the_receipt_changes() -> None:
    log, receipts = OperatorLog(), create_receipts(3)
    log.append(receipts, receipts["committed_us"].copy(), rewrites=False)
    receipts["caps_effective"] = 0
    pages = create_pages(create_entries(create_receipts(3)), [3])
    assert log.cut(10**6).root == compute_tree(pages)


def test_a_hostile_operator_notes_that_everything_required_was_held() -> None:
    log = create_log(10, rewrites=True)
    (entries,) = log.entries
    assert (entries["caps_effective"] == 0b111).all()
    assert (entries["caps_static"] == 0b001).all()
    others = [name for name in LOG_ENTRY.names or () if name != "caps_effective"]
    honest = create_entries(create_receipts(10))
    assert all((entries[name] == honest[name]).all() for name in others)
    (true_entries,) = create_log(10).entries
    assert (true_entries["caps_effective"] == 0b011).all()


def test_rewriting_a_record_that_was_clean_changes_nothing() -> None:
    log, receipts = OperatorLog(), create_receipts(3)
    receipts["required"] = 0b001
    log.append(receipts, receipts["committed_us"].copy(), rewrites=True)
    assert (log.entries[0]["caps_effective"] == 0b011).all()


def test_the_rewritten_log_has_another_root_and_the_chain_alone_is_consistent() -> None:
    honest, hostile = create_log(100), create_log(100, rewrites=True)
    entries = join_records(hostile.entries)
    assert honest.cut(10**6).root != hostile.cut(10**6).root
    assert hostile.head == compute_head(create_pages(entries, [100]))  # nothing shows in it


EDITS = {
    "edit": lambda entries: [*entries[:70], change(entries[70]), *entries[71:]],
    "insert": lambda entries: [*entries[:70], change(entries[70]), *entries[70:]],
    "delete": lambda entries: [*entries[:70], *entries[71:]],
    "reorder": lambda entries: [*entries[:70], entries[71], entries[70], *entries[72:]],
    "truncate": lambda entries: entries[:70],
    "empty": lambda entries: [],
}


def change(entry: np.void) -> np.void:
    changed = entry.copy()
    changed["caps_effective"] |= 0b100
    return changed


@pytest.mark.parametrize("operation", EDITS)
def test_tampering_with_anchored_records_does_not_come_to_the_anchored_root(operation: str) -> None:
    anchored = create_log(200).cut(10**6)
    entries = EDITS[operation](list(create_entries(create_receipts(200))))
    forged = np.array([tuple(entry) for entry in entries], dtype=LOG_ENTRY)
    pages = create_pages(forged, [len(forged)])
    assert compute_root(pages) != anchored.root
    # the operator rebuilds the chain, and whoever knows no older head sees nothing
    head = compute_chain_start(bytes(32))
    for index, page in enumerate(pages, start=1):
        head = compute_chain_head(head, index, page)
    assert head == compute_head(pages)


def test_every_column_of_an_entry_is_under_the_root() -> None:
    anchored = create_log(3).cut(10**6)
    for name in LOG_ENTRY.names or ():
        entries = create_entries(create_receipts(3))
        entries[name][1] += 1
        assert compute_root(create_pages(entries, [3])) != anchored.root


def test_an_edit_after_the_last_anchor_is_not_seen() -> None:
    """A modelled result: what is not anchored can still be rewritten."""
    log = create_log(100)
    anchored = log.cut(499)
    log.entries = [entries.copy() for entries in log.entries]
    log.entries[0]["caps_effective"] = 0b111
    assert anchored == create_log(100).cut(499)
    assert log.cut(499) == anchored
    assert log.cut(10**6).root != create_log(100).cut(10**6).root
