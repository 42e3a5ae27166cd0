"""Commands by name. Heavy rooms are imported inside the command that needs them."""

# ruff: noqa: PLC0415 - `sim --help` must not wait for numpy and numba
from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer

from sim.cli.attack import attack
from sim.cli.check import check
from sim.cli.compare import compare
from sim.cli.conformance import conformance
from sim.cli.figure import figure
from sim.cli.options import (
    AsJson,
    CellTimeout,
    Out,
    Policies,
    Quiet,
    ScenarioFile,
    Scheduler,
    Seed,
    Settings,
    Workers,
)
from sim.cli.rare import rare
from sim.cli.ratings import ratings
from sim.cli.replay import replay
from sim.cli.report import report
from sim.cli.selftest import selftest
from sim.cli.sweep import sweep
from sim.cli.verify import verify
from sim.core.errors import AmbitError, InputError, InputErrors
from sim.core.memory import keep_memory

app = typer.Typer(
    name="sim",
    help="Ambit: what each governance policy would have stopped, recorded, and cost.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("check")(check)
app.command("attack")(attack)
app.command("replay")(replay)
app.command("rare")(rare)
app.command("ratings")(ratings)
app.command("report")(report)
app.command("verify")(verify)
app.command("sweep")(sweep)
app.command("figure")(figure)
app.command("compare")(compare)
app.command("conformance")(conformance)
app.command("selftest")(selftest)


@app.command()
def run(
    file: ScenarioFile,
    policy: Policies = None,
    replications: Annotated[int | None, typer.Option(min=1, max=1_000_000)] = None,
    seed: Seed = None,
    out: Out = Path("results"),
    workers: Workers = None,
    changes: Settings = None,
    until: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WIDTH",
            help="Add replications until primary outcomes are known to rel=0.05 of their mean, "
            "or to abs=2 in their unit; at most --replications, 2000 if not given.",
        ),
    ] = None,
    scheduler: Scheduler = "",
    cell_timeout: CellTimeout = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Run a scenario under each of its policies and compare them on the same draws.

    Started again, it goes on: what a folder of results has already is not run again.
    """
    from sim.scenario.load import load_scenario
    from sim.scenario.settings import parse_setting

    settings = [parse_setting(text) for text in changes or ()]
    # a wrong file is refused before anything heavy is imported
    loaded = load_scenario(file, settings)
    from sim.cli.running import run_and_print
    from sim.experiment.run import RunOptions
    from sim.experiment.stopping import parse_until

    options = RunOptions(
        policies=tuple(policy or ()),
        replications=replications,
        seed=seed,
        workers=workers,
        out=out,
        scheduler=scheduler,
        cell_timeout_s=cell_timeout,
        until=parse_until(until or []),
    )
    run_and_print(loaded, options, as_json=as_json, quiet=quiet)


@app.command()
def validate(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Scenario YAML files.")],
    quiet: Quiet = False,
) -> None:
    """Check scenario files without running them; say all that is wrong."""
    from sim.experiment.design import check_sweep
    from sim.experiment.gates import check_gates
    from sim.experiment.primary import check_primary
    from sim.scenario.load import load_scenario
    from sim.scenario.policies import create_policies

    refusals: list[InputError] = []
    for file in files:
        try:
            loaded = load_scenario(file)
            n_policies = len(create_policies(loaded))
            check_primary(loaded)
            check_gates(loaded)
            check_sweep(loaded)
        except InputErrors as found:
            refusals += found.errors
            continue
        except InputError as found:
            refusals.append(found)
            continue
        if not quiet:
            title = loaded.scenario.title
            typer.echo(f"{file}: sound: {title!r}, {n_policies} policies, digest {loaded.digest}")
    if refusals:
        raise InputErrors(tuple(refusals))


@app.command("list")
def list_names(
    what: Annotated[
        str,
        typer.Argument(
            metavar="WHAT",
            help="policies, strategies, faults, reputation, metrics, figures or scenarios.",
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """List what can be named in a scenario, one line each."""
    from sim.cli.listing import get_listing

    listing = get_listing(what)
    if as_json:
        _print_json(listing)
        return
    width = max((len(row["name"]) for row in listing), default=0)
    for row in listing:
        typer.echo(f"{row['name']:<{width}}  {row['summary']}")


@app.command()
def schema() -> None:
    """Print the JSON Schema of scenario files, for editors."""
    from sim.scenario.schema import create_schema

    _print_json(create_schema().model_json_schema(mode="serialization"))


@app.command()
def explain(
    result: Annotated[Path, typer.Argument(metavar="RESULT", help="Folder that `run` named.")],
    call: Annotated[
        str | None, typer.Argument(metavar="CALL", help="AGENT/TASK/CALL/ATTEMPT.")
    ] = None,
    policy: Policies = None,
    replication: Annotated[int, typer.Option(min=0)] = 0,
    reason: Annotated[
        str, typer.Option(metavar="NAME", help="List only calls refused for this reason.")
    ] = "",
    agent: Annotated[
        str, typer.Option(metavar="NAME", help="List only calls of this agent or group.")
    ] = "",
    org: Annotated[str, typer.Option(metavar="NAME", help="List only calls of this org.")] = "",
    as_json: AsJson = False,
) -> None:
    """Every check of one call, in order, under each policy; without CALL, name some calls."""
    from sim.cli.explaining import print_calls, print_explanations
    from sim.experiment.explainable import Wanted

    wanted, policies = Wanted(reason, agent, org), tuple(policy or ())
    if call is None:
        print_calls(result, replication, policies, wanted, as_json=as_json)
    else:
        print_explanations(result, call, replication, policies, wanted, as_json=as_json)


def _print_json(document: Any) -> None:
    import json

    typer.echo(json.dumps(document, indent=2, allow_nan=False))


class Interrupted(BaseException):
    """Somebody wants the program to end; typer would swallow a KeyboardInterrupt."""


def interrupt(number: int, frame: FrameType | None) -> None:
    """End at once, in whatever is running."""
    raise Interrupted


def main() -> None:
    """Run a command; end with its exit code and, for a person's error, one clear message."""
    signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGTERM, interrupt)
    keep_memory()
    try:
        app(standalone_mode=True)
    except AmbitError as error:
        typer.echo(str(error), err=True)
        sys.exit(error.exit_code)
    except Interrupted:
        typer.echo(
            "interrupted; finished cells are kept, the same command goes on from there", err=True
        )
        sys.stdout.flush()
        os._exit(130)  # a pool whose workers were ended would be waited for at a plain exit
