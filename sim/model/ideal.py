"""An ideal sequencer in the place of validators: it never fails, and its latency is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.consensus.messages import (
    GENESIS,
    VOTE,
    Block,
    Certificate,
    compute_root,
    create_block,
)
from sim.consensus.sequencer import COMMIT_LATENCIES_US, Proposal, Sequencer, on_proposal
from sim.core.purposes import Purpose

if TYPE_CHECKING:
    from sim.core.draws import Draws
    from sim.model.committee import Work

ONE = 0  # the only node


class IdealSequencer:
    """Orders whatever waits at every interval; a message to each peer and one back."""

    n_nodes = 1

    def __init__(self, work: Work, interval_us: int, n_validators: int, draws: Draws) -> None:
        self.work, self.interval_us, self.draws = work, interval_us, draws
        self.messages_a_block = 2 * (n_validators - 1)
        self.sequencer = Sequencer()
        self.last = GENESIS
        self.proposed_us: dict[bytes, int] = {}
        self.next_us = interval_us
        self.n_messages = 0

    def start(self) -> None:
        """There is nothing to agree on beforehand."""

    def run(self, until_us: int) -> None:
        """Order what waits at each interval before a time."""
        while self.next_us < until_us:
            if self.work.is_left(ONE, self.next_us):
                payload = self.work.take(ONE, self.next_us, ())
                if payload:
                    self.order(payload)
            self.next_us += self.interval_us

    def order(self, payload: bytes) -> None:
        """The next height; final after a latency drawn from public measurements."""
        interval = self.next_us // self.interval_us
        draw = self.draws.get_below(Purpose.COMMIT_LATENCY, 0, interval, len(COMMIT_LATENCIES_US))
        latency_us = COMMIT_LATENCIES_US[int(draw[0])]
        proposal = Proposal(payload, self.next_us, latency_us)
        self.sequencer, effects = on_proposal(self.sequencer, proposal)
        height, committed_us = effects[0].height, effects[0].committed_us
        justify = Certificate(VOTE, height - 1, self.last.digest)
        root = compute_root(self.last.root, payload)
        self.last = create_block(height, height, ONE, justify, payload, root)
        self.proposed_us[self.last.digest] = self.next_us
        self.n_messages += self.messages_a_block
        self.work.on_committed(ONE, self.last, committed_us)
        self.work.on_final(self.last, committed_us)

    def get_proposed_us(self, block: Block) -> int:
        """When a block was proposed."""
        return self.proposed_us[block.digest]
