"""Who traded with whom, what their scores became, and where the money went."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sim.core.market import Role, SaleState
from sim.core.units import PPM, US_PER_S
from sim.experiment.tables import has_table, read_table

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from sim.experiment.tables import StoredResult, Table

NODES_MAX = 150
BACK = (int(SaleState.REFUNDED), int(SaleState.RECOVERED))  # with the buyer again
KEPT = (int(SaleState.PAID), int(SaleState.INVOICED))  # with the seller


class Trajectory(NamedTuple):
    """Published scores of one class of sellers at one time, all replications together."""

    policy: str
    truth: str  # honest, hostile: what the world knows
    time_s: float
    median: float  # 0..1
    low: float  # quartiles
    high: float
    n: int  # sellers


class Node(NamedTuple):
    """A trader in the network of one replication."""

    trader: int
    role: str
    truth: str
    score: float | None  # published last; None: never rated, or no seller
    n_sales: int  # as seller or buyer


class Edge(NamedTuple):
    """What one buyer bought of one seller."""

    buyer: int
    seller: int
    n_sales: int
    n_fraudulent: int
    rating: float | None  # mean of those given, 0..1


class Flow(NamedTuple):
    """One stream of one class of traders, mean over replications."""

    policy: str
    truth: str
    component: str
    unit: str  # base units, value units
    amount: float  # negative: it leaves them


def has_market(result: StoredResult) -> bool:
    """Whether anything was sold under some policy."""
    return any(
        has_table(folder, "sales") and len(read_table(folder, "sales", ["sale"])["sale"])
        for folder in result.folders.values()
    )


def list_trajectories(result: StoredResult) -> list[Trajectory]:
    """Scores over time of honest and hostile sellers, under policies that publish any."""
    found: list[Trajectory] = []
    for policy, folder in result.folders.items():
        where = [("replication", "<", result.run.replications)]
        names = ("replication", "time_us", "trader", "score_ppm")
        scores = read_table(folder, "scores", names, where)
        if not np.any(scores["score_ppm"] != scores["score_ppm"][:1]):
            continue  # nobody's score ever moved
        hostile = _find_hostile(folder, where)
        is_hostile = _look_up(hostile, scores)
        for truth, chosen in (("honest", ~is_hostile), ("hostile", is_hostile)):
            found += _create_trajectories(policy, truth, scores, chosen)
    return found


def _create_trajectories(
    policy: str, truth: str, scores: Table, chosen: NDArray[np.bool_]
) -> list[Trajectory]:
    found = []
    for time_us in np.unique(scores["time_us"][chosen]).tolist():
        values = scores["score_ppm"][chosen & (scores["time_us"] == time_us)] / PPM
        low, median, high = np.quantile(values, [0.25, 0.5, 0.75]).tolist()
        found.append(Trajectory(policy, truth, time_us / US_PER_S, median, low, high, len(values)))
    return found


def _find_hostile(folder: Path, where: list[tuple[str, str, Any]]) -> dict[tuple[int, int], bool]:
    table = read_table(folder, "traders", ("replication", "trader", "is_adversary"), where)
    columns = (table["replication"].tolist(), table["trader"].tolist(), table["is_adversary"])
    return {(r, t): bool(h) for r, t, h in zip(*columns, strict=True)}


def _look_up(hostile: dict[tuple[int, int], bool], table: Table) -> NDArray[np.bool_]:
    pairs = zip(table["replication"].tolist(), table["trader"].tolist(), strict=True)
    return np.array([hostile[pair] for pair in pairs], dtype=np.bool_)


def create_network(
    result: StoredResult, policy: str, replication: int = 0
) -> tuple[list[Node], list[Edge], int]:
    """The most active traders of one replication, what they bought of each other, and of how many.

    Ties of activity go to the smaller number.
    """
    folder, where = result.folders[policy], [("replication", "==", replication)]
    names = ("buyer", "seller", "fraudulent", "value")
    sales = read_table(folder, "sales", names, where)
    traders = read_table(folder, "traders", ("trader", "role", "is_adversary"), where)
    scores = _read_last_scores(folder, where)
    counts: dict[int, int] = {}
    for trader in (*sales["buyer"].tolist(), *sales["seller"].tolist()):
        counts[trader] = counts.get(trader, 0) + 1
    ranked = sorted(counts, key=lambda trader: (-counts[trader], trader))[:NODES_MAX]
    about = {
        trader: (role, hostile)
        for trader, role, hostile in zip(
            *(column.tolist() for column in traders.values()), strict=True
        )
    }
    nodes = [
        Node(
            trader,
            Role(about[trader][0]).name.lower(),
            "hostile" if about[trader][1] else "honest",
            scores.get(trader),
            counts[trader],
        )
        for trader in sorted(ranked)
    ]
    return nodes, _create_edges(sales, dict.fromkeys(ranked)), len(counts)


def _read_last_scores(folder: Path, where: list[tuple[str, str, Any]]) -> dict[int, float]:
    table = read_table(folder, "scores", ("time_us", "trader", "score_ppm", "known"), where)
    rows = zip(*(column.tolist() for column in table.values()), strict=True)
    return {trader: score / PPM for _, trader, score, known in sorted(rows) if known}


def _create_edges(sales: Table, kept: dict[int, None]) -> list[Edge]:
    grouped: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for buyer, seller, fraudulent, value in zip(*(c.tolist() for c in sales.values()), strict=True):
        if buyer in kept and seller in kept:
            grouped.setdefault((buyer, seller), []).append((fraudulent, value))
    edges = []
    for (buyer, seller), listed in sorted(grouped.items()):
        ratings = [value / PPM for _, value in listed if value >= 0]
        rating = sum(ratings) / len(ratings) if ratings else None
        edges.append(Edge(buyer, seller, len(listed), sum(f for f, _ in listed), rating))
    return edges


def list_flows(result: StoredResult) -> list[Flow]:
    """Where money and value went, by class of trader, mean over replications."""
    return [
        flow
        for policy, folder in result.folders.items()
        if has_table(folder, "sales")
        for flow in _list_flows_under(policy, folder, result.run.replications)
    ]


def _list_flows_under(policy: str, folder: Path, replications: int) -> list[Flow]:
    where = [("replication", "<", replications)]
    sales = _read_with_truth(folder, "sales", where)
    disputes = read_table(
        folder, "disputes", ("replication", "signal", "slashed", "restored"), where
    )
    names = ("is_adversary", "wealth_start", "wealth_end", "capital_added", "slashed")
    traders = read_table(folder, "traders", names, where)
    restored = _share_restored(sales, disputes)
    back, held = np.isin(sales["state"], BACK), sales["state"] == int(SaleState.HELD)
    flows = []
    for truth, is_hostile in (("honest", 0), ("hostile", 1)):
        own = traders["is_adversary"] == is_hostile
        bought, sold = sales["buyer_hostile"] == is_hostile, sales["seller_hostile"] == is_hostile
        money = {
            "earned": sales["paid"][sold & np.isin(sales["state"], KEPT)].sum(),
            "came back": sales["paid"][bought & back].sum(),
            "in escrow": sales["paid"][bought & held].sum(),
            "repaid from slashes": restored[bought].sum(),
            "paid": -sales["paid"][bought].sum(),
            "slashed": -traders["slashed"][own].sum(),
        }
        start, end = traders["wealth_start"][own].sum(), traders["wealth_end"][own].sum()
        change = end - start - traders["capital_added"][own].sum()
        money["fees, bonds, rest"] = change - sum(money.values())
        money |= {"change": change, "start": start, "end": end}
        value = {"won": sales["worth"][bought].sum(), "harmed": -sales["harm"][bought].sum()}
        for unit, parts in (("base units", money), ("value units", value)):
            flows += [
                Flow(policy, truth, component, unit, float(amount) / replications)
                for component, amount in parts.items()
            ]
    return flows


def _read_with_truth(folder: Path, table: str, where: list[tuple[str, str, Any]]) -> Table:
    """Sales with whether buyer and seller are hostile."""
    names = ("replication", "signal", "seller", "buyer", "paid", "state", "harm", "worth")
    sales = read_table(folder, table, names, where)
    hostile = _find_hostile(folder, where)
    for side in ("buyer", "seller"):
        sides = {"replication": sales["replication"], "trader": sales[side]}
        sales[f"{side}_hostile"] = _look_up(hostile, sides).astype(np.int64)
    return sales


def _share_restored(sales: Table, disputes: Table) -> NDArray[np.float64]:
    """Part of the slashes that went to the buyer of each sale: by what each paid."""
    restored: dict[tuple[int, int], int] = {}
    for replication, signal, _, amount in zip(
        *(c.tolist() for c in disputes.values()), strict=True
    ):
        key = (replication, signal)
        restored[key] = restored.get(key, 0) + amount
    keys = list(zip(sales["replication"].tolist(), sales["signal"].tolist(), strict=True))
    paid: dict[tuple[int, int], int] = {}
    for key, amount in zip(keys, sales["paid"].tolist(), strict=True):
        paid[key] = paid.get(key, 0) + amount
    return np.array(
        [
            restored.get(key, 0) * amount / max(1, paid[key])
            for key, amount in zip(keys, sales["paid"].tolist(), strict=True)
        ],
        dtype=np.float64,
    )
