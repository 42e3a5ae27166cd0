"""Small worlds for tests: a scenario as keyword arguments, written to a file and loaded.

What is not given comes from `DOCUMENT`: two honest orgs, three operations, one task. Every
replication that a test runs can be looked at as columns of its calls.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sim.core.reasons import DROPPED_FIRST, DROPPED_LAST, GOVERNANCE
from sim.core.records import Ints, Kind, Records
from sim.experiment.cells import create_chunk
from sim.metrics.base import Value
from sim.metrics.outcomes import OUTCOMES, measure
from sim.model.run import run_replication
from sim.model.world import World, create_world
from sim.policies.base import Policy
from sim.policies.registry import load_policies
from sim.scenario.load import load_scenario
from sim.scenario.policies import create_policies
from sim.strategies.base import Observation
from sim.trace.records import Trace

SCENARIOS = Path(__file__).parent.parent / "scenarios"
SHIPPED = sorted(path.stem for path in SCENARIOS.glob("*.yaml"))
POLICIES = load_policies()
SEED = 1
NAME = ("agent", "task", "call", "attempt")  # what identifies an attempt under every policy

Document = dict[str, Any]

OPERATIONS: Document = {
    "look": {"effect": "read"},
    "send": {"effect": "write", "egress": True, "value_at_risk": 100},
    "wipe": {"effect": "destructive", "reversible": False, "value_at_risk": 1000},
}
WORKER: Document = {
    "name": "worker",
    "strategy": "honest",
    "org": "firm",
    "count": 6,
    "role": ["look", "send"],
    "tasks": {"report": 1},
    "task_every": "8s",
}
DOCUMENT: Document = {
    "version": 1,
    "title": "A world of a test",
    "question": "Does it hold?",
    "expectation": "It does.",
    "stream": "test",
    "horizon": "40s",
    "baseline": "unguarded",
    "operations": OPERATIONS,
    "orgs": [{"name": "firm", "count": 2}],
    "tasks": {"report": {"calls": ["look", "send"], "deadline": "400s"}},
    "agents": [WORKER],
    "policies": list(POLICIES),
}


def create_worker(**changes: Any) -> Document:
    """A group of honest agents."""
    return WORKER | changes


def create_reacher(**changes: Any) -> Document:
    """A group that reaches for what it was not given."""
    return (
        WORKER
        | {"name": "reacher", "strategy": "over_scoper", "goals": ["wipe"], "temptation": 0.5}
        | changes
    )


def create_thief(**changes: Any) -> Document:
    """A group of outsiders with the workers' keys."""
    thief = {"name": "thief", "strategy": "leaked_credential", "org": "firm", "victim": "worker"}
    return thief | {"goals": ["send"], "leak": "1s", "act_every": "3s"} | changes


def create_script(*steps: Document, **changes: Any) -> Document:
    """An agent that follows a timeline."""
    script = {"name": "actor", "strategy": "scripted", "org": "firm", "deadline": "400s"}
    return script | {"script": list(steps)} | changes


def load_world(folder: Path, *, arm: str = "attack", **changes: Any) -> World:
    """The world of a scenario that differs from `DOCUMENT` as told, written into a folder."""
    return create_world(load_scenario(write_scenario(folder, **changes)), arm=arm)


def write_scenario(folder: Path, **changes: Any) -> Path:
    """Path of a scenario file that differs from `DOCUMENT` as told."""
    path = folder / "world.yaml"
    path.write_text(json.dumps(DOCUMENT | changes, indent=1), encoding="utf-8")  # is YAML too
    return path


def load_shipped(name: str, **changes: Any) -> World:
    """A world of this repository, with some settings of its scenario changed."""
    loaded = load_scenario(SCENARIOS / f"{name}.yaml")
    return create_world(loaded._replace(scenario=loaded.scenario.model_copy(update=changes)))


def get_policies(world: World) -> dict[str, Policy]:
    """The policies its scenario lists."""
    return create_policies(world.loaded)


def run(world: World, policy: Policy | str, replication: int = 0, seed: int = SEED) -> Trace:
    """One replication under a policy, or under a preset by name."""
    if isinstance(policy, str):
        policy = POLICIES[policy]
    return run_replication(world, policy, seed, replication)


def measure_trace(trace: Trace, policy: Policy | str) -> dict[str, Value]:
    """Every outcome of a replication."""
    if isinstance(policy, str):
        policy = POLICIES[policy]
    return measure([create_chunk(trace, policy)], OUTCOMES.values())


def create_seen(n: int, **columns: Any) -> Observation:
    """What n agents see, each at the first of three steps unless columns say otherwise."""
    given = {"entity": np.arange(n) + 1, "agent": np.arange(n), "n_steps": 3, "n_offered": 5}
    given |= {"path": -1, "goals": [0, 1], "acted": 0} | columns
    goals = np.array(given.pop("goals"), dtype=np.int64)
    columns = {
        name: np.broadcast_to(np.array(given.get(name, 0), dtype=np.int64), (n,)).copy()
        for name in Observation._fields
        if name != "goals"
    }
    return Observation(**columns, goals=goals)


class Calls(NamedTuple):
    """The attempts of agents in a trace, in order of what identifies them."""

    transactions: Records
    receipts: Records
    truths: Records

    def take(self, rows: Any) -> Calls:
        """Some of the attempts."""
        return Calls(self.transactions[rows], self.receipts[rows], self.truths[rows])

    def __len__(self) -> int:
        return len(self.receipts)

    @property
    def code(self) -> Ints:
        """Reason codes."""
        return self.receipts["code"]

    @property
    def names(self) -> list[tuple[int, ...]]:
        """What identifies each attempt."""
        return list(zip(*(self.truths[name].tolist() for name in NAME), strict=True))


def get_calls(trace: Trace) -> Calls:
    """Attempts of agents, each once, pending ones among them."""
    of_agents = (trace.truths["agent"] >= 0) & (trace.receipts["kind"] == Kind.CALL)
    rows = np.flatnonzero(of_agents)
    order = np.lexsort([trace.truths[name][rows] for name in reversed(NAME)])
    rows = rows[order]
    return Calls(trace.transactions[rows], trace.receipts[rows], trace.truths[rows])


def get_records(trace: Trace, kind: Kind) -> Calls:
    """An org's own record keeping of one kind, in the order in which it was decided."""
    rows = np.flatnonzero(trace.receipts["kind"] == kind)
    return Calls(trace.transactions[rows], trace.receipts[rows], trace.truths[rows])


def is_dropped(code: Ints) -> Ints:
    """Attempts that could not be included."""
    return (code >= DROPPED_FIRST) & (code <= DROPPED_LAST)


def is_refused(code: Ints) -> Ints:
    """Attempts refused for a reason of governance."""
    return np.isin(code, [int(reason) for reason in GOVERNANCE])
