"""Calls of one replication, policy by policy: those a reader may look at, some with every check.

A result may hold a million calls, and a page shows some thousands. What was refused, was asked
for by nobody or was still waiting comes first; the rest is a sample. It is drawn by task, so the
same calls are there under every policy, and by no chance: the same rows every time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.core.reasons import PENDING
from sim.core.records import Goal, Kind
from sim.experiment.tables import Table, read_table, take
from sim.model.reexecute import explain_rows
from sim.model.run import run_replication
from sim.model.world import World, create_world
from sim.trace.store import load_manifest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from sim.core.records import Ints
    from sim.experiment.tables import StoredResult
    from sim.ledger.explain import Check

REPLICATION = 0
NAME = ("agent", "task", "call", "attempt")  # what identifies a call under every policy
COLUMNS = (
    *NAME,
    *("trader", "kind", "operation", "caller_org", "owner_org", "code", "violations"),
    *("legit", "goal", "harm", "irreversible", "cancelled", "mediated", "submitted_us", "final_us"),
)
_ODD = (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
REST = 1 << 62  # ranks from here on are of calls with nothing remarkable about them


class PolicyCalls(NamedTuple):
    """Calls of one policy that are shown, in order of time."""

    policy: str
    folder: Path
    is_bound: bool
    n_calls: int  # all there are
    n_remarkable: int  # of these, refused, unauthorized or undecided
    table: Table  # COLUMNS of the calls shown
    checks: dict[int, list[Check]]  # by row of the table
    problem: str = ""  # why no checks could be found out


def explore(
    result: StoredResult, rows_max: int, explained_max: int
) -> tuple[World, list[PolicyCalls]]:
    """The calls of replication 0, at most so many of all policies together, and their world.

    At most `explained_max` different calls come with every check, each under all policies.
    Errors: StorageError for a file that cannot be read.
    """
    world, policies = create_world(result.run.loaded), result.run.policies
    stored = {name: _read_calls(folder) for name, folder in result.folders.items()}
    ranks = {
        name: compute_ranks(table, is_bound=policies[name].is_bound)
        for name, (table, _) in stored.items()
    }
    rows = choose_rows({name: table for name, (table, _) in stored.items()}, ranks, rows_max)
    shown = {name: take(stored[name][0], rows[name]) for name in stored}
    shown_ranks = {name: ranks[name][rows[name]] for name in stored}
    explained = choose_explained(shown, shown_ranks, explained_max)
    listed = []
    for name, (_, trace_rows) in stored.items():
        places = {int(trace_rows[rows[name][place]]): place for place in explained[name].tolist()}
        checks, problem = _explain(result, world, name, list(places))
        listed.append(
            PolicyCalls(
                name,
                result.folders[name],
                policies[name].is_bound,
                len(ranks[name]),
                int(np.count_nonzero(ranks[name] < REST)),
                shown[name],
                {places[row]: found for row, found in checks.items()},
                problem,
            )
        )
    return world, listed


def _read_calls(folder: Path) -> tuple[Table, Ints]:
    """Calls and trades of a replication, and the row of each among all that was recorded."""
    columns = list(COLUMNS)
    table = read_table(folder, "transactions", columns, [("replication", "==", REPLICATION)])
    rows = np.flatnonzero((table["agent"] >= 0) | (table["trader"] >= 0))
    return take(table, rows), rows


def is_remarkable(table: Table, *, is_bound: bool) -> NDArray[np.bool_]:
    """Calls somebody may ask about: refused, asked for by nobody, or still waiting.

    A bound refuses by definition, so there only what nobody asked for is remarkable.
    """
    hostile = (table["goal"] != int(Goal.WORK)) | ((table["legit"] == 0) & (table["agent"] >= 0))
    flags: NDArray[np.bool_] = hostile if is_bound else hostile | (table["code"] != 0)
    return flags


def compute_ranks(table: Table, *, is_bound: bool) -> Ints:
    """Order in which calls are shown if not all can be: remarkable ones first, then by task.

    Shape (n,), int64 from 0; equal under every policy for the calls of one task that are equally
    remarkable. Source of the mixing: SplitMix64, Steele, Lea and Flood 2014.
    """
    mixed = np.zeros(len(table["code"]), dtype=np.uint64)
    for column in ("agent", "trader", "task"):
        mixed += table[column].astype(np.uint64) + np.uint64(_ODD[0])
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(_ODD[1])
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(_ODD[2])
        mixed ^= mixed >> np.uint64(31)
    ranks = (mixed >> np.uint64(2)).astype(np.int64)
    return np.where(is_remarkable(table, is_bound=is_bound), ranks, ranks | REST)


def choose_rows(
    tables: Mapping[str, Table], ranks: Mapping[str, Ints], rows_max: int
) -> dict[str, Ints]:
    """Rows of each policy that are shown, in order of time; all of them if there is room."""
    pooled = np.concatenate(list(ranks.values()))
    last = np.iinfo(np.int64).max
    if len(pooled) > rows_max:
        last = np.partition(pooled, rows_max)[rows_max] - 1
    chosen = {}
    for name, table in tables.items():
        rows = np.flatnonzero(ranks[name] <= last)
        chosen[name] = rows[np.argsort(table["submitted_us"][rows], kind="stable")]
    return chosen


def choose_explained(
    shown: Mapping[str, Table], ranks: Mapping[str, Ints], explained_max: int
) -> dict[str, Ints]:
    """Rows of each policy's table that get every check: the same calls under all policies."""
    best: dict[tuple[int, ...], int] = {}
    calls = {policy: _list_calls(table) for policy, table in shown.items()}
    for policy, names in calls.items():
        for row, name in names.items():
            rank = int(ranks[policy][row])
            best[name] = min(rank, best.get(name, rank))
    wanted = set(sorted(best, key=lambda name: (best[name], name))[:explained_max])
    return {
        policy: np.array([row for row, name in names.items() if name in wanted], dtype=np.int64)
        for policy, names in calls.items()
    }


def _list_calls(table: Table) -> dict[int, tuple[int, ...]]:
    """Names of the calls of agents that were decided, by row."""
    is_call = (table["agent"] >= 0) & (table["kind"] == int(Kind.CALL))
    rows = np.flatnonzero(is_call & (table["code"] != PENDING)).tolist()
    names = zip(*(table[column][rows].tolist() for column in NAME), strict=True)
    return dict(zip(rows, names, strict=True))


def _explain(
    result: StoredResult, world: World, policy: str, rows: Sequence[int]
) -> tuple[dict[int, list[Check]], str]:
    """Checks by row of the trace, or why there are none: this code runs to something else."""
    if not rows:
        return {}, ""
    run, levers = result.run, result.run.policies[policy]
    trace = run_replication(world, levers, run.seed, REPLICATION)
    stored = load_manifest(result.folders[policy])["digests"][REPLICATION]
    if trace.compute_digest().hex() != stored:
        return {}, "another version of the code made this result, so no check is made again"
    return explain_rows(world, levers, run.seed, REPLICATION, trace, rows), ""
