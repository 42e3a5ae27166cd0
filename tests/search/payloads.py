"""Work without end for a committee of the searches: there is always something to order."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.consensus.messages import Block, Evidence


class Payloads:
    """Hands out batches of which no two are alike, so that twins propose different blocks."""

    def __init__(self) -> None:
        self.n_taken = 0

    def is_left(self, node: int, now_us: int) -> bool:
        """Always."""
        return True

    def get_next_us(self, now_us: int) -> int | None:
        """Nobody ever waits for work."""
        return None

    def take(self, node: int, now_us: int, uncommitted: Sequence[Block]) -> bytes:
        """A batch of its own."""
        self.n_taken += 1
        return b"%032d" % self.n_taken

    def on_committed(self, node: int, block: Block, now_us: int) -> None:
        """Nothing to do."""

    def on_final(self, block: Block, now_us: int) -> None:
        """Nothing to do."""

    def on_evidence(self, node: int, evidence: Evidence, now_us: int) -> None:
        """Nothing to do."""
