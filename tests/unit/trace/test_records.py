from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest

from sim.core.records import (
    APPROVAL_REQUEST,
    EXPOSURE,
    RECEIPT,
    TASK,
    TRANSACTION,
    TRUTH,
    Records,
)
from sim.trace.ordering import COMMIT, VIEW, Ordering
from sim.trace.records import DomainRecord, Header, Trace, create_header

ROOT, STATE = bytes(range(32)), bytes(range(32, 64))
FIELDS: dict[str, Any] = {
    "height": 5,
    "proposed_us": 6_000,
    "committed_us": 7_000,
    "n_transactions": 8,
    "messages": 9,
    "n_bytes": 10,
    "receipts_root": ROOT,
    "state_root": b"",
}


def create_one(before: bytes = bytes(32), **changes: Any) -> Header:
    return create_header(before, **(FIELDS | changes))


def create_trace(**changes: Any) -> Trace:
    def fill(dtype: np.dtype[np.void], n: int) -> Records:
        return np.arange(n * len(dtype.names or ())).view(dtype)

    ledger = DomainRecord("chain", fill(TRANSACTION, 2), [2], STATE)
    ordering = Ordering(fill(VIEW, 2), fill(COMMIT, 3), (), True, 0, 4)
    trace = Trace(
        policy="chain",
        replication=0,
        horizon_us=1,
        receipts=fill(RECEIPT, 3),
        truths=fill(TRUTH, 3),
        transactions=fill(TRANSACTION, 3),
        domains=np.array([-1, -1, 0]),
        tasks=fill(TASK, 2),
        approvals=fill(APPROVAL_REQUEST, 2),
        exposure=fill(EXPOSURE, 2),
        headers=[create_one()],
        ledgers=[ledger],
        ordering=ordering,
    )
    return trace._replace(**changes)


def test_a_header_keeps_its_fields() -> None:
    header = create_one()
    assert {name: getattr(header, name) for name in FIELDS} == FIELDS
    assert len(header.digest) == 32


def test_the_digest_of_a_header_is_over_the_one_before_and_its_fields() -> None:
    numbers = b"".join(number.to_bytes(8, "little") for number in (5, 6_000, 7_000, 8, 9, 10))
    before = b"\x07" * 32
    expected = hashlib.sha256(before + numbers + ROOT + STATE).digest()
    assert create_one(before, state_root=STATE).digest == expected


@pytest.mark.parametrize(
    "change",
    [
        {"height": 6},
        {"proposed_us": 6_001},
        {"committed_us": 7_001},
        {"n_transactions": 9},
        {"receipts_root": STATE},
        {"state_root": STATE},
        {"before": b"\x01" * 32},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_field_moves_the_digest_of_a_header(change: dict[str, Any]) -> None:
    assert create_one(**change).digest != create_one().digest


def test_a_change_shows_in_all_headers_after_it() -> None:
    def chain(changed: int) -> list[bytes]:
        digests, before = [], bytes(32)
        for height in range(1, 6):
            header = create_one(before, height=height, n_transactions=8 + (height == changed))
            before = header.digest
            digests.append(before)
        return digests

    honest, forged = chain(0), chain(3)
    assert [a == b for a, b in zip(honest, forged, strict=True)] == [True, True, *[False] * 3]


def test_equal_traces_have_equal_digests() -> None:
    assert create_trace().compute_digest() == create_trace().compute_digest()
    assert len(create_trace().compute_digest()) == 16


@pytest.mark.parametrize("name", ["receipts", "truths", "tasks", "approvals", "exposure"])
def test_every_number_of_a_table_moves_the_digest(name: str) -> None:
    table = getattr(create_trace(), name)
    digests = {create_trace().compute_digest()}
    for row in range(len(table)):
        for column in table.dtype.names:
            changed = table.copy()
            changed[column][row] += 1
            digests.add(create_trace(**{name: changed}).compute_digest())
    assert len(digests) == 1 + len(table) * len(table.dtype.names)


@pytest.mark.parametrize("name", ["views", "commits"])
def test_every_number_of_ordering_moves_the_digest(name: str) -> None:
    ordering = create_trace().ordering
    table = getattr(ordering, name)
    digests = {create_trace().compute_digest()}
    for row in range(len(table)):
        for column in table.dtype.names:
            changed = table.copy()
            changed[column][row] += 1
            trace = create_trace(ordering=ordering._replace(**{name: changed}))
            digests.add(trace.compute_digest())
    assert len(digests) == 1 + len(table) * len(table.dtype.names)


@pytest.mark.parametrize(
    "change",
    [
        {"headers": []},
        {"headers": [create_one(height=6)]},
        {"ledgers": []},
        {"ledgers": [DomainRecord("chain", np.zeros(0, dtype=TRANSACTION), [], ROOT)]},
        {"headers": [create_one(messages=8)]},
        {"headers": [create_one(n_bytes=12)]},
    ],
    ids=["no header", "header", "no ledger", "state root", "messages", "bytes"],
)
def test_whatever_an_outcome_reads_moves_the_digest(change: dict[str, Any]) -> None:
    """Two runs of a cell must agree on everything, the traffic of blocks among it."""
    assert create_trace(**change).compute_digest() != create_trace().compute_digest()


def test_a_row_in_another_table_is_another_trace() -> None:
    """Lengths are hashed: rows cannot move from one table to the next unseen."""
    one = np.zeros(1, dtype=EXPOSURE)
    assert (
        create_trace(tasks=np.zeros(0, dtype=TASK), exposure=one).compute_digest()
        != create_trace(tasks=np.zeros(1, dtype=TASK), exposure=one[:0]).compute_digest()
    )


def test_a_label_is_no_result() -> None:
    assert create_trace(policy="other").compute_digest() == create_trace().compute_digest()
