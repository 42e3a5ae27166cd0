"""`sim verify`: whether a result is what was written, and comes out so again."""

# ruff: noqa: PLC0415 (help must not wait for numpy and numba)
from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from sim.cli.options import AsJson, Workers


def verify(
    results: Annotated[
        list[Path], typer.Argument(metavar="RESULT...", help="Folders that `run` named.")
    ],
    policy: Annotated[
        list[str] | None,
        typer.Option(help="Run only this policy again; repeatable.", metavar="NAME"),
    ] = None,
    replications: Annotated[
        int | None, typer.Option(min=1, help="Run only so many of each policy again.")
    ] = None,
    workers: Workers = None,
    is_quick: Annotated[
        bool, typer.Option("--quick", help="Only the digests of files; nothing is run again.")
    ] = False,
    as_json: AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Only what is wrong.")] = False,
) -> None:
    """Check every file of a result by digest, run it again, and name the first record that differs.

    Exit codes: 0 all is as stored; 3 the run is not what is stored; 4 a file is damaged; 5 other
    code made it, and this code cannot tell; 2 a folder is no result.
    """
    from sim.cli.progress import Bar
    from sim.core.compiled import has_compiled_rules
    from sim.core.errors import get_worst
    from sim.experiment.verify import VerifyOptions
    from sim.experiment.verify import verify as verify_result
    from sim.report.verification import create_document, write_verdict

    if not (quiet or is_quick or has_compiled_rules()):
        typer.echo("Compiling the rules, once for this version: about a minute.", err=True)
    options = VerifyOptions(replications, is_quick, tuple(policy or ()), workers)
    with Bar(is_quiet=quiet or is_quick) as progress:
        verdicts = [verify_result(folder, options, progress) for folder in results]
    code = get_worst(code for verdict in verdicts for code in verdict.exit_codes)
    if as_json:
        typer.echo(json.dumps(create_document(verdicts, code), indent=2, allow_nan=False))
        raise typer.Exit(code)
    for verdict in verdicts:
        for line in write_verdict(verdict)[: -1 if quiet else None]:
            typer.echo(line)
    raise typer.Exit(code)
