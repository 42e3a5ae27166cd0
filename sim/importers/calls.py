"""Rows of calls.jsonl v1 and of its two companions, each file checked on its own."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any, NamedTuple

from sim.core.errors import InputError, Position, find_nearest
from sim.core.records import FOREVER_US, Effect
from sim.importers.arguments import compute_checked_texts
from sim.importers.fields import CALL_FIELDS, TASK_FIELDS, validate_fields
from sim.importers.lines import load_lines, load_objects

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Scope = tuple[str, ...] | None  # names of tools; None: nothing is out of scope

RUN_COLUMNS = ("run", "agent", "attack", "attack_success", "utility", "aborted")
_REQUIRED_COLUMNS = ("run", "agent")
_US_PER_S = 1_000_000
_OUTCOMES = {"": -1, "0": 0, "1": 1}


class RecordedCall(NamedTuple):
    """One line of calls.jsonl; -1 stands for null in the columns of numbers."""

    where: Position
    run: str
    t_us: int
    agent: str
    org: str  # "" for null
    task: str
    tool: str
    texts: tuple[str, ...]  # its checked argument scalars
    effect: Effect
    egress: bool
    scope: Scope
    malicious: int
    exposed: int
    executed: bool


class RecordedTask(NamedTuple):
    """One line of tasks.jsonl."""

    where: Position
    task: str
    org: str  # "" for null
    prompt: str  # "" for null
    scope: Scope
    values: tuple[str, ...]  # null names nothing


class RecordedRun(NamedTuple):
    """One row of runs.csv; -1 stands for an empty outcome."""

    where: Position
    run: str
    agent: str
    attack: str  # "none": benign; "": the file does not say
    attack_success: int
    utility: int
    aborted: bool


def load_calls(path: str | Path) -> list[RecordedCall]:
    """Every call of a log, in order.

    Units:  t_us in 0..2**62, or -1.
    Errors: InputError at the first line that breaks the format, that goes back in time inside its
            run, or that returns to a run already left or to a run of another agent, org or task.
    """
    calls: list[RecordedCall] = []
    last: RecordedCall | None = None
    closed: set[str] = set()
    t_last: float | None = None  # as written: rounding would hide a small step back
    for where, row in load_objects(path):
        validate_fields(where, row, CALL_FIELDS)
        call = _build_call(where, row)
        if last is not None and call.run == last.run:
            _validate_same_run(call, last)
            _validate_time(where, row["t"], t_last)
        else:
            _validate_new_run(call, last, closed)
            t_last = None
        t_last = t_last if row["t"] is None else row["t"]
        last = call
        calls.append(call)
    return calls


def load_tasks(path: str | Path) -> list[RecordedTask]:
    """Every task of a tasks.jsonl, in order.

    Errors: InputError at the first line that breaks the format or repeats a task.
    """
    tasks: dict[str, RecordedTask] = {}
    for where, row in load_objects(path):
        validate_fields(where, row, TASK_FIELDS)
        task = _build_task(where, row)
        if task.task in tasks:
            first = tasks[task.task].where.line
            raise InputError(where, "task", f"{task.task!r} is already on line {first}")
        tasks[task.task] = task
    return list(tasks.values())


def load_runs(path: str | Path) -> list[RecordedRun]:
    """Every run of a runs.csv, in order; columns it does not know are ignored.

    Errors: InputError at the first row that breaks the format or repeats a run.
    """
    runs: dict[str, RecordedRun] = {}
    for where, row in _load_rows(path):
        run = _build_run(where, row)
        if run.run in runs:
            first = runs[run.run].where.line
            raise InputError(where, "run", f"{run.run!r} is already on line {first}")
        runs[run.run] = run
    return list(runs.values())


def _build_call(where: Position, row: dict[str, Any]) -> RecordedCall:
    return RecordedCall(
        where=where,
        run=row["run"],
        t_us=_compute_us(where, row["t"]),
        agent=row["agent"],
        org=row["org"] or "",
        task=row["task"],
        tool=row["tool"],
        texts=compute_checked_texts(row["args"]),
        effect=Effect[row["effect"].upper()],
        egress=row["egress"],
        scope=_get_scope(row),
        malicious=_compute_truth(row["malicious"]),
        exposed=_compute_truth(row.get("exposed")),
        executed=row["outcome"] in ("ok", None),
    )


def _build_task(where: Position, row: dict[str, Any]) -> RecordedTask:
    return RecordedTask(
        where=where,
        task=row["task"],
        org=row["org"] or "",
        prompt=row["prompt"] or "",
        scope=_get_scope(row),
        values=tuple(row["values"] or ()),
    )


def _build_run(where: Position, row: dict[str, str]) -> RecordedRun:
    for key in _REQUIRED_COLUMNS:
        if not row[key]:
            raise InputError(where, key, "empty")
    return RecordedRun(
        where=where,
        run=row["run"],
        agent=row["agent"],
        attack=(row["attack"] or "none") if "attack" in row else "",
        attack_success=_parse_outcome(where, row, "attack_success"),
        utility=_parse_outcome(where, row, "utility"),
        aborted=_parse_outcome(where, row, "aborted") == 1,
    )


def _get_scope(row: dict[str, Any]) -> Scope:
    return None if row["scope"] is None else tuple(row["scope"])


def _compute_truth(value: bool | None) -> int:
    return -1 if value is None else int(value)


def _compute_us(where: Position, seconds: float | None) -> int:
    if seconds is None:
        return -1
    if seconds > FOREVER_US // _US_PER_S:
        raise InputError(where, "t", f"beyond the last second, {FOREVER_US // _US_PER_S}")
    return round(seconds * _US_PER_S)


def _validate_new_run(call: RecordedCall, last: RecordedCall | None, closed: set[str]) -> None:
    if last is not None:
        closed.add(last.run)
    if call.run in closed:
        problem = f"{call.run!r} comes back after another run; the lines of a run are adjacent"
        raise InputError(call.where, "run", problem)


def _validate_same_run(call: RecordedCall, last: RecordedCall) -> None:
    for key in ("agent", "org", "task"):
        mine, before = getattr(call, key), getattr(last, key)
        if mine != before:
            problem = (
                f"{mine!r}, but the line before has {before!r}; a run is one task by one agent"
            )
            raise InputError(call.where, key, problem)


def _validate_time(where: Position, t: float | None, t_last: float | None) -> None:
    if t is not None and t_last is not None and t < t_last:
        raise InputError(where, "t", f"goes back from {t_last} to {t} inside its run")


def _load_rows(path: str | Path) -> Iterator[tuple[Position, dict[str, str]]]:
    """Rows of a CSV file by column name; a row of another length than the header is refused."""
    places: list[Position] = []  # of the lines read so far into the current row
    reader = csv.reader(_feed(path, places), strict=True)
    header: list[str] = []
    try:
        for cells in reader:
            where, text = places[0], list(cells)
            places.clear()
            if not header:
                header = _validate_header(where, text)
                continue
            if len(text) != len(header):
                raise InputError(where, "", f"expected {len(header)} cells, got {len(text)}")
            yield where, dict(zip(header, text, strict=True))
    except csv.Error as error:
        raise InputError(places[0], "", f"not CSV: {error}") from error


def _feed(path: str | Path, places: list[Position]) -> Iterator[str]:
    for where, text in load_lines(path):
        places.append(where)
        yield f"{text}\n"


def _validate_header(where: Position, header: list[str]) -> list[str]:
    for key in _REQUIRED_COLUMNS:
        if key not in header:
            raise InputError(where, key, "missing column", find_nearest(key, header))
    for key in header:
        if key in RUN_COLUMNS and header.count(key) > 1:
            raise InputError(where, key, "the column is there twice")
    return header


def _parse_outcome(where: Position, row: dict[str, str], key: str) -> int:
    text = row.get(key, "")
    if text not in _OUTCOMES:
        raise InputError(where, key, f"expected 0, 1 or empty, got {text!r}")
    return _OUTCOMES[text]
