"""Validators that say what they should not, or nothing: seen to happen, and borne."""

from __future__ import annotations

from collections import Counter

import pytest

from sim.consensus.messages import (
    PROPOSAL,
    VOTE,
    Proposal,
    Timeout,
    Vote,
    compute_root,
)
from sim.faults.base import Fault
from sim.faults.censoring_leader import CensoringLeader
from sim.faults.double_vote import DoubleVote
from sim.faults.equivocating_leader import EquivocatingLeader
from sim.faults.inflated_view import InflatedView
from sim.faults.invalid_certificate import InvalidCertificate
from sim.faults.lunatic_proposal import LunaticProposal
from sim.faults.silent_leader import SilentLeader
from sim.faults.vote_withholding import VoteWithholding
from sim.model.committee import Committee
from tests.committees import (
    PROTOCOLS,
    SECOND_US,
    Endless,
    Tap,
    count_commits,
    create_episode,
    create_site,
    is_live,
)

LIAR = 3
UNTIL_US = 3 * SECOND_US
protocols = pytest.mark.parametrize("protocol", PROTOCOLS)


def lie(
    fault: Fault, protocol: str, until_us: int = -1, work: Endless | None = None
) -> tuple[Committee, Tap]:
    """A committee with one liar, run for a while, and all that was said in it."""
    episode = create_episode("lie", fault, (LIAR,), 0, until_us)
    committee = create_site([episode], protocol, work=work).committee
    tap = Tap(committee)
    committee.start()
    committee.run(UNTIL_US)
    return committee, tap


def find_final(committee: Committee) -> set[int]:
    """Proposers of final blocks."""
    return {record.block.proposer for record in committee.commits}


@protocols
class TestSilentLeader:
    def test_it_votes_and_never_proposes(self, protocol: str) -> None:
        committee, tap = lie(SilentLeader(), protocol)
        assert tap.find_sent(Proposal, LIAR) == []
        assert tap.find_sent(Vote, LIAR) != []
        assert LIAR not in find_final(committee)

    def test_its_views_are_wasted_and_silence_is_no_evidence(self, protocol: str) -> None:
        committee, tap = lie(SilentLeader(), protocol)
        given_up = {timeout.view % 4 for timeout in tap.find_sent(Timeout, 0)}
        assert LIAR in given_up
        assert committee.evidence == []
        assert count_commits(committee, 0, UNTIL_US) > 20


@protocols
class TestEquivocatingLeader:
    def test_it_tells_two_halves_two_things(self, protocol: str) -> None:
        _, tap = lie(EquivocatingLeader(), protocol)
        told = {
            (message.block.view, target, message.block.digest)
            for _, source, target, message in tap.sent
            if source == LIAR and isinstance(message, Proposal)
        }
        for view in {view for view, _, _ in told}:
            by_target = {target: digest for each, target, digest in told if each == view}
            assert by_target[0] == by_target[2] != by_target[1]

    def test_it_is_convicted_where_others_see_its_votes(self, protocol: str) -> None:
        """In basic HotStuff votes go to the liar itself, so nobody holds both its proposals."""
        committee, _ = lie(EquivocatingLeader(), protocol)
        if protocol == "hotstuff_basic":
            assert committee.evidence == []
            return
        assert {proof.accused for _, proof, _ in committee.evidence} == {LIAR}
        evidence = committee.watch.convicted[LIAR]
        assert evidence.first[0] == evidence.second[0] == PROPOSAL

    def test_at_most_one_of_two_blocks_is_certified(self, protocol: str) -> None:
        committee, _ = lie(EquivocatingLeader(), protocol)
        views = Counter(record.block.view for record in committee.proposed.values())
        doubled = {view for view, n in views.items() if n == 2}
        assert len(doubled) > 3
        assert {view % 4 for view in doubled} == {LIAR}
        assert count_commits(committee, 0, UNTIL_US) > 10


def test_a_leader_that_lies_about_an_empty_batch_still_says_two_things() -> None:
    class Empty(Endless):
        def take(self, *_: object) -> bytes:
            return b""

    committee, _ = lie(EquivocatingLeader(), "hotstuff_2", work=Empty())
    assert set(committee.watch.convicted) == {LIAR}


@protocols
class TestDoubleVote:
    def test_every_vote_is_sent_with_its_opposite(self, protocol: str) -> None:
        _, tap = lie(DoubleVote(), protocol)
        votes = tap.find_sent(Vote, LIAR)
        digests = Counter((each.kind, each.view) for each in votes)
        assert set(digests.values()) == {2}
        assert len({(each.kind, each.view, each.digest) for each in votes}) == len(votes)

    def test_it_is_convicted_and_its_leaders_are_not(self, protocol: str) -> None:
        committee, _ = lie(DoubleVote(), protocol)
        assert set(committee.watch.convicted) == {LIAR}
        assert {proof.first[0] >= VOTE for _, proof, _ in committee.evidence} == {True}
        assert {proof.accused for _, proof, _ in committee.evidence} == {LIAR}

    def test_no_certificate_counts_it_twice(self, protocol: str) -> None:
        committee, _ = lie(DoubleVote(), protocol)
        assert committee.watch.n_certificates > 20
        assert find_final(committee) == {0, 1, 2, 3}


