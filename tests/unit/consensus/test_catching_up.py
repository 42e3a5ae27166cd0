"""How a replica of any protocol gets what it missed, and commits it in order."""

from __future__ import annotations

import pytest

from sim.consensus.messages import (
    GENESIS,
    GENESIS_CERTIFICATE,
    GENESIS_ROOT,
    VOTE,
    Block,
    Blocks,
    Certificate,
    Commit,
    Effect,
    Fetch,
    Phase,
    Send,
    compute_root,
)
from sim.consensus.replica import (
    BLOCKS_MAX,
    Replica,
)
from sim.model.committee import get_uncommitted
from tests.committees import (
    PROTOCOLS,
    certify,
    create_chain,
    create_replica,
    enter,
    extend,
    find_effects,
    find_messages,
    give_up,
)

pytestmark = pytest.mark.parametrize("protocol", PROTOCOLS)


class TestCatchingUp:
    def test_who_asks_gets_what_is_above_its_height(self, protocol: str) -> None:
        replica = create_replica(protocol)
        blocks = [block for block, _ in create_chain(replica.signatures, (1, 2, 3))]
        for block in blocks:
            replica.blocks[block.digest] = block
        assert replica.handle(Fetch(blocks[2].digest, 1, 3)) == [
            Send(3, Blocks((blocks[2], blocks[1])))
        ]

    def test_who_asks_for_the_unknown_or_as_nobody_gets_nothing(self, protocol: str) -> None:
        replica = create_replica(protocol)
        block, _ = create_chain(replica.signatures, (1,))[0]
        replica.blocks[block.digest] = block
        assert replica.handle(Fetch(b"unknown", 0, 3)) == []
        assert replica.handle(Fetch(block.digest, 1, 3)) == []
        assert replica.handle(Fetch(block.digest, 0, 4)) == []

    def test_an_answer_has_a_limit(self, protocol: str) -> None:
        replica = create_replica(protocol)
        block, certificate = GENESIS, GENESIS_CERTIFICATE
        for view in range(1, BLOCKS_MAX + 10):
            block = extend(block, certificate, view)
            replica.blocks[block.digest] = block
            certificate = Certificate(VOTE, view, block.digest)
        (answer,) = find_messages(replica.handle(Fetch(block.digest, 0, 3)), Blocks)
        assert len(answer.blocks) == BLOCKS_MAX

    def test_a_certificate_of_an_unknown_block_makes_it_ask_its_sender(self, protocol: str) -> None:
        replica = create_replica(protocol)
        _, (block, certificate) = create_chain(replica.signatures, (1, 2))
        effects = replica.handle(give_up(replica.signatures, 2, 3, certificate))
        assert Send(3, Fetch(block.digest, 0, 0)) in effects
        assert replica.high == certificate

    def test_it_asks_somebody_else_while_nobody_answers(self, protocol: str) -> None:
        replica = create_replica(protocol)
        block, certificate = create_chain(replica.signatures, (1,))[0]
        replica.handle(give_up(replica.signatures, 2, 3, certificate))
        asked = []
        for view in range(3, 7):
            enter(replica, view)
            effects = replica.on_timer()
            asked += [
                effect.to
                for effect in find_effects(effects, Send)
                if effect.message == Fetch(block.digest, 0, 0)
            ]
        assert sorted(asked) == [1, 2, 3]

    def test_an_answer_nobody_asked_for_is_nothing(self, protocol: str) -> None:
        replica = create_replica(protocol)
        (first, one), (second, two) = create_chain(replica.signatures, (1, 2))
        beside = extend(GENESIS, GENESIS_CERTIFICATE, 1, b"beside")
        for answer in ((), (first,), (second, beside)):
            assert replica.handle(Blocks(answer)) == []
        replica.handle(give_up(replica.signatures, 2, 3, two))
        for answer in ((), (first,), (beside, second)):
            assert replica.handle(Blocks(answer)) == []
        assert set(replica.blocks) == {GENESIS.digest}
        assert one.digest == second.parent

    def test_blocks_that_do_not_fit_together_are_not_kept(self, protocol: str) -> None:
        replica = create_replica(protocol)
        _, (second, two) = create_chain(replica.signatures, (1, 2))
        beside = extend(GENESIS, GENESIS_CERTIFICATE, 1, b"beside")
        replica.handle(give_up(replica.signatures, 2, 3, two))
        assert replica.handle(Blocks((second, beside))) == []
        assert beside.digest not in replica.blocks

    def test_who_is_behind_is_shown_what_it_missed(self, protocol: str) -> None:
        """Else the last to know would wait for others who have nothing left to do."""
        replica = create_replica(protocol)
        signatures = replica.signatures
        ((block, certificate),) = create_chain(signatures, (1,))
        replica.blocks[block.digest] = block
        replica.handle(give_up(signatures, 1, 2, certificate))
        if protocol == "hotstuff_basic":
            decided = certify(signatures, block, kind=4)
            replica.handle(Phase(decided))
            certificate = decided
        effects = replica.handle(give_up(signatures, 1, 3))
        assert Send(3, Phase(certificate)) in effects
        forged = give_up(signatures, 1, 3)._replace(validator=2, view=0)
        assert find_messages(replica.handle(forged), Phase) == []

    def test_uncommitted_blocks_are_those_above_the_last_final_one(self, protocol: str) -> None:
        replica = create_replica(protocol)
        blocks = [block for block, _ in create_chain(replica.signatures, (1, 2, 3))]
        for block in blocks:
            replica.blocks[block.digest] = block
        assert get_uncommitted(replica, blocks[2]) == [blocks[2], blocks[1], blocks[0]]
        replica.committed.append(blocks[0].digest)
        assert get_uncommitted(replica, blocks[2]) == [blocks[2], blocks[1]]
        del replica.blocks[blocks[1].digest]
        assert get_uncommitted(replica, blocks[2]) == [blocks[2]]


