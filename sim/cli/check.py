"""`sim check`: hold scenarios to their gates, or accept what they come to now."""

# ruff: noqa: PLC0415 - `sim --help` must not wait for numpy and numba
from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sim.cli.options import AsJson, Policies, Seed, Settings, Workers
from sim.core.errors import InputError, Position

BASELINES = Path("results/baselines")


def check(
    files: Annotated[
        list[Path], typer.Argument(metavar="SCENARIO...", help="Scenario YAML files.")
    ],
    baseline: Annotated[
        Path,
        typer.Option(metavar="PATH", help="A .json file, or a folder with NAME.json of each."),
    ] = BASELINES,
    accept: Annotated[
        bool, typer.Option("--accept", help="Write the baselines anew and show what changes.")
    ] = False,
    extend: Annotated[
        bool,
        typer.Option(
            "--extend",
            help="Begin with --replications (30), and while anything is undecided add 10 at a "
            "time, up to what the baseline holds.",
        ),
    ] = False,
    junit: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write JUnit XML there.")
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a summary in Markdown there.")
    ] = None,
    policy: Policies = None,
    replications: Annotated[
        int | None,
        typer.Option(min=1, max=1_000_000, help="All that the baseline holds by default."),
    ] = None,
    seed: Seed = None,
    workers: Workers = None,
    changes: Settings = None,
    as_json: AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Only what is not green.")] = False,
) -> None:
    """Hold scenarios to their safety gates: no worse than the baseline, on the same draws.

    Exit codes: 0 all gates hold; 1 one failed or has no number; 5 one is undecided; 2 nothing to
    compare with, or another world; 3 an invariant broke; 4 disk or environment. The worst wins.
    """
    from sim.scenario.load import load_scenario
    from sim.scenario.settings import parse_setting

    settings = [parse_setting(text) for text in changes or ()]
    loaded = [load_scenario(file, settings) for file in files]
    if accept and (extend or policy or junit or markdown):
        problem = "goes with none of --extend, --policy, --junit and --markdown"
        raise InputError(Position("sim check"), "--accept", problem)
    from sim.cli.checking import accept_and_print, check_and_print
    from sim.experiment.check import CheckOptions, find_paths

    paths = find_paths([scenario.name for scenario in loaded], baseline)
    options = CheckOptions(tuple(policy or ()), replications, seed, workers, extend)
    pairs = list(zip(loaded, paths, strict=True))
    if accept:
        code = accept_and_print(pairs, options, as_json=as_json, quiet=quiet)
    else:
        code = check_and_print(pairs, options, junit, markdown, as_json=as_json, quiet=quiet)
    raise typer.Exit(code)
