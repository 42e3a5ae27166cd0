from __future__ import annotations

import random

import numpy as np
import pytest

from sim.core.records import Records, create_layout
from sim.model.calendar import Calendar

ROW = create_layout("time_us", "name")


def create_rows(*rows: tuple[int, int]) -> Records:
    return np.array(list(rows), dtype=ROW)


def take(calendar: Calendar, until_us: int) -> list[tuple[int, int]]:
    rows = calendar.take(until_us)
    return list(zip(rows["time_us"].tolist(), rows["name"].tolist(), strict=True))


def test_rows_come_in_order_of_time_and_ties_as_they_were_put_in() -> None:
    calendar = Calendar(ROW, 10)
    calendar.add(create_rows((9, 1), (3, 2), (3, 3)))
    calendar.add(create_rows((3, 4), (12, 5)))
    assert take(calendar, 10) == [(3, 2), (3, 3), (3, 4), (9, 1)]
    assert take(calendar, 20) == [(12, 5)]
    assert take(calendar, 30) == []


def test_what_is_put_in_late_comes_with_the_next_window() -> None:
    calendar = Calendar(ROW, 10)
    assert take(calendar, 10) == []
    calendar.add(create_rows((4, 1)))
    assert take(calendar, 20) == [(4, 1)]


@pytest.mark.parametrize("until_us", [11, 15, 19])
def test_a_window_cut_short_leaves_what_comes_after_it(until_us: int) -> None:
    calendar = Calendar(ROW, 10)
    calendar.add(create_rows((10, 1), (19, 2), (until_us, 3)))
    early, late = take(calendar, until_us), take(calendar, 30)
    assert early == [(10, 1)]
    assert late == sorted([(19, 2), (until_us, 3)])


def test_nothing_gets_lost_or_comes_twice() -> None:
    chance = random.Random(1)
    calendar, came, name = Calendar(ROW, 7), [], 0
    for window in range(1, 60):
        for _ in range(chance.randrange(4)):
            calendar.add(create_rows((7 * window - 7 + chance.randrange(40), name)))
            name += 1
        came += take(calendar, 7 * window)
    came += take(calendar, 1_000)
    assert sorted(each for _, each in came) == list(range(name))


def test_no_rows_are_no_page() -> None:
    calendar = Calendar(ROW, 10)
    calendar.add(create_rows())
    assert not calendar.pages
