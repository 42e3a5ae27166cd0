"""`sim explain`: the checks of one call, in print or as a document, and which calls there are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.measure import Measurement

from sim.core.errors import InputError, Position
from sim.experiment.explain import explain
from sim.experiment.explainable import ANYTHING, Wanted, list_explainable
from sim.report.explanation import create_checks_table
from sim.report.explanation_columns import (
    create_coloured_heading,
    create_columns_heading,
    create_columns_table,
    create_document,
)
from sim.report.printable import make_printable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sim.experiment.explain import Explanation

PLAIN_WIDTH = 160
NOTHING_TO_EXPLAIN = (
    "Every call of a task was asked for, and none was refused.\n"
    "Trades are not explained one by one: the reason of each refusal is the column `code` of "
    "transactions-*.parquet."
)
NOTHING_LIKE_IT = (
    "No call under {policy} that nobody asked for, or that was refused, is of that kind; "
    "another policy is asked with --policy."
)


def print_calls(
    result: Path, replication: int, policies: tuple[str, ...], wanted: Wanted, *, as_json: bool
) -> None:
    """Names of calls worth explaining: what nobody asked for, then what was refused wrongly."""
    listing = list_explainable(result, replication, policies, wanted)
    if as_json:
        _print_json(listing._asdict())
        return
    if not listing.calls:
        nothing_like_it = NOTHING_LIKE_IT.format(policy=listing.policy)
        typer.echo(NOTHING_TO_EXPLAIN if wanted == ANYTHING else nothing_like_it)
        return
    first = f", the first {len(listing.calls)}" if listing.has_more else ""
    typer.echo(
        "Calls that nobody asked for, or that were refused though somebody had, "
        f"under {listing.policy}{first}:"
    )
    for call in listing.calls:
        typer.echo(f"  {make_printable(call)}")


def print_explanations(
    result: Path,
    call: str,
    replication: int,
    policies: tuple[str, ...],
    wanted: Wanted,
    *,
    as_json: bool,
) -> None:
    """Every check of one call, under each policy: side by side if that fits.

    Errors: InputError for what narrows a listing, beside a call.
    """
    for name, value in wanted._asdict().items():
        if value:
            where = Position(str(result))
            raise InputError(where, f"--{name}", "narrows the listing of calls; leave out CALL")
    explanations = explain(result, call, replication, policies)
    if as_json:
        _print_json({"result": str(result), "replication": replication}, explanations)
        return
    console = Console(markup=False, highlight=False, emoji=False)
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    if not _print_columns(console, explanations):
        _print_one_by_one(console, explanations)


def _print_columns(console: Console, explanations: Sequence[Explanation]) -> bool:
    """Print all policies side by side, unless there is one or no room; whether that was done."""
    table = create_columns_table(explanations)
    needed = Measurement.get(console, console.options.update(max_width=10_000), table).maximum
    if len(explanations) < 2 or needed > console.width:
        return False
    console.print(create_columns_heading(explanations), style="bold")
    console.print(table)
    return True


def _print_one_by_one(console: Console, explanations: Sequence[Explanation]) -> None:
    for explanation in explanations:
        console.print(create_coloured_heading(explanation))
        if explanation.checks:
            console.print(create_checks_table(explanation))
        console.print()


def _print_json(facts: dict[str, Any], explanations: Sequence[Explanation] = ()) -> None:
    document = facts | (create_document(explanations) if explanations else {})
    typer.echo(json.dumps(document, indent=2, allow_nan=False))
