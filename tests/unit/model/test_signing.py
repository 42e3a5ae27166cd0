from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from sim.core.keys import create_keypair, derive_seed
from sim.core.reasons import PENDING, Reason
from sim.core.records import OPERATION, TRANSACTION, Kind, Records
from sim.ledger.state import State, add_account, create_state
from sim.model.signing import Ed25519Signing, TrustedSigning
from tests.worlds import (
    create_reacher,
    create_thief,
    create_worker,
    get_calls,
    load_world,
    measure_trace,
    run,
)

if TYPE_CHECKING:
    from pathlib import Path

STREAM = "test"
NO_ARGUMENTS = np.zeros(0, dtype=np.int64)


@pytest.fixture
def state() -> State:
    """A ledger of one org, entity 7, and one agent, entity 70."""
    state = create_state(
        supply=0,
        operations=np.zeros(0, dtype=OPERATION),
        client_scopes=np.zeros((1, 1), dtype=np.int64),
        accounts=8,
    )
    for entity in (7, 70):
        add_account(state, entity=entity, org=0, namespace=0)
    return state


def get_account(state: State, entity: int) -> int:
    return int(np.flatnonzero(state.accounts["entity"] == entity)[0])


def create_transactions(*rows: dict[str, int]) -> Records:
    transactions = np.zeros(len(rows), dtype=TRANSACTION)
    transactions["kind"] = Kind.CALL
    for tx, row in zip(transactions, rows, strict=True):
        for name, value in row.items():
            tx[name] = value
    return transactions


def get_versions(signing: Any, transactions: Records, state: State) -> list[int]:
    signing.process(transactions, NO_ARGUMENTS, state)
    versions: list[int] = transactions["key_version"].tolist()
    return versions


def test_trusted_stamps_stay_as_they_are(state: State) -> None:
    transactions = create_transactions({"key_version": 3, "proof_valid": 1}, {"key_version": -1})
    before = transactions.copy()
    assert get_versions(TrustedSigning(), transactions, state) == [3, -1]
    assert (transactions == before).all()


def test_a_signature_by_the_key_on_record_verifies_as_its_version(state: State) -> None:
    sender = get_account(state, 70)
    signing = Ed25519Signing(STREAM)
    transactions = create_transactions({"sender": sender}, {"sender": get_account(state, 7)})
    assert get_versions(signing, transactions, state) == [0, 0]
    assert signing.on_record[70] == [create_keypair(derive_seed(STREAM, 70, 0))[0]]


def test_a_key_that_is_not_on_record_verifies_as_none(state: State) -> None:
    transactions = create_transactions({"sender": get_account(state, 70), "key_version": 1})
    assert get_versions(Ed25519Signing(STREAM), transactions, state) == [-1]


def test_after_a_rotation_the_old_key_is_told_from_the_new(state: State) -> None:
    org, sender = get_account(state, 7), get_account(state, 70)
    rotate = {"kind": int(Kind.ROTATE_KEY), "sender": org, "target": sender}
    transactions = create_transactions(
        {"sender": sender, "key_version": 1},  # too early
        rotate,
        {"sender": sender, "key_version": 1, "nonce": 1},
        {"sender": sender, "key_version": 0, "nonce": 2},
        rotate | {"nonce": 1},
        {"sender": sender, "key_version": 2, "nonce": 3},
        {"sender": sender, "key_version": 1, "nonce": 4},
    )
    signing = Ed25519Signing(STREAM)
    assert get_versions(signing, transactions, state) == [-1, 0, 1, 0, 0, 2, 1]
    assert len(signing.on_record[70]) == 3
    assert transactions["proof_valid"].tolist() == [0, 1, 0, 0, 1, 0, 0]


def test_a_registration_brings_an_admissible_key(state: State) -> None:
    register = {"kind": int(Kind.REGISTER), "sender": get_account(state, 7), "target": 99}
    transactions = create_transactions(register)
    signing = Ed25519Signing(STREAM)
    assert get_versions(signing, transactions, state) == [0]
    assert transactions["proof_valid"].tolist() == [1]
    assert signing.on_record[99] == [create_keypair(derive_seed(STREAM, 99, 0))[0]]


def test_keys_and_signatures_never_enter_a_transaction(state: State) -> None:
    """Else real and trusted signatures would leave different roots."""
    register = {"kind": int(Kind.REGISTER), "sender": get_account(state, 7), "target": 99}
    transactions = create_transactions(register, {"sender": get_account(state, 70)})
    Ed25519Signing(STREAM).process(transactions, NO_ARGUMENTS, state)
    for word in ("word0", "word1", "word2", "word3"):
        assert not transactions[word].any()


@pytest.mark.parametrize("column", ["nonce", "target", "amount", "fee", "chain_id", "mask"])
def test_what_was_signed_cannot_be_changed(column: str, state: State) -> None:
    """A signature is over every signed column: of another one it is worth nothing."""
    signing = Ed25519Signing(STREAM)
    sender = get_account(state, 70)
    messages: list[bytes] = []
    find = signing.find_version

    def swap(entity: int, message: bytes, signature: bytes) -> int:
        messages.append(message)
        return find(entity, messages[0], signature)

    signing.find_version = swap  # type: ignore[method-assign]
    transactions = create_transactions({"sender": sender}, {"sender": sender, column: 5})
    assert get_versions(signing, transactions, state) == [0, -1]


AGENTS = [
    create_worker(count=4, cross_org_share=0.4),
    create_reacher(count=2, cross_org_share=0.4),
    create_thief(count=3, resend=0.4),
]


@pytest.mark.parametrize("policy", ["gateway", "anchored", "federated", "chain", "layered"])
def test_honest_agents_are_not_refused_for_their_own_signatures(
    policy: str, tmp_path: Path
) -> None:
    world = load_world(tmp_path, agents=[create_worker(count=1)], signatures="ed25519")
    calls = get_calls(run(world, policy))
    late = calls.receipts["submitted_us"] > 35_000_000  # not every one of them is final at 40 s
    assert set(calls.code[~late].tolist()) == {0}
    assert set(calls.code[late].tolist()) <= {0, PENDING}


@pytest.mark.parametrize("policy", ["gateway", "anchored", "federated", "chain", "layered"])
def test_real_signatures_come_to_the_same_end(policy: str, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"horizon": "30s", "agents": AGENTS, "detection": {"leak": "5s"}}
    trusted = run(load_world(tmp_path, **settings), policy)
    signed = run(load_world(tmp_path, **settings, signatures="ed25519"), policy)
    assert signed.compute_digest() == trusted.compute_digest()
    assert measure_trace(signed, policy) == measure_trace(trusted, policy)
    forged = get_calls(trusted).truths["forged"] == 1
    assert forged.any()
    assert (trusted.receipts["kind"] == Kind.ROTATE_KEY).any()
    bad = 1 << int(Reason.BAD_SIGNATURE)
    assert (get_calls(signed).receipts["violations"] & bad).any()
