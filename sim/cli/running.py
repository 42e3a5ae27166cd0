"""`sim run`: progress while it runs, then the table or the JSON document."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console

from sim.cli.live import LiveView
from sim.core.compiled import has_compiled_rules
from sim.experiment.run import RunOptions, RunResult, run_scenario
from sim.report.comparison_table import create_legend, create_tables
from sim.report.reading import write_reading
from sim.report.stopping import write_stopping
from sim.report.verdicts import describe_primary

if TYPE_CHECKING:
    from sim.experiment.comparison import Contrast, Estimate
    from sim.experiment.stopping import Stop
    from sim.scenario.load import LoadedScenario

PLAIN_WIDTH = 150  # of a file or pipe, which has no edge to wrap at


def run_and_print(
    loaded: LoadedScenario, options: RunOptions, *, as_json: bool, quiet: bool
) -> None:
    """Run a scenario and show what came of it."""
    if not quiet and not has_compiled_rules():
        typer.echo("Compiling the rules, once for this version: about a minute.", err=True)
    with LiveView(loaded.scenario, is_quiet=quiet) as progress:
        result = run_scenario(loaded, options, progress)
    if as_json:
        typer.echo(json.dumps(create_document(result), indent=2, allow_nan=False))
        return
    print_result(result, Console(markup=False, highlight=False, emoji=False), quiet=quiet)


def print_result(result: RunResult, console: Console, *, quiet: bool) -> None:
    """Question, expectation, table, reading."""
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = PLAIN_WIDTH
    scenario = result.loaded.scenario
    if not quiet:
        console.print(scenario.title, style="bold")
        console.print(f"Question: {scenario.question}")
        console.print(f"Expected before the run: {scenario.expectation}\n")
    for table in create_tables(result, console.width):
        console.print(table)
        console.print()
    if quiet:
        return
    console.print(write_reading(result))
    if result.stop is not None:
        console.print(write_stopping(result.stop))
    for line in describe_primary(result):
        console.print(line)
    for line in create_legend(result):
        console.print(line, style="dim")
    if result.folder is not None:
        console.print(f"\nResults: {result.folder}   digest {result.digest}")
        console.print(f"Why one call ended as it did: sim explain {result.folder}")


def create_document(result: RunResult) -> dict[str, Any]:
    """The run as one JSON document."""
    return {
        "scenario": result.loaded.name,
        "digest": result.digest,
        "scenario_digest": result.loaded.digest,
        "seed": result.seed,
        "replications": result.replications,
        "baseline": result.baseline,
        **({} if result.stop is None else {"stop": create_stop(result.stop)}),
        "policies": {
            name: {
                "outcomes": {
                    metric: _create_outcome(estimate)
                    for metric, estimate in result.estimates[name].items()
                },
                "digest": result.digests[name],
            }
            for name in result.policies
        },
        "comparisons": [_create_comparison(contrast) for contrast in result.contrasts],
    }


def create_stop(stop: Stop) -> dict[str, Any]:
    """The stopping rule, and whether it was met."""
    return {
        "rule": str(stop.until),
        "n": stop.n,
        "n_max": stop.n_max,
        "is_met": not stop.wide,
        "wide": stop.wide,
    }


def _create_outcome(estimate: Estimate) -> dict[str, Any]:
    interval = estimate.interval
    if interval is None:
        reason = estimate.reason.value if estimate.reason else None
        return {
            "mean": None,
            "low": None,
            "high": None,
            "n": estimate.n,
            "unit": estimate.unit,
            "reason": reason,
        }
    outcome: dict[str, Any] = {
        "mean": interval.mean,
        "low": interval.low,
        "high": interval.high,
        "n": estimate.n,
        "unit": estimate.unit,
        "interval": interval.method.value,
    }
    if estimate.zero_bound is not None:
        outcome["zero_bound"] = estimate.zero_bound
    return outcome


def _create_comparison(contrast: Contrast) -> dict[str, Any]:
    if contrast.difference is None or contrast.significance is None:
        raise ValueError("a comparison without a difference is not listed")
    interval, pairing = contrast.difference.interval, contrast.difference.pairing
    return {
        "metric": contrast.metric,
        "policy": contrast.policy,
        "baseline": contrast.baseline,
        "difference": interval.mean,
        "low": interval.low,
        "high": interval.high,
        "n": contrast.n,
        "interval": interval.method.value,
        "rho": None if pairing is None else pairing.rho,
        "variance_ratio": None if pairing is None else pairing.variance_ratio,
        "primary": contrast.is_primary,
        "test": contrast.significance.procedure.value,
        "p": contrast.significance.p,
        "p_adjusted": contrast.p_adjusted,
        "correction": contrast.correction.value,
        "bca": None if contrast.bca is None else list(contrast.bca),
    }
