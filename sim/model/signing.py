"""Who really signed: real Ed25519 signatures, or the bit they would come to.

Both ways leave the same stamps on a transaction, so receipts and digests agree; only real
signatures cost what they cost. Keys and signatures never enter state, ids or digests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from sim.core.encoding import encode_batch
from sim.core.keys import create_keypair, derive_seed, is_admissible_key, is_signed_by, sign
from sim.core.records import Kind

if TYPE_CHECKING:
    from sim.core.records import Ints, Records
    from sim.ledger.state import State

GENESIS = bytes(32)


class Signing(Protocol):
    """Stamps every transaction of a batch with what its signature is worth."""

    def process(self, signed: Records, arguments: Ints, state: State) -> None:
        """Sign as the senders would, verify as the ledger would, stamp the result."""


class TrustedSigning:
    """Takes the stamps as they are: the version of the key that signed is known."""

    def process(self, signed: Records, arguments: Ints, state: State) -> None:
        """Nothing to do."""


class Ed25519Signing:
    """Signs with libsodium and verifies against the keys on record for the sender."""

    def __init__(self, stream: str) -> None:
        self.stream = stream
        self.secrets: dict[tuple[int, int], bytes] = {}
        self.on_record: dict[int, list[bytes]] = {}  # public keys of an entity, by version

    def process(self, signed: Records, arguments: Ints, state: State) -> None:
        """Replace each stamped version by that of the key on record that verifies, or -1."""
        transactions = signed.copy()
        carried = self.carry_keys(transactions, state)
        messages = encode_batch(transactions, arguments, GENESIS)
        for row, message in enumerate(messages):
            tx = signed[row]
            entity = self.get_entity(state, int(tx["sender"]))
            signature = sign(self.get_secret(entity, int(tx["key_version"])), message)
            tx["key_version"] = self.find_version(entity, message, signature)
            if row in carried:
                owner, public = carried[row]
                tx["proof_valid"] = int(is_admissible_key(public))
                self.on_record.setdefault(owner, []).append(public)

    def carry_keys(self, transactions: Records, state: State) -> dict[int, tuple[int, bytes]]:
        """Write new public keys into the transactions that bring them; say whose they are."""
        carried: dict[int, tuple[int, bytes]] = {}
        rotated: dict[int, int] = {}  # keys that an entity gets in this batch
        for row in np.flatnonzero(np.isin(transactions["kind"], (Kind.REGISTER, Kind.ROTATE_KEY))):
            tx = transactions[row]
            is_new = tx["kind"] == Kind.REGISTER
            entity = int(tx["target"]) if is_new else self.get_entity(state, int(tx["target"]))
            version = 0 if is_new else len(self.on_record[entity]) + rotated.get(entity, 0)
            rotated[entity] = rotated.get(entity, 0) + 1
            public = self.get_public(entity, version)
            words = np.frombuffer(public, dtype="<i8")
            for index in range(4):
                tx[f"word{index}"] = words[index]
            carried[int(row)] = (entity, public)
        return carried

    def get_entity(self, state: State, account: int) -> int:
        """Identity of an account; the orgs of the genesis block are on record from the start."""
        entity = int(state.accounts[account]["entity"])
        if entity not in self.on_record:
            self.on_record[entity] = [self.get_public(entity, 0)]
        return entity

    def get_public(self, entity: int, version: int) -> bytes:
        """Public key of one version; its secret is kept for signing."""
        public, secret = create_keypair(derive_seed(self.stream, entity, version))
        self.secrets[entity, version] = secret
        return public

    def get_secret(self, entity: int, version: int) -> bytes:
        """Secret key of one version of an entity's key."""
        if (entity, version) not in self.secrets:
            self.get_public(entity, version)
        return self.secrets[entity, version]

    def find_version(self, entity: int, message: bytes, signature: bytes) -> int:
        """Version of the key on record under which a signature verifies, newest first, or -1."""
        keys = self.on_record[entity]
        for version in reversed(range(len(keys))):
            if is_signed_by(keys[version], message, signature):
                return version
        return -1


def create_signing(signatures: str, stream: str) -> Signing:
    """What a scenario asks for; every ledger keeps keys of its own."""
    return Ed25519Signing(stream) if signatures == "ed25519" else TrustedSigning()
