from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.consensus.messages import GENESIS, GENESIS_CERTIFICATE, Block
from sim.core.encoding import HEADER_BYTES
from sim.core.records import Kind
from sim.faults.crash import Crash
from sim.model.batches import SIGNED_BYTES, Batch, create_batch
from sim.model.chain import Chain, LedgerBlock, create_plans, get_delays_us
from sim.model.committee import Committee
from sim.model.faulting import NEVER_US, Plan
from sim.model.ideal import IdealSequencer
from sim.model.run import Replication
from sim.policies.base import Protocol
from sim.scenario.schema import Chain as ChainSettings
from tests.committees import extend
from tests.worlds import POLICIES, SEED, Document, create_worker, load_world

AGENTS = [create_worker(count=3), create_worker(name="other", count=3)]
CENSOR = {"fault": "censoring_leader", "validators": [3], "target": "other"}
S = 1_000_000

CreateChain = Callable[..., Chain]


@pytest.fixture
def create_chain(tmp_path: Path) -> CreateChain:
    """The chain of a world that has not begun yet; its validators are one millisecond apart."""

    def create(
        faults: tuple[Document, ...] = (), protocol: str = "hotstuff_2", **settings: Any
    ) -> Chain:
        chain = {"link": "1ms", "allow_unsafe": True} | settings
        world = load_world(tmp_path, agents=AGENTS, faults=list(faults), chain=chain)
        policy = replace(POLICIES["chain"], protocol=Protocol(protocol))
        found = Replication(world, policy, SEED, 0).chain
        assert found is not None
        return found

    return create


def create_calls(*ready_us: int, **columns: int) -> Batch:
    """Transfers of nothing between the orgs, numbered by their amount; agents as told."""
    batch = create_batch(len(ready_us))
    batch.transactions["kind"] = Kind.TRANSFER
    batch.transactions["sender"], batch.transactions["target"] = 0, 1
    batch.transactions["submitted_us"] = batch.truths["ready_us"] = ready_us
    batch.transactions["amount"] = np.arange(1, len(ready_us) + 1)
    for name, value in columns.items():
        batch.truths[name] = value
    return batch


def admit(chain: Chain, *batches: Batch) -> None:
    for batch in batches:
        chain.submit(batch)
    chain.admit()


def get_taken(chain: Chain, digest: bytes) -> list[int]:
    """Amounts of the rows of a batch."""
    rows = chain.find_rows(extend(GENESIS, GENESIS_CERTIFICATE, 1, digest))
    amounts: list[int] = chain.waiting.transactions["amount"][rows].tolist()
    return amounts


def propose(chain: Chain, now_us: int, *uncommitted: Block, node: int = 0) -> Block:
    """The block a leader would make above others, highest first."""
    parent = uncommitted[0] if uncommitted else GENESIS
    payload = chain.take(node, now_us, uncommitted)
    return extend(parent, GENESIS_CERTIFICATE, parent.view + 1, payload)


# what leaders take


def test_a_leader_takes_the_oldest_that_came_up_to_the_limit(create_chain: CreateChain) -> None:
    chain = create_chain(block_limit=3)
    admit(chain, create_calls(50, 20, 40, 10, 30))
    assert get_taken(chain, chain.take(0, 9, ())) == []
    assert get_taken(chain, chain.take(0, 20, ())) == [4, 2]
    assert get_taken(chain, chain.take(0, 60, ())) == [4, 2, 5]


def test_ties_are_taken_in_the_order_they_were_submitted(create_chain: CreateChain) -> None:
    chain = create_chain()
    admit(chain, create_calls(7, 7), create_calls(7, 5))
    assert get_taken(chain, chain.take(0, 7, ())) == [2, 1, 2, 1]


def test_an_empty_batch_has_no_digest(create_chain: CreateChain) -> None:
    chain = create_chain()
    assert chain.take(0, S, ()) == b""
    admit(chain, create_calls(2 * S))
    assert chain.take(0, S, ()) == b""


def test_what_a_block_below_has_is_not_taken_again(create_chain: CreateChain) -> None:
    chain = create_chain(block_limit=2)
    admit(chain, create_calls(1, 2, 3, 4, 5))
    first = propose(chain, 9)
    second = propose(chain, 9, first)
    third = propose(chain, 9, second, first)
    taken = [get_taken(chain, block.payload) for block in (first, second, third)]
    assert taken == [[1, 2], [3, 4], [5]]
    assert propose(chain, 9, third, second, first).payload == b""


def test_what_a_wasted_block_had_is_free_again(create_chain: CreateChain) -> None:
    chain = create_chain(block_limit=2)
    admit(chain, create_calls(1, 2, 3))
    wasted = propose(chain, 9)
    assert propose(chain, 9).payload == wasted.payload  # on another parent, the same batch


