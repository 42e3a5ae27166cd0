from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from typer import Typer
from typer.testing import CliRunner

from sim.cli.replay import replay
from sim.core.errors import InputError
from sim.experiment.replay import ReplayGroup, compute_replay
from sim.importers.recording import load_recording

FOLDER = Path(__file__).parents[3] / "scenarios" / "recordings"
CALLS, TASKS, RUNS = (
    FOLDER / name for name in ("office_calls.jsonl", "office_tasks.jsonl", "office_runs.csv")
)
ALL = (CALLS, "--tasks", TASKS, "--runs", RUNS)

app = Typer()
app.command()(replay)


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(word) for word in arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def run_refused(*arguments: object) -> str:
    """Message of the error that ends the program with exit code 2."""
    with pytest.raises(InputError) as caught:
        run(*arguments)
    assert caught.value.exit_code == 2
    return str(caught.value)


def run_json(*arguments: object) -> list[dict[str, Any]]:
    document = json.loads(run(*arguments, "--json"))
    assert list(document) == ["groups"]
    groups: list[dict[str, Any]] = document["groups"]
    return groups


def test_json_holds_every_group_in_full() -> None:
    groups = run_json(*ALL)
    expected = compute_replay(load_recording(CALLS, TASKS, RUNS))
    assert [tuple(group.values()) for group in groups] == [tuple(group) for group in expected]
    assert {tuple(group) for group in groups} == {ReplayGroup._fields}
    assert len(groups) == 2 * 2 * 6


def test_names_choose_and_a_name_given_twice_counts_once() -> None:
    chosen = ("--scope", "task", "--scope", "none", "--scope", "task")
    groups = run_json(*ALL, *chosen, *("--attack", "planted_note") * 2)
    assert [(group["attack"], group["scope"]) for group in groups] == [
        ("planted_note", "task"),
        ("planted_note", "none"),
    ] * 2


def test_without_companions_five_scopes_are_judged_and_the_rest_is_null() -> None:
    groups = run_json(CALLS)
    assert len(groups) == 2 * 5
    assert {group["attack"] for group in groups} == {None}
    assert {group["attack_success"] for group in groups} == {None}
    assert {group["utility_after"] for group in groups} == {None}
    assert all(group["benign_blocked"] is not None for group in groups)


def test_a_table_comes_with_words_unless_quiet() -> None:
    printed = run(*ALL, "--attack", "planted_note")
    assert "studio-assistant, attack planted_note (open loop)" in printed
    assert "5 of 5 (100 %)" in printed
    assert "judged one by one" in printed
    assert "Of the scopes judged" in printed
    quiet = run(*ALL, "--attack", "planted_note", "--quiet")
    assert "5 of 5 (100 %)" in quiet
    assert "judged" not in quiet


def test_gzip_is_read_as_it_is(tmp_path: Path) -> None:
    packed = tmp_path / "calls.jsonl.gz"
    packed.write_bytes(gzip.compress(CALLS.read_bytes()))
    assert run_json(packed, *ALL[1:]) == run_json(*ALL)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--scope", "argument"], "unknown name 'argument'; did you mean 'arguments'?"),
        (["--scope", ""], "unknown name ''"),
        (["--attack", "planted-note"], "'planted-note'; did you mean 'planted_note'?"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(options: list[str], message: str) -> None:
    assert message in run_refused(*ALL, *options)


def test_argument_scope_asks_for_the_tasks() -> None:
    assert "needs the companion tasks.jsonl" in run_refused(CALLS, "--scope", "arguments")


@pytest.mark.parametrize("option", ["", "--tasks", "--runs"])
def test_a_missing_file_is_refused(option: str, tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    words = [missing] if not option else [CALLS, option, missing]
    assert run_refused(*words) == f"{missing}: no such file"


def test_a_malformed_line_is_refused_with_its_number(tmp_path: Path) -> None:
    lines = CALLS.read_text().splitlines()
    lines[6] = lines[6].replace('"effect": ', '"effect": "shout", "x_was": ')
    broken = tmp_path / "calls.jsonl"
    broken.write_text("\n".join(lines))
    assert run_refused(broken).startswith(f"{broken}:7: effect:")
    broken.write_text("\n".join([*lines[:3], '{"run": ']))
    assert run_refused(broken).startswith(f"{broken}:4:9: not JSON")


def test_a_run_or_task_the_companion_lacks_is_refused_with_its_line(tmp_path: Path) -> None:
    short = tmp_path / "short"
    short.write_text("".join(RUNS.read_text().splitlines(keepends=True)[:2]))
    assert run_refused(CALLS, "--runs", short).startswith(f"{CALLS}:4: run:")
    short.write_text("".join(TASKS.read_text().splitlines(keepends=True)[:1]))
    assert run_refused(CALLS, "--tasks", short).startswith(f"{CALLS}:4: task:")


def test_a_63rd_tool_is_refused_with_its_line(tmp_path: Path) -> None:
    first = json.loads(CALLS.read_text().splitlines()[0])
    log = tmp_path / "calls.jsonl"
    rows = [first | {"tool": f"read_{k}", "scope": ["read_0"]} for k in range(63)]
    log.write_text("".join(f"{json.dumps(row)}\n" for row in rows[:62]))
    assert len(run_json(log)) == 5
    log.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    assert run_refused(log).startswith(f"{log}:63: tool: 'read_62' is one too many")
