"""Calls that a reader may want explained, narrowed to a reason, an agent or an org."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.core.errors import InputError, Position, find_nearest
from sim.core.reasons import Reason
from sim.experiment.explain import StoredRun
from sim.model.reexecute import find_agent, get_agent_name, list_calls

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from sim.model.world import World
    from sim.trace.records import Trace

LISTED_MAX = 20
REFUSALS = [reason.name for reason in Reason if reason is not Reason.APPLIED]


class Wanted(NamedTuple):
    """What a listed call must have; empty: anything."""

    reason: str = ""  # why it was refused
    agent: str = ""  # who made it: an agent, or a group of them
    org: str = ""  # whose agent that is


ANYTHING = Wanted()


class Listing(NamedTuple):
    """Calls of one policy by name, and whether there are others like them."""

    policy: str
    calls: list[str]
    has_more: bool


def list_explainable(
    folder: Path, replication: int, policies: tuple[str, ...] = (), wanted: Wanted = ANYTHING
) -> Listing:
    """Calls of a result worth explaining, under the first policy asked for; at most `LISTED_MAX`.

    Errors: InputError for a name that does not exist, StorageError.
    """
    stored = StoredRun(folder)
    manifest = stored.choose(policies)[0]
    where = Position(str(folder))
    check_wanted(stored.world, wanted, where)
    trace = stored.run_again(manifest, replication)
    among = find_wanted(stored.world, trace, wanted)
    calls = list_calls(stored.world, trace, LISTED_MAX + 1, among)
    return Listing(stored.get_label(manifest), calls[:LISTED_MAX], len(calls) > LISTED_MAX)


def check_wanted(world: World, wanted: Wanted, where: Position) -> None:
    """Refuse a name that nothing in this world has.

    Errors: InputError with the nearest name there is.
    """
    agents = [get_agent_name(world, agent) for agent in range(len(world.agents))]
    groups = [cohort.name for cohort in world.cohorts]
    _check_name(where, "--reason", wanted.reason.upper(), REFUSALS, "reason of a refusal")
    _check_name(where, "--agent", wanted.agent, [*agents, *groups], "agent")
    _check_name(where, "--org", wanted.org, world.org_names, "org")


def _check_name(where: Position, key: str, name: str, known: Iterable[str], what: str) -> None:
    names = set(known)
    if name and name not in names:
        raise InputError(where, key, f"unknown {what} {name!r}", find_nearest(name, names))


def find_wanted(world: World, trace: Trace, wanted: Wanted) -> NDArray[np.bool_]:
    """Rows of a trace that have all that is wanted, shape (n,)."""
    truths = trace.truths
    flags = np.ones(len(truths), dtype=np.bool_)
    if wanted.reason:
        flags &= trace.receipts["code"] == int(Reason[wanted.reason.upper()])
    if wanted.agent:
        flags &= np.isin(truths["agent"], _find_agents(world, wanted.agent))
    if wanted.org:
        flags &= truths["caller_org"] == world.org_names.index(wanted.org)
    return flags


def _find_agents(world: World, name: str) -> list[int]:
    agent = find_agent(world, name)
    if agent is not None:
        return [agent]
    return [a for c in world.cohorts if c.name == name for a in range(c.first, c.last)]
