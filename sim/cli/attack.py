"""`sim attack`: the attacker that hurts each policy most, as far as a search finds it."""

# ruff: noqa: PLC0415 (help must not wait for numpy and numba)
from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sim.cli.options import AsJson, Out, Quiet, ScenarioFile, Seed, Settings, Workers

if TYPE_CHECKING:
    from sim.experiment.attack import AttackResult, Plan
    from sim.experiment.attack_search import Trial


def attack(
    file: ScenarioFile,
    policy: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="Policy to attack; repeatable. Default: all but the bounds."
        ),
    ] = None,
    outcome: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Outcome to make worse, of `sim list metrics`. Default: the first primary one.",
        ),
    ] = "",
    factor: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH=RANGE",
            help="What to search: LOW..HIGH or V1,V2; repeatable. Default: the knobs of the "
            "scenario's attackers that make them neither more nor richer.",
        ),
    ] = None,
    trials: Annotated[int, typer.Option(min=1, max=100_000, help="For each sampler.")] = 200,
    replications: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="Of each trial, on the same draws.")
    ] = 30,
    holdout: Annotated[
        int, typer.Option(min=2, max=1_000_000, help="Replications on fresh draws.")
    ] = 200,
    seed: Seed = None,
    out: Out = Path("results"),
    workers: Workers = None,
    changes: Settings = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Search for the attackers that hurt a policy most; judge the worst on fresh draws."""
    from sim.scenario.load import load_scenario
    from sim.scenario.settings import parse_setting

    loaded = load_scenario(file, [parse_setting(text) for text in changes or ()])
    from sim.experiment.attack import AttackOptions, create_plan
    from sim.experiment.attack_search import load_optuna
    from sim.experiment.attack_store import write_attack

    options = AttackOptions(
        tuple(policy or ()),
        outcome,
        tuple(factor or ()),
        trials,
        replications,
        holdout,
        seed,
        workers,
    )
    plan = create_plan(loaded, options)
    load_optuna()  # before anything is run without it
    if not quiet:
        _announce(plan)
    result = _run_with_progress(plan, show=not quiet and sys.stderr.isatty())
    _print_result(result, write_attack(result, out), as_json=as_json, quiet=quiet)


def _announce(plan: Plan) -> None:
    from sim.core.compiled import has_compiled_rules
    from sim.report.attack_table import describe_plan

    for line in describe_plan(plan):
        typer.echo(line, err=True)
    if not has_compiled_rules():
        typer.echo("Compiling the rules, once for this version: about a minute.", err=True)


def _run_with_progress(plan: Plan, *, show: bool) -> AttackResult:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    from sim.experiment.attack import run_attack
    from sim.experiment.attack_search import choose_samplers
    from sim.report.comparison_table import format_number

    bar = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    n_samplers = len(choose_samplers(plan.factors, plan.trials))
    with Progress(
        "{task.description}", *bar, console=console, disable=not show, transient=True
    ) as progress:
        total = len(plan.policies) * n_samplers * (plan.trials + 1)
        task, best = progress.add_task("trials", total=total), dict[str, float]()

        def on_trial(policy: str, trial: Trial) -> None:
            key = f"{policy}, {trial.sampler}"
            if trial.score is not None:
                best[key] = max(best.get(key, trial.score), trial.score)
            worst = format_number(plan.sign * best[key]) if key in best else "-"
            progress.update(task, advance=1, description=f"{key}: worst so far {worst}")

        return run_attack(plan, on_trial)


def _print_result(result: AttackResult, folder: Path, *, as_json: bool, quiet: bool) -> None:
    from sim.report.attack_table import (
        create_attack_document,
        create_attack_table,
        write_findings,
    )

    if as_json:
        import json

        document = {**create_attack_document(result), "folder": str(folder)}
        typer.echo(json.dumps(document, indent=2, allow_nan=False))
        return
    from rich.console import Console

    console = Console(markup=False, highlight=False, emoji=False)
    if not console.is_terminal:
        console.width = 150  # a file or a pipe has no edge to wrap at
    console.print(create_attack_table(result))
    if quiet:
        return
    for line in write_findings(result):
        console.print(line, soft_wrap=line.startswith("  "))
    console.print(f"\nResults: {folder}")
