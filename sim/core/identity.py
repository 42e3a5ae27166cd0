"""Stable identities: an entity is named by its group and index, never by creation order."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from sim.core.records import Ints

ENTITY_MASK = 2**63 - 1


def compute_entity(group: str, index: int) -> int:
    """Identity of one member of a group.

    Units:  index in 0..2**63 - 1.
    Return: the low 63 bits of BLAKE2b-64 of the index (8 bytes, little endian) and the name.
    Errors: OverflowError if the index is out of range.
    """
    name = index.to_bytes(8, "little") + group.encode()
    digest = hashlib.blake2b(name, digest_size=8, person=b"AMBIT-ENTITY-V1").digest()
    return int.from_bytes(digest, "little") & ENTITY_MASK


def create_entities(group: str, count: int) -> Ints:
    """Identities of the first members of a group, int64 (count,)."""
    entities = (compute_entity(group, index) for index in range(count))
    return np.fromiter(entities, dtype=np.int64, count=count)
