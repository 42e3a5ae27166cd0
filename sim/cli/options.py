"""Options that several commands take: the same name, range and words in each of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ScenarioFile = Annotated[Path, typer.Argument(metavar="FILE", help="Scenario YAML file.")]
Policies = Annotated[
    list[str] | None, typer.Option(help="Only this policy; repeatable.", metavar="NAME")
]
Seed = Annotated[int | None, typer.Option(min=0, max=2**62)]
Out = Annotated[Path, typer.Option(help="Folder for results.")]
Workers = Annotated[
    int | None, typer.Option(min=1, max=1024, help="Processes; all processors by default.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Change one value; repeatable."),
]
Scheduler = Annotated[
    str,
    typer.Option(metavar="ADDRESS", help="Dask: local, or tcp://HOST:PORT. Default: processes."),
]
CellTimeout = Annotated[
    float | None,
    typer.Option(min=0.001, metavar="SECONDS", help="A cell that takes longer fails."),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress and no commentary.")]
