"""Batches: transactions and what the world knows of them, row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.core.encoding import HEADER_BYTES
from sim.core.records import (
    FOREVER_US,
    TRANSACTION,
    TRUTH,
    Ints,
    Records,
    join_records,
    take_records,
)
from sim.ledger.rules import INSIDE, get_situation
from sim.model.layout import CURRENT_KEY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

SIGNED_BYTES = HEADER_BYTES + 64  # a transaction without arguments, with its signature
CHAIN = -1  # or the one open domain, in the place of an org
CLEARING = -2  # where signals are traded if gateways judge, in the place of an org
HOUSEKEEPING = get_situation(INSIDE, 0, 0, 1)  # an org's own record keeping, through its own desk


class Batch(NamedTuple):
    """Transactions and what the world knows of them, row by row."""

    transactions: Records  # TRANSACTION
    truths: Records  # TRUTH

    def take(self, rows: Ints | NDArray[np.bool_] | slice) -> Batch:
        """Some of the rows, in the order asked for; all of them are this batch itself."""
        return Batch(take_records(self.transactions, rows), take_records(self.truths, rows))

    def copy(self) -> Batch:
        """The same rows, to be changed on their own."""
        return Batch(self.transactions.copy(), self.truths.copy())

    def __len__(self) -> int:
        return self.transactions.shape[0]


def create_blank() -> Batch:
    """One row to be filled; by default an org's record keeping, not a call."""
    batch = Batch(np.zeros(1, dtype=TRANSACTION), np.zeros(1, dtype=TRUTH))
    transactions, truths = batch
    transactions["chain_id"] = 1
    transactions["valid_until_height"] = FOREVER_US
    transactions["parent"] = -1
    transactions["proof_valid"] = 1
    transactions["key_version"] = CURRENT_KEY
    transactions["situation"] = HOUSEKEEPING
    truths["agent"] = truths["trader"] = -1
    truths["operation"] = -1
    truths["mediated"] = 1
    return batch


BLANK = create_blank()


def create_batch(n: int) -> Batch:
    """Blank rows to be filled, copied whole: each is written once."""
    return Batch(BLANK.transactions.repeat(n), BLANK.truths.repeat(n))


def join_batches(batches: Sequence[Batch]) -> Batch:
    """All rows one after another."""
    if not batches:
        return create_batch(0)
    return Batch(
        join_records([batch.transactions for batch in batches]),
        join_records([batch.truths for batch in batches]),
    )


class Decided(NamedTuple):
    """Calls and record keeping that were decided: rows and their receipts."""

    batch: Batch
    receipts: Records
    domains: Ints  # (n,), all of them the same: CHAIN, CLEARING, or the gateway's org


def sort_by(batch: Batch, column: str) -> Batch:
    """Rows in order of a column of truth; ties keep the order they came in."""
    keys = batch.truths[column]
    if (keys[1:] >= keys[:-1]).all():
        return batch
    return batch.take(np.argsort(keys, kind="stable"))


def split_at(batch: Batch, column: str, until_us: int) -> tuple[Batch, list[Batch]]:
    """Rows before a time in order of it, and what is left for later."""
    batch = sort_by(batch, column)
    if not len(batch) or batch.truths[column][-1] < until_us:
        return batch, []
    first_later = int(np.searchsorted(batch.truths[column], until_us, side="left"))
    return batch.take(slice(0, first_later)), [batch.take(slice(first_later, None))]
