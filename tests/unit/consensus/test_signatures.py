"""Both schemes accept what was signed, by whom it was signed, and nothing else."""

from __future__ import annotations

import pytest

from sim.consensus.messages import TIMEOUT, VOTE
from sim.consensus.signatures import (
    Ed25519Signatures,
    Signatures,
    TrustedSignatures,
    create_signatures,
)

SCHEMES = ["trusted", "ed25519"]
STATEMENT = (VOTE, 3, b"d" * 32)
OTHERS = [(VOTE + 1, 3, b"d" * 32), (VOTE, 4, b"d" * 32), (VOTE, 3, b"e" * 32), (TIMEOUT, 3, 3)]


@pytest.fixture(params=SCHEMES)
def signatures(request: pytest.FixtureRequest) -> Signatures:
    return create_signatures(request.param, "stream", 4)


def test_a_scheme_is_chosen_by_its_name() -> None:
    assert isinstance(create_signatures("trusted", "stream", 4), TrustedSignatures)
    assert isinstance(create_signatures("ed25519", "stream", 4), Ed25519Signatures)


def test_what_was_signed_is_accepted(signatures: Signatures) -> None:
    signed = signatures.sign(2, STATEMENT)
    assert signatures.is_signed(2, STATEMENT, signed)
    assert signatures.is_signed(2, STATEMENT, signatures.sign(2, STATEMENT))


@pytest.mark.parametrize("validator", [0, 3, -1, 4, 99])
def test_nobody_else_has_signed_it(signatures: Signatures, validator: int) -> None:
    signed = signatures.sign(2, STATEMENT)
    assert not signatures.is_signed(validator, STATEMENT, signed)


@pytest.mark.parametrize("other", OTHERS, ids=["kind", "view", "subject", "time-out"])
def test_nothing_else_was_signed(signatures: Signatures, other: tuple[int, int, bytes]) -> None:
    signed = signatures.sign(2, STATEMENT)
    assert not signatures.is_signed(2, other, signed)


def test_a_certificate_needs_each_of_its_signers(signatures: Signatures) -> None:
    signed = [signatures.sign(validator, STATEMENT) for validator in (0, 1, 2)]
    assert signatures.are_signed((0, 1, 2), STATEMENT, signed)
    assert not signatures.are_signed((0, 1, 3), STATEMENT, signed)
    assert not signatures.are_signed((0, 1, 2), (VOTE, 4, b"d" * 32), signed)


def test_a_real_signature_is_not_another_validators() -> None:
    real = create_signatures("ed25519", "stream", 4)
    signed = [real.sign(validator, STATEMENT) for validator in (0, 1, 2)]
    assert not real.are_signed((0, 1, 2), STATEMENT, [signed[1], signed[0], signed[2]])
    assert not real.are_signed((0, 1, 2), STATEMENT, signed[:2])


@pytest.mark.parametrize("nonsense", [None, b"", b"short", bytes(64), "text", 7])
def test_nonsense_is_no_signature(nonsense: object) -> None:
    real = create_signatures("ed25519", "stream", 4)
    real.sign(2, STATEMENT)
    assert not real.is_signed(2, STATEMENT, nonsense)


def test_keys_come_from_the_stream() -> None:
    real = Ed25519Signatures("stream", 4)
    assert real.publics == Ed25519Signatures("stream", 4).publics
    assert len({*real.publics, *Ed25519Signatures("other", 4).publics}) == 8
