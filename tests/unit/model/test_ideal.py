from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sim.consensus.messages import GENESIS, Block
from sim.consensus.sequencer import COMMIT_LATENCIES_US
from sim.core.draws import Draws
from sim.model.ideal import IdealSequencer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.consensus.messages import Evidence

INTERVAL_US = 250_000


class Work:
    """So many items at a time; what is final is noted with its time."""

    def __init__(self, arrivals_us: Sequence[int]) -> None:
        self.arrivals_us = list(arrivals_us)
        self.n_taken = 0
        self.final: list[tuple[Block, int]] = []
        self.heard: list[str] = []

    def is_left(self, node: int, now_us: int) -> bool:
        assert node == 0
        return sum(at_us <= now_us for at_us in self.arrivals_us) > self.n_taken

    def get_next_us(self, now_us: int) -> int | None:
        raise AssertionError("nobody waits")

    def take(self, node: int, now_us: int, uncommitted: Sequence[Block]) -> bytes:
        assert not uncommitted
        self.n_taken = sum(at_us <= now_us for at_us in self.arrivals_us)
        return self.n_taken.to_bytes(32, "little")

    def on_committed(self, node: int, block: Block, now_us: int) -> None:
        self.heard.append("committed")

    def on_final(self, block: Block, now_us: int) -> None:
        self.heard.append("final")
        self.final.append((block, now_us))

    def on_evidence(self, node: int, evidence: Evidence, now_us: int) -> None:
        raise AssertionError("it never lies")


def create_sequencer(work: Work, n_validators: int = 4, seed: int = 1) -> IdealSequencer:
    return IdealSequencer(work, INTERVAL_US, n_validators, Draws(seed, "ideal", 0))


def test_a_block_is_made_at_every_interval_at_which_something_waits() -> None:
    work = Work([0, 1, INTERVAL_US, 3 * INTERVAL_US + 1])
    sequencer = create_sequencer(work)
    sequencer.start()
    sequencer.run(10 * INTERVAL_US)
    proposed_us = [sequencer.get_proposed_us(block) for block, _ in work.final]
    assert proposed_us == [INTERVAL_US, 4 * INTERVAL_US]
    assert [block.height for block, _ in work.final] == [1, 2]
    assert work.heard == ["committed", "final"] * 2


@pytest.mark.parametrize("step_us", [INTERVAL_US // 3, INTERVAL_US, 7 * INTERVAL_US])
def test_it_does_not_matter_in_how_many_steps_it_runs(step_us: int) -> None:
    arrivals_us = [k * 90_000 for k in range(50)]
    whole, pieces = Work(arrivals_us), Work(arrivals_us)
    create_sequencer(whole).run(21 * INTERVAL_US)
    sequencer = create_sequencer(pieces)
    for until_us in range(step_us, 21 * INTERVAL_US + 1, step_us):
        sequencer.run(until_us)
    assert pieces.final == whole.final


def test_what_happens_at_the_end_of_a_run_is_for_the_next() -> None:
    work = Work([0])
    sequencer = create_sequencer(work)
    sequencer.run(INTERVAL_US)
    assert work.final == []
    sequencer.run(INTERVAL_US + 1)
    assert len(work.final) == 1


def test_blocks_stand_on_each_other_and_are_final_in_order() -> None:
    work = Work([k * INTERVAL_US for k in range(1, 201)])
    create_sequencer(work).run(202 * INTERVAL_US)
    blocks = [block for block, _ in work.final]
    times_us = [committed_us for _, committed_us in work.final]
    assert len(blocks) == 200
    assert [block.parent for block in blocks] == [GENESIS.digest, *(b.digest for b in blocks[:-1])]
    assert times_us == sorted(times_us)


def test_each_block_takes_one_of_the_measured_latencies() -> None:
    work = Work([k * 40 * INTERVAL_US for k in range(60)])  # so far apart that none waits
    sequencer = create_sequencer(work)
    sequencer.run(60 * 40 * INTERVAL_US)
    latencies_us = {at_us - sequencer.get_proposed_us(block) for block, at_us in work.final}
    assert latencies_us == set(COMMIT_LATENCIES_US)


def test_latencies_are_drawn_by_the_seed_and_the_interval() -> None:
    def get_times_us(arrivals_us: Sequence[int], seed: int) -> dict[int, int]:
        work = Work(arrivals_us)
        sequencer = create_sequencer(work, seed=seed)
        sequencer.run(10_000 * INTERVAL_US)
        return {sequencer.get_proposed_us(block): at_us for block, at_us in work.final}

    far = [k * 40 * INTERVAL_US for k in range(20)]
    assert get_times_us(far, 1) == get_times_us(far, 1)
    assert get_times_us(far, 1) != get_times_us(far, 2)
    some = get_times_us(far[::2], 1)
    assert some == {
        at_us: final_us for at_us, final_us in get_times_us(far, 1).items() if at_us in some
    }


@pytest.mark.parametrize(("n_validators", "a_block"), [(1, 0), (4, 6), (10, 18)])
def test_a_block_costs_a_message_to_each_peer_and_one_back(n_validators: int, a_block: int) -> None:
    work = Work([0, 5 * INTERVAL_US])
    sequencer = create_sequencer(work, n_validators)
    sequencer.run(10 * INTERVAL_US)
    assert sequencer.n_messages == 2 * a_block
