"""`sim rare`: how rarely something breaks, beside the exact answer."""

# ruff: noqa: PLC0415 (help must not wait for numpy and numba)
from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sim.cli.options import AsJson, Seed, Settings


def rare(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Scenario YAML file.")],
    policy: Annotated[
        str, typer.Option(metavar="NAME", help="Policy under which it happens.")
    ] = "chain",
    event: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="conviction: a committee convicts an innocent. breach: an irreversible act that "
            "no task asked for is executed. ruin: an honest seller loses its stake to wrongful "
            "convictions.",
        ),
    ] = "conviction",
    trials: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="Copies at each level of each run.")
    ] = 1_000,
    runs: Annotated[int, typer.Option(min=2, max=100_000, help="Independent runs.")] = 30,
    seed: Seed = None,
    changes: Settings = None,
    as_json: AsJson = False,
) -> None:
    """Chance of a rare event, by multilevel splitting, beside the exact one.

    Each event is a small world of its own: a whole replication cannot be copied half way. What it
    leaves out is printed with it.
    """
    from sim.scenario.load import load_scenario
    from sim.scenario.settings import parse_setting

    loaded = load_scenario(file, [parse_setting(text) for text in changes or ()])
    from sim.experiment.rare import RareOptions, run_rare
    from sim.report.rare_table import create_rare_document, describe_rare

    result = run_rare(loaded, RareOptions(policy, trials, runs, seed, event))
    if as_json:
        import json

        typer.echo(json.dumps(create_rare_document(result), indent=2, allow_nan=False))
        return
    for line in describe_rare(result):
        typer.echo(line)
