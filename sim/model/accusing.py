"""From proof against a validator to a transaction that says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.consensus.messages import TIMEOUT, encode_statement
from sim.core.evidence import compute_evidence_id, get_words
from sim.core.records import Kind
from sim.model.batches import Batch, create_batch

if TYPE_CHECKING:
    from sim.consensus.messages import Evidence
    from sim.consensus.signatures import Signatures


def is_conviction(signatures: Signatures, evidence: Evidence) -> bool:
    """Whether two statements conflict and both are the accused's: checked on the way in."""
    accused, first, first_signature, second, second_signature = evidence
    return (
        first[:2] == second[:2]
        and first[2] != second[2]
        and first[0] != TIMEOUT
        and signatures.is_signed(accused, first, first_signature)
        and signatures.is_signed(accused, second, second_signature)
    )


def create_evidence(evidence: Evidence, height: int, *, is_proof: bool) -> Batch:
    """One EVIDENCE transaction, still without accounts, fee and time.

    The offence counts as one of the height at which the second statement was seen; its view and
    its kind of statement say which offence it is.
    """
    kind, view, _ = evidence.first
    identity = compute_evidence_id(
        encode_statement(evidence.first), encode_statement(evidence.second)
    )
    batch = create_batch(1)
    tx = batch.transactions[0]
    tx["kind"] = Kind.EVIDENCE
    tx["subject"] = height
    tx["amount"] = view
    tx["mask"] = kind
    for index, word in enumerate(get_words(identity)):
        tx[f"word{index}"] = word
    tx["proof_valid"] = int(is_proof)
    return batch
