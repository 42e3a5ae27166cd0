from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.core.errors import InputError
from sim.core.reasons import Reason
from sim.core.records import Goal, ScopeLevel
from sim.importers.recording import Recording, load_recording
from sim.model.layout import Phase
from sim.model.recorded import judge_recording
from sim.model.world import World, create_world
from sim.policies.base import Scope
from sim.scenario.load import load_scenario
from tests.worlds import DOCUMENT, POLICIES, get_calls, run

FOLDER = Path(__file__).parents[3] / "scenarios"
OFFICE = [FOLDER / "recordings" / name for name in ("office_calls.jsonl", "office_tasks.jsonl")]
CALL: dict[str, Any] = {
    "run": "r1", "t": None, "agent": "bot", "org": "acme", "principal": None, "task": "pay",
    "tool": "send", "args": {}, "effect": "write", "egress": True, "scope": ["send"],
    "malicious": False, "outcome": "ok",
}  # fmt: skip
READ = {"tool": "look", "effect": "read", "egress": False}
WIPE = {"tool": "wipe", "effect": "destructive", "egress": False}
DENIED, OUTSIDE = int(Reason.CAPABILITY_DENIED), int(Reason.SCOPE_DENIED)


def write_calls(folder: Path, *changes: dict[str, Any]) -> Path:
    path = folder / "calls.jsonl"
    path.write_text("".join(f"{json.dumps(CALL | change)}\n" for change in changes))
    return path


def write_tasks(folder: Path, **values: list[str]) -> Path:
    path = folder / "tasks.jsonl"
    rows = [
        {"task": task, "org": "acme", "principal": None, "prompt": "", "scope": ["send"]}
        | {"values": named}
        for task, named in values.items()
    ]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def judge(folder: Path, scope: str, *changes: dict[str, Any]) -> list[int]:
    recording = load_recording(write_calls(folder, *changes))
    codes: list[int] = judge_recording(recording, scope).tolist()
    return codes


# call by call


@pytest.mark.parametrize(
    ("scope", "codes"),
    [
        ("none", [0, 0, 0, 0]),
        ("role", [0, DENIED, DENIED, 0]),
        ("task_exact", [0, DENIED, DENIED, 0]),
        ("task", [0, 0, DENIED, 0]),
        ("read_only", [DENIED, 0, DENIED, 0]),
    ],
)
def test_each_call_is_judged_under_its_scope(scope: str, codes: list[int], tmp_path: Path) -> None:
    fetch = {"tool": "fetch", "effect": "read", "egress": True, "scope": ["send", "fetch"]}
    assert judge(tmp_path, scope, {}, READ, WIPE, fetch | {"run": "r2", "task": "other"}) == codes


def test_a_role_is_what_any_task_of_the_org_may_use(tmp_path: Path) -> None:
    other_task = {"run": "r2", "task": "clean", "scope": ["wipe"], **WIPE}
    other_org = {"run": "r3", "org": "bravo", "task": "b", **READ, "scope": ["look"]}
    assert judge(tmp_path, "role", WIPE, READ, other_task, other_org) == [0, DENIED, 0, 0]


def test_the_arguments_a_task_names_are_allowed_and_no_others(tmp_path: Path) -> None:
    calls = write_calls(
        tmp_path,
        {"args": {"recipient": "mara"}},
        {"args": {"recipient": "mallory"}},
        {"args": {"recipients": ["mara", "mallory"]}},
        {"args": {}},
        {"run": "r2", "task": "tell", "args": {"recipient": "mallory"}},
    )
    tasks = write_tasks(tmp_path, pay=["mara"], tell=["mallory"])
    recording = load_recording(calls, tasks)
    assert judge_recording(recording, "arguments").tolist() == [0, OUTSIDE, OUTSIDE, 0, 0]
    assert judge_recording(recording, "task").tolist() == [0] * 5


def test_a_scope_that_changes_inside_a_run_holds_from_that_call_on(tmp_path: Path) -> None:
    calls = [{"scope": scope} for scope in (["send"], ["wipe"], ["send"])] * 2
    wanted = [0, DENIED, 0] * 2
    assert judge(tmp_path, "task_exact", *calls, WIPE) == [*wanted, DENIED]


def test_a_refusal_changes_nothing_for_what_comes_after(tmp_path: Path) -> None:
    alone = [judge(tmp_path, "task", change)[0] for change in ({}, WIPE, READ)]
    assert judge(tmp_path, "task", WIPE, WIPE, {}, WIPE, READ, {}) == [
        *[alone[1]] * 2, alone[0], alone[1], alone[2], alone[0],
    ]  # fmt: skip