@protocols
class TestVoteWithholding:
    def test_it_proposes_and_never_votes(self, protocol: str) -> None:
        _, tap = lie(VoteWithholding(), protocol)
        assert tap.find_sent(Vote, LIAR) == []
        assert tap.find_sent(Proposal, LIAR) != []

    def test_all_goes_on_without_it_and_silence_is_no_evidence(self, protocol: str) -> None:
        committee, tap = lie(VoteWithholding(), protocol)
        assert committee.evidence == []
        assert find_final(committee) == {0, 1, 2, 3}
        signers = Counter(
            signer
            for node in (0, 1, 2)
            for proposal in tap.find_sent(Proposal, node)
            for signer in proposal.block.justify.signers
        )
        assert signers[LIAR] < min(signers[node] for node in (0, 1, 2))


@protocols
class TestInflatedView:
    def test_it_claims_views_that_nobody_enters(self, protocol: str) -> None:
        committee, tap = lie(InflatedView(), protocol)
        claims = [said.view for said in tap.find_sent(Timeout, LIAR)]
        assert max(claims) > 1_000_000
        assert max(replica.view for replica in committee.replicas) < 1_000
        assert all(len(replica.timeouts) <= 2 for replica in committee.replicas)

    def test_nothing_else_changes(self, protocol: str) -> None:
        committee, _ = lie(InflatedView(), protocol)
        plain, _ = lie(InflatedView(), protocol, until_us=0)
        assert committee.evidence == []
        honest = [record for record in committee.commits if record.node != LIAR]
        assert honest == [record for record in plain.commits if record.node != LIAR]


@protocols
class TestInvalidCertificate:
    def test_what_it_proposes_on_is_forged_in_every_way(self, protocol: str) -> None:
        committee, tap = lie(InvalidCertificate(), protocol)
        forged = [proposal.block.justify for proposal in tap.find_sent(Proposal, LIAR)]
        assert {(len(each.signers), len(set(each.signers))) for each in forged} == {
            (1, 1),
            (3, 1),
            (3, 3),
        }
        for replica in committee.replicas[:3]:
            assert not any(replica.is_certified(certificate) for certificate in forged)

    def test_it_is_refused_before_use(self, protocol: str) -> None:
        committee, tap = lie(InvalidCertificate(), protocol)
        fakes = {proposal.block.digest for proposal in tap.find_sent(Proposal, LIAR)}
        assert LIAR not in {vote.view % 4 for vote in tap.find_sent(Vote, LIAR)}
        assert len(fakes) > 3
        for replica in committee.replicas[:3]:
            assert not fakes & set(replica.blocks)
        assert LIAR not in find_final(committee)
        assert count_commits(committee, 0, UNTIL_US) > 10


@protocols
class TestLunaticProposal:
    def test_it_claims_a_root_that_nobody_comes_to(self, protocol: str) -> None:
        committee, tap = lie(LunaticProposal(), protocol)
        known = committee.replicas[0].blocks
        proposals = tap.find_sent(Proposal, LIAR)
        assert len(proposals) > 3
        for proposal in proposals:
            parent = known.get(proposal.block.parent)
            if parent is not None:
                assert proposal.block.root != compute_root(parent.root, proposal.block.payload)

    def test_it_is_never_voted_for_and_never_final(self, protocol: str) -> None:
        committee, tap = lie(LunaticProposal(), protocol)
        wrong = {proposal.block.digest for proposal in tap.find_sent(Proposal, LIAR)}
        voted = {vote.digest for node in range(4) for vote in tap.find_sent(Vote, node)}
        assert not wrong & voted
        assert LIAR not in {vote.view % 4 for vote in tap.find_sent(Vote, LIAR)}
        assert LIAR not in find_final(committee)
        assert count_commits(committee, 0, UNTIL_US) > 10


def test_a_censoring_leader_leaves_its_target_out_until_the_end() -> None:
    site = create_site([])
    end = CensoringLeader("buyers").begin(site, (1, LIAR))
    assert site.censored == {1: ["buyers"], LIAR: ["buyers"]}
    end()
    assert site.censored == {1: [], LIAR: []}


def test_a_censoring_leader_is_no_trouble_for_the_protocol() -> None:
    committee, _ = lie(CensoringLeader("buyers"), "hotstuff_2")
    plain, _ = lie(CensoringLeader("buyers"), "hotstuff_2", until_us=0)
    assert committee.commits == plain.commits
    assert committee.evidence == []


@protocols
@pytest.mark.parametrize(
    "fault",
    [SilentLeader(), VoteWithholding(), DoubleVote(), EquivocatingLeader(), LunaticProposal()],
    ids=lambda fault: type(fault).__name__,
)
def test_once_it_is_over_all_is_as_before(protocol: str, fault: Fault) -> None:
    committee, _ = lie(fault, protocol, until_us=SECOND_US)
    assert committee.behaviours == [[], [], [], []]
    late = [proof for _, proof, at_us in committee.evidence if at_us > SECOND_US + 50_000]
    assert late == []
    assert is_live(committee, SECOND_US, n_min=20)
    last = {x.block.proposer for x in committee.commits if x.committed_us > 2 * SECOND_US}
    assert last == {0, 1, 2, 3}
