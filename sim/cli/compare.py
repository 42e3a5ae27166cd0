"""`sim compare`: finished results compared again, without running anything."""

# ruff: noqa: PLC0415 - `sim --help` must not wait for numpy
from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sim.cli.options import AsJson, Policies, Quiet, Seed

if TYPE_CHECKING:
    from sim.experiment.ranking import Ranking
    from sim.experiment.run import RunResult


def compare(
    results: Annotated[
        list[Path], typer.Argument(metavar="RESULT...", help="Folders that `run` named.")
    ],
    metric: Annotated[
        str, typer.Option(metavar="NAME", help="Rank policies by it; the first primary outcome.")
    ] = "",
    baseline: Annotated[
        str, typer.Option(metavar="POLICY", help="What the others are compared with.")
    ] = "",
    indifference: Annotated[
        float,
        typer.Option(min=0.0, metavar="D", help="A difference that does not matter, in its unit."),
    ] = 0.0,
    policy: Policies = None,
    seed: Seed = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Compare finished results again: by another baseline, and ranked by one outcome."""
    from sim.experiment.compare import choose_baseline, choose_metric
    from sim.experiment.ranking import rank_policies
    from sim.experiment.stored import load_run

    compared = []
    for folder in results:
        result = choose_baseline(load_run(folder, tuple(policy or ()), seed), baseline)
        compared.append(
            (result, rank_policies(result, metric or choose_metric(result), indifference))
        )
    if as_json:
        document = {"results": [_create_document(*each) for each in compared]}
        typer.echo(json.dumps(document, indent=2, allow_nan=False))
        return
    for result, ranking in compared:
        _print(result, ranking, quiet=quiet)


def _create_document(result: RunResult, ranking: Ranking) -> dict[str, Any]:
    from sim.cli.running import create_document

    return {**create_document(result), "ranking": ranking._asdict()}


def _print(result: RunResult, ranking: Ranking, *, quiet: bool) -> None:
    from rich.console import Console

    from sim.cli.running import print_result
    from sim.report.ranking_table import describe_ranking

    console = Console(markup=False, highlight=False, emoji=False)
    print_result(result, console, quiet=quiet)
    console.print()
    for line in describe_ranking(ranking, result):
        console.print(line)
