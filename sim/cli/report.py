"""`sim report`: one page of one result or several, to be opened in a browser."""

# ruff: noqa: PLC0415 - `sim --help` must not wait for numpy and numba
from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from sim.cli.options import Policies, Seed

PAGE = "report.html"


def report(
    results: Annotated[
        list[Path], typer.Argument(metavar="RESULT...", help="Folders that `run` named.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.html",
            help="Where to write. Default: report.html in RESULT, or here if there are several.",
        ),
    ] = None,
    policy: Policies = None,
    seed: Seed = None,
    is_opened: Annotated[bool, typer.Option("--open", help="Show it in a browser.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing.")] = False,
) -> None:
    """Write one HTML page of results: figures, tables, single calls, and how to repeat it."""
    from sim.experiment.tables import open_result
    from sim.report.page import create_page
    from sim.trace.store import replace_file

    path = out or (results[0] if len(results) == 1 else Path()) / PAGE
    began_s = time.monotonic()
    opened = [open_result(folder, policy or (), seed) for folder in results]
    content = create_page(opened).encode()
    replace_file(path, content)
    if not quiet:
        size_mb, took_s = len(content) / 1e6, time.monotonic() - began_s
        typer.echo(f"{path}: {size_mb:.1f} MB in {took_s:.1f} s")
    if is_opened:
        typer.launch(path.resolve().as_uri())
