"""The table in the README, made from a run; `python -m tests.docs.readme_tables` writes it."""

from __future__ import annotations

import io
import re
from pathlib import Path

from rich.console import Console

from sim.cli.running import print_result
from sim.experiment.run import RunOptions, run_scenario
from sim.scenario.load import load_scenario

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
WIDTH = 150
POLICIES = (
    "unguarded",
    "gateway",
    "chain",
    "layered",
    "gateway_open_egress",
    "chain_blanket",
    "blanket_and_approval",
    "blanket_and_delay",
)
TABLE = re.compile(
    r"(<!-- table: nine_seconds -->\n```text\n)(.*?)(```\n<!-- /table -->)", re.DOTALL
)


def create_table() -> str:
    """What `sim run` prints for the README's policies."""
    loaded = load_scenario(ROOT / "scenarios" / "nine_seconds.yaml")
    result = run_scenario(loaded, RunOptions(policies=POLICIES))
    text = io.StringIO()
    console = Console(file=text, width=WIDTH, markup=False, highlight=False, emoji=False)
    print_result(result, console, quiet=True)
    return "\n".join(line.rstrip() for line in text.getvalue().strip("\n").splitlines()) + "\n"


def get_table(readme: str) -> str:
    """The table as the README has it."""
    found = TABLE.search(readme)
    if found is None:
        raise ValueError("README.md has no table of nine_seconds")
    return found.group(2)


if __name__ == "__main__":
    table = create_table()
    README.write_text(
        TABLE.sub(lambda match: match[1] + table + match[3], README.read_text("utf-8")), "utf-8"
    )
