from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim.core.errors import InputError, Position
from sim.core.records import Effect
from sim.importers.calls import load_calls, load_runs, load_tasks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Create = Callable[..., dict[str, Any]]
    Write = Callable[..., Path]

HEADER = "run,agent,attack,attack_success,utility,aborted\n"


def test_a_line_becomes_a_row(create_call: Create, write: Write) -> None:
    row = create_call(
        t=3.2, org=None, args={"recipient": "Ann", "amount": 5}, effect="destructive",
        scope=["b", "a"], malicious=None, exposed=True, outcome=None, x_trace=[1],
    )  # fmt: skip
    (call,) = load_calls(write("calls.jsonl", [row]))
    assert call.where.line == 1
    assert (call.run, call.t_us, call.agent, call.org) == ("r1", 3_200_000, "bot", "")
    assert (call.task, call.tool, call.texts) == ("pay", "send", ("ann",))
    assert (call.effect, call.egress, call.scope) == (Effect.DESTRUCTIVE, True, ("b", "a"))
    assert (call.malicious, call.exposed, call.executed) == (-1, 1, True)


@pytest.mark.parametrize(
    ("outcome", "executed"), [("ok", True), (None, True), ("error", False), ("denied", False)]
)
def test_only_ok_and_unrecorded_calls_executed(
    create_call: Create, write: Write, outcome: str | None, executed: bool
) -> None:
    (call,) = load_calls(write("calls.jsonl", [create_call(outcome=outcome)]))
    assert call.executed is executed


def test_exposed_may_be_left_out(create_call: Create, write: Write) -> None:
    (call,) = load_calls(write("calls.jsonl", [create_call()]))
    assert call.exposed == -1


@pytest.mark.parametrize(
    ("rows", "key", "problem"),
    [
        ([{}, {"run": "r2"}, {}], "run", "'r1' comes back after another run"),
        ([{"t": 1}, {"t": None}, {"t": 0.5}], "t", "goes back from 1 to 0.5"),
        ([{"t": 1}, {"t": 1}, {"t": 0.9999999999}], "t", "goes back"),
        ([{}, {}, {"t": 1e13}], "t", "beyond the last second"),
        ([{}, {}, {"agent": "other"}], "agent", "'other', but the line before has 'bot'"),
        ([{}, {}, {"org": None}], "org", "'', but the line before has 'acme'"),
        ([{}, {}, {"task": "other"}], "task", "'other', but the line before has 'pay'"),
        ([{}, {}, {"effect": "none"}], "effect", "expected read"),
        ([{}, {}, {"scop": []}], "scop", "unknown field"),
    ],
)
def test_calls_are_refused_at_the_first_bad_line(
    create_call: Create, write: Write, rows: list[dict[str, Any]], key: str, problem: str
) -> None:
    path = write("calls.jsonl", [create_call(**row) for row in rows])
    with pytest.raises(InputError, match=problem) as refused:
        load_calls(path)
    assert (refused.value.where, refused.value.key) == (Position(str(path), 3), key)
    assert refused.value.exit_code == 2


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(first=st.integers(0, 400), cut=st.integers(0, 8), inserted=st.binary(max_size=8))
def test_a_damaged_log_is_read_or_refused(
    create_call: Create, write: Write, first: int, cut: int, inserted: bytes
) -> None:
    good = "".join(f"{json.dumps(create_call(t=t))}\n" for t in (0, 1.5)).encode()
    path = write("calls.jsonl", good[:first] + inserted + good[first + cut :])
    message = f"{path}: read"
    try:
        load_calls(path)
    except InputError as refused:
        message = str(refused)
    assert message.startswith(f"{path}:")


def test_each_run_has_its_own_clock(create_call: Create, write: Write) -> None:
    rows = [create_call(t=5), create_call(t=5), create_call(run="r2", t=0), create_call(run="r2")]
    calls = load_calls(write("calls.jsonl", rows))
    assert [call.t_us for call in calls] == [5_000_000, 5_000_000, 0, -1]


def test_a_task_becomes_a_row(create_task: Create, write: Write) -> None:
    rows = [
        create_task(values=["ann", "7"]),
        create_task(task="b", prompt=None, scope=None, values=None),
    ]
    full, empty = load_tasks(write("tasks.jsonl", rows))
    assert (full.task, full.org, full.prompt) == ("pay", "acme", "Pay Ann.")
    assert (full.scope, full.values) == (("send",), ("ann", "7"))
    assert (empty.prompt, empty.scope, empty.values) == ("", None, ())


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({}, r":2: task: 'pay' is already on line 1"),
        ({"task": "b", "value": []}, r":2: value: unknown field; did you mean 'values'\?"),
        ({"task": "b", "values": [1]}, ":2: values: expected a list of distinct strings"),
        ({"task": ""}, ":2: task: expected a string that is not empty"),
    ],
)
def test_tasks_are_refused_at_the_first_bad_line(
    create_task: Create, write: Write, row: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        load_tasks(write("tasks.jsonl", [create_task(), create_task(**row)]))


def test_a_run_becomes_a_row(write: Write) -> None:
    text = "note,run,agent,utility,attack_success,aborted,attack\n"
    text += '"a, b",r1,bot,1,0,1,note\n,r2,bot,,,,\n'
    first, second = load_runs(write("runs.csv.gz", gzip.compress(text.encode())))
    assert first == (first.where, "r1", "bot", "note", 0, 1, True)
    assert second == (second.where, "r2", "bot", "none", -1, -1, False)


def test_columns_that_are_not_there_are_unknown(write: Write) -> None:
    (run,) = load_runs(write("runs.csv", "run,agent\nr1,bot"))
    assert run == (run.where, "r1", "bot", "", -1, -1, False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("runs,agent\nr1,bot\n", r":1: run: missing column; did you mean 'runs'\?"),
        ("run,attack\nr1,note\n", ":1: agent: missing column"),
        ("run,agent,run\n", ":1: run: the column is there twice"),
        ("\nrun,agent\n", ":1: run: missing column"),
        (f"{HEADER}r1,bot,none,2,1,0\n", ":2: attack_success: expected 0, 1 or empty, got '2'"),
        (f"{HEADER}r1,bot,none,,yes,0\n", ":2: utility: expected 0, 1 or empty, got 'yes'"),
        (f"{HEADER}r1,bot,none,,1, 0\n", ":2: aborted: expected 0, 1 or empty, got ' 0'"),
        (f"{HEADER}r1,bot,none,,1\n", ":2: expected 6 cells, got 5"),
        (f"{HEADER}\nr1,bot,none,,1,0\n", ":2: expected 6 cells, got 0"),
        (f"{HEADER},bot,none,,1,0\n", ":2: run: empty"),
        (f"{HEADER}r1,,none,,1,0\n", ":2: agent: empty"),
        (f"{HEADER}r1,bot,none,,1,0\nr1,bot,none,,1,0\n", ":3: run: 'r1' is already on line 2"),
        (f'{HEADER}r1,"bot,none,,1,0\nr2,bot,,,,\n', ":2: not CSV: unexpected end of data"),
        (f'{HEADER}"r\n1",bot,,,,\nr2,bot,,,x,\n', ":4: utility: expected 0, 1 or empty, got 'x'"),
        (f"{HEADER}{'r' * 200_000},bot,,,,\n", ":2: not CSV: field larger than field limit"),
        ("", ": the file is empty"),
    ],
)
def test_runs_are_refused_at_the_first_bad_row(write: Write, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_runs(write("runs.csv", text))
