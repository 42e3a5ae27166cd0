"""`sim ratings`: what each rule of reputation makes of a recorded network of ratings."""

# ruff: noqa: PLC0415 (help must not wait for numpy and numba)
from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Edges = Annotated[
    Path,
    typer.Argument(
        metavar="EDGES", help="Lines source,target,rating,time without a header; plain or gzip."
    ),
]
Mask = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Order the table by what is left without the ratings of the trusted user's "
        "circle (labelling), nor of those it praises (closure), or by all (none). "
        "Default: labelling.",
    ),
]


def ratings(
    edges: Edges,
    labels: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Lines user,+1 (benign) or user,-1 (fraud)."),
    ] = None,
    mask: Mask = None,
    trust_seed: Annotated[
        str | None,
        typer.Option(
            metavar="ID",
            help="The user trusted from the start. Default: user 1, or else the first rater.",
        ),
    ] = None,
    split: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="Learn from this share of the ratings, by time; foresee the rest.",
        ),
    ] = None,
    collective: Annotated[
        int,
        typer.Option(
            min=0,
            max=500,
            metavar="N",
            help="Inject N sybils that praise one leader and each other.",
        ),
    ] = 0,
    rule: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Rule to judge, of `sim list reputation`; repeatable. Default: all but none.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print the tables alone.")] = False,
) -> None:
    """Judge rules of reputation on who rated whom, beside the plain mean.

    The rules are those that a simulation runs, not copies of them.
    """
    from sim.experiment.ratings import Options, compute_study
    from sim.importers.ratings import load_labels, load_network

    known = None if labels is None else load_labels(labels)
    network = load_network(edges, known)
    options = Options(tuple(rule or ()), mask, trust_seed, split, collective)
    study = compute_study(network, known, options)
    if as_json:
        import json

        from sim.experiment.ratings import build_document

        typer.echo(json.dumps(build_document(study), indent=2, allow_nan=False))
        return
    from rich.console import Console

    from sim.report.ratings_table import build_ratings_report

    console = Console(markup=False, highlight=False, emoji=False)
    if not console.is_terminal:
        console.width = 120  # a file or a pipe has no edge to wrap at
    console.print(build_ratings_report(study, quiet))
