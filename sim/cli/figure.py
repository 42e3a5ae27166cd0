"""`sim figure`: one figure of a finished result, as a file for a paper."""

# ruff: noqa: PLC0415 - help must not wait for matplotlib
from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sim.cli.options import Policies, Seed


class Format(StrEnum):
    """File formats of a figure, and of its rows."""

    PDF = "pdf"
    SVG = "svg"
    PNG = "png"
    CSV = "csv"


class Columns(StrEnum):
    """How much of a page a figure takes."""

    ONE = "one"
    TWO = "two"


def figure(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Figure; see `sim list figures`.")],
    result: Annotated[Path, typer.Argument(metavar="RESULT", help="Folder that `run` named.")],
    file_format: Annotated[
        Format, typer.Option("--format", help="csv writes the rows behind the figure.")
    ] = Format.PDF,
    columns: Annotated[
        Columns, typer.Option(help="Width: one column (85 mm) or two (178 mm).")
    ] = Columns.TWO,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Default: NAME.FORMAT in this folder.")
    ] = None,
    policy: Policies = None,
    seed: Seed = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No caption.")] = False,
) -> None:
    """Draw one figure of a finished result; print its caption and where its rows come from."""
    from sim.experiment.tables import open_result
    from sim.report.figures import create_csv, create_figure, render
    from sim.report.figures.registry import check_name
    from sim.report.printable import make_printable
    from sim.trace.store import replace_file

    check_name(name)  # before the result is read
    data = create_figure(open_result(result, policy or (), seed), name)
    if file_format is Format.CSV:
        content = create_csv(data).encode()
    else:
        content = render(data, file_format.value, width=columns.value, theme="paper")
    path = out or Path(f"{name}.{file_format.value}")
    replace_file(path, content)
    if not quiet:
        for text in (f"{data.title}.", data.caption, f"Source: {data.source}.", f"Written: {path}"):
            typer.echo(make_printable(text))
