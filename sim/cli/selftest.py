"""`sim selftest`: whether the statistics do as often as they say, counted on known truths."""

# ruff: noqa: PLC0415 - `sim --help` must not wait for numpy
from __future__ import annotations

import json
from typing import Annotated

import typer

from sim.cli.options import AsJson


def selftest(
    macro_replications: Annotated[
        int, typer.Option(min=20, max=1_000_000, help="Samples that each check counts over.")
    ] = 2_000,
    seed: Annotated[int, typer.Option(min=0, max=2**62)] = 20_261_101,
    as_json: AsJson = False,
) -> None:
    """Count how often intervals, the gate and the selection are right; exit 1 if one is not."""
    from sim.report.selftest_table import create_table, summarize
    from sim.stats.selftest import run_checks

    checks = []
    for check in run_checks(macro_replications, seed):
        checks.append(check)
        if not as_json:
            typer.echo(f"checked {len(checks)}: {check.what}, {check.family}", err=True)
    failed = [check for check in checks if check.is_offered and not check.passes]
    if as_json:
        document = {
            "macro_replications": macro_replications,
            "seed": seed,
            "passes": not failed,
            "checks": [{**check._asdict(), "passes": check.passes} for check in checks],
        }
        typer.echo(json.dumps(document, indent=2, allow_nan=False))
    else:
        for line in create_table(checks):
            typer.echo(line)
        typer.echo(summarize(checks, macro_replications))
    if failed:
        raise typer.Exit(1)
