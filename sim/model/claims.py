"""What a signal commits to, and the proof that a verifiable one carries.

A source publishes data as the leaves of a Merkle tree and signs its root. A verifiable signal
says what one leaf holds, with the path to the root: whoever looks can tell whether it is so. A
fraudulent one says something else, and its path leads nowhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from sim.core.keys import create_keypair, derive_seed, is_signed_by, sign
from sim.core.merkle import compute_root, create_inclusion_path, is_included

if TYPE_CHECKING:
    from sim.core.records import Ints, Record, Records

N_LEAVES = 8
SOURCE = 2**62  # entity of the source that signs the data


def create_leaves(key: int) -> list[bytes]:
    """Data of a source at the time of one publication."""
    return [key.to_bytes(8, "little", signed=True) + bytes([place]) for place in range(N_LEAVES)]


class Claims(Protocol):
    """Commitments to what signals say, and what their proofs are worth."""

    def commit(self, entities: Ints, ordinals: Ints, verifiable: Ints) -> Ints:
        """Words of each commitment, int64 (n, 4): the root of its data, or a plain name."""

    def verify(self, signals: Records, truths: Records) -> Ints:
        """1 where the proof that a signal carries verifies.

        Shapes: signals SIGNAL (n,), as on the ledger; truths SIGNAL_TRUTH (n,), of the same.
        """


class TrustedClaims:
    """Knows which claims are true; the commitments are the real ones."""

    def commit(self, entities: Ints, ordinals: Ints, verifiable: Ints) -> Ints:
        """Words of each commitment."""
        words = np.zeros((len(entities), 4), dtype=np.int64)
        words[:, 0], words[:, 1] = entities, ordinals
        for row in np.flatnonzero(verifiable):
            root = compute_root(create_leaves(int(entities[row]) ^ (int(ordinals[row]) << 32)))
            words[row] = np.frombuffer(root, dtype="<i8")
        return words

    def verify(self, signals: Records, truths: Records) -> Ints:
        """By the truth."""
        sound: Ints = 1 - truths["fraudulent"]
        return sound


class SignedClaims(TrustedClaims):
    """Signs roots as the source would, and checks signature and path as anybody could."""

    def __init__(self, stream: str) -> None:
        self.public, self.secret = create_keypair(derive_seed(stream, SOURCE, 0))

    def verify(self, signals: Records, truths: Records) -> Ints:
        """By the source's signature of the root and the path from the leaf to it."""
        rows = zip(signals, truths, strict=True)
        return np.array([self.is_true(*row) for row in rows], dtype=np.int64)

    def is_true(self, row: Record, truth: Record) -> int:
        """Whether the leaf that a signal claims is in the data that its source signed."""
        root = b"".join(int(row[f"word{i}"]).to_bytes(8, "little", signed=True) for i in range(4))
        signature = sign(self.secret, root)  # by the source, when the data were published
        leaves = create_leaves(int(truth["key"]))
        place = int(truth["key"]) % N_LEAVES
        claimed = leaves[place] + b"!" if truth["fraudulent"] else leaves[place]
        path = create_inclusion_path(leaves, place)
        is_known = is_signed_by(self.public, root, signature)
        return int(is_known and is_included(claimed, place, N_LEAVES, path, root))


def create_claims(signatures: str, stream: str) -> Claims:
    """What a scenario asks for."""
    return SignedClaims(stream) if signatures == "ed25519" else TrustedClaims()
