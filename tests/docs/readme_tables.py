"""The tables in the README, made from runs; `python -m tests.docs.readme_tables` writes them."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from sim.cli.running import print_result
from sim.experiment.run import RunOptions, run_scenario
from sim.scenario.load import load_scenario

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
WIDTH = 150


class Shown(NamedTuple):
    """A part of what `sim run` prints: some policies, and the rows that begin with some words."""

    policies: tuple[str, ...]
    rows: tuple[str, ...] = ()  # all of them if none is named


TABLES = {
    "nine_seconds": Shown(
        (
            "unguarded",
            "gateway",
            "chain",
            "layered",
            "gateway_open_egress",
            "chain_blanket",
            "blanket_and_approval",
            "blanket_and_delay",
        )
    ),
    "byzantine_validators": Shown(
        (
            "gateway",
            "chain",
            "chain_one_liar",
            "chain_two_liars",
            "chain_one_silent",
            "three_chain",
            "three_chain_one_silent",
            "chain_sequencer",
        ),
        (
            "unauthorized acts",
            "tasks done in time",
            "latency p50",
            "views wasted",
            "liars found out",
            "gate: conflicting commits",
            "transactions in conflict",
        ),
    ),
}


def create_table(name: str) -> str:
    """What `sim run` prints for the README's policies and rows."""
    shown = TABLES[name]
    loaded = load_scenario(ROOT / "scenarios" / f"{name}.yaml")
    result = run_scenario(loaded, RunOptions(policies=shown.policies))
    text = io.StringIO()
    console = Console(file=text, width=WIDTH, markup=False, highlight=False, emoji=False)
    print_result(result, console, quiet=True)
    lines = [line.rstrip() for line in text.getvalue().strip("\n").splitlines()]
    return "\n".join(keep_rows(lines, shown.rows)) + "\n"


def keep_rows(lines: list[str], rows: tuple[str, ...]) -> list[str]:
    """The head of a table and the rows asked for, each with the line of its interval."""
    if not rows:
        return lines
    head = next(number for number, line in enumerate(lines) if line.startswith("n = "))
    kept = lines[: head + 1]
    for number, line in enumerate(lines):
        if number > head and line.startswith(rows):
            kept += lines[number : number + 2]
    return kept


def find_table(name: str, readme: str) -> re.Match[str]:
    """Where a table stands in the README."""
    pattern = rf"(<!-- table: {name} -->\n```text\n)(.*?)(```\n<!-- /table -->)"
    found = re.search(pattern, readme, re.DOTALL)
    if found is None:
        raise ValueError(f"README.md has no table of {name}")
    return found


def get_table(name: str, readme: str) -> str:
    """A table as the README has it."""
    return find_table(name, readme).group(2)


if __name__ == "__main__":
    content = README.read_text("utf-8")
    for table_name in TABLES:
        found = find_table(table_name, content)
        content = content[: found.start(2)] + create_table(table_name) + content[found.end(2) :]
    README.write_text(content, "utf-8")