class TestCommits:
    def commit_at_once(self, protocol: str) -> tuple[Replica, list[Block], list[Effect]]:
        replica = create_replica(protocol)
        blocks = [block for block, _ in create_chain(replica.signatures, (1, 2, 3))]
        for block in blocks:
            replica.blocks[block.digest] = block
        effects: list[Effect] = []
        replica.commit(blocks[2], 1, effects)
        return replica, blocks, effects

    def test_a_block_brings_those_below_it_lowest_first(self, protocol: str) -> None:
        replica, blocks, effects = self.commit_at_once(protocol)
        root, expected = GENESIS_ROOT, []
        for block in blocks:
            root = compute_root(root, block.payload)
            expected.append(Commit(block, root))
        assert effects == expected
        assert replica.root == root == blocks[2].root

    def test_a_gap_is_fetched_before_anything_is_committed(self, protocol: str) -> None:
        replica = create_replica(protocol)
        blocks = [block for block, _ in create_chain(replica.signatures, (1, 2, 3))]
        for block in (blocks[0], blocks[2]):
            replica.blocks[block.digest] = block
        effects: list[Effect] = []
        replica.commit(blocks[2], 1, effects)
        assert effects == [Send(1, Fetch(blocks[1].digest, 0, 0))]
        assert replica.committed == [GENESIS.digest]

    def test_what_stands_beside_the_chain_is_not_committed(self, protocol: str) -> None:
        replica, _, _ = self.commit_at_once(protocol)
        block, certificate = GENESIS, GENESIS_CERTIFICATE
        for view in range(4, 8):
            block = extend(block, certificate, view, b"fork")
            replica.blocks[block.digest] = block
            certificate = certify(replica.signatures, block)
        effects: list[Effect] = []
        replica.commit(block, 1, effects)
        assert effects == []


def test_content_under_anothers_digest_is_never_kept(protocol: str) -> None:
    replica = create_replica(protocol)
    (block, _), *_ = create_chain(replica.signatures, (1,))
    replica.wanted = block.digest
    assert replica.handle(Blocks((block._replace(payload=b"other"),))) == []
    assert replica.wanted == block.digest
    assert block.digest not in replica.blocks
    replica.handle(Blocks((block,)))
    assert replica.blocks[block.digest] == block
