"""The pipelined protocols: one proposal a view, votes to the next leader."""

from __future__ import annotations

import pytest

from sim.consensus.chained import ChainedReplica
from sim.consensus.messages import (
    GENESIS,
    GENESIS_CERTIFICATE,
    VOTE,
    Accuse,
    Block,
    Blocks,
    Broadcast,
    Certificate,
    Commit,
    Effect,
    Fetch,
    Phase,
    Proposal,
    Ready,
    Send,
    Vote,
    create_block,
)
from sim.consensus.replica import VIEWS_AHEAD_MAX, Replica
from tests.committees import (
    CHAINED,
    DELTA_US,
    HOP_US,
    Endless,
    certify,
    create_chain,
    create_committee,
    create_replica,
    extend,
    find_effects,
    find_messages,
    give_up,
    propose,
    run_to_view,
    time_out,
    vote,
)

pytestmark = pytest.mark.parametrize("protocol", CHAINED)


def create_knowing(
    protocol: str, views: tuple[int, ...], validator: int = 0
) -> tuple[ChainedReplica, list[tuple[Block, Certificate]]]:
    """A replica that saw blocks of these views proposed, the last one's votes not yet counted."""
    replica = create_replica(protocol, validator)
    assert isinstance(replica, ChainedReplica)
    signatures = replica.signatures
    chain = create_chain(signatures, views)
    view_before = 0
    for block, _ in chain:
        entry = None if block.view == view_before + 1 else time_out(signatures, block.view - 1)
        replica.handle(propose(signatures, block, entry))
        view_before = block.view
    return replica, chain


def get_votes(effects: list[Effect]) -> list[Vote]:
    return find_messages(effects, Vote)


class TestVoting:
    def test_a_vote_goes_to_the_next_leader_with_the_proposers_signature(
        self, protocol: str
    ) -> None:
        replica = create_replica(protocol, 3)
        block = extend(GENESIS, GENESIS_CERTIFICATE, 1)
        proposal = propose(replica.signatures, block)
        (sent,) = find_effects(replica.handle(proposal), Send)
        assert sent.to == 2
        assert sent.message[:4] == (VOTE, 1, block.digest, 3)
        assert sent.message.proposal_signature == proposal.signature

    def test_it_votes_once_in_a_view(self, protocol: str) -> None:
        replica = create_replica(protocol)
        votes = []
        for payload in (b"one", b"other", b"one"):
            block = extend(GENESIS, GENESIS_CERTIFICATE, 1, payload)
            votes += get_votes(replica.handle(propose(replica.signatures, block)))
        assert len(votes) == 1

    @pytest.mark.parametrize("keeps_votes", [True, False])
    def test_only_a_restart_without_its_memory_lets_it_vote_again(
        self, protocol: str, keeps_votes: bool
    ) -> None:
        replica = create_replica(protocol)
        signatures = replica.signatures
        one, other = (extend(GENESIS, GENESIS_CERTIFICATE, 1, x) for x in (b"one", b"other"))
        replica.handle(propose(signatures, one))
        replica.forget_all_but_votes()
        if not keeps_votes:
            replica.forget_votes()
        assert len(get_votes(replica.handle(propose(signatures, other)))) == (not keeps_votes)

    def test_it_does_not_vote_in_a_view_it_gave_up_on(self, protocol: str) -> None:
        replica = create_replica(protocol)
        replica.on_timer()
        proposal = propose(replica.signatures, extend(GENESIS, GENESIS_CERTIFICATE, 1))
        assert get_votes(replica.handle(proposal)) == []
        replica.forget_all_but_votes()
        assert get_votes(replica.handle(proposal)) == []

    def test_it_does_not_vote_in_a_view_that_is_over(self, protocol: str) -> None:
        replica = create_replica(protocol)
        signatures = replica.signatures
        replica.handle(give_up(signatures, 3, 3, entry=time_out(signatures, 2)))
        for view in (1, 2):
            block = extend(GENESIS, GENESIS_CERTIFICATE, view)
            assert replica.handle(propose(signatures, block, time_out(signatures, view - 1))) == []
        assert replica.view == 3

    def test_it_never_votes_below_its_lock(self, protocol: str) -> None:
        replica, chain = create_knowing(protocol, (1, 2, 3, 4))
        signatures = replica.signatures
        assert replica.lock == chain[2 if protocol == "hotstuff_2" else 1][1]
        below = {block.view: (block, certificate) for block, certificate in chain}
        entry = time_out(signatures, 4, high_view=3)
        lowest = replica.lock.view
        replica.forget_all_but_votes()
        too_low = extend(*below[lowest - 1], 5)
        assert get_votes(replica.handle(propose(signatures, too_low, entry))) == []
        assert replica.view == 5
        entry = time_out(signatures, 5, high_view=3)
        at_lock = extend(*below[lowest], 6)
        assert len(get_votes(replica.handle(propose(signatures, at_lock, entry)))) == 1

    def test_a_wrong_root_height_or_proposer_gets_no_vote(self, protocol: str) -> None:
        signatures = create_replica(protocol).signatures
        good = extend(GENESIS, GENESIS_CERTIFICATE, 1)
        _, view, height, _, justify, payload, root = good
        for bad in (
            create_block(view, height, 1, justify, payload, b"\1" * 32),
            create_block(view, height + 1, 1, justify, payload, root),
            create_block(view, height, 2, justify, payload, root),
        ):
            replica = create_replica(protocol, 0, signatures)
            assert get_votes(replica.handle(propose(signatures, bad))) == []
            assert bad.digest not in replica.blocks
        assert (
            len(
                get_votes(create_replica(protocol, 0, signatures).handle(propose(signatures, good)))
            )
            == 1
        )


