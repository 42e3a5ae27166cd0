import hashlib
from itertools import combinations

import numpy as np
import pytest

from sim.core import merkle
from sim.core.merkle import (
    EMPTY_ROOT,
    GrowingTree,
    PagedTree,
    compute_leaf,
    compute_node,
    compute_paged_root,
    compute_root,
    create_consistency_proof,
    create_inclusion_path,
    hash_chain,
    is_consistent,
    is_included,
)
from sim.core.records import GRANT, LOG, Records

LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
MANY = [bytes([i]) * 3 for i in range(33)]
PAIRS = list(combinations(range(1, 9), 2))
ROOTS = [
    "e3b0c44298fc1c14",
    "6e340b9cffb37a98",
    "fac54203e7cc696c",
    "aeb6bcfe274b70a1",
    "d37ee418976dd957",
    "4e3bbb1f7b478dcf",
    "76e67dadbcdf1e10",
    "ddb89be403809e32",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
PATHS = {
    (0, 8): ["96a296d224f285c6", "5f083f0a1a33ca07", "6b47aaf29ee3c2af"],
    (2, 5): ["07506a85fd9dd2f1", "fac54203e7cc696c", "bc1a0643b12e4d2d"],
}
PROOFS = {
    (1, 8): ["96a296d224f285c6", "5f083f0a1a33ca07", "6b47aaf29ee3c2af"],
    (6, 8): ["0ebc5d3437fbe2db", "ca854ea128ed050b", "d37ee418976dd957"],
    (2, 5): ["5f083f0a1a33ca07", "bc1a0643b12e4d2d"],
    (3, 7): ["0298d122906dcfc1", "07506a85fd9dd2f1", "fac54203e7cc696c", "837dbb152e9b0790"],
}
HEADS = [
    "5be50bf076536bf5",
    "93be739ed1f81dc2",
    "6262625380d3fd08",
    "4cec484eef4f7b0f8cf0012053f10de0dc6ebe7133c8ee6068be559dcb0f2de4",
]


def get_starts(digests: list[bytes]) -> list[str]:
    return [digest[:8].hex() for digest in digests]


def flip_bit(digests: list[bytes], index: int) -> list[bytes]:
    flipped = bytes([digests[index][0] ^ 1]) + digests[index][1:]
    return [*digests[:index], flipped, *digests[index + 1 :]]


def create_forgeries(proof: list[bytes]) -> list[list[bytes]]:
    flipped = [flip_bit(proof, index) for index in range(len(proof))]
    return [*flipped, proof[:-1], proof[1:], [*proof, EMPTY_ROOT], [*proof, *proof[-1:]], []]


def create_records(n: int, dtype: np.dtype[np.void] = LOG) -> Records:
    return np.arange(n * dtype.itemsize // 8).view(dtype)


def compute_root_by_definition(leaves: list[bytes]) -> bytes:
    if len(leaves) < 2:
        return hashlib.sha256(b"\x00" + leaves[0] if leaves else b"").digest()
    split = max(2**k for k in range(8) if 2**k < len(leaves))
    halves = [compute_root_by_definition(half) for half in (leaves[:split], leaves[split:])]
    return hashlib.sha256(b"\x01" + halves[0] + halves[1]).digest()


@pytest.mark.parametrize("size", range(9))
def test_a_root_is_the_published_one(size: int) -> None:
    assert compute_root(LEAVES[:size]).hex().startswith(ROOTS[size])


@pytest.mark.parametrize("size", range(34))
def test_a_root_follows_the_recursive_definition(size: int) -> None:
    assert compute_root(MANY[:size]) == compute_root_by_definition(MANY[:size])


@pytest.mark.parametrize(("index", "size"), PATHS)
def test_a_path_is_the_published_one(index: int, size: int) -> None:
    assert get_starts(create_inclusion_path(LEAVES[:size], index)) == PATHS[index, size]


@pytest.mark.parametrize("size", range(1, 34))
def test_every_leaf_is_proved_included(size: int) -> None:
    root = compute_root(MANY[:size])
    paths = [create_inclusion_path(MANY[:size], index) for index in range(size)]
    assert all(is_included(MANY[i], i, size, paths[i], root) for i in range(size))


@pytest.mark.parametrize(("index", "size"), [(0, 8), (2, 5), (4, 5), (6, 7), (1, 2)])
def test_a_forged_path_is_refused(index: int, size: int) -> None:
    root, path = compute_root(LEAVES[:size]), create_inclusion_path(LEAVES[:size], index)
    forgeries = create_forgeries(path)
    assert not any(is_included(LEAVES[index], index, size, forged, root) for forged in forgeries)


def test_a_path_proves_no_other_leaf() -> None:
    root, path = compute_root(LEAVES), create_inclusion_path(LEAVES, 3)
    assert not any(is_included(LEAVES[i], 3, 8, path, root) for i in range(8) if i != 3)


def test_a_path_proves_no_other_index() -> None:
    root, path = compute_root(LEAVES), create_inclusion_path(LEAVES, 3)
    assert not any(is_included(LEAVES[3], i, 8, path, root) for i in range(-1, 9) if i != 3)


@pytest.mark.parametrize("size", [9, 16, 17, 2**40])
def test_a_path_must_span_the_whole_size(size: int) -> None:
    path = create_inclusion_path(LEAVES, 0)
    assert not is_included(LEAVES[0], 0, size, path, compute_root(LEAVES))


def test_a_path_must_end_at_the_root() -> None:
    path = create_inclusion_path(LEAVES, 7)
    assert not is_included(LEAVES[7], 3, 4, path, compute_root(LEAVES))


def test_a_path_through_a_leaf_outside_the_tree_is_not_made() -> None:
    with pytest.raises(ValueError, match="outside"):
        create_inclusion_path(LEAVES, 8)


@pytest.mark.parametrize(("first", "second"), PROOFS)
def test_a_consistency_proof_is_the_published_one(first: int, second: int) -> None:
    proof = create_consistency_proof(LEAVES[:second], first)
    assert get_starts(proof) == PROOFS[first, second]


@pytest.mark.parametrize("second", range(34))
def test_every_beginning_is_proved_consistent(second: int) -> None:
    leaves, root = MANY[:second], compute_root(MANY[:second])
    for first in range(second + 1):
        proof = create_consistency_proof(leaves, first)
        assert is_consistent(first, second, compute_root(leaves[:first]), root, proof)


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_a_forged_consistency_proof_is_refused(first: int, second: int) -> None:
    roots = compute_root(LEAVES[:first]), compute_root(LEAVES[:second])
    forgeries = create_forgeries(create_consistency_proof(LEAVES[:second], first))
    assert not any(is_consistent(first, second, *roots, forged) for forged in forgeries)


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_a_rewritten_log_has_no_consistency_proof(first: int, second: int) -> None:
    rewritten = [b"other", *LEAVES[1:second]]
    proof = create_consistency_proof(rewritten, first)
    old, new = compute_root(LEAVES[:first]), compute_root(rewritten)
    assert not is_consistent(first, second, old, new, proof)


@pytest.mark.parametrize(("first", "second"), PROOFS)
def test_a_proof_must_span_the_whole_second_size(first: int, second: int) -> None:
    roots = compute_root(LEAVES[:first]), compute_root(LEAVES[:second])
    proof = create_consistency_proof(LEAVES[:second], first)
    assert not any(is_consistent(first, size, *roots, proof) for size in (9, 16, 17, 2**40))


def test_a_proof_must_end_at_the_root() -> None:
    roots = compute_root(LEAVES[:7]), compute_root(LEAVES)
    assert not is_consistent(3, 4, *roots, create_consistency_proof(LEAVES, 7))


def test_a_proof_for_a_larger_tree_is_refused_for_a_smaller_one() -> None:
    roots = compute_root(LEAVES[:3]), compute_root(LEAVES)
    proof = create_consistency_proof(LEAVES, 3)
    assert not any(is_consistent(3, size, *roots, proof) for size in (0, 1, 2, 3, 4))


def test_trees_of_equal_size_are_consistent_only_if_equal() -> None:
    assert not is_consistent(8, 8, compute_root(LEAVES), compute_root(LEAVES[::-1]), [])


def test_equal_trees_need_no_proof() -> None:
    root = compute_root(LEAVES)
    assert not is_consistent(8, 8, root, root, [root])


def test_a_larger_tree_is_no_beginning_of_a_smaller_one() -> None:
    assert not is_consistent(8, 7, compute_root(LEAVES), compute_root(LEAVES[:7]), [])


def test_an_empty_tree_has_only_the_empty_root() -> None:
    assert not is_consistent(0, 8, b"\x00" * 32, compute_root(LEAVES), [])


def test_a_negative_size_is_refused() -> None:
    assert not is_consistent(-1, 8, EMPTY_ROOT, compute_root(LEAVES), [])


@pytest.mark.parametrize("first", [-1, 9])
def test_a_proof_from_a_size_outside_the_tree_is_not_made(first: int) -> None:
    with pytest.raises(ValueError, match="in a tree of 8"):
        create_consistency_proof(LEAVES, first)


def test_a_leaf_that_holds_two_digests_is_not_their_parent() -> None:
    children = compute_leaf(b"x") + compute_leaf(b"y")
    assert compute_root([children]) != compute_root([b"x", b"y"])


def test_without_prefixes_a_leaf_would_pass_for_a_node(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merkle, "compute_leaf", lambda data: hashlib.sha256(data).digest())
    monkeypatch.setattr(merkle, "compute_node", lambda a, b: hashlib.sha256(a + b).digest())
    children = hashlib.sha256(b"x").digest() + hashlib.sha256(b"y").digest()
    assert compute_root([children]) == compute_root([b"x", b"y"])


def test_a_repeated_last_leaf_changes_the_root() -> None:
    assert compute_root([b"a", b"b", b"c"]) != compute_root([b"a", b"b", b"c", b"c"])


def test_doubling_the_last_node_would_hide_a_repeated_leaf() -> None:
    a, b, c = (compute_leaf(data) for data in (b"a", b"b", b"c"))
    doubled = compute_node(compute_node(a, b), compute_node(c, c))
    assert doubled == compute_root([b"a", b"b", b"c", b"c"])


@pytest.mark.parametrize("n", [0, 1, 63, 64, 65, 200])
def test_a_paged_root_has_pages_of_64_records_as_leaves(n: int) -> None:
    records = create_records(n)
    pages = [records[i : i + 64].tobytes() for i in range(0, n, 64)]
    assert compute_paged_root(records) == compute_root(pages)


def test_a_paged_root_does_not_depend_on_byte_order() -> None:
    records = create_records(100)
    assert compute_paged_root(records.astype(LOG.newbyteorder(">"))) == compute_paged_root(records)


def test_a_paged_root_of_a_strided_array_is_that_of_its_copy() -> None:
    records = create_records(200)
    assert compute_paged_root(records[::2]) == compute_paged_root(records[::2].copy())


def test_a_paged_tree_follows_an_array_that_grows_shrinks_and_changes() -> None:
    records, tree = create_records(60, GRANT), PagedTree(page=4)
    dirty = np.zeros(15, np.uint8)
    sizes = [0, 1, 3, 4, 5, 5, 8, 13, 60, 60, 59, 41, 20, 17, 16, 5, 4, 0, 33]
    for step, size in enumerate(sizes):
        changed = [row for row in range(size) if (row * 7 + step) % 11 == 0]
        records["mask"][changed] += 1
        dirty[[row // 4 for row in changed]] = 1
        assert tree.root(records, size, dirty) == compute_paged_root(records[:size], 4)


def test_a_paged_tree_clears_the_flags_it_served() -> None:
    dirty = np.ones(3, np.uint8)
    PagedTree().root(create_records(100), 100, dirty)
    assert dirty.tolist() == [0, 0, 1]


def test_a_paged_tree_hashes_only_flagged_pages_again(monkeypatch: pytest.MonkeyPatch) -> None:
    records, tree = create_records(640), PagedTree()
    tree.root(records, 640, np.zeros(10, np.uint8))
    hashed: list[bytes] = []

    def compute_spied_leaf(page: memoryview) -> bytes:
        hashed.append(bytes(page))
        return bytes(32)

    monkeypatch.setattr(merkle, "compute_leaf", compute_spied_leaf)
    tree.root(records, 640, np.eye(10, dtype=np.uint8)[7])
    assert hashed == [records[448:512].tobytes()]


def test_a_growing_tree_has_the_root_of_all_its_leaves() -> None:
    tree = GrowingTree()
    for size, data in enumerate(MANY):
        assert tree.root() == compute_root(MANY[:size])
        tree.append(data)
    assert tree.root() == compute_root(MANY)


def test_a_growing_tree_counts_its_leaves() -> None:
    tree = GrowingTree()
    for data in LEAVES:
        tree.append(data)
    assert tree.size == len(LEAVES)


def test_a_hash_chain_has_the_published_heads() -> None:
    heads = [head.hex() for head in hash_chain(bytes(32), [b"a", b"bc", b""])]
    assert all(head.startswith(known) for head, known in zip(heads, HEADS, strict=True))


def test_records_of_a_hash_chain_cannot_be_cut_anew() -> None:
    assert hash_chain(bytes(32), [b"ab", b"c"])[-1] != hash_chain(bytes(32), [b"a", b"bc"])[-1]


def test_a_hash_chain_belongs_to_one_genesis() -> None:
    assert hash_chain(bytes(32), [b"a"])[-1] != hash_chain(b"\x01" * 32, [b"a"])[-1]
