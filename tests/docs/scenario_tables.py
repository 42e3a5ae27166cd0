"""The tables in scenarios/README.md: `python -m tests.docs.scenario_tables RESULT.json...`.

Each is made of what `sim run scenarios/NAME.yaml --replications 30 --json` prints, and carries the
digest of the scenario it was made from.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parents[2] / "scenarios" / "README.md"
PER_CENT = 100

COLUMNS = {
    "deterrence": (
        "attacker_payoff",
        "fraud_loss_rate",
        "market_welfare",
    ),
    "signal_market": (
        "fraud_loss_rate",
        "unpaid_signal_rate",
        "overscoped_execution_rate",
        "attacker_return",
        "false_accusation_rate",
        "market_welfare",
    ),
    "sybil_flood": (
        "attacker_payoff",
        "attacker_payoff_plain",
        "sybil_gain_difference",
        "fraud_loss_rate",
        "market_welfare",
    ),
    "whitewashing": (
        "attacker_payoff",
        "whitewash_gain",
        "newcomer_parity",
        "fraud_loss_rate",
        "market_welfare",
    ),
    "collusion_ring": (
        "collusion_inflation",
        "reputation_auc",
        "fraud_loss_rate",
        "attacker_return",
        "market_welfare",
    ),
    "on_off": (
        "time_to_demote",
        "frauds_before_demotion",
        "reputation_auc",
        "fraud_loss_rate",
        "attacker_return",
        "market_welfare",
    ),
    "exit_scam": (
        "attacker_return",
        "fraud_loss_rate",
        "unpaid_signal_rate",
        "restitution_ratio",
        "unchallenged_fraud_rate",
        "market_welfare",
    ),
    "griefing": (
        "dispute_correctness",
        "false_accusation_rate",
        "wrongful_slash_share",
        "unchallenged_fraud_rate",
        "attacker_return",
        "market_welfare",
    ),
    "newcomers": (
        "newcomer_parity",
        "fraud_loss_rate",
        "attacker_return",
        "market_welfare",
    ),
}

WITHOUT_VALUE = {
    "not_applicable": "-",
    "no_denominator": "none to count",
    "unstable_denominator": "base near 0",
    "beyond_horizon": "never",
    "few_observations": "too few",
}


def create_table(result: dict[str, Any]) -> str:
    """Markdown: a row for each policy, a column for each outcome, each with its 95 % interval."""
    policies = result["policies"]
    columns = COLUMNS[result["scenario"]]
    units = {
        column: outcomes[column]["unit"]
        for policy in policies.values()
        for outcomes in [policy["outcomes"]]
        for column in columns
        if column in outcomes
    }
    head = [
        f"`{column}`, {'%' if units[column] == 'share' else units[column]}" for column in columns
    ]
    lines = [
        f"| n = {result['replications']} | {' | '.join(head)} |",
        "|---" * (len(head) + 1) + "|",
    ]
    for name, policy in policies.items():
        cells = [format_cell(policy["outcomes"].get(column)) for column in columns]
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def format_cell(outcome: dict[str, Any] | None) -> str:
    """A mean and its interval, or why there is none; no event seen is said with its upper bound."""
    if outcome is None:
        return "-"
    if outcome["mean"] is None:
        return WITHOUT_VALUE.get(outcome["reason"], outcome["reason"])
    scale = PER_CENT if outcome["unit"] == "share" else 1
    if outcome["mean"] == 0 and outcome["interval"] == "zero bound":
        return f"none, below {format_number(outcome['high'] * scale)}"
    mean = format_number(outcome["mean"] * scale)
    if outcome["low"] is None or outcome["low"] == outcome["high"]:
        return mean
    low, high = format_number(outcome["low"] * scale), format_number(outcome["high"] * scale)
    return f"{mean} ({low}..{high})"


def format_number(value: float) -> str:
    """Three digits, or the whole number if it has more."""
    if abs(value) >= PER_CENT:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def find_table(name: str, page: str) -> re.Match[str]:
    """Where a table stands in the page: the digest of its scenario, and its text.

    Errors: ValueError if the page has none of that name.
    """
    pattern = rf"<!-- table: {name} of (\w+) -->\n(.*?)<!-- /table -->"
    found = re.search(pattern, page, re.DOTALL)
    if found is None:
        raise ValueError(f"{PAGE} has no table of {name}")
    return found


def main(files: list[str]) -> None:
    """Write the tables of some results into the page."""
    page = PAGE.read_text("utf-8")
    for file in files:
        result = json.loads(Path(file).read_text("utf-8"))
        found = find_table(result["scenario"], page)
        head = f"<!-- table: {result['scenario']} of {result['scenario_digest']} -->\n"
        table = f"{head}{create_table(result)}<!-- /table -->"
        page = page[: found.start()] + table + page[found.end() :]
    PAGE.write_text(page, "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