class TestViews:
    def test_a_certificate_in_a_proposal_leads_to_its_view(self, protocol: str) -> None:
        replica, _ = create_knowing(protocol, (1, 2, 3))
        assert replica.view == 3
        assert replica.high.view == 2

    def test_a_view_is_not_entered_because_a_leader_says_so(self, protocol: str) -> None:
        replica = create_replica(protocol)
        signatures = replica.signatures
        for entry in (None, time_out(signatures, 3), time_out(signatures, 4, (0, 1))):
            block = extend(GENESIS, GENESIS_CERTIFICATE, 5)
            assert replica.handle(propose(signatures, block, entry)) == []
        assert replica.view == 1

    def test_a_view_after_a_time_out_is_entered_by_its_proof(self, protocol: str) -> None:
        replica = create_replica(protocol)
        signatures = replica.signatures
        block = extend(GENESIS, GENESIS_CERTIFICATE, 5)
        effects = replica.handle(propose(signatures, block, time_out(signatures, 4)))
        assert replica.view == 5
        assert len(get_votes(effects)) == 1

    def test_a_leader_waits_for_unknown_locks_only_after_a_time_out(self, protocol: str) -> None:
        replica, chain = create_knowing(protocol, (1, 2), validator=3)
        signatures = replica.signatures
        effects = [
            effect
            for voter in (0, 1)
            for effect in replica.handle(vote(signatures, chain[1][0], voter))
        ]
        assert Ready(3, 0) in effects
        other = create_replica(protocol, 3, signatures)
        effects = other.handle(give_up(signatures, 3, 0, entry=time_out(signatures, 2)))
        assert Ready(3, DELTA_US) in effects
        heard = [
            effect for voter in range(4) for effect in other.handle(give_up(signatures, 2, voter))
        ]
        assert Ready(3, 0) in heard

    def test_what_was_missed_is_learned_from_whoever_shows_it(self, protocol: str) -> None:
        replica, chain = create_knowing(protocol, (1, 2))
        block, certificate = chain[1]
        replica.handle(Phase(certificate))
        assert (replica.high, replica.view) == (certificate, 3)
        forged = certify(replica.signatures, extend(block, certificate, 3), (0, 1))
        assert replica.handle(Phase(forged)) == []
        assert replica.high == certificate


