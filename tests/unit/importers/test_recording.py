from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sim.core.errors import InputError
from sim.core.records import Effect
from sim.importers.catalogue import KNOWN_MASK, NULL_SCOPE, UNKNOWN_BIT
from sim.importers.recording import load_recording

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Create = Callable[..., dict[str, Any]]
    Write = Callable[..., Path]


def test_names_are_numbered_in_order_of_appearance(create_call: Create, write: Write) -> None:
    rows = [
        create_call(run="b", agent="y", org="acme", task="t1", tool="send"),
        create_call(run="b", agent="y", org="acme", task="t1", tool="read", effect="read"),
        create_call(run="a", agent="x", org=None, task="t2", tool="send"),
    ]
    recording = load_recording(write("calls.jsonl", rows))
    assert recording.source.endswith("calls.jsonl")
    assert recording.run_names == ("b", "a")
    assert recording.agents == ("y", "x")
    assert recording.orgs == ("acme", "")
    assert recording.task_names == ("t1", "t2")
    assert recording.tools == ("send", "read")
    assert recording.attacks == ("",)
    assert recording.capabilities == ({"send": 1, "read": 2}, {"send": 1})
    assert recording.runs.tolist() == [(0, 0, 0, 0, -1, -1, 0, 0, 2), (1, 1, 1, 0, -1, -1, 0, 2, 1)]
    assert recording.calls["run"].tolist() == [0, 0, 1]
    assert recording.calls["tool"].tolist() == [0, 1, 0]
    assert recording.operations.tolist() == [
        (0, 0, 0, Effect.WRITE, 1), (0, 1, 1, Effect.READ, 1), (1, 0, 0, Effect.WRITE, 1),
    ]  # fmt: skip


def test_labels_times_and_outcomes_become_numbers(create_call: Create, write: Write) -> None:
    rows = [
        create_call(malicious=True, exposed=True, outcome="error", t=None),
        create_call(malicious=False, exposed=False, outcome=None, t=0.25),
        create_call(malicious=None, exposed=None, outcome="denied", t=0.25),
    ]
    calls = load_recording(write("calls.jsonl", rows)).calls
    assert calls["malicious"].tolist() == [1, 0, -1]
    assert calls["exposed"].tolist() == [1, 0, -1]
    assert calls["executed"].tolist() == [0, 1, 0]
    assert calls["t_us"].tolist() == [-1, 250_000, 250_000]


def test_one_tool_called_in_two_ways_is_two_operations(create_call: Create, write: Write) -> None:
    rows = [
        create_call(effect="read", egress=False),
        create_call(effect="write", egress=False),
        create_call(effect="read", egress=False),
    ]
    recording = load_recording(write("calls.jsonl", rows))
    assert recording.calls["operation"].tolist() == [0, 1, 0]
    assert recording.operations["bit"].tolist() == [0, 1]
    assert recording.calls["scope_mask"].tolist() == [0b11] * 3


def test_orgs_do_not_share_their_bits(create_call: Create, write: Write) -> None:
    rows = [create_call(run=org, org=org, scope=[f"{org}{n}" for n in range(40)]) for org in "ab"]
    recording = load_recording(write("calls.jsonl", rows))
    assert recording.calls["scope_mask"].tolist() == [2**40 - 1] * 2


def test_a_write_in_no_scope_takes_the_bit_that_is_never_granted(
    create_call: Create, write: Write
) -> None:
    rows = [create_call(tool="stray"), create_call(tool="other", scope=[])]
    recording = load_recording(write("calls.jsonl", rows))
    assert recording.operations["bit"].tolist() == [UNKNOWN_BIT] * 2
    assert recording.calls["scope_mask"].tolist() == [1, 0]


def test_no_scope_is_told_from_an_empty_one(create_call: Create, write: Write) -> None:
    recording = load_recording(write("calls.jsonl", [create_call(scope=None)]))
    assert recording.calls["scope_mask"].tolist() == [NULL_SCOPE]
    assert recording.role_masks.tolist() == [KNOWN_MASK]


