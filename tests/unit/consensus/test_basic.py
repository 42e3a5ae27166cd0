"""Basic HotStuff: one leader, one block, four phases."""

from __future__ import annotations

import pytest

from sim.consensus.basic import BasicReplica
from sim.consensus.messages import (
    COMMIT,
    GENESIS,
    GENESIS_CERTIFICATE,
    PRECOMMIT,
    VOTE,
    Accuse,
    Block,
    Blocks,
    Broadcast,
    Certificate,
    Commit,
    Effect,
    Fetch,
    NewView,
    Phase,
    Proposal,
    Ready,
    Send,
    Signature,
    Vote,
    create_block,
)
from sim.consensus.replica import VIEWS_AHEAD_MAX
from sim.consensus.signatures import Signatures
from tests.committees import (
    DELTA_US,
    HOP_US,
    TIMEOUT_US,
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

PHASES = (VOTE, PRECOMMIT, COMMIT)


def create(validator: int = 0) -> tuple[BasicReplica, Signatures]:
    replica = create_replica("hotstuff_basic", validator)
    assert isinstance(replica, BasicReplica)
    return replica, replica.signatures


def greet(
    signatures: Signatures, view: int, validator: int, high: Certificate = GENESIS_CERTIFICATE
) -> NewView:
    signature: Signature = give_up(signatures, view - 1, validator, high).signature
    return NewView(view, validator, high, signature)


def decide(replica: BasicReplica, block: Block, kinds: tuple[int, ...] = PHASES) -> list[Effect]:
    """Show a replica a block and its certificates."""
    signatures = replica.signatures
    effects = replica.handle(propose(signatures, block))
    for kind in kinds:
        effects += replica.handle(Phase(certify(signatures, block, kind=kind)))
    return effects


def get_votes(effects: list[Effect]) -> list[tuple[int, bytes]]:
    return [(vote.kind, vote.digest) for vote in find_messages(effects, Vote)]


FIRST = extend(GENESIS, GENESIS_CERTIFICATE, 1, b"one")
BESIDE = extend(GENESIS, GENESIS_CERTIFICATE, 1, b"other")


class TestPhases:
    def test_a_replica_votes_in_each_phase_for_the_leader_of_the_view(self) -> None:
        replica, _ = create()
        effects = decide(replica, FIRST)
        assert get_votes(effects) == [(kind, FIRST.digest) for kind in PHASES]
        assert {effect.to for effect in find_effects(effects, Send)[:3]} == {1}

    def test_the_second_certificate_locks_and_the_third_commits(self) -> None:
        replica, signatures = create()
        decide(replica, FIRST, ())
        for kind, locked, n_final in ((VOTE, 0, 0), (PRECOMMIT, 1, 0), (COMMIT, 1, 1)):
            effects = replica.handle(Phase(certify(signatures, FIRST, kind=kind)))
            assert replica.lock.view == locked
            assert len(find_effects(effects, Commit)) == n_final
        assert replica.view == 2

    def test_it_votes_once_in_each_phase_also_across_a_restart(self) -> None:
        replica, signatures = create()
        decide(replica, FIRST, (VOTE, PRECOMMIT))
        for _ in range(2):
            assert get_votes(decide(replica, BESIDE, (VOTE, PRECOMMIT))) == []
            replica.forget_all_but_votes()
        assert replica.handle(propose(signatures, FIRST)) == []

    def test_it_does_not_go_back_to_an_earlier_phase(self) -> None:
        replica, signatures = create()
        replica.handle(Phase(certify(signatures, FIRST, kind=PRECOMMIT)))
        assert get_votes(decide(replica, FIRST, (VOTE,))) == []

    def test_it_does_not_vote_once_it_gave_up(self) -> None:
        replica, _ = create()
        replica.on_timer()
        assert get_votes(decide(replica, FIRST, (VOTE, PRECOMMIT))) == []

    def test_it_never_votes_below_its_lock(self) -> None:
        replica, signatures = create()
        decide(replica, FIRST)
        below = extend(GENESIS, GENESIS_CERTIFICATE, 2)
        assert get_votes(replica.handle(propose(signatures, below))) == []
        at_lock = extend(FIRST, certify(signatures, FIRST), 2)
        assert get_votes(replica.handle(propose(signatures, at_lock))) == [(VOTE, at_lock.digest)]

    def test_it_locks_on_a_block_that_it_does_not_have(self) -> None:
        """Else its vote would let a block become final that it may vote against later."""
        replica, signatures = create()
        effects = replica.handle(Phase(certify(signatures, FIRST, kind=PRECOMMIT)))
        assert get_votes(effects) == [(COMMIT, FIRST.digest)]
        assert replica.lock.view == 1

    def test_a_wrong_root_height_or_proposer_gets_no_vote(self) -> None:
        _, view, height, _, justify, payload, root = FIRST
        for bad in (
            create_block(view, height, 1, justify, payload, b"\1" * 32),
            create_block(view, height + 1, 1, justify, payload, root),
            create_block(view, height, 2, justify, payload, root),
        ):
            replica, signatures = create()
            assert get_votes(replica.handle(propose(signatures, bad))) == []


class TestLeading:
    def test_a_leader_votes_first_and_counts_itself(self) -> None:
        replica, signatures = create(1)
        (proposal,) = replica.propose(b"one")
        assert isinstance(proposal, Broadcast)
        block = proposal.message.block
        assert replica.handle(vote(signatures, block, 0)) == []
        (shown,) = find_messages(replica.handle(vote(signatures, block, 2)), Phase)
        assert shown.certificate[:4] == (VOTE, 1, block.digest, (0, 1, 2))

    def test_each_quorum_is_shown_to_all_once(self) -> None:
        replica, signatures = create(1)
        (proposal,) = replica.propose(b"one")
        block = proposal.message.block
        shown = [
            phase.certificate.kind
            for kind in PHASES
            for voter in (0, 2, 3)
            for phase in find_messages(replica.handle(vote(signatures, block, voter, kind)), Phase)
        ]
        assert shown == list(PHASES)
        assert replica.committed == [GENESIS.digest, block.digest]
        assert replica.view == 2

    def test_votes_of_other_views_kinds_and_validators_are_not_counted(self) -> None:
        replica, signatures = create(1)
        (proposal,) = replica.propose(b"one")
        block = proposal.message.block
        far = extend(GENESIS, GENESIS_CERTIFICATE, 5)
        for voter in (0, 2, 3):
            for said in (
                vote(signatures, far, voter),
                vote(signatures, block, voter, kind=7),
                vote(signatures, block, voter)._replace(validator=9),
            ):
                assert replica.handle(said) == []
        assert list(replica.votes) == [(VOTE, 1, block.digest)]

    def test_two_votes_in_a_phase_are_evidence(self) -> None:
        replica, signatures = create(1)
        replica.handle(vote(signatures, FIRST, 3))
        accused = find_effects(replica.handle(vote(signatures, BESIDE, 3)), Accuse)
        assert [each.evidence.accused for each in accused] == [3]
        assert len(replica.votes) == 1

    def test_a_leader_waits_for_a_quorum_of_greetings(self) -> None:
        replica, signatures = create(2)
        replica.handle(give_up(signatures, 1, 3, entry=None))
        decide(replica, FIRST)
        certificate = certify(signatures, FIRST)
        effects = replica.handle(greet(signatures, 2, 0, certificate))
        assert find_effects(effects, Ready) == []
        effects = replica.handle(greet(signatures, 2, 1, certificate))
        assert find_effects(effects, Ready) == [Ready(2, 0)]
        (proposal,) = find_messages(replica.propose(b"two"), Proposal)
        assert proposal.block.justify == certificate
        assert proposal.entry is not None
        assert replica.is_timed_out(proposal.entry)

    def test_greetings_may_come_before_the_view(self) -> None:
        replica, signatures = create(2)
        certificate = certify(signatures, FIRST)
        replica.handle(propose(signatures, FIRST))
        effects = [
            effect
            for validator in (0, 1, 3)
            for effect in replica.handle(greet(signatures, 2, validator, certificate))
        ]
        assert find_effects(effects, Ready) == []
        effects = decide(replica, FIRST)
        assert find_effects(effects, Ready) == [Ready(2, 0)]

    @pytest.mark.parametrize("view", [0, 6, VIEWS_AHEAD_MAX + 4])
    def test_greetings_of_other_views_are_not_kept(self, view: int) -> None:
        replica, signatures = create(2)
        replica.handle(greet(signatures, view, 0)._replace(signature=None))
        forged = greet(signatures, 2, 0)._replace(validator=3)
        replica.handle(forged)
        replica.handle(greet(signatures, 3, 0))
        assert 2 not in replica.greetings
        assert 3 not in replica.greetings

    def test_after_a_time_out_a_leader_waits_for_unknown_locks(self) -> None:
        replica, signatures = create(3)
        effects = replica.handle(give_up(signatures, 3, 0, entry=time_out(signatures, 2)))
        assert find_effects(effects, Ready) == [Ready(3, DELTA_US)]
        effects = [
            effect
            for validator in range(4)
            for effect in replica.handle(give_up(signatures, 2, validator))
        ]
        assert find_effects(effects, Ready) == [Ready(3, 0)]

    def test_a_leader_proposes_once_in_a_view_also_across_a_restart(self) -> None:
        replica, _ = create(1)
        assert len(replica.propose(b"one")) == 1
        replica.forget_all_but_votes()
        assert replica.propose(b"other") == []

    def test_a_leader_that_comes_back_knows_why_its_view_began(self) -> None:
        replica, signatures = create(3)
        replica.handle(give_up(signatures, 3, 0, entry=time_out(signatures, 2)))
        replica.forget_all_but_votes()
        effects: list[Effect] = []
        replica.start(effects)
        assert find_effects(effects, Ready) == [Ready(3, DELTA_US)]
        (proposal,) = find_messages(replica.propose(b""), Proposal)
        assert proposal.entry == time_out(signatures, 2)


class TestViews:
    def test_a_decision_ends_the_view_and_the_next_leader_is_greeted(self) -> None:
        replica, signatures = create()
        effects = decide(replica, FIRST)
        (greeting,) = find_messages(effects, NewView)
        assert greeting[:3] == (2, 0, certify(signatures, FIRST))
        assert replica.view == 2

    @pytest.mark.parametrize("kind", PHASES)
    def test_a_certificate_of_a_later_view_leads_there(self, kind: int) -> None:
        replica, signatures = create()
        block = extend(GENESIS, GENESIS_CERTIFICATE, 6)
        replica.handle(Phase(certify(signatures, block, kind=kind)))
        assert replica.view == (7 if kind == COMMIT else 6)

    def test_no_view_is_entered_without_proof(self) -> None:
        replica, signatures = create()
        block = extend(GENESIS, GENESIS_CERTIFICATE, 6)
        few = certify(signatures, block, (0, 1))
        assert replica.handle(Phase(few)) == []
        for entry in (None, time_out(signatures, 4), time_out(signatures, 5, (0, 1))):
            replica.handle(propose(signatures, block, entry))
        assert replica.view == 1
        replica.handle(propose(signatures, block, time_out(signatures, 5)))
        assert replica.view == 6

    def test_one_that_missed_the_decision_is_shown_it(self) -> None:
        replica, signatures = create()
        decide(replica, FIRST)
        decision = Phase(certify(signatures, FIRST, kind=COMMIT))
        assert Send(3, decision) in replica.handle(give_up(signatures, 1, 3))
        assert Broadcast(decision) in replica.on_timer()
        assert replica.handle(give_up(signatures, 2, 3)) == []
        assert Send(3, decision) in replica.handle(give_up(signatures, 2, 3))
        assert replica.handle(give_up(signatures, 1, 3)._replace(validator=2)) == []

    def test_a_decision_counts_even_after_its_view(self) -> None:
        replica, signatures = create()
        replica.handle(propose(signatures, FIRST))
        replica.handle(give_up(signatures, 2, 3, entry=time_out(signatures, 1)))
        effects = replica.handle(Phase(certify(signatures, FIRST, kind=COMMIT)))
        assert [each.block for each in find_effects(effects, Commit)] == [FIRST]
        assert replica.view == 2


class TestCatchingUp:
    def test_a_decision_on_an_unknown_block_commits_it_once_it_comes(self) -> None:
        replica, signatures = create()
        effects = replica.handle(Phase(certify(signatures, FIRST, kind=COMMIT)))
        assert Send(1, Fetch(FIRST.digest, 0, 0)) in effects
        assert find_effects(effects, Commit) == []
        effects = replica.handle(Blocks((FIRST,)))
        assert [each.block for each in find_effects(effects, Commit)] == [FIRST]

    def test_a_proposal_waits_for_its_parent(self) -> None:
        replica, signatures = create()
        (one, certificate), (two, _) = create_chain(signatures, (1, 2))
        effects = replica.handle(propose(signatures, two, time_out(signatures, 1)))
        assert get_votes(effects) == []
        effects = replica.handle(Blocks((one,)))
        assert get_votes(effects) == [(VOTE, two.digest)]
        assert replica.high == certificate


class TestWholeRuns:
    @pytest.mark.parametrize("n_validators", [4, 7, 10])
    def test_a_decision_costs_eight_messages_for_each_other_validator(
        self, n_validators: int
    ) -> None:
        committee = create_committee("hotstuff_basic", n_validators)
        committee.start()
        views = [10, 35]
        counts = []
        for view in views:
            run_to_view(committee, view)
            committee.run(committee.env.now + HOP_US // 2)
            counts.append(committee.network.n_sent)
        assert counts[1] - counts[0] == 25 * 8 * (n_validators - 1)

    def test_every_block_is_final_in_its_own_view(self) -> None:
        work = Endless()
        committee = create_committee("hotstuff_basic", work=work)
        work.committee = committee
        committee.start()
        run_to_view(committee, 40)
        assert len(work.latencies) >= 39
        assert set(work.latencies.values()) == {1}  # the view it begins by its decision

    def test_one_silent_validator_costs_its_own_views_and_no_others(self) -> None:
        committee = create_committee("hotstuff_basic")
        committee.crash(3)
        committee.start()
        committee.run(60 * TIMEOUT_US)
        replica = committee.replicas[0]
        final = {replica.blocks[digest].view for digest in replica.committed[1:]}
        assert len(final) > 45
        assert {view for view in range(1, max(final)) if view not in final} == set(
            range(3, max(final), 4)
        )
