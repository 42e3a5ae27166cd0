"""scenarios/README.md: its tables are of the scenarios as they stand, and name what exists."""

from __future__ import annotations

import re

import pytest

from sim.cli.listing import list_metrics
from sim.scenario.load import load_scenario
from sim.scenario.policies import create_policies
from tests.docs.scenario_tables import COLUMNS, PAGE, create_table, find_table
from tests.worlds import SCENARIOS, SHIPPED

TEXT = PAGE.read_text("utf-8")


@pytest.mark.parametrize("name", COLUMNS)
def test_a_table_was_made_of_the_scenario_as_it_stands(name: str) -> None:
    digest, table = find_table(name, TEXT).groups()
    loaded = load_scenario(SCENARIOS / f"{name}.yaml")
    assert digest == loaded.digest
    assert re.findall(r"^\| `(\w+)`", table, re.MULTILINE) == list(create_policies(loaded))


def test_every_scenario_is_on_the_page() -> None:
    assert set(re.findall(r"`(\w+)\.yaml`", TEXT)) == set(SHIPPED)


def test_columns_are_outcomes() -> None:
    listed = {outcome["name"] for outcome in list_metrics()}
    assert {column for columns in COLUMNS.values() for column in columns} <= listed


def test_cells_say_mean_and_interval_or_why_there_is_none() -> None:
    share = {"mean": 0.5, "low": 0.25, "high": 0.75, "unit": "share", "interval": "t"}
    none_seen = {**share, "mean": 0.0, "low": 0.0, "high": 0.1, "interval": "zero bound"}
    without = {**share, "mean": None, "low": None, "high": None, "reason": "no_denominator"}
    outcomes = {"newcomer_parity": share, "fraud_loss_rate": none_seen, "attacker_return": without}
    result = {
        "scenario": "newcomers",
        "replications": 3,
        "policies": {
            "neutral": {"outcomes": {**outcomes, "market_welfare": {**share, "unit": "value"}}}
        },
    }
    row = create_table(result).splitlines()[-1].split(" | ")
    assert row[:2] == ["| `neutral`", "50.0 (25.0..75.0)"]
    assert row[2:] == ["none, below 10.0", "none to count", "0.50 (0.25..0.75) |"]