def test_a_grant_of_nothing_is_no_grant(tmp_path: Path) -> None:
    assert judge(tmp_path, "task_exact", {"scope": []}) == [DENIED]
    assert judge(tmp_path, "read_only", {}) == [DENIED]
    assert judge(tmp_path, "task", {}) == [0]  # no quiet read anywhere


@pytest.mark.parametrize("scope", ["none", "role", "task_exact", "task", "arguments", "read_only"])
def test_the_order_of_runs_does_not_matter(scope: str, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in OFFICE[0].read_text().splitlines()]
    runs = list(dict.fromkeys(row["run"] for row in rows))
    turned = [row for name in reversed(runs) for row in rows if row["run"] == name]
    straight = judge_recording(load_recording(*OFFICE), scope)
    path = tmp_path / "turned.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in turned))
    back = judge_recording(load_recording(path, OFFICE[1]), scope)
    found = dict(zip(map(json.dumps, turned), back.tolist(), strict=True))
    assert [found[json.dumps(row)] for row in rows] == straight.tolist()


def test_argument_scope_without_tasks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="needs the companion"):
        judge(tmp_path, "arguments", {})


# as agents of a world


def load(folder: Path, *changes: dict[str, Any], **settings: Any) -> World:
    """A world of two orgs that lives through the calls given."""
    write_calls(folder, *changes)
    group = {"name": "team", "strategy": "replay", "recording": {"calls": "calls.jsonl"}}
    files = settings.pop("recording", {})
    group = group | {"recording": {"calls": "calls.jsonl"} | files} | settings.pop("group", {})
    document = DOCUMENT | {
        "orgs": [{"name": "acme"}, {"name": "bravo"}],
        "horizon": "600s",
        "operations": {},
        "tasks": {},
        "agents": [group],
    }
    path = folder / "world.yaml"
    path.write_text(json.dumps(document | settings))
    return create_world(load_scenario(path))


def get_steps(world: World, agent: int) -> list[list[str]]:
    """Names of the operations that an agent calls, task by task."""
    row = world.agents[agent]
    return [
        [
            world.operation_names[int(row["offered_first"] + world.steps["offset"][step])]
            for step in range(template["steps_from"], template["steps_to"])
        ]
        for template in world.templates[row["template"] : row["template_last"]]
    ]


def test_each_run_is_a_task_of_its_agent_and_only_executed_calls_are_made(tmp_path: Path) -> None:
    world = load(
        tmp_path,
        {},
        READ,
        WIPE | {"outcome": "error"},
        {"run": "r2", "agent": "other"},
        {"run": "r3", **READ},
        {"run": "r4", **WIPE, "outcome": "denied"},
    )
    assert len(world.agents) == 2
    assert get_steps(world, 0) == [["send", "look"], ["look"]]
    assert get_steps(world, 1) == [["send"]]
    assert [holder.name for holder in world.holders] == ["bot", "other"]


def test_an_agent_of_two_orgs_is_one_agent_in_each(tmp_path: Path) -> None:
    """Tools of two orgs that come by turns keep their names."""
    across = {"run": "r2", "org": "bravo", "task": "b", "scope": ["note", "scan"]}
    world = load(
        tmp_path,
        {},
        across | {"tool": "note"},
        {"run": "r3", **READ, "scope": ["look", "send"]},
        across | {"run": "r4", "tool": "scan"},
        {"run": "r5"},
    )
    assert world.agents["org"].tolist() == [0, 1]
    assert get_steps(world, 0) == [["send"], ["look"], ["send"]]
    assert get_steps(world, 1) == [["note"], ["scan"]]
    owners = {
        name: int(org)
        for name, org in zip(world.operation_names, world.operations["org"], strict=True)
    }
    assert owners == {"send": 0, "look": 0, "note": 1, "scan": 1}


def test_labels_are_the_purpose_of_a_step(tmp_path: Path) -> None:
    world = load(tmp_path, {}, WIPE | {"malicious": True}, READ | {"malicious": None})
    assert world.steps["goal"].tolist() == [Goal.WORK, Goal.ATTACK, Goal.WORK]


def test_without_attack_malicious_calls_are_left_out(tmp_path: Path) -> None:
    loaded = load(tmp_path, {}, WIPE | {"malicious": True}, READ).loaded
    idle = create_world(loaded, arm="idle")
    assert get_steps(idle, 0) == [["send", "look"]]