def test_what_is_final_for_anybody_is_not_taken_again(create_chain: CreateChain) -> None:
    """Even by a leader that has not heard of it yet."""
    chain = create_chain(block_limit=2)
    admit(chain, create_calls(1, 2, 3))
    block = propose(chain, 9)
    chain.on_committed(2, block, 10)
    assert get_taken(chain, chain.take(0, 11, ())) == [3]
    assert [chain.is_left(node, 11) for node in range(4)] == [True] * 4
    chain.on_committed(2, propose(chain, 9, block), 12)
    assert [chain.is_left(node, 12) for node in range(4)] == [True, True, False, True]


def test_two_calls_that_say_the_same_are_two(create_chain: CreateChain) -> None:
    chain = create_chain(block_limit=1)
    admit(chain, create_calls(5), create_calls(5))
    first = propose(chain, 9)
    second = propose(chain, 9, first)
    for block in (first, second):
        chain.on_committed(0, block, 10)
    assert chain.is_ordered.tolist() == [True, True]
    assert not chain.is_left(0, 10)


def test_a_censor_leaves_a_group_out_while_it_lasts(create_chain: CreateChain) -> None:
    chain = create_chain(faults=(CENSOR,))
    mine, others = create_calls(1, 2, agent=1), create_calls(3, 4, agent=4)
    others.transactions["amount"] += 10
    admit(chain, mine, others, create_calls(5))  # the last is no agent's
    site = chain.site
    assert site is not None
    assert get_taken(chain, chain.take(3, 9, ())) == [1, 2, 11, 12, 1]
    end = site.censor(3, "other")
    assert get_taken(chain, chain.take(3, 9, ())) == [1, 2, 1]
    assert get_taken(chain, chain.take(0, 9, ())) == [1, 2, 11, 12, 1]
    end()
    assert get_taken(chain, chain.take(3, 9, ())) == [1, 2, 11, 12, 1]
    assert chain.get_targets() == ["other"]


# what comes in


def test_arrivals_are_counted_by_time(create_chain: CreateChain) -> None:
    chain = create_chain()
    admit(chain, create_calls(30, 10, 20))
    found = [(chain.count_arrived(now_us), chain.get_next_us(now_us)) for now_us in (0, 10, 25, 30)]
    assert found == [(0, 10), (1, 20), (2, 30), (3, None)]


def test_nothing_comes_in_the_past(create_chain: CreateChain) -> None:
    chain = create_chain()
    chain.decide(2 * S)
    admit(chain, create_calls(S, 3 * S))
    assert chain.ready_us.tolist() == [2 * S, 3 * S]
    assert chain.waiting.truths["ready_us"].tolist() == [S, 3 * S]  # it waited for longer


def test_a_call_round_the_chain_waits_for_no_block(create_chain: CreateChain) -> None:
    chain = create_chain()
    batch = create_calls(10, 20, 30)
    batch.truths["mediated"] = [1, 0, 0]
    chain.submit(batch)
    (outside,) = chain.decide(100)
    assert outside.batch.truths["ready_us"].tolist() == [20, 30]
    assert outside.batch.truths["final_us"].tolist() == [20, 30]
    assert outside.batch.transactions["now_us"].tolist() == [20, 30]
    assert set(outside.batch.truths["messages"].tolist()) == {2}
    assert set(outside.domains.tolist()) == {-1}
    assert chain.get_pending().truths["ready_us"].tolist() == [10]


# what comes of it


@pytest.mark.parametrize("protocol", list(Protocol))
def test_what_is_submitted_becomes_final_in_order(protocol: str, create_chain: CreateChain) -> None:
    chain = create_chain(protocol=protocol, block_limit=2)
    n_before = chain.domain.n_applied
    chain.submit(create_calls(40, 10, 30, 20, 50))
    (decided,) = chain.decide(5 * S)
    batch, receipts, domains = decided
    assert batch.transactions["amount"].tolist() == [2, 4, 3, 1, 5]
    assert (np.diff(receipts["height"]) >= 0).all()
    assert np.unique(receipts["height"], return_counts=True)[1].max() <= 2
    assert set(domains.tolist()) == {-1}
    assert (batch.truths["final_us"] > batch.transactions["now_us"]).all()
    assert (batch.transactions["now_us"] >= batch.truths["ready_us"]).all()
    assert set(batch.truths["messages"].tolist()) == {2}
    assert len(chain.get_pending()) == len(chain.serials) == 0
    assert [block.last - block.first for block in chain.blocks] == [
        count for count in np.unique(receipts["height"], return_counts=True)[1]
    ]
    assert chain.blocks[0].first == n_before
    assert chain.blocks[-1].last == chain.domain.n_applied == n_before + 5
    assert chain.decide(9 * S) == []


