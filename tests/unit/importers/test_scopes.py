from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sim.core.errors import InputError
from sim.core.records import ScopeLevel
from sim.importers.catalogue import KNOWN_MASK
from sim.importers.recording import load_recording
from sim.importers.scopes import EVERYTHING_MASK, SCOPES, compute_grants

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sim.importers.recording import Recording

    Create = Callable[..., dict[str, Any]]
    Write = Callable[..., Path]

SEND, LOOK, FETCH, OTHER = 1, 2, 4, 8  # bits, in the order in which the log makes them known


@pytest.fixture
def recording(create_call: Create, create_task: Create, write: Write) -> Recording:
    calls = [
        create_call(args={"recipient": "Ann"}),
        create_call(tool="look", effect="read", egress=False),
        create_call(tool="fetch", effect="read", scope=None),
        create_call(run="r2", scope=["other"], task="rest"),
        create_call(run="r2", scope=["send"], task="rest", tool="stray"),
    ]
    tasks = [create_task(), create_task(task="rest", scope=[])]
    runs = "run,agent\nr1,bot\nr2,bot\nr3,bot\n"
    return load_recording(
        write("calls.jsonl", calls), write("tasks.jsonl", tasks), write("runs.csv", runs)
    )


@pytest.mark.parametrize(
    ("scope", "level", "masks"),
    [
        ("none", ScopeLevel.ROLE, [EVERYTHING_MASK] * 4),
        ("role", ScopeLevel.ROLE, [SEND, KNOWN_MASK, SEND, SEND]),
        ("task_exact", ScopeLevel.TASK, [SEND, KNOWN_MASK, OTHER, SEND]),
        ("read_only", ScopeLevel.ROLE, [LOOK | FETCH] * 4),
    ],
)
def test_a_scope_is_one_grant_for_every_stretch_of_equal_scope(
    recording: Recording, scope: str, level: ScopeLevel, masks: list[int]
) -> None:
    grants = compute_grants(recording, scope)
    assert grants["mask"].tolist() == masks
    assert grants["run"].tolist() == [0, 0, 1, 1]
    assert grants["first_call"].tolist() == [0, 2, 3, 4]
    assert grants["last_call"].tolist() == [1, 2, 3, 4]
    assert set(grants["level"].tolist()) == {level}
    assert not grants["arguments_to"].any()


@pytest.mark.parametrize("scope", ["task", "arguments"])
def test_quiet_reads_are_a_second_grant(recording: Recording, scope: str) -> None:
    grants = compute_grants(recording, scope)
    assert grants["mask"].tolist() == [SEND, LOOK, KNOWN_MASK, LOOK, OTHER, LOOK, SEND, LOOK]
    assert grants["first_call"].tolist() == [0, 0, 2, 2, 3, 3, 4, 4]
    assert set(grants["level"][1::2].tolist()) == {ScopeLevel.TASK}
    needed = ScopeLevel.ARGUMENTS if scope == "arguments" else ScopeLevel.TASK
    assert set(grants["level"][::2].tolist()) == {needed}


def test_argument_scope_is_held_to_what_the_task_names(recording: Recording) -> None:
    grants = compute_grants(recording, "arguments")
    ranges = zip(grants["arguments_from"].tolist(), grants["arguments_to"].tolist(), strict=True)
    named = [[recording.texts[k] for k in recording.named[start:stop]] for start, stop in ranges]
    assert named == [["ann"], [], ["ann"], [], [], [], [], []]


def test_argument_scope_needs_the_tasks(create_call: Create, write: Write) -> None:
    recording = load_recording(write("calls.jsonl", [create_call()]))
    with pytest.raises(InputError, match=r"calls.jsonl: scope: .* needs the companion tasks.jsonl"):
        compute_grants(recording, "arguments")


def test_an_unknown_scope_is_refused(recording: Recording) -> None:
    with pytest.raises(InputError, match=r"unknown name 'argument'; did you mean 'arguments'\?"):
        compute_grants(recording, "argument")


def test_there_are_six_scopes() -> None:
    assert list(SCOPES) == ["none", "role", "task_exact", "task", "arguments", "read_only"]