class TestProposing:
    def test_a_leader_votes_first(self, protocol: str) -> None:
        replica = create_replica(protocol, 1)
        effects = replica.propose(b"batch")
        proposal, voted = effects
        assert isinstance(proposal, Broadcast)
        assert isinstance(voted, Send)
        assert voted.message.digest == proposal.message.block.digest

    def test_the_next_leader_counts_its_own_vote(self, protocol: str) -> None:
        replica, chain = create_knowing(protocol, (1,), validator=2)
        block = chain[0][0]
        for voter in (0, 1):
            assert replica.high == GENESIS_CERTIFICATE
            replica.handle(vote(replica.signatures, block, voter))
        assert replica.high.signers == (0, 1, 2)

    def test_a_leader_proposes_once_in_a_view_also_across_a_restart(self, protocol: str) -> None:
        replica = create_replica(protocol, 1)
        assert len(replica.propose(b"one")) == 2
        assert replica.propose(b"other") == []
        replica.forget_all_but_votes()
        effects: list[Effect] = []
        replica.start(effects)
        assert find_effects(effects, Ready) == []
        assert replica.propose(b"third") == []

    def test_nobody_proposes_in_anothers_view(self, protocol: str) -> None:
        assert create_replica(protocol, 2).propose(b"batch") == []

    def test_a_proof_of_the_view_goes_along_unless_the_certificate_is_one(
        self, protocol: str
    ) -> None:
        replica = create_replica(protocol, 3)
        signatures = replica.signatures
        replica.handle(give_up(signatures, 3, 0, entry=time_out(signatures, 2)))
        (late,) = find_messages(replica.propose(b""), Proposal)
        assert late.entry == time_out(signatures, 2)
        prompt, chain = create_knowing(protocol, (1, 2), validator=3)
        for voter in (0, 1):
            prompt.handle(vote(prompt.signatures, chain[1][0], voter))
        (proposal,) = find_messages(prompt.propose(b""), Proposal)
        assert proposal.entry is None
        assert proposal.block.justify.view == 2

    def test_votes_that_come_late_are_named_too(self, protocol: str) -> None:
        replica, chain = create_knowing(protocol, (1,), validator=2)
        for voter in (0, 1, 3):
            replica.handle(vote(replica.signatures, chain[0][0], voter))
        assert replica.high.signers == (0, 1, 2)
        (proposal,) = find_messages(replica.propose(b""), Proposal)
        assert proposal.block.justify.signers == (0, 1, 2, 3)

    def test_a_leader_without_the_parent_asks_for_it_first(self, protocol: str) -> None:
        replica = create_replica(protocol, 3)
        signatures = replica.signatures
        (one, _), (two, certificate) = create_chain(signatures, (1, 2))
        effects = replica.handle(give_up(signatures, 3, 0, certificate))
        assert find_effects(effects, Ready) == []
        assert Send(0, Fetch(two.digest, 0, 3)) in effects
        assert replica.propose(b"") == []
        assert Ready(3, 0) in replica.handle(Blocks((two, one)))


