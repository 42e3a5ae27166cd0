from __future__ import annotations

import hashlib

import numpy as np
import pytest

from sim.core.evidence import compute_evidence_id, get_words


def test_the_order_of_two_payloads_does_not_matter() -> None:
    assert compute_evidence_id(b"ab", b"ac") == compute_evidence_id(b"ac", b"ab")
    assert compute_evidence_id(b"ab", b"ac") == hashlib.sha256(b"AMBIT-EVID-V1abac").digest()


def test_other_payloads_give_another_identity() -> None:
    assert compute_evidence_id(b"ab", b"ac") != compute_evidence_id(b"ab", b"ad")


@pytest.mark.parametrize("second", [b"ab", b"abc"])
def test_equal_payloads_and_payloads_of_other_lengths_are_no_evidence(second: bytes) -> None:
    with pytest.raises(ValueError, match="two different payloads of one length"):
        compute_evidence_id(b"ab", second)


def test_words_are_little_endian_and_signed() -> None:
    digest = bytes(range(24)) + b"\xff" * 8
    assert get_words(digest) == tuple(np.frombuffer(digest, dtype="<i8").tolist())
    assert get_words(digest)[3] == -1
