from __future__ import annotations

import numpy as np
import pytest

from sim.experiment.explain import explain
from sim.experiment.explore import (
    COLUMNS,
    REST,
    choose_explained,
    choose_rows,
    compute_ranks,
    explore,
    is_remarkable,
)
from sim.experiment.run import RunOptions, run_scenario
from sim.experiment.tables import StoredResult, Table, open_result
from sim.model.reexecute import format_call
from sim.scenario.load import load_scenario
from sim.trace.store import MANIFEST, create_manifest, load_manifest
from tests.worlds import create_reacher, create_worker, write_scenario

EVERYTHING = 1_000_000


def create_table(n: int, **columns: object) -> Table:
    """Calls of agents, legitimate and executed unless columns say otherwise."""
    given = {"agent": np.arange(n), "trader": -1, "kind": 4, "legit": 1} | columns
    return {
        name: np.broadcast_to(np.asarray(given.get(name, 0), dtype=np.int64), (n,)).copy()
        for name in COLUMNS
    }


def rank(table: Table, *, is_bound: bool = False) -> np.ndarray:
    return compute_ranks(table, is_bound=is_bound)


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> StoredResult:
    folder = tmp_path_factory.mktemp("explored")
    path = write_scenario(
        folder,
        horizon="40s",
        replications=2,
        agents=[create_worker(count=3), create_reacher(count=2)],
        policies=["unguarded", "gateway", "deny_all"],
    )
    run = run_scenario(load_scenario(path), RunOptions(workers=1, out=folder / "out"))
    assert run.folder is not None
    return open_result(run.folder)


@pytest.mark.parametrize(
    ("columns", "expected", "under_bound"),
    [
        ({}, False, False),
        ({"code": 13}, True, False),
        ({"code": -1}, True, False),
        ({"legit": 0}, True, True),
        ({"goal": 2}, True, True),
        ({"goal": 1, "code": 13}, True, True),
        ({"agent": -1, "trader": 3, "legit": 0}, False, False),
    ],
)
def test_what_is_remarkable(columns: dict[str, int], expected: bool, under_bound: bool) -> None:
    table = create_table(1, **columns)
    assert is_remarkable(table, is_bound=False).tolist() == [expected]
    assert is_remarkable(table, is_bound=True).tolist() == [under_bound]


def test_remarkable_calls_come_before_all_others() -> None:
    table = create_table(200, code=np.arange(200) % 10 == 0)
    rows = choose_rows({"a": table}, {"a": rank(table)}, 50)["a"]
    assert len(rows) == 50
    assert set(np.flatnonzero(table["code"])) <= set(rows)


def test_all_calls_are_shown_if_there_is_room() -> None:
    table = create_table(20, submitted_us=np.arange(20)[::-1])
    (rows,) = choose_rows({"a": table}, {"a": rank(table)}, 20).values()
    assert rows.tolist() == list(range(20))[::-1]  # in order of time


def test_a_sample_has_the_same_tasks_under_every_policy() -> None:
    tables = {"a": create_table(300), "b": create_table(300)}
    ranks = {name: rank(table) for name, table in tables.items()}
    rows = choose_rows(tables, ranks, 100)
    assert rows["a"].tolist() == rows["b"].tolist()
    assert 45 <= len(rows["a"]) <= 50
    assert np.ptp(rows["a"]) > 200  # from everywhere


def test_ranks_spread_evenly() -> None:
    """Chi-square of 16 bins; 44.3 is exceeded with chance 1e-4."""
    ranks = rank(create_table(16_000)) - REST
    counts = np.bincount(ranks >> 58, minlength=16)
    assert ((counts - 1000) ** 2 / 1000).sum() < 44.3


def test_no_more_calls_are_explained_than_asked_for() -> None:
    table = create_table(50, code=np.arange(50) % 5 == 0)
    chosen = choose_explained({"a": table}, {"a": rank(table)}, 12)["a"]
    assert len(chosen) == 12
    assert set(np.flatnonzero(table["code"])) <= set(chosen)


def test_pending_calls_and_trades_have_no_checks() -> None:
    pending, trade = create_table(3, code=-1), create_table(3, agent=-1, trader=1, kind=14)
    for table in (pending, trade):
        assert choose_explained({"a": table}, {"a": rank(table)}, 10)["a"].tolist() == []


def test_checks_are_those_of_explain(result: StoredResult) -> None:
    world, listed = explore(result, EVERYTHING, 5)
    assert result.run.folder is not None
    for calls in listed:
        assert calls.n_calls == len(calls.table["code"])
        assert calls.checks
        for row, checks in list(calls.checks.items())[:2]:
            truth = {name: calls.table[name][row] for name in ("agent", "task", "call", "attempt")}
            name = format_call(world, truth)  # type: ignore[arg-type]
            (explanation,) = explain(result.run.folder, name, 0, (calls.policy,))
            assert explanation.checks == checks
            assert explanation.code == calls.table["code"][row]


def test_a_cut_is_counted(result: StoredResult) -> None:
    _, listed = explore(result, 30, 0)
    assert sum(len(calls.table["code"]) for calls in listed) <= 30
    assert sum(calls.n_calls for calls in listed) > 30
    assert all(calls.checks == {} for calls in listed)


def test_a_result_of_other_code_is_shown_without_checks(result: StoredResult) -> None:
    folder = result.folders["gateway"]
    facts = load_manifest(folder)
    del facts["manifest"]
    content = (folder / MANIFEST).read_bytes()
    facts["digests"][0] = "00" * 16
    (folder / MANIFEST).write_bytes(create_manifest(facts))
    try:
        _, listed = explore(result, EVERYTHING, 5)
    finally:
        (folder / MANIFEST).write_bytes(content)
    by_name = {calls.policy: calls for calls in listed}
    assert "another version" in by_name["gateway"].problem
    assert by_name["gateway"].checks == {}
    assert len(by_name["gateway"].table["code"]) == by_name["gateway"].n_calls
    assert by_name["unguarded"].problem == ""
