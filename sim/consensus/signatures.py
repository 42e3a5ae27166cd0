"""Who signed a statement: real Ed25519, or an ideal functionality that remembers.

Both refuse what was never signed; only real signatures cost what they cost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sim.consensus.messages import Signature, Statement, encode_statement
from sim.core.keys import create_keypair, derive_seed, is_signed_by, sign

if TYPE_CHECKING:
    from collections.abc import Sequence


class Signatures(Protocol):
    """Keys of all validators. A replica, honest or not, signs only as itself."""

    def sign(self, validator: int, statement: Statement) -> Signature:
        """A validator's signature of a statement."""

    def is_signed(self, validator: int, statement: Statement, signature: Signature) -> bool:
        """Whether a signature of a statement is a validator's."""

    def are_signed(
        self, validators: Sequence[int], statement: Statement, signatures: Sequence[Signature]
    ) -> bool:
        """Whether each signature of a statement is that of its validator."""


class TrustedSignatures:
    """Remembers who signed what; a signature itself is empty.

    Source: Canetti 2004, "Universally composable signature, certification, and authentication":
    the ideal functionality of signatures.
    """

    def __init__(self) -> None:
        self.signers: dict[Statement, set[int]] = {}
        self.found: tuple[Sequence[int], Statement] | None = None  # signed by all of them

    def sign(self, validator: int, statement: Statement) -> Signature:
        """Remember it."""
        signers = self.signers.get(statement)
        if signers is None:
            self.signers[statement] = signers = set()
        signers.add(validator)

    def is_signed(self, validator: int, statement: Statement, signature: Signature) -> bool:
        """Whether it was signed, by this validator."""
        signers = self.signers.get(statement)
        return signers is not None and validator in signers

    def are_signed(
        self, validators: Sequence[int], statement: Statement, signatures: Sequence[Signature]
    ) -> bool:
        """Whether all of them signed it; every replica asks it of the certificate that is new."""
        found = self.found
        if found is not None and found[0] is validators and found[1] == statement:
            return True
        signers = self.signers.get(statement)
        if signers is None or not signers.issuperset(validators):
            return False
        self.found = (validators, statement)
        return True


class Ed25519Signatures:
    """Real signatures by keys derived from the scenario's stream."""

    def __init__(self, stream: str, n_validators: int) -> None:
        keys = [
            create_keypair(derive_seed(stream + "/validator", v, 0)) for v in range(n_validators)
        ]
        self.publics = [key.public for key in keys]
        self.secrets = [key.secret for key in keys]

    def sign(self, validator: int, statement: Statement) -> Signature:
        """64 bytes."""
        return sign(self.secrets[validator], encode_statement(statement))

    def is_signed(self, validator: int, statement: Statement, signature: Signature) -> bool:
        """Whether it verifies under the validator's key."""
        if not 0 <= validator < len(self.publics) or not isinstance(signature, bytes):
            return False
        return is_signed_by(self.publics[validator], encode_statement(statement), signature)

    def are_signed(
        self, validators: Sequence[int], statement: Statement, signatures: Sequence[Signature]
    ) -> bool:
        """Whether each verifies under its validator's key."""
        return len(validators) == len(signatures) and all(
            self.is_signed(validator, statement, signature)
            for validator, signature in zip(validators, signatures, strict=True)
        )


def create_signatures(name: str, stream: str, n_validators: int) -> Signatures:
    """What a scenario asks for: `ed25519` or `trusted`."""
    return Ed25519Signatures(stream, n_validators) if name == "ed25519" else TrustedSignatures()
