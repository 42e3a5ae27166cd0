"""Rows that come on at the end, kept once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from sim.core.records import Records


class Table:
    """Rows of one layout that come on at the end, in one piece.

    Memory costs when it is first written to: to keep every row once, with room that nothing is
    written to yet, is cheaper than to keep parts and to join them.
    """

    def __init__(self, layout: np.dtype[np.void]) -> None:
        self.room: Records = np.empty(0, dtype=layout)
        self.n = 0

    def append(self, rows: Records) -> None:
        """Copy rows to the end."""
        self.extend(len(rows)).view(np.int64)[:] = rows.view(np.int64)

    def extend(self, n: int) -> Records:
        """The next n rows, to be written at once: nobody says what is in them."""
        first, self.n = self.n, self.n + n
        if self.n > len(self.room):
            before, self.room = self.room[:first], np.empty(5 * self.n, dtype=self.room.dtype)
            self.room[:first].view(np.int64)[:] = before.view(np.int64)
        return self.room[first : self.n]

    def get_rows(self) -> Records:
        """All rows; they stay what they are when more come."""
        return self.room[: self.n]

    def copy(self) -> Table:
        """The same rows, to go on from here on its own."""
        other = Table(self.room.dtype)
        other.append(self.get_rows())
        return other
