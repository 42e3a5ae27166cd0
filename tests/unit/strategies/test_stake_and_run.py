"""A seller who takes its stake and leaves."""

from __future__ import annotations

from sim.core.records import Kind
from sim.strategies.stake_and_run import StakeAndRun
from tests.traders import live, trade


def test_it_sells_so_many_false_signals_then_asks_for_all_its_stake_once() -> None:
    moves = live(StakeAndRun(sales=3), 6, stake=700)
    assert moves["kind"].tolist() == [Kind.PUBLISH] * 3 + [Kind.UNBOND, 0, 0]
    assert moves["fraudulent"].tolist() == [1, 1, 1, 0, 0, 0]
    assert moves["amount"].tolist() == [0, 0, 0, 700, 0, 0]


def test_it_withdraws_what_has_matured() -> None:
    gone = {"memory0": 3, "memory1": 1, "stake": 0}
    moves = trade(StakeAndRun(sales=3), 2, unbonding_slot=[-1, 0], **gone)
    assert moves["kind"].tolist() == [0, Kind.WITHDRAW]
    assert moves["target"].tolist() == [0, 0]
    assert trade(StakeAndRun(sales=3), 1, unbonding_slot=6, **gone)["target"][0] == 6


def test_it_sells_before_it_withdraws_what_it_had_asked_for_earlier() -> None:
    assert trade(StakeAndRun(), 1, unbonding_slot=6)["kind"].tolist() == [Kind.PUBLISH]


def test_without_stake_it_only_stops() -> None:
    moves = live(StakeAndRun(sales=2), 4, stake=0)
    assert moves["kind"].tolist() == [Kind.PUBLISH] * 2 + [0, 0]
    assert not moves["memory1"].any()


def test_barred_it_does_nothing() -> None:
    columns = {"memory0": [0, 5, 5], "memory1": [0, 0, 1], "unbonding_slot": 6}
    assert not trade(StakeAndRun(), 3, barred=1, **columns)["kind"].any()
