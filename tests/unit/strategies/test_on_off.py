"""A seller who is good long enough to be forgiven."""

from __future__ import annotations

import pytest

from sim.core.records import Kind
from sim.strategies.on_off import OnOff
from tests.traders import live, trade


def test_it_keeps_its_duty_cycle_exactly() -> None:
    moves = live(OnOff(), 25)
    assert moves["kind"].tolist() == [Kind.PUBLISH] * 25
    assert moves["fraudulent"].tolist() == ([0] * 7 + [1] * 3) * 2 + [0] * 5


@pytest.mark.parametrize(("n_good", "n_bad"), [(50, 10), (1, 1), (0, 2), (2, 0)])
def test_a_cycle_may_be_as_long_as_one_likes(n_good: int, n_bad: int) -> None:
    moves = live(OnOff(n_good, n_bad), 2 * (n_good + n_bad))
    assert moves["fraudulent"].tolist() == ([0] * n_good + [1] * n_bad) * 2


def test_without_a_cycle_it_is_good() -> None:
    assert not live(OnOff(0, 0), 3)["fraudulent"].any()


def test_a_bar_stops_the_cycle_where_it_is() -> None:
    moves = trade(OnOff(), 2, memory0=8, barred=[0, 1])
    assert moves["memory0"].tolist() == [9, 8]
    assert moves["kind"].tolist() == [Kind.PUBLISH, 0]
