"""`sim explain`: the text of one call's checks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer
from rich.console import Console

from sim.experiment.explain import explain, list_explainable
from sim.report.explanation import create_checks_table, create_heading
from sim.report.printable import make_printable

if TYPE_CHECKING:
    from pathlib import Path

PLAIN_WIDTH = 160
NOTHING_TO_EXPLAIN = (
    "Every call of a task was asked for, and none was refused.\n"
    "Trades are not explained one by one: the reason of each refusal is the column `code` of "
    "transactions-*.parquet."
)


def print_calls(result: Path, replication: int, policies: tuple[str, ...]) -> None:
    """Names of calls worth explaining: what nobody asked for, then what was refused wrongly."""
    calls = list_explainable(result, replication, policies)
    if not calls:
        typer.echo(NOTHING_TO_EXPLAIN)
        return
    typer.echo("Calls that nobody asked for, or that were refused though somebody had:")
    for call in calls:
        typer.echo(f"  {make_printable(call)}")


def print_explanations(
    result: Path, call: str, replication: int, policies: tuple[str, ...]
) -> None:
    """Every check of one call, under each policy."""
    console = Console(markup=False, highlight=False, emoji=False)
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    for explanation in explain(result, call, replication, policies):
        console.print(create_heading(explanation), style="bold")
        if explanation.checks:
            console.print(create_checks_table(explanation))
        console.print()
