"""What a sound scenario file must agree on with itself: names that exist, times that fit.

Every refusal points at the place in the file and says the nearest valid name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.core.units import PPM, US_PER_S
from sim.scenario.gates import check_gates
from sim.scenario.groups import (
    AgentGroup,
    OutsiderGroup,
    ReplayGroup,
    ScriptedGroup,
    TaskedGroup,
    TraderGroup,
)
from sim.scenario.levers import PolicyEntry
from sim.scenario.notes import Notes, Place
from sim.scenario.ordering import check_chain
from sim.scenario.schema import POLICY_NAMES, Scenario
from sim.scenario.trade import check_market, check_policy_levers, check_trader

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sim.scenario.document import Findings, MapNode

AGENTS_MAX = 1_000_000
BLOCK_INTERVAL_US_MIN = 1_000
TASKS_MAX = 100_000_000  # in one replication
CALLS_MAX = 2_000_000_000  # over all policies and replications; a week of one core


def check_references(scenario: Scenario, tree: MapNode, findings: Findings) -> None:
    """Note everything in the scenario that contradicts itself."""
    notes = Notes(tree, findings)
    _check_names(scenario, notes)
    _check_times(scenario, notes)
    for index, group in enumerate(scenario.agents):
        _check_group(scenario, group, ("agents", index), notes)
    _check_policies(scenario, notes)
    _check_size(scenario, notes)
    check_chain(scenario, notes)
    check_market(scenario, notes)


def _check_names(scenario: Scenario, notes: Notes) -> None:
    orgs = [org.name for org in scenario.orgs]
    _check_unique(orgs, "orgs", notes)
    _check_unique([group.name for group in scenario.agents], "agents", notes)
    _check_unique([credential.name for credential in scenario.credentials], "credentials", notes)
    for name, task in scenario.tasks.items():
        _check_operations(scenario, ("tasks", name, "calls"), task.calls, notes)
    for index, credential in enumerate(scenario.credentials):
        place: Place = ("credentials", index)
        notes.require((*place, "org"), credential.org, orgs, "org")
        _check_role(scenario, place, credential.role, notes)
        _check_operations(scenario, (*place, "purpose"), credential.purpose, notes)


def _check_unique(names: list[str], section: str, notes: Notes) -> None:
    for index, name in enumerate(names):
        if name in names[:index]:
            notes.add((section, index, "name"), f"the name {name!r} is taken already")


def _check_role(
    scenario: Scenario, place: Place, role: tuple[str, ...] | str, notes: Notes
) -> None:
    if not isinstance(role, str):
        _check_operations(scenario, (*place, "role"), role, notes)


def _check_operations(scenario: Scenario, place: Place, names: Iterable[str], notes: Notes) -> None:
    for index, name in enumerate(names):
        known = (*scenario.operations, *scenario.signals)
        notes.require((*place, index), name, known, "operation")


def _check_times(scenario: Scenario, notes: Notes) -> None:
    if scenario.window > scenario.think_min:
        notes.add(("window",), "must be at most think_min, so that no follow-up is sooner")
    if scenario.horizon < scenario.window:
        notes.add(("horizon",), "must be at least the window")
    if scenario.horizon > 366 * 86_400 * US_PER_S:
        notes.add(("horizon",), "must be at most 366 days")


def _check_group(scenario: Scenario, group: AgentGroup, place: Place, notes: Notes) -> None:
    if not isinstance(group, ReplayGroup):
        notes.require((*place, "org"), group.org, [org.name for org in scenario.orgs], "org")
    _check_role(scenario, place, group.role, notes)
    shares = group.on_denial
    if shares.give_up + shares.retry + shares.other_path != PPM:
        notes.add((*place, "on_denial"), "give_up, retry and other_path must sum to 1")
    _check_operations(scenario, (*place, "goals"), getattr(group, "goals", ()), notes)
    if isinstance(group, TraderGroup):
        check_trader(scenario, group, place, notes)
    if isinstance(group, TaskedGroup):
        _check_tasked(scenario, group, place, notes)
    if isinstance(group, ScriptedGroup):
        _check_script(scenario, group, place, notes)
    if isinstance(group, ReplayGroup) and group.count != 1:
        notes.add((*place, "count"), "one agent is made for each recorded one: leave count out")
    victim = getattr(group, "victim", None)
    if isinstance(group, TaskedGroup | OutsiderGroup):
        _check_crossing(scenario, group.cross_org_share, place, notes)
    if victim is not None:
        _check_victim(scenario, group, victim, place, notes)


def _check_tasked(scenario: Scenario, group: TaskedGroup, place: Place, notes: Notes) -> None:
    for name in group.tasks:
        notes.require((*place, "tasks", name), name, scenario.tasks, "task")
    if group.think < scenario.think_min:
        notes.add((*place, "think"), "must be at least the scenario's think_min")


def _check_crossing(scenario: Scenario, share_ppm: int, place: Place, notes: Notes) -> None:
    if share_ppm and sum(org.count for org in scenario.orgs) < 2:
        notes.add((*place, "cross_org_share"), "needs at least two orgs")


def _check_script(scenario: Scenario, group: ScriptedGroup, place: Place, notes: Notes) -> None:
    if group.count != 1:
        notes.add((*place, "count"), "a script is for one agent")
    names = [credential.name for credential in scenario.credentials]
    before = 0
    for index, step in enumerate(group.script):
        here = (*place, "script", index)
        notes.require((*here, "call"), step.call, scenario.operations, "operation")
        if step.org is not None:
            notes.require((*here, "org"), step.org, [org.name for org in scenario.orgs], "org")
        if step.using is not None:
            notes.require((*here, "using"), step.using, names, "credential")
        if step.at < before + scenario.think_min:
            notes.add((*here, "at"), "must be at least think_min after the step before, or after 0")
        if step.at >= scenario.horizon:
            notes.add((*here, "at"), "must be before the horizon")
        before = step.at
    _check_operations(scenario, (*place, "scope"), group.scope, notes)


def _check_victim(
    scenario: Scenario, group: AgentGroup, victim: str, place: Place, notes: Notes
) -> None:
    groups = {
        other.name: other
        for other in scenario.agents
        if not isinstance(other, OutsiderGroup | ReplayGroup)
    }
    notes.require((*place, "victim"), victim, groups, "group of agents")
    if victim in groups and groups[victim].count < group.count:
        notes.add((*place, "count"), f"more outsiders than agents in {victim!r}")


def _check_policies(scenario: Scenario, notes: Notes) -> None:
    names = []
    for index, entry in enumerate(scenario.policies):
        place: Place = ("policies", index)
        if isinstance(entry, PolicyEntry):
            notes.require((*place, "preset"), entry.preset, POLICY_NAMES, "policy")
            check_policy_levers(entry, place, notes)
            names.append(entry.name)
        else:
            notes.require(place, entry, POLICY_NAMES, "policy")
            names.append(entry)
        if names[-1] in names[:-1]:
            notes.add(place, f"the name {names[-1]!r} is taken already")
    notes.require(("baseline",), scenario.baseline, names, "policy of this scenario")
    check_gates(scenario.gates, names, notes)


def _check_size(scenario: Scenario, notes: Notes) -> None:
    agents = sum(group.count for group in scenario.agents)
    if agents > AGENTS_MAX:
        notes.add(("agents",), f"{agents} agents; at most {AGENTS_MAX}")
    if scenario.chain.block_interval < BLOCK_INTERVAL_US_MIN:
        notes.add(("chain", "block_interval"), "must be at least 1ms")
    tasks = sum(
        group.count * (scenario.horizon // group.task_every)
        for group in scenario.agents
        if isinstance(group, TaskedGroup)
    )
    if tasks > TASKS_MAX:
        notes.add(("agents",), f"{tasks} tasks in the horizon; at most {TASKS_MAX}")
    calls = agents * (scenario.horizon // scenario.think_min + 1)
    total = calls * scenario.replications * len(scenario.policies)
    if total > CALLS_MAX:
        notes.add(("replications",), f"up to {total} calls in all; at most {CALLS_MAX}")
