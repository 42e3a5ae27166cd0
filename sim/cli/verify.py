"""`sim verify`: what is checked, and every fault with its place."""

# ruff: noqa: PLC0415 - `sim --help` must not wait for numpy and numba
from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def verify(
    results: Annotated[
        list[Path], typer.Argument(metavar="RESULT...", help="Folders that `run` named.")
    ],
    policy: Annotated[
        list[str] | None, typer.Option(help="Only this policy; repeatable.", metavar="NAME")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Check the files by digest, and run nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Only what is wrong.")] = False,
) -> None:
    """Check a result: every byte by digest, and every record by living through the run again.

    Ends with 0 if all is as stored, 4 if a file is damaged, 3 if a record is not what the run
    comes to.
    """
    from sim.experiment.verify import verify_result

    def say(cell: str) -> None:
        if not quiet:
            typer.echo(f"again: {cell}", err=True)

    found = [
        verify_result(folder, tuple(policy or ()), runs_again=not quick, on_cell=say)
        for folder in results
    ]
    if as_json:
        document = [
            {
                "result": str(one.folder),
                "files": one.n_files,
                "replications": one.n_replications,
                "damaged": [fault._asdict() for fault in one.damaged],
                "differing": [fault._asdict() for fault in one.differing],
            }
            for one in found
        ]
        typer.echo(json.dumps({"results": document}, indent=2))
    else:
        for one in found:
            for fault in (*one.damaged, *one.differing):
                typer.echo(str(fault))
            if not quiet and one.exit_code == 0:
                again = f", {one.n_replications} replications came out as stored"
                typer.echo(f"{one.folder}: {one.n_files} files as written{'' if quick else again}")
    codes = {one.exit_code for one in found}
    raise typer.Exit(3 if 3 in codes else max(codes))
