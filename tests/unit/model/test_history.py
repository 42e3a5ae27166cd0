from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sim.core.records import RECEIPT, TRANSACTION, Records
from sim.core.table import Table
from sim.model.batches import CHAIN, CLEARING, Decided, create_batch
from sim.model.genesis import Domains
from sim.model.history import History


@dataclass
class Ledger:
    """Keeps what is applied, numbered by its amount and its fee."""

    applied: Table = field(default_factory=lambda: Table(TRANSACTION))
    receipts: Table = field(default_factory=lambda: Table(RECEIPT))

    @property
    def n_applied(self) -> int:
        return self.applied.n

    def get_transactions(self) -> Records:
        return self.applied.get_rows()

    def get_receipts(self) -> Records:
        return self.receipts.get_rows()


def decide(ledger: Ledger | None, name: int, *numbers: int) -> Decided:
    """Rows with these numbers, applied to a ledger if there is one."""
    batch, receipts = create_batch(len(numbers)), np.zeros(len(numbers), dtype=RECEIPT)
    batch.transactions["amount"] = batch.truths["harm"] = receipts["fee"] = numbers
    if ledger is not None:
        ledger.applied.append(batch.transactions)
        ledger.receipts.append(receipts)
    return Decided(batch, receipts, np.full(len(numbers), name, dtype=np.int64))


def get_numbers(decided: Decided) -> list[tuple[int, ...]]:
    batch, receipts, domains = decided
    columns: tuple[Any, ...] = (
        batch.transactions["amount"],
        batch.truths["harm"],
        receipts["fee"],
        domains,
    )
    return list(zip(*(column.tolist() for column in columns), strict=True))


def test_what_several_ledgers_decided_comes_back_in_the_order_it_was_told() -> None:
    gateways, chain, clearing = [Ledger(), Ledger()], Ledger(), Ledger()
    decide(chain, CHAIN, 99)  # before time starts: in the ledger, not in the history
    domains: Any = Domains(gateways, chain, clearing)
    history = History(domains)
    told: list[tuple[Any, ...]] = [
        *((gateways[1], 1, 1, 2), (chain, CHAIN, 3), (gateways[0], 0, 4), (gateways[1], 1, 5, 6)),
        *((clearing, CLEARING, 7), (clearing, CLEARING, 8, 9), (chain, CHAIN), (chain, CHAIN, 10)),
    ]
    for ledger, name, *numbers in told:
        history.add(decide(ledger, name, *numbers))
    closed = history.close(decide(None, CHAIN, 11))
    expected = [(n, n, n, name) for _, name, *numbers in told for n in numbers]
    assert get_numbers(closed) == [*expected, (11, 11, 11, CHAIN)]


def test_rows_of_a_single_ledger_are_not_copied() -> None:
    ledger = Ledger()
    domains: Any = Domains([], ledger, None)
    history = History(domains)
    history.add(decide(ledger, CHAIN, 1))
    history.add(decide(ledger, CHAIN, 2, 3))
    closed = history.close(decide(None, CHAIN))
    assert get_numbers(closed) == [(n, n, n, CHAIN) for n in (1, 2, 3)]
    assert np.shares_memory(closed.batch.transactions, ledger.applied.room)
