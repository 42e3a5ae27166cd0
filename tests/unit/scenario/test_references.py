from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sim.core.errors import InputError, InputErrors
from sim.scenario.load import load_scenario
from sim.scenario.notes import find_position, format_place
from sim.scenario.references import AGENTS_MAX, CALLS_MAX
from tests.worlds import (
    OPERATIONS,
    create_reacher,
    create_script,
    create_thief,
    create_worker,
    write_scenario,
)

STEP = {"at": "2s", "call": "look"}
REPLAY: dict[str, Any] = {"name": "team", "strategy": "replay", "recording": {"calls": "c.jsonl"}}
TOKEN = {"name": "token", "org": "firm", "role": ["look"]}


def refuse(folder: Path, **changes: Any) -> tuple[InputError, ...]:
    """Every refusal of a scenario that differs from the sound one as told."""
    with pytest.raises(InputErrors) as caught:
        load_scenario(write_scenario(folder, **changes))
    assert caught.value.exit_code == 2
    return caught.value.errors


def read_at(error: InputError) -> str:
    """What is written where a refusal points."""
    text = Path(error.where.file).read_text(encoding="utf-8")
    return text.splitlines()[error.where.line - 1][error.where.column - 1 :].rstrip(",")


CASES: dict[str, tuple[dict[str, Any], str, str, str, str]] = {
    # changes, key, problem, nearest name, what stands at the place
    "two orgs of one name": (
        {"orgs": [{"name": "firm"}, {"name": "firm"}]},
        "orgs[1].name", "the name 'firm' is taken already", "", '"firm"',
    ),
    "two groups of one name": (
        {"agents": [create_worker(), create_worker()]},
        "agents[1].name", "the name 'worker' is taken already", "", '"worker"',
    ),
    "two credentials of one name": (
        {"credentials": [TOKEN, TOKEN]},
        "credentials[1].name", "the name 'token' is taken already", "", '"token"',
    ),
    "task with an unknown call": (
        {"tasks": {"report": {"calls": ["look", "sendd"]}}},
        "tasks.report.calls[1]", "unknown operation 'sendd'", "send", '"sendd"',
    ),
    "credential of an unknown org": (
        {"credentials": [TOKEN | {"org": "frim"}]},
        "credentials[0].org", "unknown org 'frim'", "firm", '"frim"',
    ),
    "credential with an unknown right": (
        {"credentials": [TOKEN | {"role": ["look", "lock"]}]},
        "credentials[0].role[1]", "unknown operation 'lock'", "look", '"lock"',
    ),
    "credential made for something unknown": (
        {"credentials": [TOKEN | {"purpose": ["zzz"]}]},
        "credentials[0].purpose[0]", "unknown operation 'zzz'", "", '"zzz"',
    ),
    "window above think_min": (
        {"window": "3s", "think_min": "2s"},
        "window", "must be at most think_min", "", '"3s"',
    ),
    "horizon below the window": (
        {"window": "2s", "horizon": "1s"}, "horizon", "must be at least the window", "", '"1s"',
    ),
    "horizon of more than a year": (
        {"horizon": "367d", "agents": [create_worker(count=1)], "replications": 1,
         "policies": ["unguarded"]},
        "horizon", "must be at most 366 days", "", '"367d"',
    ),
    "group of an unknown org": (
        {"agents": [create_worker(org="farm")]},
        "agents[0].org", "unknown org 'farm'", "firm", '"farm"',
    ),
    "group with an unknown right": (
        {"agents": [create_worker(role=["look", "Send"])]},
        "agents[0].role[1]", "unknown operation 'Send'", "send", '"Send"',
    ),
    "shares that do not sum to 1": (
        {"agents": [create_worker(on_denial={"give_up": 0.6, "retry": 0.2})]},
        "agents[0].on_denial", "give_up, retry and other_path must sum to 1", "", "{",
    ),
    "attacker after something unknown": (
        {"agents": [create_reacher(goals=["wipe", "whip"])]},
        "agents[0].goals[1]", "unknown operation 'whip'", "wipe", '"whip"',
    ),
    "group with an unknown task": (
        {"agents": [create_worker(tasks={"rapport": 1})]},
        "agents[0].tasks.rapport", "unknown task 'rapport'", "report", "1",
    ),
    "thinking faster than the least": (
        {"agents": [create_worker(think="1s")]},
        "agents[0].think", "must be at least the scenario's think_min", "", '"1s"',
    ),
    "calls to another org where there is one": (
        {"orgs": [{"name": "firm"}], "agents": [create_worker(cross_org_share=0.1)]},
        "agents[0].cross_org_share", "needs at least two orgs", "", "0.1",
    ),
    "script for two": (
        {"agents": [create_script(STEP, count=2)]},
        "agents[0].count", "a script is for one agent", "", "2",
    ),
    "step with an unknown call": (
        {"agents": [create_script(STEP | {"call": "lok"})]},
        "agents[0].script[0].call", "unknown operation 'lok'", "look", '"lok"',
    ),
    "step at an unknown org": (
        {"agents": [create_script(STEP | {"org": "firn"})]},
        "agents[0].script[0].org", "unknown org 'firn'", "firm", '"firn"',
    ),
    "step with an unknown credential": (
        {"agents": [create_script(STEP | {"using": "tokem"})], "credentials": [TOKEN]},
        "agents[0].script[0].using", "unknown credential 'tokem'", "token", '"tokem"',
    ),
    "first step too early": (
        {"agents": [create_script({"at": "1s", "call": "look"})]},
        "agents[0].script[0].at", "at least think_min after the step before", "", '"1s"',
    ),
    "steps too close": (
        {"agents": [create_script(STEP, {"at": "3s", "call": "look"})]},
        "agents[0].script[1].at", "at least think_min after the step before", "", '"3s"',
    ),
    "step after the end": (
        {"agents": [create_script({"at": "40s", "call": "look"})]},
        "agents[0].script[0].at", "must be before the horizon", "", '"40s"',
    ),
    "script with an unknown scope": (
        {"agents": [create_script(STEP, scope=["wip"])]},
        "agents[0].scope[0]", "unknown operation 'wip'", "wipe", '"wip"',
    ),
    "several of one recorded agent": (
        {"agents": [REPLAY | {"count": 2}]},
        "agents[0].count", "one agent is made for each recorded one", "", "2",
    ),
    "unknown victim": (
        {"agents": [create_worker(), create_thief(victim="walker")]},
        "agents[1].victim", "unknown group of agents 'walker'", "worker", '"walker"',
    ),
    "its own victim": (
        {"agents": [create_worker(), create_thief(victim="thief")]},
        "agents[1].victim", "unknown group of agents 'thief'", "", '"thief"',
    ),
    "more thieves than victims": (
        {"agents": [create_worker(count=2), create_thief(count=3)]},
        "agents[1].count", "more outsiders than agents in 'worker'", "", "3",
    ),
    "unknown policy": (
        {"policies": ["unguarded", "gatway"]},
        "policies[1]", "unknown policy 'gatway'", "gateway", '"gatway"',
    ),
    "unknown preset": (
        {"policies": ["unguarded", {"name": "mine", "preset": "chian"}]},
        "policies[1].preset", "unknown policy 'chian'", "chain", '"chian"',
    ),
    "two policies of one name": (
        {"policies": ["unguarded", "chain", {"name": "chain", "preset": "gateway"}]},
        "policies[2]", "the name 'chain' is taken already", "", "{",
    ),
    "baseline that is not run": (
        {"policies": ["gateway", "chain"], "baseline": "chains"},
        "baseline", "unknown policy of this scenario 'chains'", "chain", '"chains"',
    ),
    "too many agents": (
        {"agents": [create_worker(count=600_000), create_worker(name="more", count=600_000)],
         "horizon": "2s", "replications": 1},
        "agents", f"1200000 agents; at most {AGENTS_MAX}", "", "[",
    ),
    "too many calls": (
        {"replications": 9_000_000},
        "replications", f"at most {CALLS_MAX}", "", "9000000",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_contradiction_is_refused_where_it_stands(case: str, tmp_path: Path) -> None:
    changes, key, problem, nearest, written = CASES[case]
    (error,) = refuse(tmp_path, **changes)
    assert problem in error.problem
    assert (error.key, error.nearest, read_at(error)) == (key, nearest, written)


def test_what_is_not_written_is_refused_where_it_would_stand(tmp_path: Path) -> None:
    """The default baseline is not among the policies, and no key says so."""
    path = write_scenario(tmp_path, policies=["gateway"])
    document = json.loads(path.read_text())
    del document["baseline"]
    path.write_text(json.dumps(document, indent=1))
    with pytest.raises(InputErrors) as caught:
        load_scenario(path)
    (error,) = caught.value.errors
    assert (error.key, error.where) == ("baseline", (str(path), 1, 1))


def test_everything_is_said_at_once_and_in_order(tmp_path: Path) -> None:
    errors = refuse(
        tmp_path,
        window="3s",
        agents=[create_worker(org="farm", role=["lock"]), create_reacher(goals=["whip"])],
        policies=["unguarded", "chian"],
    )
    assert [error.where for error in errors] == sorted(error.where for error in errors)
    assert {error.key for error in errors} == {
        "window", "agents[0].org", "agents[0].role[0]", "agents[1].goals[0]", "policies[1]",
    }  # fmt: skip


SOUND: list[dict[str, Any]] = [
    {},
    {"window": "2s", "think_min": "2s", "horizon": "2s"},
    {"horizon": "366d", "agents": [create_worker(count=1)], "policies": ["unguarded"]},
    {"agents": [create_worker(role="all")], "credentials": [TOKEN | {"role": "all"}]},
    {"agents": [create_script(STEP, {"at": "4s", "call": "wipe"}, {"at": "39s", "call": "look"})]},
    {"agents": [create_worker(count=3), create_thief(count=3)]},
    {"agents": [create_worker(on_denial={"give_up": 0.000001, "retry": 0.999999})]},
    {"operations": OPERATIONS | {"more": {}}, "orgs": [{"name": "firm"}]},
]  # fmt: skip


@pytest.mark.parametrize("changes", SOUND)
def test_what_just_fits_is_sound(changes: dict[str, Any], tmp_path: Path) -> None:
    load_scenario(write_scenario(tmp_path, **changes))


@pytest.mark.parametrize(
    "agents",
    [
        [create_thief(), create_worker()],
        [create_worker(), create_thief(name="first"), create_thief(name="second", victim="first")],
    ],
    ids=["the victim stands below", "the victim has no key of its own"],
)
def test_a_scenario_that_validates_can_be_laid_out(
    agents: list[dict[str, Any]], tmp_path: Path
) -> None:
    """Refused with a message or run, but never accepted and then broken."""
    from sim.model.world import create_world  # noqa: PLC0415 - the only test that needs it

    try:
        loaded = load_scenario(write_scenario(tmp_path, agents=agents))
    except InputErrors:
        return
    create_world(loaded)


def test_a_place_is_printed_as_a_path_of_keys() -> None:
    assert format_place(()) == ""
    assert format_place(("agents", 0, "role", 2)) == "agents[0].role[2]"
    assert format_place(("tasks", "report", "calls", 1)) == "tasks.report.calls[1]"


def test_a_position_is_of_the_deepest_part_that_is_written(tmp_path: Path) -> None:
    tree = load_scenario(write_scenario(tmp_path)).tree
    agents = find_position(tree, ("agents",))
    assert find_position(tree, ("agents", 7)) == agents
    assert find_position(tree, ("agents", "name")) == agents
    assert find_position(tree, ("agents", 0, "think")) == find_position(tree, ("agents", 0))
    assert find_position(tree, ("title", "x")) == find_position(tree, ("title",))
    assert find_position(tree, ()) == tree.position