def test_an_agent_that_did_nothing_but_attack_has_nothing_to_do_without(tmp_path: Path) -> None:
    """Compiled code would follow its first task out of the table, and the process would end."""
    loaded = load(tmp_path, WIPE | {"malicious": True}, {"run": "r2", "agent": "other"}).loaded
    idle = create_world(loaded, arm="idle")
    for agent in idle.agents:
        has_task = 0 <= agent["template"] < min(agent["template_last"], len(idle.templates))
        assert has_task or agent["phase"] == Phase.DONE


def test_only_runs_of_the_attack_asked_for_and_benign_ones(tmp_path: Path) -> None:
    (tmp_path / "runs.csv").write_text(
        "run,agent,attack,attack_success,utility,aborted\n"
        "r1,bot,none,,1,0\nr2,bot,phish,1,,0\nr3,bot,spam,1,,0\n"
    )
    calls = ({}, {"run": "r2", **WIPE}, {"run": "r3", **READ})
    files = {"runs": "runs.csv"}
    everything = load(tmp_path, *calls, recording=files)
    assert get_steps(everything, 0) == [["send"], ["wipe"], ["look"]]
    chosen = load(tmp_path, *calls, recording=files, group={"attack": "phish"})
    assert get_steps(chosen, 0) == [["send"], ["wipe"]]


def test_an_org_that_the_scenario_lacks_is_refused_at_the_recording(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the recording has an org 'acme'") as caught:
        load(tmp_path, {}, orgs=[{"name": "acne"}])
    assert (caught.value.key, caught.value.nearest) == ("agents[0].recording.calls", "acne")
    text = caught.value.where.file
    column = Path(text).read_text().index('"calls.jsonl"') + 1
    assert caught.value.where == (text, 1, column)


def test_an_attack_that_nothing_recorded_is_refused(tmp_path: Path) -> None:
    """A mistyped attack would leave a world of benign runs, and every policy would look good."""
    (tmp_path / "runs.csv").write_text(
        "run,agent,attack,attack_success,utility,aborted\nr1,bot,none,,1,0\nr2,bot,phish,1,,0\n"
    )
    calls = ({}, {"run": "r2", **WIPE})
    with pytest.raises(InputError, match="phihs"):
        load(tmp_path, *calls, recording={"runs": "runs.csv"}, group={"attack": "phihs"})


def compute_codes(recording: Recording, scope: str) -> dict[tuple[str, str], set[int]]:
    """Codes of the executed calls by run and tool."""
    codes = judge_recording(recording, scope)
    found: dict[tuple[str, str], set[int]] = {}
    for call, code in zip(recording.calls, codes.tolist(), strict=True):
        if call["executed"] == 1:
            key = recording.run_names[call["run"]], recording.tools[call["tool"]]
            found.setdefault(key, set()).add(code)
    return found


@pytest.mark.parametrize("scope", ["role", "task_exact", "task", "arguments"])
def test_a_world_refuses_the_tools_that_call_by_call_are_refused(scope: str) -> None:
    """Same scopes, same verdicts: living through a recording changes only what comes after."""
    loaded = load_scenario(FOLDER / "recorded_calls.yaml")
    world = create_world(loaded)
    trace = run(world, replace(POLICIES["gateway"], scope=Scope(scope)))
    calls = get_calls(trace)
    decided = calls.take(calls.code >= 0)
    refused = {
        world.operation_names[int(operation)]
        for operation, code in zip(decided.truths["operation"], decided.code, strict=True)
        if code in (DENIED, OUTSIDE)
    }
    recording = load_recording(*OFFICE)
    ever_refused = {
        tool for (_, tool), codes in compute_codes(recording, scope).items() if codes != {0}
    }
    assert refused
    assert refused <= ever_refused


def test_recorded_grants_are_of_the_level_that_was_recorded(tmp_path: Path) -> None:
    write_tasks(tmp_path, pay=["mara"])
    named = load(
        tmp_path, {"args": {"recipient": "mara"}}, recording={"tasks": "tasks.jsonl"}
    ).templates[0]
    assert named["named_to"] - named["named_from"] == 1
    bare = load(tmp_path, {"args": {"recipient": "mara"}}).templates[0]
    assert named["scope_mask"] == bare["scope_mask"] != 0
    assert (bare["named_from"], bare["named_to"]) == (0, 0)
    assert ScopeLevel.ARGUMENTS > ScopeLevel.TASK


def test_the_office_has_its_agents_and_their_runs() -> None:
    world = create_world(load_scenario(FOLDER / "recorded_calls.yaml"))
    recording = load_recording(*OFFICE)
    executed = recording.calls[recording.calls["executed"] == 1]
    assert len(world.steps) == len(executed)
    assert len(world.templates) == len(np.unique(executed["run"]))
    assert len(world.agents) == len(recording.agents)
