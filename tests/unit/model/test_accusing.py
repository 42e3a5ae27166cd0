"""Evidence becomes a transaction only the accused's own two signatures can make."""

from __future__ import annotations

import pytest

from sim.consensus.messages import PROPOSAL, TIMEOUT, VOTE, Evidence, encode_statement
from sim.consensus.signatures import Ed25519Signatures, Signatures, TrustedSignatures
from sim.core.evidence import compute_evidence_id, get_words
from sim.core.records import Kind
from sim.model.accusing import create_evidence, is_conviction

ONE, OTHER = b"\1" * 32, b"\2" * 32
SCHEMES = {"trusted": TrustedSignatures, "ed25519": lambda: Ed25519Signatures("test", 4)}


@pytest.fixture(params=SCHEMES)
def signatures(request: pytest.FixtureRequest) -> Signatures:
    return SCHEMES[request.param]()


def sign_both(signatures: Signatures, first: tuple, second: tuple, signer: int = 2) -> Evidence:
    """Evidence against validator 2 of two statements that `signer` signed."""
    return Evidence(
        2, first, signatures.sign(signer, first), second, signatures.sign(signer, second)
    )


@pytest.mark.parametrize("kind", [PROPOSAL, VOTE])
def test_two_statements_of_one_view_convict(signatures: Signatures, kind: int) -> None:
    evidence = sign_both(signatures, (kind, 7, ONE), (kind, 7, OTHER))
    assert is_conviction(signatures, evidence)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((VOTE, 7, ONE), (VOTE, 7, ONE)),
        ((VOTE, 7, ONE), (VOTE, 8, OTHER)),
        ((VOTE, 7, ONE), (PROPOSAL, 7, OTHER)),
        ((TIMEOUT, 7, 3), (TIMEOUT, 7, 4)),
    ],
    ids=["the same twice", "two views", "a vote and a proposal", "two time-outs"],
)
def test_what_does_not_conflict_convicts_nobody(
    signatures: Signatures, first: tuple, second: tuple
) -> None:
    assert not is_conviction(signatures, sign_both(signatures, first, second))


def test_somebody_elses_signatures_convict_nobody(signatures: Signatures) -> None:
    evidence = sign_both(signatures, (VOTE, 7, ONE), (VOTE, 7, OTHER), signer=1)
    assert not is_conviction(signatures, evidence)


def test_one_signature_of_two_convicts_nobody(signatures: Signatures) -> None:
    first, second = (VOTE, 7, ONE), (VOTE, 7, OTHER)
    signature = signatures.sign(2, first)
    assert not is_conviction(signatures, Evidence(2, first, signature, second, signature))


def test_the_transaction_names_the_offence_whichever_statement_came_first(
    signatures: Signatures,
) -> None:
    first, second = (VOTE, 7, ONE), (VOTE, 7, OTHER)
    there = create_evidence(sign_both(signatures, first, second), 5, is_proof=True).transactions[0]
    back = create_evidence(sign_both(signatures, second, first), 5, is_proof=True).transactions[0]
    identity = compute_evidence_id(encode_statement(first), encode_statement(second))
    for tx in (there, back):
        assert tx["kind"] == Kind.EVIDENCE
        assert (tx["subject"], tx["amount"], tx["mask"], tx["proof_valid"]) == (5, 7, VOTE, 1)
        assert tuple(int(tx[f"word{index}"]) for index in range(4)) == get_words(identity)


def test_what_was_not_proven_on_the_way_in_says_so(signatures: Signatures) -> None:
    evidence = sign_both(signatures, (VOTE, 7, ONE), (VOTE, 7, ONE[:-1] + b"\3"), signer=0)
    is_proof = is_conviction(signatures, evidence)
    assert create_evidence(evidence, 5, is_proof=is_proof).transactions[0]["proof_valid"] == 0
