"""Rows of tables as plain numbers."""

from __future__ import annotations

import numpy as np

from sim.core.records import EXPOSURE, list_rows


def test_rows_are_listed_by_name_in_the_order_they_are_asked_for() -> None:
    table = np.zeros(3, dtype=EXPOSURE)
    table["log"], table["height"], table["records"] = (1, 2, 3), (10, 20, 30), (7, 8, 2**62)
    first, second = list_rows(table, np.array([2, 0]))
    assert first == {"log": 3, "height": 30, "records": 2**62}
    assert second == {"log": 1, "height": 10, "records": 7}
    assert type(first["records"]) is int
    assert list_rows(table, np.zeros(0, dtype=np.int64)) == []
