"""Results of tests made by hand: tables on the disk, and as much of a run as their readers need."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from sim.core.records import RECEIPT, TRUTH
from sim.experiment.tables import StoredResult
from sim.policies.base import Policy
from sim.policies.registry import load_policies
from sim.trace.market import DISPUTE_RECORD, SALE_RECORD, TRADER_RECORD
from sim.trace.store import MANIFEST, create_manifest, describe_content, write_table

Rows = list[dict[str, Any]]

LAYOUTS: dict[str, tuple[str, ...]] = {
    "transactions": (*(RECEIPT.names or ()), *(TRUTH.names or ()), "domain"),
    "sales": SALE_RECORD.names or (),
    "traders": TRADER_RECORD.names or (),
    "disputes": DISPUTE_RECORD.names or (),
}


def store(folder: Path, tables: dict[str, Rows], policy: str = "chain") -> StoredResult:
    """A result of one policy and one replication with these rows; what is not given is 0."""
    own = folder / policy
    cell = own / "000000-000001"
    cell.mkdir(parents=True)
    for name, rows in ((name, rows) for name, rows in tables.items() if rows):
        given = (key for row in rows for key in row)
        names = dict.fromkeys(["replication", *LAYOUTS.get(name, ()), *given])
        columns = {key: [row.get(key, 0) for row in rows] for key in names}
        write_table(cell / f"{name}-000000.parquet", {k: to_column(v) for k, v in columns.items()})
    (cell / MANIFEST).write_bytes(b"{}")
    named = {f"{cell.name}/{MANIFEST}": describe_content(b"{}")}
    (own / MANIFEST).write_bytes(create_manifest({"files": named}))
    policies: dict[str, Policy] = {policy: load_policies()[policy]}
    run: Any = SimpleNamespace(replications=1, policies=policies, baseline=policy)
    return StoredResult(run, {policy: own})


def to_column(values: list[Any]) -> Any:
    return values if any(isinstance(value, str) for value in values) else np.array(values, np.int64)
