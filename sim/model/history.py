"""What was decided in a replication, in the order in which everybody learned of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.core.records import TRUTH, join_records
from sim.core.table import Table
from sim.model.batches import CHAIN, CLEARING, Batch, Decided

if TYPE_CHECKING:
    from sim.model.genesis import Domains


class History:
    """Truths of all decisions; their transactions and receipts stay where a ledger has them."""

    def __init__(self, domains: Domains) -> None:
        named = {
            CHAIN: domains.chain,
            CLEARING: domains.clearing,
            **dict(enumerate(domains.gateways)),
        }
        self.ledgers = {name: domain for name, domain in named.items() if domain is not None}
        self.ends = {name: domain.n_applied for name, domain in self.ledgers.items()}
        self.spans: list[tuple[int, int, int]] = []  # ledger, its first row and the row after
        self.truths = Table(TRUTH)

    def add(self, decided: Decided) -> None:
        """Note one decision: the next rows of one ledger."""
        if not len(decided.batch):
            return
        name = int(decided.domains[0])
        first, self.ends[name] = self.ends[name], self.ends[name] + len(decided.batch)
        if self.spans and self.spans[-1][0] == name:  # it goes on where it stopped
            first = self.spans.pop()[1]
        self.spans.append((name, first, self.ends[name]))
        self.truths.append(decided.batch.truths)

    def close(self, pending: Decided) -> Decided:
        """All decisions, and last what is pending."""
        self.truths.append(pending.batch.truths)
        transactions, receipts, domains = [], [], []
        for name, first, last in self.spans:
            ledger = self.ledgers[name]
            transactions.append(ledger.get_transactions()[first:last])
            receipts.append(ledger.get_receipts()[first:last])
            domains.append(np.full(last - first, name, dtype=np.int64))
        return Decided(
            Batch(
                join_records([*transactions, pending.batch.transactions]), self.truths.get_rows()
            ),
            join_records([*receipts, pending.receipts]),
            np.concatenate([*domains, pending.domains]),
        )