class TestVotesOfOthers:
    def test_a_validator_counts_once_whatever_it_sends(self, protocol: str) -> None:
        replica, chain = create_knowing(protocol, (1,), validator=2)
        for _ in range(5):
            replica.handle(vote(replica.signatures, chain[0][0], 0))
        assert replica.high == GENESIS_CERTIFICATE

    def test_votes_of_other_views_kinds_and_leaders_are_not_counted(self, protocol: str) -> None:
        replica, chain = create_knowing(protocol, (1,), validator=2)
        signatures, block = replica.signatures, chain[0][0]
        far = extend(block, chain[0][1], 4 * VIEWS_AHEAD_MAX + 1)
        for voter in (0, 1, 3):
            replica.handle(vote(signatures, block, voter, kind=3))
            replica.handle(vote(signatures, far, voter))
            replica.handle(vote(signatures, extend(GENESIS, GENESIS_CERTIFICATE, 2), voter))
            replica.handle(vote(signatures, block, voter)._replace(validator=9))
        assert replica.high == GENESIS_CERTIFICATE
        assert set(replica.votes) == {(1, block.digest)}

    def test_votes_of_views_long_over_are_not_kept(self, protocol: str) -> None:
        replica, chain = create_knowing(protocol, (1, 2, 3, 4), validator=2)
        replica.votes.clear()
        for voter in (0, 1, 3):
            assert replica.handle(vote(replica.signatures, chain[0][0], voter)) == []
        assert replica.votes == {}

    def test_two_votes_in_a_view_are_evidence_and_the_second_does_not_count(
        self, protocol: str
    ) -> None:
        replica, chain = create_knowing(protocol, (1,), validator=2)
        signatures = replica.signatures
        beside = extend(GENESIS, GENESIS_CERTIFICATE, 1, b"beside")
        replica.handle(vote(signatures, chain[0][0], 0))
        false = vote(signatures, beside, 0)._replace(proposal_signature=None)
        accused = find_effects(replica.handle(false), Accuse)
        assert [each.evidence.accused for each in accused] == [0]
        assert set(replica.votes) == {(1, chain[0][0].digest)}

    def test_a_vote_shows_what_its_leader_told_others(self, protocol: str) -> None:
        replica, _ = create_knowing(protocol, (1,), validator=2)
        beside = extend(GENESIS, GENESIS_CERTIFICATE, 1, b"beside")
        accused = find_effects(replica.handle(vote(replica.signatures, beside, 0)), Accuse)
        assert [each.evidence.accused for each in accused] == [1]

    def test_a_vote_for_what_nobody_proposed_accuses_no_leader(self, protocol: str) -> None:
        replica, _ = create_knowing(protocol, (1,), validator=2)
        signatures = replica.signatures
        digest = b"nothing" * 4
        signature = signatures.sign(0, (VOTE, 1, digest))
        assert replica.handle(Vote(VOTE, 1, digest, 0, signature, None)) == []
        fresh = create_replica(protocol, 2, signatures)
        assert fresh.handle(Vote(VOTE, 1, digest, 0, signature, None)) == []
        assert (1, 1, 1) not in fresh.statements


class TestCatchingUp:
    def test_a_proposal_waits_for_its_parent(self, protocol: str) -> None:
        replica = create_replica(protocol, 1)
        signatures = replica.signatures
        (one, _), (two, _), (three, _) = create_chain(signatures, (1, 2, 3))
        effects = replica.handle(propose(signatures, three))
        assert set(find_messages(effects, Fetch)) == {Fetch(two.digest, 0, 1)}
        assert get_votes(effects) == []
        assert len(get_votes(replica.handle(Blocks((two, one))))) == 1

    def test_what_was_missed_is_committed_in_order(self, protocol: str) -> None:
        replica = create_replica(protocol)
        signatures = replica.signatures
        chain = [block for block, _ in create_chain(signatures, range(1, 9))]
        replica.handle(propose(signatures, chain[-1]))
        effects = replica.handle(Blocks(tuple(reversed(chain[:-1]))))
        n_final = len(chain) - (2 if protocol == "hotstuff_2" else 3)
        assert [each.block for each in find_effects(effects, Commit)] == chain[:n_final]


class TestWholeRuns:
    def test_a_decision_costs_two_messages_for_each_other_validator(self, protocol: str) -> None:
        for n_validators in (4, 7, 10):
            committee = create_committee(protocol, n_validators)
            committee.start()
            run_to_view(committee, 10)
            n_sent, view = committee.network.n_sent, max(x.view for x in committee.replicas)
            run_to_view(committee, view + 50)
            assert committee.network.n_sent - n_sent == 50 * 2 * (n_validators - 1)

    def test_a_block_is_final_after_as_many_views_as_its_chain_is_long(self, protocol: str) -> None:
        work = Endless()
        committee = create_committee(protocol, work=work)
        work.committee = committee
        committee.start()
        run_to_view(committee, 50)
        assert len(work.latencies) > 40
        assert set(work.latencies.values()) == {2 if protocol == "hotstuff_2" else 3}

    def test_a_view_takes_two_hops(self, protocol: str) -> None:
        committee = create_committee(protocol)
        committee.start()
        committee.run(100 * 2 * HOP_US + 1)
        assert max(replica.view for replica in committee.replicas) == 101


def test_a_replica_handles_what_belongs_to_its_protocol(protocol: str) -> None:
    handled = {kind.__name__ for kind in create_replica(protocol).handlers}
    assert handled == {"Proposal", "Vote", "Timeout", "Fetch", "Blocks", "Phase"}
    assert issubclass(ChainedReplica, Replica)
