"""`sim sweep`: a scenario over values of its keys."""

# ruff: noqa: PLC0415 (help must not wait for numpy and numba)
from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sim.cli.options import (
    AsJson,
    CellTimeout,
    Out,
    Policies,
    Quiet,
    ScenarioFile,
    Scheduler,
    Seed,
    Workers,
)
from sim.core.errors import InputError, Position

if TYPE_CHECKING:
    from sim.experiment.sweep import SweepResult
    from sim.scenario.sweep import Spread

DesignOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="grid, latin_hypercube, sobol or morris. Default: the scenario's, else grid.",
    ),
]
Changes = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=V1,V2,...", help="Values of one key; repeatable."),
]
Ranges = Annotated[
    list[str] | None,
    typer.Option(
        "--set-range",
        metavar="PATH=LOW..HIGH",
        help="A range of one key, on a log scale with :log at its end; repeatable.",
    ),
]
Points = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="grid: values of each range. latin_hypercube: points. sobol: N (D + 2) points. "
        "morris: trajectories.",
    ),
]

PLAIN_WIDTH = 150  # of a file or pipe, which has no edge to wrap at


def sweep(
    file: ScenarioFile,
    design: DesignOption = None,
    changes: Changes = None,
    ranges: Ranges = None,
    points: Points = None,
    policy: Policies = None,
    replications: Annotated[int | None, typer.Option(min=1, max=1_000_000)] = None,
    seed: Seed = None,
    out: Out = Path("results"),
    workers: Workers = None,
    scheduler: Scheduler = "",
    cell_timeout: CellTimeout = None,
    max_cells: Annotated[
        int, typer.Option(min=1, metavar="N", help="Refuse a sweep of more cells.")
    ] = 100_000,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Run a scenario over values of its keys; started again, only what is missing runs."""
    from sim.scenario.load import load_scenario

    given = _parse_factors(changes or [], ranges or [])
    loaded = load_scenario(file)
    from sim.cli.progress import Bar
    from sim.experiment.execute import Execution, raise_failures
    from sim.experiment.sweep import SweepOptions, run_sweep

    options = SweepOptions(
        factors=given,
        design=_parse_design(design),
        points=points,
        policies=tuple(policy or ()),
        replications=replications,
        seed=seed,
        execution=Execution(workers, scheduler, cell_timeout),
        out=out,
        cells_max=max_cells,
    )
    with Bar(is_quiet=quiet) as progress:
        result = run_sweep(loaded, options, progress)
    if as_json:
        typer.echo(json.dumps(create_document(result), indent=2, allow_nan=False))
    else:
        _print(result, quiet=quiet)
    raise_failures(result.failures, result.failures_file)


def _parse_design(name: str | None) -> str | None:
    from typing import get_args

    from sim.core.errors import find_nearest
    from sim.scenario.sweep import DesignName

    known = get_args(DesignName)
    if name is not None and name not in known:
        problem = f"unknown design {name!r}, expected one of {', '.join(known)}"
        raise InputError(Position("--design"), "", problem, find_nearest(name, known))
    return name


def _parse_factors(changes: list[str], ranges: list[str]) -> dict[str, tuple[str, ...] | Spread]:
    """What is varied, by path.

    Errors: InputError for what is no factor, or is given twice.
    """
    from sim.scenario.settings import parse_setting
    from sim.scenario.sweep import Spread

    given: dict[str, tuple[str, ...] | Spread] = {}
    for text in [*changes, *ranges]:
        option = "--set" if text in changes else "--set-range"
        setting = parse_setting(text)
        if setting.path in given:
            raise InputError(Position(option), "", f"{setting.path!r} is given twice")
        if option == "--set":
            given[setting.path] = split_values(setting.text)
            continue
        span, _, scale = setting.text.partition(":")
        low, dots, high = span.partition("..")
        if not (low and dots and high) or scale not in ("", "linear", "log"):
            problem = f"expected PATH=LOW..HIGH or PATH=LOW..HIGH:log, got {text!r}"
            raise InputError(Position(option), "", problem)
        given[setting.path] = Spread.model_validate(
            {"from": low.strip(), "to": high.strip(), "scale": scale or "linear"}
        )
    return given


def split_values(text: str) -> tuple[str, ...]:
    """Values between commas; a comma within brackets or quotes parts nothing."""
    values, depth, quote = [""], 0, ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        else:
            depth += (character in "[{") - (character in "]}")
        if character == "," and not depth and not quote:
            values.append("")
        else:
            values[-1] += character
    return tuple(dict.fromkeys(value.strip() for value in values))


def _print(result: SweepResult, *, quiet: bool) -> None:
    import os

    from rich.console import Console

    from sim.experiment.design import find_cautions
    from sim.report.sweep_table import create_point_tables, create_sensitivity_table

    console = Console(markup=False, highlight=False, emoji=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = PLAIN_WIDTH
    tables = [*create_point_tables(result), create_sensitivity_table(result)]
    for table in tables:
        if table is not None:
            console.print(table)
            console.print()
    if quiet:
        return
    console.print(
        f"{result.design.name}: {result.n_points} points x {len(result.policies)} policies, "
        f"n = {result.replications} replications, seed {result.seed}; {result.n_cells} cells, "
        f"{result.n_kept} of them finished before, {len(result.failures)} failed."
    )
    for caution in find_cautions(result.design, result.replications):
        console.print(caution)
    if result.sensitivity:
        console.print(
            "Intervals of indices are of resampled rows (95 %). Noise: the share of the variance "
            "between rows that replications alone account for, at most."
        )
    console.print(f"Table: {result.folder / 'table.csv'} (and table.parquet)")


def create_document(result: SweepResult) -> dict[str, Any]:
    """The sweep as one JSON document; the table itself is in the folder that it names."""
    from sim.experiment.design import find_cautions

    return {
        "scenario": result.loaded.name,
        "scenario_digest": result.loaded.digest,
        **result.design.describe(),
        "policies": result.policies,
        "replications": result.replications,
        "run_seed": result.seed,
        "n_points": result.n_points,
        "n_cells": result.n_cells,
        "n_kept": result.n_kept,
        "folder": str(result.folder),
        "sensitivity": [
            {
                "policy": row.policy,
                "outcome": row.outcome,
                **row.figure._asdict(),
                "noise_share": row.noise_share,
                "n_rows": row.n_rows,
            }
            for row in result.sensitivity
        ],
        "cautions": find_cautions(result.design, result.replications),
        "failures": [
            {
                "policy": failure.job.policy.name,
                "settings": [str(setting) for setting in failure.job.settings],
                "first": failure.job.first,
                "last": failure.job.last,
                "exit_code": failure.error.exit_code,
                "cause": failure.cause,
                "replay": failure.replay,
            }
            for failure in result.failures
        ],
    }
