"""What replicas of all protocols do alike: views, certificates, restarts, accusations."""

from __future__ import annotations

import pytest

from sim.consensus.messages import (
    GENESIS,
    GENESIS_CERTIFICATE,
    PROPOSAL,
    TIMEOUT,
    VOTE,
    Accuse,
    Arm,
    Certificate,
    Effect,
    Ready,
    Timeout,
    Vote,
)
from sim.consensus.replica import (
    VIEWS_AHEAD_MAX,
    VIEWS_KEPT,
)
from tests.committees import (
    PROTOCOLS,
    TIMEOUT_US,
    certify,
    create_chain,
    create_replica,
    create_setting,
    enter,
    extend,
    find_effects,
    find_messages,
    give_up,
    propose,
    time_out,
)

pytestmark = pytest.mark.parametrize("protocol", PROTOCOLS)


class TestViews:
    def test_giving_up_is_said_to_everybody_and_said_again(self, protocol: str) -> None:
        replica = create_replica(protocol)
        for _ in range(2):
            effects = replica.on_timer()
            (timeout,) = find_messages(effects, Timeout)
            assert (timeout.view, timeout.validator, timeout.high) == (1, 0, GENESIS_CERTIFICATE)
            assert find_effects(effects, Arm) == [Arm(TIMEOUT_US)]

    def test_one_that_gives_up_does_not_convince_others(self, protocol: str) -> None:
        replica = create_replica(protocol)
        for _ in range(2):
            assert replica.handle(give_up(replica.signatures, 1, 3)) == []
        assert replica.view == 1

    def test_more_than_can_be_faulty_do(self, protocol: str) -> None:
        replica = create_replica(protocol, setting=create_setting(7))
        signatures = replica.signatures
        for validator in (4, 5):
            assert replica.handle(give_up(signatures, 1, validator)) == []
        effects = replica.handle(give_up(signatures, 1, 6))
        assert [said.validator for said in find_messages(effects, Timeout)] == [0]
        assert replica.view == 1

    def test_a_quorum_that_gives_up_ends_the_view(self, protocol: str) -> None:
        replica = create_replica(protocol)
        replica.on_timer()
        replica.handle(give_up(replica.signatures, 1, 2))
        effects = replica.handle(give_up(replica.signatures, 1, 3))
        assert replica.view == 2
        assert replica.entry is not None
        assert (replica.entry.view, replica.entry.signers) == (1, (0, 2, 3))
        assert find_effects(effects, Arm) == [Arm(TIMEOUT_US)]

    def test_proof_that_a_view_is_over_leads_on_at_once(self, protocol: str) -> None:
        replica = create_replica(protocol)
        enter(replica, 9)
        assert replica.view == 9
        (timeout,) = find_messages(replica.on_timer(), Timeout)
        assert timeout.entry == replica.entry
        assert timeout.view == 9

    @pytest.mark.parametrize(
        "forge",
        [
            lambda entry: None,
            lambda entry: entry._replace(view=entry.view + 1),
            lambda entry: entry._replace(
                signers=entry.signers[:2],
                high_views=entry.high_views[:2],
                signatures=entry.signatures[:2],
            ),
            lambda entry: entry._replace(signers=(0, 1, 1)),
            lambda entry: entry._replace(signers=(0, 1, 3)),
            lambda entry: entry._replace(high_views=(0, 0, 7)),
            lambda entry: entry._replace(high_views=(0, 0)),
            lambda entry: entry._replace(signatures=()),
        ],
    )
    def test_nothing_less_does(self, protocol: str, forge: object) -> None:
        replica = create_replica(protocol)
        signatures = replica.signatures
        entry = forge(time_out(signatures, 8))  # type: ignore[operator]
        assert replica.handle(give_up(signatures, 9, 3, entry=entry)) == []
        assert replica.view == 1

    def test_a_view_claimed_far_ahead_is_neither_entered_nor_kept(self, protocol: str) -> None:
        replica = create_replica(protocol)
        for validator in (1, 2, 3):
            said = give_up(replica.signatures, 1_000_001, validator)
            assert replica.handle(said) == []
        assert replica.view == 1
        assert replica.timeouts == {}

    def test_a_time_out_that_its_sender_never_signed_is_nothing(self, protocol: str) -> None:
        replica = create_replica(protocol)
        said = give_up(replica.signatures, 1, 3)
        for forged in (said._replace(validator=2), said._replace(validator=9)):
            assert replica.handle(forged) == []
        assert replica.timeouts == {}

    def test_timers_double_only_once_silence_does_not_explain_it(self, protocol: str) -> None:
        setting = create_setting(4, timeout_max_us=5 * TIMEOUT_US)
        replica = create_replica(protocol, setting=setting)
        delays_us = []
        for view in range(2, 8):
            delays_us += [arm.delay_us for arm in find_effects(enter(replica, view), Arm)]
        assert [delay_us // TIMEOUT_US for delay_us in delays_us] == [1, 1, 2, 4, 5, 5]

    def test_a_certificate_resets_the_timer(self, protocol: str) -> None:
        replica = create_replica(protocol, setting=create_setting(4, timeout_max_us=10**9))
        for view in range(2, 6):
            enter(replica, view)
        assert replica.get_timeout_us() > TIMEOUT_US
        block = extend(GENESIS, GENESIS_CERTIFICATE, 8)
        replica.blocks[block.digest] = block
        replica.handle(give_up(replica.signatures, 9, 3, certify(replica.signatures, block)))
        assert replica.view >= 8
        assert replica.get_timeout_us() == TIMEOUT_US

    def test_back_off_ends_even_without_a_limit(self, protocol: str) -> None:
        replica = create_replica(protocol, setting=create_setting(4, timeout_max_us=10**30))
        replica.n_timeouts = 10_000
        assert replica.get_timeout_us() == TIMEOUT_US << 20

    def test_time_outs_of_views_that_are_over_are_forgotten(self, protocol: str) -> None:
        replica = create_replica(protocol)
        for view in range(2, 8):
            enter(replica, view)
            replica.handle(give_up(replica.signatures, view, 3))
        assert set(replica.timeouts) <= {replica.view - 1, replica.view}


class TestRestart:
    def test_what_was_written_down_survives_a_crash(self, protocol: str) -> None:
        replica = create_replica(protocol)
        for block, certificate in create_chain(replica.signatures, (1, 2, 3)):
            replica.blocks[block.digest] = block
            replica.handle(give_up(replica.signatures, block.view, 3, certificate))
        enter(replica, 6)
        replica.on_timer()
        durable = ("view", "entry", "view_voted", "view_proposed", "lock", "high", "committed")
        before = [getattr(replica, name) for name in durable]
        replica.forget_all_but_votes()
        assert [getattr(replica, name) for name in durable] == before
        assert replica.view == 6

    def test_without_its_memory_a_replica_begins_anew_on_what_it_committed(
        self, protocol: str
    ) -> None:
        replica = create_replica(protocol)
        enter(replica, 6)
        replica.on_timer()
        replica.forget_all_but_votes()
        replica.forget_votes()
        assert (replica.view, replica.view_voted, replica.entry) == (1, 0, None)
        assert (replica.lock, replica.high) == (GENESIS_CERTIFICATE, GENESIS_CERTIFICATE)

    def test_who_comes_back_can_lead_others_to_its_view(self, protocol: str) -> None:
        replica = create_replica(protocol)
        enter(replica, 6)
        replica.forget_all_but_votes()
        (timeout,) = find_messages(replica.on_timer(), Timeout)
        other = create_replica(protocol, 1, replica.signatures)
        other.handle(timeout)
        assert other.view == 6

    def test_starting_again_times_the_view(self, protocol: str) -> None:
        replica = create_replica(protocol)
        effects: list[Effect] = []
        replica.start(effects)
        assert effects == [Arm(TIMEOUT_US)]

    def test_the_first_leader_may_propose_at_once(self, protocol: str) -> None:
        replica = create_replica(protocol, 1)
        effects: list[Effect] = []
        replica.start(effects)
        assert effects == [Arm(TIMEOUT_US), Ready(1, 0)]


class TestCertificates:
    def test_enough_distinct_signers_are_believed(self, protocol: str) -> None:
        replica = create_replica(protocol)
        ((block, certificate),) = create_chain(replica.signatures, (1,))
        replica.blocks[block.digest] = block
        replica.handle(give_up(replica.signatures, 1, 3, certificate))
        assert replica.high == certificate

    @pytest.mark.parametrize("signers", [(), (0, 1), (0, 1, 1), (0, 1, 2, 2), (0, 1, 3)])
    def test_too_few_repeated_or_absent_signers_are_not(
        self, protocol: str, signers: tuple[int, ...]
    ) -> None:
        replica = create_replica(protocol)
        signatures = replica.signatures
        block = extend(GENESIS, GENESIS_CERTIFICATE, 1)
        signed = certify(signatures, block, (0, 1, 2))
        forged = signed._replace(signers=signers, signatures=(None,) * len(signers))
        assert replica.handle(give_up(signatures, 1, 3, forged)) == []
        assert replica.high == GENESIS_CERTIFICATE

    @pytest.mark.parametrize("changed", [{"view": 2}, {"digest": b"x" * 32}, {"kind": 3}])
    def test_signatures_of_something_else_are_not(
        self, protocol: str, changed: dict[str, object]
    ) -> None:
        replica = create_replica(protocol)
        block = extend(GENESIS, GENESIS_CERTIFICATE, 1)
        forged = certify(replica.signatures, block)._replace(**changed)  # type: ignore[arg-type]
        assert replica.handle(give_up(replica.signatures, 1, 3, forged)) == []
        assert (replica.view, replica.high) == (1, GENESIS_CERTIFICATE)

    def test_a_forged_copy_of_a_certificate_is_never_taken_for_it(self, protocol: str) -> None:
        """Not even once the real one was seen, in a proposal that nothing else speaks for."""
        replica = create_replica(protocol)
        signatures = replica.signatures
        ((block, certificate),) = create_chain(signatures, (2,))
        replica.handle(propose(signatures, extend(block, certificate, 7)))
        forged = Certificate(*certificate[:3])
        replica.handle(give_up(signatures, 1, 3, forged))
        assert replica.high != forged


class TestAccusations:
    def test_two_proposals_in_a_view_convict_their_leader(self, protocol: str) -> None:
        replica = create_replica(protocol)
        accused = []
        for payload in (b"one", b"other", b"one"):
            block = extend(GENESIS, GENESIS_CERTIFICATE, 1, payload)
            accused += find_effects(replica.handle(propose(replica.signatures, block)), Accuse)
        assert [each.evidence.accused for each in accused] == [1]
        evidence = accused[0].evidence
        assert replica.is_proof(evidence)
        assert evidence.first[:2] == evidence.second[:2] == (PROPOSAL, 1)

    def test_a_proposal_repeated_convicts_nobody(self, protocol: str) -> None:
        replica = create_replica(protocol)
        proposal = propose(replica.signatures, extend(GENESIS, GENESIS_CERTIFICATE, 1))
        effects = [effect for _ in range(3) for effect in replica.handle(proposal)]
        assert find_effects(effects, Accuse) == []

    def test_nothing_is_noted_that_was_not_signed(self, protocol: str) -> None:
        replica = create_replica(protocol)
        for payload in (b"one", b"other"):
            block = extend(GENESIS, GENESIS_CERTIFICATE, 1, payload)
            forged = propose(replica.signatures, block._replace(proposer=2))
            assert replica.handle(forged._replace(block=block)) == []
        assert replica.statements == {}

    def test_who_changes_its_mind_about_a_time_out_is_not_accused(self, protocol: str) -> None:
        replica = create_replica(protocol)
        ((block, certificate),) = create_chain(replica.signatures, (1,))
        replica.blocks[block.digest] = block
        effects = replica.handle(give_up(replica.signatures, 2, 3))
        effects += replica.handle(give_up(replica.signatures, 2, 3, certificate))
        assert find_effects(effects, Accuse) == []
        assert replica.signatures.is_signed(3, (TIMEOUT, 2, 0), None)

    def test_proof_needs_both_signatures(self, protocol: str) -> None:
        replica = create_replica(protocol)
        evidence = None
        for payload in (b"one", b"other"):
            digest = extend(GENESIS, GENESIS_CERTIFICATE, 1, payload).digest
            evidence = replica.note(VOTE, 1, 2, digest, None)
        effects: list[Effect] = []
        replica.accuse(evidence, effects)
        assert effects == []
        assert evidence is not None
        replica.signatures.sign(2, evidence.first)
        replica.accuse(evidence, effects)
        assert effects == []
        replica.signatures.sign(2, evidence.second)
        replica.accuse(evidence, effects)
        assert effects == [Accuse(evidence)]

    def test_statements_of_long_ago_are_forgotten(self, protocol: str) -> None:
        replica = create_replica(protocol)
        replica.note(VOTE, 1, 2, b"d" * 32, None)
        enter(replica, VIEWS_KEPT)
        assert (VOTE, 1, 2) in replica.statements
        enter(replica, 2 * VIEWS_KEPT)
        assert replica.statements == {}
        assert replica.is_certified(GENESIS_CERTIFICATE)

    def test_a_proposal_from_too_far_ahead_is_not_kept(self, protocol: str) -> None:
        replica = create_replica(protocol)
        for view in (VIEWS_AHEAD_MAX + 2, 10**9):
            block = extend(GENESIS, GENESIS_CERTIFICATE, view)
            assert replica.handle(propose(replica.signatures, block)) == []
        assert replica.statements == {}


def test_a_proposal_whose_content_is_not_its_digests_gets_no_vote(protocol: str) -> None:
    for change in ({}, {"digest": b"\7" * 32}):
        replica = create_replica(protocol)
        block = extend(GENESIS, GENESIS_CERTIFICATE, 1)._replace(**change)
        effects = replica.handle(propose(replica.signatures, block))
        assert bool(find_messages(effects, Vote)) is not bool(change)
