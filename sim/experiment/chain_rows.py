"""How long decisions took, and how validators came to agree, from the tables of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.core.reasons import PENDING
from sim.core.records import Kind
from sim.core.units import US_PER_S
from sim.experiment.tables import Table, read_table, take

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from sim.experiment.tables import StoredResult

LEVELS = np.concatenate([np.arange(0, 0.99, 0.01), np.arange(0.99, 1.0001, 0.001)])


class Latencies(NamedTuple):
    """Distribution of the time from submission to the final decision, of one policy."""

    policy: str
    n: int  # attempts, in all replications
    n_pending: int  # of these, without a decision at the horizon
    shares: NDArray[np.float64]  # of all attempts
    latencies_s: NDArray[np.float64]  # the smallest that this share does not exceed


class View(NamedTuple):
    """One view of one policy. Times in seconds; None: never."""

    policy: str
    view: int
    leader: int
    outcome: str  # committed, wasted, open at the end
    proposed_s: float
    committed_s: float | None
    n_transactions: int


class Episode(NamedTuple):
    """A fault while it lasted."""

    policy: str
    fault: str
    validators: str
    is_byzantine: bool
    from_s: float
    until_s: float | None  # None: to the end


def has_latencies(result: StoredResult) -> bool:
    """Whether some policy decided anything later than at once."""
    return any(
        len(each.latencies_s) and each.latencies_s[-1] > 0 for each in iterate_latencies(result)
    )


def iterate_latencies(result: StoredResult) -> Iterator[Latencies]:
    """Latencies of every policy with any attempt, all replications together, one by one."""
    for policy, folder in result.folders.items():
        columns = ("kind", "agent", "trader", "code", "submitted_us", "final_us")
        where = [("replication", "<", result.run.replications)]
        table = read_table(folder, "transactions", columns, where)
        attempts = take(table, _find_attempts(table))
        if len(attempts["code"]):
            yield _create_latencies(policy, attempts)


def _find_attempts(table: Table) -> NDArray[np.bool_]:
    """Calls of agents and acts of traders: whatever somebody waited for."""
    by_trader = np.isin(table["kind"], [int(Kind.PUBLISH), int(Kind.BUY)]) & (table["trader"] >= 0)
    return ((table["kind"] == int(Kind.CALL)) & (table["agent"] >= 0)) | by_trader


def _create_latencies(policy: str, attempts: Table) -> Latencies:
    """Some quantiles of the latencies; what is pending counts as later than all.

    Source: the smallest value that at least this share of observations does not exceed.
    """
    decided = attempts["code"] != PENDING
    waited = np.sort((attempts["final_us"] - attempts["submitted_us"])[decided]) / US_PER_S
    n = len(decided)
    ranks = np.maximum(np.ceil(LEVELS * n).astype(np.int64), 1)
    shown = ranks <= len(waited)
    return Latencies(
        policy, n, n - len(waited), ranks[shown] / n, waited[np.minimum(ranks[shown], n) - 1]
    )


def has_views(result: StoredResult) -> bool:
    """Whether validators of some policy went through views."""
    return any(
        len(read_table(folder, "views", ["view"], [("replication", "==", 0)])["view"])
        for folder in result.folders.values()
    )


def list_views(result: StoredResult, replication: int = 0) -> list[View]:
    """Views of every policy with validators, in order."""
    names = ("view", "leader", "proposed_us", "certified_us", "committed_us", "n_transactions")
    views = []
    for policy, folder in result.folders.items():
        table = read_table(folder, "views", names, [("replication", "==", replication)])
        rows = list(zip(*(table[name].tolist() for name in names), strict=True))
        last_committed = max((row[0] for row in rows if row[4] >= 0), default=-1)
        started_us = 0
        for view, leader, proposed_us, _, committed_us, n_transactions in rows:
            started_us = proposed_us if proposed_us >= 0 else started_us
            outcome = "open at the end" if view > last_committed else "wasted"
            views.append(
                View(
                    policy,
                    view,
                    leader,
                    "committed" if committed_us >= 0 else outcome,
                    started_us / US_PER_S,
                    None if committed_us < 0 else committed_us / US_PER_S,
                    n_transactions,
                )
            )
    return views


def list_episodes(result: StoredResult, replication: int = 0) -> list[Episode]:
    """Faults of every policy in one replication."""
    names = ("fault", "validators", "is_byzantine", "from_us", "until_us")
    return [
        Episode(
            policy,
            fault,
            validators,
            bool(is_byzantine),
            from_us / US_PER_S,
            None if until_us < 0 else until_us / US_PER_S,
        )
        for policy, folder in result.folders.items()
        for fault, validators, is_byzantine, from_us, until_us in _read_faults(
            read_table(folder, "faults", names, [("replication", "==", replication)]), names
        )
    ]


def _read_faults(table: Table, names: tuple[str, ...]) -> list[tuple[str, str, int, int, int]]:
    return list(zip(*(table[name].tolist() for name in names), strict=True))