def test_a_block_is_final_in_the_window_in_which_it_became_so(create_chain: CreateChain) -> None:
    chain = create_chain()
    chain.submit(create_calls(0))
    final_us = 2 * 250_000 + 1_000  # two more views, and the way to one more validator
    assert chain.decide(final_us) == []
    (decided,) = chain.decide(final_us + 1)
    assert decided.batch.truths["final_us"].tolist() == [final_us]


def test_a_block_is_noted_once(create_chain: CreateChain) -> None:
    chain = create_chain()
    admit(chain, create_calls(1, 2))
    block = propose(chain, 9)
    for _ in range(2):
        chain.on_final(block, 10)
    chain.on_final(extend(block, GENESIS_CERTIFICATE, 3)._replace(height=5), 11)  # not the next
    assert [final.block for final in chain.finals] == [block]
    assert chain.height == 1


def test_ordering_costs_its_messages_and_a_batch_to_each_peer(create_chain: CreateChain) -> None:
    chain = create_chain()
    chain.blocks = [LedgerBlock(1, 0, 5, 12, 0, 10), LedgerBlock(4, 6, 9, 40, 10, 13)]
    assert chain.count_messages(0) == (12, 3 * 10 * SIGNED_BYTES + 12 * HEADER_BYTES)
    assert chain.count_messages(1) == (28, 3 * 3 * SIGNED_BYTES + 28 * HEADER_BYTES)


def test_roots_are_taken_every_so_many_heights(create_chain: CreateChain) -> None:
    chain = create_chain(block_interval="10ms")
    for window in range(1, 9):
        chain.submit(create_calls(*range((window - 1) * S, window * S, S // 20)))
        chain.decide(window * S)
    heights = sorted(chain.checkpoints)
    assert len(heights) > 2
    assert np.diff([0, *heights]).min() >= 100
    assert set(heights) <= {block.height for block in chain.blocks}
    assert len(set(chain.checkpoints.values())) == len(heights)


# what goes wrong


def test_plans_are_those_of_a_policy(create_chain: CreateChain) -> None:
    crash = {"fault": "crash", "validators": [2], "from": "3s", "until": "9s"}
    drawn = {"fault": "crash", "drawn": 2, "every": "5s", "lasting": "2s", "under": ["layered"]}
    scenario = create_chain(faults=(crash, drawn)).world.scenario
    plan = Plan("crash", Crash(), (2,), 0, 3 * S, 9 * S, 0, 0)
    assert create_plans(scenario, "chain") == [plan]
    assert create_plans(scenario, "layered") == [
        plan,
        Plan("crash", Crash(), (), 2, 0, NEVER_US, 5 * S, 2 * S),
    ]


@pytest.mark.parametrize(
    ("faults", "n_validators", "is_fatal"),
    [
        ((), 4, True),
        (({"fault": "silent_leader", "validators": [1]},), 4, True),
        (({"fault": "silent_leader", "validators": [1, 2]},), 4, False),
        (({"fault": "silent_leader", "validators": [1, 2]},), 7, True),
        (({"fault": "crash"},), 4, True),
        (({"fault": "silent_leader"},), 4, False),
    ],
)
def test_a_broken_promise_is_fatal_up_to_f_byzantine_validators(
    faults: tuple[Document, ...], n_validators: int, is_fatal: bool, create_chain: CreateChain
) -> None:
    committee = create_chain(faults=faults, validators=n_validators).committee
    assert isinstance(committee, Committee)
    assert committee.watch.is_fatal == is_fatal


def test_a_twin_is_one_more_node_where_its_validator_stands(create_chain: CreateChain) -> None:
    chain = create_chain(faults=({"fault": "twins", "validators": [1]},), link="7ms")
    committee = chain.committee
    assert isinstance(committee, Committee)
    assert committee.validators == [0, 1, 2, 3, 1]
    assert len(chain.n_done) == 5
    assert committee.is_honest == [True, False, True, True, False]
    assert chain.site is not None
    assert chain.site.get_region(4) == chain.site.get_region(1)


def test_an_ideal_sequencer_needs_no_validators_and_knows_no_fault(
    create_chain: CreateChain,
) -> None:
    chain = create_chain(faults=({"fault": "crash"},), protocol="sequencer")
    assert isinstance(chain.committee, IdealSequencer)
    assert chain.site is None
    chain.submit(create_calls(0))
    assert len(chain.decide(5 * S)) == 1


def test_a_link_is_the_same_everywhere_or_that_between_regions() -> None:
    regions = ["us-east-1", "eu-north-1", "us-east-1"]
    same = get_delays_us(ChainSettings(link=9, processing=5), regions)
    assert same == [[9] * 3] * 3
    bare, slow = (get_delays_us(ChainSettings(processing=us), regions) for us in (0, 5))
    assert bare[0][1] == 56_397  # half a round trip
    assert (np.array(slow) - np.array(bare) == 5).all()
    assert [row[0] for row in bare] == [row[2] for row in bare]
