"""What hostile agents did, second by second, what stopped them, and who could have seen it when."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.core.reasons import PENDING, PROSE, Reason
from sim.core.records import Decision, Goal, Kind
from sim.core.units import US_PER_S
from sim.experiment.tables import read_table
from sim.model.reexecute import get_agent_name
from sim.model.world import World, create_world
from sim.policies.base import Log

if TYPE_CHECKING:
    from pathlib import Path

    from sim.experiment.tables import StoredResult, Table
    from sim.policies.base import Policy

COLUMNS = (
    *("agent", "task", "call", "attempt", "operation", "goal", "harm", "irreversible", "mediated"),
    *("code", "cancelled", "submitted_us", "final_us", "logged", "domain"),
)
ACTORS_MAX = 3  # up to here what else they did is shown too
ATTEMPTS_MAX = 200  # of a policy


class Attempt(NamedTuple):
    """One call of an agent that attacks, as it went under one policy. Times in seconds."""

    policy: str
    agent: str
    call: str  # as `sim explain` takes it
    operation: str
    is_attack: bool
    outcome: str  # executed, executed unchecked, called off, refused, pending
    reason: str  # name of the check that refused it
    reason_text: str
    harm: int  # value units that its execution costs, whether it was executed or not
    submitted_s: float
    decided_s: float | None
    asked_s: float | None  # when a reviewer was asked
    answered_s: float | None
    answer: str
    record: str  # who has it on record: nobody, operator, anchor, validators
    readable_s: float | None  # from when on somebody besides the operator can read of it


def list_attempts(result: StoredResult, replication: int = 0) -> list[Attempt]:
    """Attempts of every policy in order of time, not more than `ATTEMPTS_MAX` of each."""
    world = create_world(result.run.loaded)
    return [
        attempt
        for name, policy in result.run.policies.items()
        for attempt in _list_under(world, policy, result.folders[name], replication)
    ]


def has_attempts(result: StoredResult, replication: int = 0) -> bool:
    """Whether any call was an attack."""
    where = [
        ("replication", "==", replication),
        ("goal", "==", int(Goal.ATTACK)),
        ("agent", ">=", 0),
    ]
    return any(
        len(read_table(folder, "transactions", ["agent"], where)["agent"])
        for folder in result.folders.values()
    )


def _list_under(world: World, policy: Policy, folder: Path, replication: int) -> list[Attempt]:
    calls = _read_calls(folder, replication)
    order = np.lexsort((calls["attempt"], calls["submitted_us"]))[:ATTEMPTS_MAX]
    approvals = _read_approvals(folder, replication)
    anchors = _read_anchors(folder, replication) if policy.anchors else []
    return [
        _create_attempt(
            world, policy, {k: int(v[row]) for k, v in calls.items()}, approvals, anchors
        )
        for row in order
    ]


def _read_calls(folder: Path, replication: int) -> Table:
    """Attacks, and what else the attackers called if they are few.

    A call that is judged twice has an agent only where it is judged last.
    """
    of_one = [
        ("replication", "==", replication),
        ("kind", "==", int(Kind.CALL)),
        ("agent", ">=", 0),
    ]
    attacks = [*of_one, ("goal", "==", int(Goal.ATTACK))]
    calls = read_table(folder, "transactions", COLUMNS, attacks)
    actors = sorted(np.unique(calls["agent"]).tolist())
    if 0 < len(actors) <= ACTORS_MAX:
        calls = read_table(folder, "transactions", COLUMNS, [*of_one, ("agent", "in", actors)])
    return calls


def _read_approvals(folder: Path, replication: int) -> dict[tuple[int, ...], tuple[int, int, int]]:
    names = ("agent", "task", "call", "attempt", "asked_us", "decided_us", "decision")
    where = [("replication", "==", replication), ("harmful", "==", 1)]
    table = read_table(folder, "approvals", names, where)
    rows = zip(*(table[name].tolist() for name in names), strict=True)
    return {row[:4]: row[4:] for row in rows}


def _read_anchors(folder: Path, replication: int) -> list[tuple[int, int, int]]:
    """Log, time of the cut and time of commitment of each anchor that counts, in order of time."""
    where = [
        ("replication", "==", replication),
        ("kind", "==", int(Kind.ANCHOR)),
        ("code", "==", 0),
    ]
    table = read_table(folder, "transactions", ("target", "submitted_us", "final_us"), where)
    return sorted(
        zip(*(table[n].tolist() for n in ("target", "submitted_us", "final_us")), strict=True),
        key=lambda anchor: anchor[2],
    )


def _create_attempt(
    world: World,
    policy: Policy,
    row: dict[str, int],
    approvals: dict[tuple[int, ...], tuple[int, int, int]],
    anchors: list[tuple[int, int, int]],
) -> Attempt:
    key = (row["agent"], row["task"], row["call"], row["attempt"])
    asked_us, answered_us, decision = approvals.get(key, (-1, -1, int(Decision.OPEN)))
    agent = get_agent_name(world, row["agent"])
    record, readable_us = _find_record(policy, row, anchors)
    is_refused = row["code"] > 0
    return Attempt(
        policy=policy.name,
        agent=agent,
        call=f"{agent}/{row['task']}/{row['call']}/{row['attempt']}",
        operation=world.operation_names[row["operation"]],
        is_attack=row["goal"] == Goal.ATTACK,
        outcome=_name_outcome(row),
        reason=Reason(row["code"]).name if is_refused else "",
        reason_text=PROSE[Reason(row["code"])] if is_refused else "",
        harm=row["harm"],
        submitted_s=row["submitted_us"] / US_PER_S,
        decided_s=None if row["code"] == PENDING else _to_s(row["final_us"]),
        asked_s=_to_s(asked_us),
        answered_s=_to_s(answered_us),
        answer=Decision(decision).name.lower() if asked_us >= 0 else "",
        record=record,
        readable_s=_to_s(readable_us),
    )


def _name_outcome(row: dict[str, int]) -> str:
    if row["code"] == PENDING:
        return "pending"
    if row["code"] > 0:
        return "refused"
    if row["cancelled"]:
        return "called off"
    return "executed" if row["mediated"] else "executed unchecked"


def _find_record(
    policy: Policy, row: dict[str, int], anchors: list[tuple[int, int, int]]
) -> tuple[str, int]:
    """Who has an attempt on record, and from when on others than the operator (-1: never)."""
    if not row["logged"] or row["code"] == PENDING or policy.log is Log.NOBODY:
        return "nobody", -1
    if row["domain"] < 0:
        return "validators", row["final_us"]
    for log, cut_us, committed_us in anchors:
        if log == row["domain"] and cut_us >= row["final_us"]:
            return "anchor", committed_us
    return "operator", -1


def _to_s(time_us: int) -> float | None:
    return None if time_us < 0 else time_us / US_PER_S
