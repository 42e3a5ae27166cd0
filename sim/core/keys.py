"""Ed25519 keys and signatures, on libsodium.

Holds no keys. The module itself is a `SignatureScheme`: pass it where one is asked for.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple, Protocol

from nacl import bindings
from nacl.exceptions import BadSignatureError

SEED_BYTES = 32
PUBLIC_BYTES = 32
SECRET_BYTES = 64  # the seed, then the public key
SIGNATURE_BYTES = 64


class Keypair(NamedTuple):
    """A public key and the secret that signs for it."""

    public: bytes
    secret: bytes


class SignatureScheme(Protocol):
    """What the model needs of signatures."""

    def create_keypair(self, seed: bytes) -> Keypair:
        """Keypair of a seed."""

    def is_admissible_key(self, public: bytes) -> bool:
        """Whether a public key may be registered."""

    def sign(self, secret: bytes, message: bytes) -> bytes:
        """Signature of a message."""

    def is_signed_by(self, public: bytes, message: bytes, signature: bytes) -> bool:
        """Whether a signature of a message is by a key."""


def derive_seed(stream: str, entity: int, key_version: int) -> bytes:
    """Seed of an entity's key: simulated, so anyone who knows the scenario can derive it.

    Units:  entity and key_version in 0..2**63 - 1; stream is the scenario's declared name.
    Return: 32 bytes, BLAKE2b-256 of both numbers (8 bytes, little endian) and the name.
    Errors: OverflowError if a number is out of range.
    """
    name = entity.to_bytes(8, "little") + key_version.to_bytes(8, "little") + stream.encode()
    return hashlib.blake2b(name, digest_size=SEED_BYTES, person=b"AMBIT-KEY-V1").digest()


def create_keypair(seed: bytes) -> Keypair:
    """Keypair of a 32-byte seed; ValueError for any other length.

    Source: RFC 8032, section 5.1.5.
    """
    if len(seed) != SEED_BYTES:
        raise ValueError(f"a seed has {SEED_BYTES} bytes, not {len(seed)}")
    return Keypair(*bindings.crypto_sign_seed_keypair(seed))


def is_admissible_key(public: bytes) -> bool:
    """Whether a public key may be registered.

    Return: False for a wrong length, an encoding that is not canonical, a point off the curve,
            and any point outside the prime-order group: under a key of small order one constant
            signature verifies for many messages.
    Errors: none.
    Source: RFC 8032, section 5.1.3; libsodium `crypto_core_ed25519_is_valid_point`.
    """
    return len(public) == PUBLIC_BYTES and bindings.crypto_core_ed25519_is_valid_point(public)


def sign(secret: bytes, message: bytes) -> bytes:
    """Signature of a message, 64 bytes, the same every time; ValueError for a malformed secret.

    Source: RFC 8032, section 5.1.6.
    """
    if len(secret) != SECRET_BYTES:
        raise ValueError(f"a secret has {SECRET_BYTES} bytes, not {len(secret)}")
    return bindings.crypto_sign(message, secret)[:SIGNATURE_BYTES]


def is_signed_by(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether a signature of a message is by a key.

    Return: False for anything else, S >= L and wrong lengths included.
    Errors: none, whatever the bytes.
    Source: RFC 8032, section 5.1.7.
    """
    if len(public) != PUBLIC_BYTES or len(signature) != SIGNATURE_BYTES:
        return False
    try:
        bindings.crypto_sign_open(signature + message, public)
    except BadSignatureError:
        return False
    return True
