from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.core.market import SIGNAL
from sim.core.merkle import compute_root
from sim.model.claims import (
    Claims,
    SignedClaims,
    TrustedClaims,
    create_claims,
    create_leaves,
)
from sim.model.trade_layout import SIGNAL_TRUTH

ENTITIES, ORDINALS = np.array([11, 12, 13]), np.array([0, 5, 70_000])


def create_signals(claims: Claims, fraudulent: tuple[int, ...]) -> tuple[Any, Any]:
    """Three verifiable signals as the ledger has them, and the truth about each."""
    signals, truths = np.zeros(3, dtype=SIGNAL), np.zeros(3, dtype=SIGNAL_TRUTH)
    words = claims.commit(ENTITIES, ORDINALS, np.ones(3, dtype=np.int64))
    for index in range(4):
        signals[f"word{index}"] = words[:, index]
    truths["key"] = ENTITIES ^ (ORDINALS << 32)
    truths["fraudulent"] = fraudulent
    return signals, truths


@pytest.mark.parametrize("signatures", ["trusted", "ed25519"])
@pytest.mark.parametrize("fraudulent", [(0, 0, 0), (1, 0, 1), (1, 1, 1)])
def test_a_proof_verifies_exactly_if_the_claim_is_true(
    signatures: str, fraudulent: tuple[int, ...]
) -> None:
    claims = create_claims(signatures, "test")
    verified = claims.verify(*create_signals(claims, fraudulent))
    assert verified.tolist() == [1 - each for each in fraudulent]


def test_real_signatures_look_at_the_commitment_itself() -> None:
    claims = SignedClaims("test")
    signals, truths = create_signals(claims, (0, 0, 0))
    signals["word2"][1] ^= 1
    assert claims.verify(signals, truths).tolist() == [1, 0, 1]
    assert TrustedClaims().verify(signals, truths).tolist() == [1, 1, 1]


def test_commitments_are_equal_with_and_without_real_signatures() -> None:
    columns = ENTITIES, ORDINALS, np.array([1, 0, 1])
    assert np.array_equal(TrustedClaims().commit(*columns), SignedClaims("a").commit(*columns))


def test_a_verifiable_signal_commits_to_its_data_and_another_to_its_name() -> None:
    words = TrustedClaims().commit(ENTITIES, ORDINALS, np.array([1, 0, 1]))
    assert words[1].tolist() == [12, 5, 0, 0]
    root = compute_root(create_leaves(13 ^ (70_000 << 32)))
    assert words[2].tobytes() == root
    assert len({row.tobytes() for row in words}) == 3
