"""No ledger waits for the garbage collector once its trace is gone."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

from sim.core.records import Decision
from sim.ledger.market_invariants import MarketBook
from sim.ledger.state import State
from sim.model.domains import Domain
from sim.model.run import Replication
from tests.markets_world import load_market
from tests.worlds import POLICIES, get_policies, load_shipped, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def find_left() -> Iterator[Callable[[], list[str]]]:
    """Types of what holds a ledger's tables and could be freed by the garbage collector alone."""

    def find() -> list[str]:
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        large = (State, Domain, MarketBook)
        left = sorted(type(each).__name__ for each in gc.garbage if issubclass(type(each), large))
        gc.garbage.clear()
        return left

    gc.collect()
    gc.disable()
    yield find
    gc.set_debug(0)
    gc.garbage.clear()
    gc.enable()


@pytest.mark.parametrize(
    "policy", ["unguarded", "gateway", "federated", "chain", "layered", "reference_monitor"]
)
def test_no_ledger_is_left_behind(
    tmp_path: Path, find_left: Callable[[], list[str]], policy: str
) -> None:
    trace = run(load_market(tmp_path), policy)
    assert len(trace.receipts)
    del trace
    assert find_left() == []


def test_nor_where_requests_for_approval_are_still_open(find_left: Callable[[], list[str]]) -> None:
    world = load_shipped("nine_seconds", horizon=60_000_000)
    trace = run(world, get_policies(world)["blanket_and_approval"])
    assert (trace.approvals["decision"] == Decision.OPEN).any()
    del trace
    assert find_left() == []


def test_parts_that_know_each_other_would_keep_a_ledger(
    tmp_path: Path, find_left: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Replication, "let_go", lambda life: None)
    run(load_market(tmp_path), POLICIES["chain"])
    assert {"Domain", "MarketBook", "State"} <= set(find_left())
