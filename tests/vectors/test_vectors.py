"""Every conformance vector, replayed against the compiled ledger."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sim.ledger.invariants import check_attenuation, check_conservation, check_range
from tests.ledger_world import apply_one, create_row, get_snapshot, load_state
from tests.property.reachable import REACHABLE
from tests.vectors.emit import (
    apply_changes,
    compute_digest,
    create_rules_of,
    create_vectors,
    expand_world,
    write_text,
)

FOLDER = Path(__file__).parent
NAMES = sorted(str(path.relative_to(FOLDER)) for path in FOLDER.glob("*/*.json"))


def read_digests() -> dict[str, str]:
    lines = (FOLDER / "DIGESTS").read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, name in (line.split("  ") for line in lines)}


@pytest.mark.parametrize("name", NAMES)
def test_the_compiled_ledger_gives_the_receipt_and_the_state_of_the_vector(name: str) -> None:
    vector = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    before = expand_world(vector["before"])
    state = load_state(before)
    tx, arguments = create_row("transaction", **vector["transaction"]), vector.get("arguments", [])
    receipt = apply_one(state, create_rules_of(vector.get("rules", {})), tx, arguments)
    assert receipt == vector["receipt"]
    assert get_snapshot(state) == apply_changes(before, vector.get("after", {}))
    check_conservation(state, 0)
    check_range(state, 0)
    check_attenuation(state, 0)


def test_no_vector_changed_since_it_was_frozen() -> None:
    texts = {name: (FOLDER / name).read_text(encoding="utf-8") for name in NAMES}
    assert {name: compute_digest(text) for name, text in texts.items()} == read_digests()


def test_the_reference_machine_still_gives_every_vector() -> None:
    emitted = {name: compute_digest(write_text(v)) for name, v in create_vectors().items()}
    assert emitted == read_digests()


def test_every_outcome_of_every_kind_has_a_vector() -> None:
    reachable = {
        f"{kind.name.lower()}/{reason.name.lower()}.json"
        for kind, reasons in REACHABLE.items()
        for reason in reasons
    }
    assert reachable <= set(NAMES)


def test_a_refused_transaction_changes_at_most_nonce_and_fee() -> None:
    for name in NAMES:
        vector = json.loads((FOLDER / name).read_text(encoding="utf-8"))
        if vector["receipt"]["code"] != 0:
            after = vector.get("after", {"accounts": {}})
            columns = {column for row in after["accounts"].values() for column in row}
            assert list(after) == ["accounts"]
            assert columns <= {"nonce", "balance"}, name
