"""What is signed and what a block's digest covers."""

from __future__ import annotations

import pytest

from sim.consensus.messages import (
    COMMIT,
    GENESIS,
    GENESIS_CERTIFICATE,
    PRECOMMIT,
    PROPOSAL,
    STATEMENT_TAG,
    TIMEOUT,
    VOTE,
    Block,
    StatementKind,
    compute_root,
    create_block,
    encode_statement,
    is_genuine,
)

CONTENT = (3, 2, 1, GENESIS_CERTIFICATE, b"batch", b"root")


def test_a_statement_is_its_tag_kind_view_and_subject() -> None:
    encoded = encode_statement((VOTE, 258, b"d" * 32))
    assert encoded == STATEMENT_TAG + b"\x02" + b"\x02\x01" + bytes(6) + b"d" * 32


def test_a_time_out_signs_the_view_of_the_highest_certificate() -> None:
    encoded = encode_statement((TIMEOUT, 1, 515))
    assert encoded == STATEMENT_TAG + b"\x05" + b"\x01" + bytes(7) + b"\x03\x02" + bytes(30)


def test_no_two_statements_are_signed_alike() -> None:
    subjects = [bytes(32), b"\1" + bytes(31), b"\2" * 32]
    statements = [
        (kind, view, subject)
        for kind in (PROPOSAL, VOTE, PRECOMMIT, COMMIT)
        for view in (0, 1, 256)
        for subject in subjects
    ] + [(TIMEOUT, view, high_view) for view in (0, 1, 256) for high_view in (0, 1, 256)]
    assert len({encode_statement(statement) for statement in statements}) == len(statements)


def test_kinds_of_statements_keep_their_numbers() -> None:
    assert [kind.name for kind in sorted(StatementKind)] == [
        "PROPOSAL",
        "VOTE",
        "PRECOMMIT",
        "COMMIT",
        "TIMEOUT",
    ]
    assert [int(kind) for kind in sorted(StatementKind)] == [1, 2, 3, 4, 5]


def test_a_root_depends_on_what_was_before_and_on_the_batch() -> None:
    roots = {compute_root(before, batch) for before in (b"a", b"b") for batch in (b"c", b"d")}
    assert len(roots) == 4
    assert compute_root(b"a", b"c") in roots


@pytest.mark.parametrize("field", range(6))
def test_the_digest_covers_every_field(field: int) -> None:
    other = GENESIS_CERTIFICATE._replace(view=9) if field == 3 else CONTENT[field] * 2
    changed = [*CONTENT[:field], other, *CONTENT[field + 1 :]]
    assert create_block(*changed).digest != create_block(*CONTENT).digest  # type: ignore[arg-type]


def test_the_digest_covers_the_parent() -> None:
    block = create_block(*CONTENT)
    beside = GENESIS_CERTIFICATE._replace(digest=b"other" * 6)
    assert create_block(*CONTENT[:3], beside, *CONTENT[4:]).digest != block.digest
    assert (block.parent, block[1:]) == (GENESIS.digest, CONTENT)
    assert isinstance(block, Block)


def test_who_signed_the_certificate_inside_is_not_part_of_a_block() -> None:
    signed = GENESIS_CERTIFICATE._replace(signers=(0, 1, 2), signatures=(None,) * 3)
    assert create_block(*CONTENT[:3], signed, *CONTENT[4:]).digest == create_block(*CONTENT).digest


def test_a_block_is_genuine_only_with_the_digest_of_its_own_content() -> None:
    block = create_block(3, 2, 1, GENESIS_CERTIFICATE, b"batch", bytes(32))
    assert is_genuine(block)
    for change in (
        {"view": 4},
        {"height": 3},
        {"proposer": 2},
        {"justify": GENESIS_CERTIFICATE._replace(view=1)},
        {"payload": b"other"},
        {"root": b"\1" * 32},
    ):
        assert not is_genuine(block._replace(**change)), change