def test_the_63rd_tool_is_refused_where_it_appears(
    create_call: Create, create_task: Create, write: Write
) -> None:
    scope = [f"tool{n}" for n in range(62)]
    rows = [
        create_call(scope=scope),
        create_call(tool="stray", scope=[]),
        create_call(scope=["tool0", "new"]),
    ]
    with pytest.raises(InputError, match=r"calls.jsonl:3: tool: 'new' is one too many"):
        load_recording(write("calls.jsonl", rows))
    tasks = [create_task(scope=scope), create_task(task="b", scope=["new"])]
    with pytest.raises(InputError, match=r"tasks.jsonl:2: tool: 'new' is one too many"):
        load_recording(write("calls.jsonl", rows), write("tasks.jsonl", tasks))


def test_arguments_are_interned_and_sorted_inside_a_call(create_call: Create, write: Write) -> None:
    rows = [
        create_call(args={"recipient": "Ann", "body": "x"}),
        create_call(args={"body": "y"}),
        create_call(args={"recipients": ["ANN ", "Bob"]}),
    ]
    recording = load_recording(write("calls.jsonl", rows))
    assert set(recording.texts) == {"ann", "bob"}
    assert recording.arguments.tolist() == [0, 0, 1]
    assert recording.calls["arguments_from"].tolist() == [0, 1, 1]
    assert recording.calls["arguments_to"].tolist() == [1, 1, 3]


def test_a_task_names_its_values_and_parts_of_its_prompt(
    create_call: Create, create_task: Create, write: Write
) -> None:
    recipients = ["ann", "eve", "acct 7", "acct", "ann lee"]
    rows = [create_call(args={"recipients": recipients}), create_call(run="r2", task="mute")]
    tasks = [
        create_task(prompt="Pay ANN Lee", values=["acct 7"]),
        create_task(task="mute", prompt=None, values=None),
        create_task(task="idle", org="other"),
    ]
    recording = load_recording(write("calls.jsonl", rows), write("tasks.jsonl", tasks))
    assert recording.has_tasks
    assert recording.task_names == ("pay", "mute", "idle")
    assert recording.orgs == ("acme", "other")
    assert {recording.texts[text] for text in recording.named} == {"ann", "acct 7", "ann lee"}
    assert recording.named.tolist() == sorted(recording.named)
    assert recording.tasks.tolist() == [(0, 3), (3, 3), (3, 3)]


def test_a_role_is_the_union_of_its_tasks_or_else_of_its_log(
    create_call: Create, create_task: Create, write: Write
) -> None:
    calls = write("calls.jsonl", [create_call(scope=["a"]), create_call(scope=["b"])])
    tasks = write("tasks.jsonl", [create_task(scope=["b"]), create_task(task="z", scope=["c"])])
    alone, both = load_recording(calls), load_recording(calls, tasks)
    a, b, c = (both.capabilities[0][tool] for tool in "abc")
    assert alone.role_masks.tolist() == [0b11]
    assert both.role_masks.tolist() == [b | c]
    assert both.calls["scope_mask"].tolist() == [a, b]


def test_runs_bring_outcomes_and_runs_without_calls(create_call: Create, write: Write) -> None:
    calls = write("calls.jsonl", [create_call(), create_call(run="r2")])
    text = "run,agent,attack,attack_success,utility,aborted\n"
    text += "r0,idle,note,1,0,1\nr2,bot,note,0,1,0\nr1,bot,,,1,\n"
    recording = load_recording(calls, runs=write("runs.csv", text))
    assert recording.run_names == ("r1", "r2", "r0")
    assert recording.agents == ("bot", "idle")
    assert recording.attacks == ("none", "note")
    assert recording.runs.tolist() == [
        (0, 0, 0, 0, -1, 1, 0, 0, 1), (0, 0, 0, 1, 0, 1, 0, 1, 1), (1, -1, -1, 1, 1, 0, 1, 2, 0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("companion", "content", "message"),
    [
        ("tasks", '{"task":"pays","org":"","principal":null,"prompt":"","scope":[],"values":[]}',
         r"calls.jsonl:1: task: 'pay' is not in .*tasks; did you mean 'pays'\?"),
        ("runs", "run,agent\nr2,bot\n", r"calls.jsonl:1: run: 'r1' is not in .*runs"),
        ("runs", "run,agent\nr1,eve\n", r"runs:2: agent: 'eve', but .*calls.jsonl:1 has 'bot'"),
    ],
)  # fmt: skip
def test_companions_that_do_not_fit_are_refused(
    create_call: Create, write: Write, companion: str, content: str, message: str
) -> None:
    calls = write("calls.jsonl", [create_call()])
    with pytest.raises(InputError, match=message):
        load_recording(calls, **{companion: write(companion, content)})
