"""`sim replay`: judge recorded calls under access of different breadths."""

# ruff: noqa: PLC0415 (help must not wait for numpy and numba)
from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def replay(
    calls: Annotated[
        Path, typer.Argument(metavar="CALLS", help="Recorded calls: calls.jsonl, plain or gzip.")
    ],
    tasks: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="What each task authorises (tasks.jsonl)."),
    ] = None,
    runs: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Attack, success and utility of each run (runs.csv)."),
    ] = None,
    attack: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Attack to report; repeatable. Default: all."),
    ] = None,
    scope: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="none, role, task_exact, task, arguments or read_only; repeatable. "
            "Default: all; arguments needs --tasks.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print the tables alone.")] = False,
) -> None:
    """Judge recorded calls one by one: what each scope would have refused.

    Open loop: nothing says what an agent would have done after a refusal.
    """
    from sim.experiment.replay import compute_replay, count_benign_runs
    from sim.importers.recording import load_recording

    recording = load_recording(calls, tasks, runs)
    groups = compute_replay(recording, scope or (), attack or ())
    if as_json:
        import json

        document = {"groups": [group._asdict() for group in groups]}
        typer.echo(json.dumps(document, indent=2, allow_nan=False))
        return
    from rich.console import Console

    from sim.report.replay_table import build_replay_report

    console = Console(markup=False, highlight=False, emoji=False)
    if not console.is_terminal:
        console.width = 110  # a file or a pipe has no edge to wrap at
    console.print(build_replay_report(groups, count_benign_runs(recording), quiet))
