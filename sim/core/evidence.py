"""Identity of evidence of equivocation, and how a transaction carries it."""

from __future__ import annotations

import hashlib

DOMAIN_TAG = b"AMBIT-EVID-V1"
WORD_BYTES = 8


def compute_evidence_id(first: bytes, second: bytes) -> bytes:
    """Identity of two conflicting payloads, whichever of them is named first.

    Return: 32 bytes: SHA-256 of the domain tag, the lower payload and the higher payload.
    Errors: ValueError if the payloads are equal, which is no conflict, or differ in length:
            then two different pairs could be one string of bytes.
    """
    if first == second or len(first) != len(second):
        raise ValueError("evidence is two different payloads of one length")
    lower, higher = sorted((first, second))
    return hashlib.sha256(DOMAIN_TAG + lower + higher).digest()


def get_words(digest: bytes) -> tuple[int, ...]:
    """A digest as the `word` columns of a transaction: signed 64-bit words, little endian."""
    return tuple(
        int.from_bytes(digest[start : start + WORD_BYTES], "little", signed=True)
        for start in range(0, len(digest), WORD_BYTES)
    )
