"""Rows that wait for their time, kept by the window in which it comes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.core.records import Records, join_records, take_records

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Calendar:
    """Rows with a column `time_us`; each is touched when it is put in and when it is due."""

    def __init__(self, layout: np.dtype[np.void], window_us: int) -> None:
        self.layout, self.window_us = layout, window_us
        self.pages: dict[int, list[Records]] = {}  # by number of the window
        self.n_taken = 0  # windows that are over

    def add(self, rows: Records) -> None:
        """Put rows in; what is late counts to the next window that is taken."""
        if not len(rows):
            return
        pages = np.maximum(rows["time_us"] // self.window_us, self.n_taken)
        for page in np.unique(pages).tolist():
            self.pages.setdefault(page, []).append(take_records(rows, pages == page))

    def take(self, until_us: int) -> Records:
        """Rows of the windows that end by then, in order of time; ties as they were put in."""
        n_pages = -(-until_us // self.window_us)
        due = [page for page in sorted(self.pages) if page < n_pages]
        tables: list[Records] = [np.zeros(0, dtype=self.layout)]
        tables += [table for page in due for table in self.pages.pop(page)]
        self.n_taken = n_pages
        rows = join_records(tables)
        is_due: NDArray[np.bool_] = rows["time_us"] < until_us
        if not is_due.all():  # the last window may be cut short
            self.add(take_records(rows, ~is_due))
            rows = take_records(rows, is_due)
        return take_records(rows, np.argsort(rows["time_us"], kind="stable"))
