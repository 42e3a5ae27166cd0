"""Ethereum's slashing penalties against a published table: every row, every fork, to the Gwei."""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path

import pytest

from sim.ledger.penalties import (
    GWEI,
    Fork,
    compute_correlation_penalty,
    compute_initial_penalty,
)

TABLE = Path(__file__).parents[2].parent / "shared/data/consensus/ethereum_slashing_reference.csv"
N_ROWS = 17
EFFECTIVE = 32 * GWEI

pytestmark = [
    pytest.mark.shared_data,
    pytest.mark.skipif(not TABLE.is_file(), reason=f"needs the table {TABLE}"),
]


def load_rows() -> list[dict[str, str]]:
    with TABLE.open(newline="") as stream:
        return list(csv.DictReader(stream))


def convert_to_gwei(ether: str) -> int:
    """Whole Gwei; what is none would be refused, not rounded."""
    gwei = Decimal(ether) * GWEI
    assert gwei == int(gwei)
    return int(gwei)


def test_the_table_is_whole() -> None:
    assert len(load_rows()) == N_ROWS


@pytest.mark.parametrize("fork", Fork)
def test_a_fork_takes_what_the_table_says(fork: Fork) -> None:
    name = fork.name.lower()
    for row in load_rows():
        total = int(row["total_validators"]) * EFFECTIVE
        slashed = int(row["slashed_validators"]) * EFFECTIVE
        found = (
            compute_initial_penalty(int(fork), EFFECTIVE),
            compute_correlation_penalty(int(fork), EFFECTIVE, slashed, total),
        )
        published = (row[f"{name}_initial_eth"], row[f"{name}_corr_eth"])
        assert found == tuple(map(convert_to_gwei, published)), row["slashed_validators"]
