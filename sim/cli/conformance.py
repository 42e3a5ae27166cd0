"""`sim conformance`: the shared battery on somebody's own plug-ins."""

# ruff: noqa: PLC0415 (help must not wait for numpy and numba)
from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from sim.cli.options import AsJson


def conformance(
    where: Annotated[
        str,
        typer.Argument(
            metavar="[PACKAGE]",
            help="An installed package, a folder with a pyproject.toml, a module, or a file of "
            "Python; all that is shipped by default.",
        ),
    ] = "ambit-sim",
    skip: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WORDS", help="Leave out checks with these words in them; repeatable."
        ),
    ] = None,
    as_json: AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Only what fails.")] = False,
) -> None:
    """Hold somebody's own plug-ins to what every shipped one is held to; 1 if a check fails."""
    sys.path.insert(0, str(Path.cwd()))  # as `python -m` has it
    from sim.experiment.conformance.discovery import check_plug_ins, find_plug_ins

    outcomes = []
    for outcome in check_plug_ins(find_plug_ins(where)):
        if any(words.lower() in outcome.check.lower() for words in skip or ()):
            continue
        outcomes.append(outcome)
        if not as_json and not (quiet and outcome.holds):
            problem = "" if outcome.holds else f": {outcome.problem}"
            word = "holds" if outcome.holds else "FAILS"
            typer.echo(f"{word}  {outcome.kind} {outcome.name}: {outcome.check}{problem}")
    n_failed = sum(not outcome.holds for outcome in outcomes)
    if as_json:
        rows = [outcome._asdict() | {"holds": outcome.holds} for outcome in outcomes]
        typer.echo(json.dumps({"checks": rows, "failed": n_failed}, indent=2))
    elif not quiet:
        n_plug_ins = len({(outcome.kind, outcome.name) for outcome in outcomes})
        typer.echo(f"{n_plug_ins} plug-ins, {len(outcomes)} checks, {n_failed} failed")
    raise typer.Exit(1 if n_failed else 0)
