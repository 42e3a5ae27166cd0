"""A seller who cashes in the trust it has earned."""

from __future__ import annotations

from sim.core.records import Kind
from sim.core.units import SUPPLY_MAX
from sim.strategies.exit_scammer import ExitScammer
from tests.traders import live, trade


def test_it_leaves_with_its_first_large_job_after_the_small_ones() -> None:
    moves = live(ExitScammer(jobs=4, value_ratio=10), 7, price=30)
    assert moves["kind"].tolist() == [Kind.PUBLISH] * 7
    assert moves["fraudulent"].tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert moves["price"].tolist() == [30, 30, 30, 30, 300, 300, 300]


def test_it_counts_what_it_publishes_not_its_acts() -> None:
    moves = trade(ExitScammer(jobs=4), 2, memory0=3, barred=[0, 1])
    assert moves["memory0"].tolist() == [4, 3]


def test_barred_it_publishes_nothing_and_stays() -> None:
    assert not live(ExitScammer(jobs=0), 3, barred=1)["kind"].any()


def test_no_price_is_more_than_there_can_be() -> None:
    moves = trade(ExitScammer(jobs=0, value_ratio=10), 1, price=SUPPLY_MAX)
    assert SUPPLY_MAX - 10 < moves["price"][0] <= SUPPLY_MAX
