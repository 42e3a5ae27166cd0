from __future__ import annotations

import numpy as np

from sim.core.records import EXPOSURE, Records
from sim.core.table import Table


def create_rows(first: int, n: int) -> Records:
    rows = np.zeros(n, dtype=EXPOSURE)
    rows["records"] = first + np.arange(n)
    return rows


def test_a_table_keeps_its_rows_in_order_while_it_grows() -> None:
    table = Table(EXPOSURE)
    assert len(table.get_rows()) == 0
    for first in range(0, 300, 3):
        table.append(create_rows(first, 3))
    assert table.get_rows().tolist() == create_rows(0, 300).tolist()


def test_rows_that_were_handed_out_stay_what_they_are() -> None:
    table = Table(EXPOSURE)
    table.append(create_rows(0, 2))
    before = table.get_rows()
    for first in range(2, 100):
        table.append(create_rows(first, 1))
    assert before.tolist() == create_rows(0, 2).tolist()


def test_the_next_rows_are_written_where_they_stay() -> None:
    table = Table(EXPOSURE)
    table.append(create_rows(0, 2))
    table.extend(3).view(np.int64)[:] = create_rows(2, 3).view(np.int64)
    assert table.get_rows().tolist() == create_rows(0, 5).tolist()


def test_a_copy_goes_on_by_itself() -> None:
    table = Table(EXPOSURE)
    table.append(create_rows(0, 2))
    other = table.copy()
    other.append(create_rows(2, 1))
    table.append(create_rows(7, 1))
    assert other.get_rows()["records"].tolist() == [0, 1, 2]
    assert table.get_rows()["records"].tolist() == [0, 1, 7]
