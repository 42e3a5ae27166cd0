from __future__ import annotations

from pathlib import Path

import pytest

from sim.core.market import Role, SaleState
from sim.experiment.tables import StoredResult
from sim.experiment.trading import (
    NODES_MAX,
    create_network,
    has_market,
    list_flows,
    list_trajectories,
)
from tests.unit.experiment.stored_tables import Rows, store

S = 1_000_000
TRADERS: Rows = [  # 0 honest seller, 1 hostile seller, 2 and 3 honest buyers
    {"trader": 0, "role": int(Role.SELLER), "wealth_start": 100, "wealth_end": 180},
    {"trader": 1, "role": int(Role.SELLER), "is_adversary": 1, "wealth_start": 100,
     "wealth_end": 40, "slashed": 60},
    {"trader": 2, "role": int(Role.BUYER), "wealth_start": 500, "wealth_end": 420},
    {"trader": 3, "role": int(Role.BUYER), "wealth_start": 500, "wealth_end": 530},
]  # fmt: skip
SALES: Rows = [
    {"sale": 0, "signal": 0, "seller": 0, "buyer": 2, "paid": 80, "state": int(SaleState.PAID),
     "worth": 150, "value": S},
    {"sale": 1, "signal": 1, "seller": 1, "buyer": 2, "paid": 90, "state": int(SaleState.REFUNDED),
     "fraudulent": 1, "harm": 300, "value": 0},
    {"sale": 2, "signal": 1, "seller": 1, "buyer": 3, "paid": 30, "state": int(SaleState.REFUNDED),
     "fraudulent": 1, "harm": 300, "value": -1},
    {"sale": 3, "signal": 2, "seller": 0, "buyer": 3, "paid": 20, "state": int(SaleState.HELD),
     "worth": 150, "value": -1},
]  # fmt: skip
DISPUTES: Rows = [{"signal": 1, "slashed": 60, "restored": 40}]
SCORES: Rows = [
    {"time_us": time_s * S, "trader": trader, "score_ppm": score, "known": known}
    for time_s, trader, score, known in (
        (10, 0, 500_000, 0), (10, 1, 500_000, 0), (20, 0, 900_000, 1), (20, 1, 200_000, 1),
    )
]  # fmt: skip
TABLES = {"traders": TRADERS, "sales": SALES, "disputes": DISPUTES, "scores": SCORES}


@pytest.fixture
def market(tmp_path: Path) -> StoredResult:
    return store(tmp_path, TABLES)


def get_flows(result: StoredResult, truth: str) -> dict[str, float]:
    return {flow.component: flow.amount for flow in list_flows(result) if flow.truth == truth}


def test_flows_of_the_honest_are_counted_by_hand(market: StoredResult) -> None:
    assert get_flows(market, "honest") == {
        "earned": 80,
        "came back": 120,
        "in escrow": 20,
        "repaid from slashes": 40,
        "paid": -220,
        "slashed": 0,
        "fees, bonds, rest": -10,
        "change": 30,
        "start": 1100,
        "end": 1130,
        "won": 300,
        "harmed": -600,
    }


def test_flows_of_the_hostile_are_counted_by_hand(market: StoredResult) -> None:
    flows = get_flows(market, "hostile")
    assert (flows["earned"], flows["slashed"], flows["change"]) == (0, -60, -60)
    assert flows["fees, bonds, rest"] == 0


def test_parts_of_money_add_up_to_the_change(market: StoredResult) -> None:
    for truth in ("honest", "hostile"):
        flows = get_flows(market, truth)
        apart = ("change", "start", "end", "won", "harmed")
        assert sum(a for name, a in flows.items() if name not in apart) == flows["change"]


def test_scores_part_by_what_sellers_are(market: StoredResult) -> None:
    last = {each.truth: each for each in list_trajectories(market)}
    assert last["honest"][1:] == ("honest", 20.0, 0.9, 0.9, 0.9, 1)
    assert last["hostile"][1:] == ("hostile", 20.0, 0.2, 0.2, 0.2, 1)


def test_scores_that_never_move_are_no_trajectory(tmp_path: Path) -> None:
    still = [{**row, "score_ppm": 500_000} for row in SCORES]
    assert list_trajectories(store(tmp_path, {**TABLES, "scores": still})) == []


def test_the_network_holds_truth_scores_and_ratings(market: StoredResult) -> None:
    nodes, edges, n_traders = create_network(market, "chain")
    assert n_traders == 4
    assert [(node.trader, node.role, node.truth, node.score, node.n_sales) for node in nodes] == [
        (0, "seller", "honest", 0.9, 2),
        (1, "seller", "hostile", 0.2, 2),
        (2, "buyer", "honest", None, 2),
        (3, "buyer", "honest", None, 2),
    ]
    assert [tuple(edge) for edge in edges] == [
        (2, 0, 1, 0, 1.0),
        (2, 1, 1, 1, 0.0),
        (3, 0, 1, 0, None),
        (3, 1, 1, 1, None),
    ]


def test_only_the_most_active_are_kept(tmp_path: Path) -> None:
    n = NODES_MAX + 20
    sale = {"seller": 0, "value": -1, "state": int(SaleState.PAID)}
    sales: Rows = [{**sale, "buyer": buyer} for buyer in range(1, n)]
    sales += [{**sale, "buyer": n - 1}]  # the last one bought twice
    traders: Rows = [{"trader": t, "role": int(Role.BUYER)} for t in range(n)]
    nodes, edges, n_traders = create_network(
        store(tmp_path, {"sales": sales, "traders": traders, "scores": SCORES[:0]}), "chain"
    )
    assert (len(nodes), n_traders) == (NODES_MAX, n)
    assert nodes[-1].trader == n - 1
    assert len(edges) == NODES_MAX - 1


def test_a_result_without_a_market_has_none(tmp_path: Path) -> None:
    result = store(tmp_path, {"tasks": []})
    assert not has_market(result)
    assert list_flows(result) == []
    assert list_trajectories(result) == []
