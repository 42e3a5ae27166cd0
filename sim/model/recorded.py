"""Recorded calls on the ledger: judged one by one, or lived through by agents of a world."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, NoReturn

import numpy as np

from sim.core.errors import InputError, find_nearest
from sim.core.identity import compute_entity
from sim.core.records import (
    FOREVER_US,
    OPERATION,
    RECEIPT,
    TRANSACTION,
    Effect,
    Goal,
    Ints,
    Kind,
    Records,
    ScopeLevel,
)
from sim.importers.recording import Recording, load_recording
from sim.importers.scopes import EVERYTHING_MASK, compute_grants
from sim.ledger.rules import INSIDE, get_situation
from sim.ledger.state import N_FIXED, State, add_account, create_state
from sim.ledger.transition import apply_blocks
from sim.policies.presets import REFERENCE_MONITOR
from sim.policies.registry import compile_chain_rules
from sim.scenario.notes import Place, find_position, format_place

if TYPE_CHECKING:
    from sim.scenario.groups import ReplayGroup
    from sim.scenario.load import LoadedScenario

LANES = 2  # grants that stand at one call: what the task needs, and quiet reads


def judge_recording(recording: Recording, scope: str) -> Ints:
    """Reason code of every recorded call under the grants of a scope.

    Each call is judged alone, by the rules of the reference monitor: earlier refusals change
    nothing, and a run's grants end with the run.
    Shapes: int64 (n_calls,), in the order of the recording; 0 is allowed.
    Errors: InputError if the scope cannot be computed from what was recorded.
    """
    grants = compute_grants(recording, scope)
    grants = grants[grants["mask"] != 0]  # to grant nothing is to write no grant
    state, senders = _create_ledger(recording, len(grants))
    arguments = np.concatenate((recording.arguments, recording.named))
    transactions, is_call = _create_transactions(recording, grants, senders)
    receipts = np.zeros(len(transactions), dtype=RECEIPT)
    rules = compile_chain_rules(REFERENCE_MONITOR)
    ends = np.array([len(transactions)], dtype=np.int64)
    apply_blocks(state, rules, transactions, arguments, receipts, ends)
    if receipts["code"][~is_call].any():
        raise RuntimeError("a grant of a recording was refused")
    codes: Ints = receipts["code"][is_call]
    return codes


def _create_ledger(recording: Recording, n_grants: int) -> tuple[State, Ints]:
    """Orgs with all their capabilities, and an account for each agent in each org."""
    n_orgs, n_agents = len(recording.orgs), len(recording.agents)
    state = create_state(
        supply=0,
        operations=_create_operations(recording),
        client_scopes=np.zeros((n_orgs, n_orgs), dtype=np.int64),
        accounts=N_FIXED + n_orgs * (1 + n_agents),
        grants=LANES * n_orgs * n_agents + 2,
        pool=len(recording.named) * LANES + n_grants + 1,
    )
    for org in range(n_orgs):
        add_account(
            state, entity=N_FIXED + org, org=org, namespace=org, capabilities=EVERYTHING_MASK
        )
    senders = np.zeros((n_agents, n_orgs), dtype=np.int64)
    for agent, name in enumerate(recording.agents):
        for org in range(n_orgs):
            entity = compute_entity(name, org)
            senders[agent, org] = add_account(state, entity=entity, org=org, namespace=org)
    return state, senders


def _create_operations(recording: Recording) -> Records:
    source = recording.operations
    operations = np.zeros(len(source), dtype=OPERATION)
    operations["org"] = source["org"]
    operations["owner"] = -1
    operations["namespace"] = source["org"]
    operations["requires"] = np.int64(1) << source["bit"]
    operations["effect"] = source["effect"]
    operations["egress"] = source["egress"]
    return operations


def _create_transactions(
    recording: Recording, grants: Records, senders: Ints
) -> tuple[Records, np.ndarray]:
    """Grants and calls in one order of time: call k is made at 2k + 1, its grants just before.

    A grant replaces the one in its lane, and expires after its last call.
    """
    calls, runs = recording.calls, recording.runs
    n_grants, n_calls = len(grants), len(calls)
    transactions = np.zeros(n_grants + n_calls, dtype=TRANSACTION)
    granting, calling = transactions[:n_grants], transactions[n_grants:]
    transactions["chain_id"] = 1
    transactions["valid_until_height"] = FOREVER_US
    transactions["parent"] = -1
    transactions["situation"] = get_situation(INSIDE, 0, 0, 1)

    granting["kind"] = Kind.GRANT
    granting["sender"] = N_FIXED + runs["org"][grants["run"]]
    granting["target"] = senders[runs["agent"][grants["run"]], runs["org"][grants["run"]]]
    granting["subject"] = 1 + _get_lanes(grants)
    granting["namespace"] = runs["org"][grants["run"]]
    granting["mask"] = grants["mask"]
    granting["expires_us"] = 2 * grants["last_call"] + 2
    granting["scope_level"] = grants["level"]
    granting["arguments_from"] = len(recording.arguments) + grants["arguments_from"]
    granting["arguments_to"] = len(recording.arguments) + grants["arguments_to"]
    granting["now_us"] = 2 * grants["first_call"]

    calling["kind"] = Kind.CALL
    calling["sender"] = senders[runs["agent"][calls["run"]], runs["org"][calls["run"]]]
    calling["target"] = calls["operation"]
    calling["arguments_from"] = calls["arguments_from"]
    calling["arguments_to"] = calls["arguments_to"]
    calling["now_us"] = 2 * np.arange(n_calls) + 1

    order = np.argsort(transactions["now_us"], kind="stable")
    transactions = transactions[order]
    transactions["nonce"] = _count_before(transactions["sender"])
    transactions["height"] = 1 + np.arange(len(transactions))
    return transactions, order >= n_grants


def _get_lanes(grants: Records) -> Ints:
    """Lane of each grant: 0 for the first of its stretch of calls, 1 for the second."""
    lanes = np.zeros(len(grants), dtype=np.int64)
    if len(grants) > 1:
        lanes[1:] = grants["first_call"][1:] == grants["first_call"][:-1]
    return lanes


def _count_before(senders: Ints) -> Ints:
    """How often each sender came before: the nonces of transactions in order."""
    order = np.argsort(senders, kind="stable")
    ranked = senders[order]
    starts = np.flatnonzero(np.concatenate(([True], ranked[1:] != ranked[:-1])))
    counts = np.arange(len(senders)) - np.repeat(starts, np.diff(np.append(starts, len(senders))))
    nonces = np.empty(len(senders), dtype=np.int64)
    nonces[order] = counts
    return nonces


class RecordedStep(NamedTuple):
    """One executed call of a run."""

    operation: int  # offset into its org's recorded operations
    goal: Goal
    arguments: tuple[int, int]  # range of the world's column


class RecordedRun(NamedTuple):
    """One run as a task: its calls, and what it would have been granted."""

    steps: list[RecordedStep]
    scope_mask: int
    named: tuple[int, int]


class RecordedAgent(NamedTuple):
    """One recorded agent in one org."""

    name: str
    org: int
    role: int
    quiet_reads: int
    runs: list[RecordedRun]


@dataclass
class RecordedTemplates:
    """What a recording adds to a world."""

    agents: list[RecordedAgent]
    operations: dict[int, list[tuple[str, tuple[int, ...]]]]  # by org: name and columns
    arguments: list[int]
    first_operation: dict[int, int] = field(default_factory=dict)


def create_recorded_templates(
    loaded: LoadedScenario, group: ReplayGroup, org_names: list[str], first_argument: int
) -> RecordedTemplates:
    """Recorded runs of a group as tasks of agents.

    Errors: InputError if the recording cannot be read or names an org the scenario lacks.
    """
    files = group.recording
    recording = load_recording(
        loaded.companions[files.calls],
        loaded.companions[files.tasks] if files.tasks else None,
        loaded.companions[files.runs] if files.runs else None,
    )
    return _Templates(loaded, group, recording, org_names, first_argument).create()


class _Templates:
    """One pass over a recording."""

    def __init__(
        self,
        loaded: LoadedScenario,
        group: ReplayGroup,
        recording: Recording,
        org_names: list[str],
        first_argument: int,
    ) -> None:
        self.loaded, self.recording, self.group = loaded, recording, group
        self.first_argument = first_argument
        self.orgs = [self.find_org(name, org_names) for name in recording.orgs]
        if group.attack is not None and group.attack not in recording.attacks:
            problem = f"the recording has no attack {group.attack!r}"
            self.refuse(("attack",), problem, find_nearest(group.attack, recording.attacks))
        scopes = compute_grants(recording, "arguments" if recording.has_tasks else "task")
        self.scopes = {"needed": scopes[0::LANES], "reads": scopes[1::LANES]}

    def find_org(self, name: str, org_names: list[str]) -> int:
        if name not in org_names:
            problem = f"the recording has an org {name!r} that the scenario lacks"
            self.refuse(("recording", "calls"), problem, find_nearest(name, org_names))
        return org_names.index(name)

    def refuse(self, key: tuple[str, ...], problem: str, nearest: str) -> NoReturn:
        place: Place = ("agents", self.loaded.scenario.agents.index(self.group), *key)
        position = find_position(self.loaded.tree, place)
        raise InputError(position, format_place(place), problem, nearest)

    def create(self) -> RecordedTemplates:
        recording = self.recording
        arguments = np.concatenate((recording.arguments, recording.named))
        return RecordedTemplates(
            agents=list(self.create_agents()),
            operations={
                org: self.create_operations(recorded) for recorded, org in enumerate(self.orgs)
            },
            arguments=(arguments + self.first_argument).tolist(),
        )

    def create_operations(self, org: int) -> list[tuple[str, tuple[int, ...]]]:
        rows = self.recording.operations[self.recording.operations["org"] == org]
        return [
            (
                self.recording.tools[row["tool"]],
                (
                    1 << int(row["bit"]),
                    int(row["effect"]),
                    int(row["egress"]),
                    int(row["effect"] != Effect.DESTRUCTIVE),
                    1,  # one value unit an act: recordings carry no values
                ),
            )
            for row in rows
        ]

    def create_agents(self) -> list[RecordedAgent]:
        runs = self.recording.runs
        wanted = runs["n_calls"] > 0
        if self.group.attack is not None:
            names = np.array(self.recording.attacks)[runs["attack"]]
            wanted &= (names == self.group.attack) | (names == "none")
        agents = []
        for agent, org in sorted({(int(r["agent"]), int(r["org"])) for r in runs[wanted]}):
            mine = np.flatnonzero(wanted & (runs["agent"] == agent) & (runs["org"] == org))
            reads = self.scopes["reads"]
            in_org = reads["mask"][runs["org"][reads["run"]] == org]
            agents.append(
                RecordedAgent(
                    name=self.recording.agents[agent],
                    org=self.orgs[org],
                    role=int(self.recording.role_masks[org]),
                    quiet_reads=int(np.bitwise_or.reduce(in_org)) if len(in_org) else 0,
                    runs=[self.create_run(int(run)) for run in mine],
                )
            )
        return agents

    def create_run(self, run: int) -> RecordedRun:
        row = self.recording.runs[run]
        first, last = int(row["first_call"]), int(row["first_call"] + row["n_calls"])
        needed = self.scopes["needed"][self.scopes["needed"]["run"] == run]
        offset = self.first_argument + len(self.recording.arguments)
        has_names = bool(len(needed)) and needed["level"][0] == ScopeLevel.ARGUMENTS
        named = (0, 0)
        if has_names:
            named = (
                offset + int(needed["arguments_from"][0]),
                offset + int(needed["arguments_to"][0]),
            )
        steps = [
            self.create_step(call)
            for call in self.recording.calls[first:last]
            if call["executed"] == 1
        ]
        return RecordedRun(steps, int(np.bitwise_or.reduce(needed["mask"])), named)

    def create_step(self, call: np.void) -> RecordedStep:
        orgs = self.recording.operations["org"]
        offset = int(np.count_nonzero(orgs[: call["operation"]] == orgs[call["operation"]]))
        goal = Goal.ATTACK if call["malicious"] == 1 else Goal.WORK
        start = self.first_argument
        arguments = (start + int(call["arguments_from"]), start + int(call["arguments_to"]))
        return RecordedStep(offset, goal, arguments)
