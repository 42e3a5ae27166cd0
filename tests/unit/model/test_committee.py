"""Validators at work: rest, return, repetition, and the same outcome whoever checks signatures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest

from sim.consensus.messages import (
    COMMIT,
    GENESIS,
    GENESIS_CERTIFICATE,
    Commit,
    Evidence,
    Message,
    Phase,
    Proposal,
    Timeout,
)
from sim.consensus.signatures import create_signatures
from sim.faults.crash import Crash
from sim.faults.duplication import Duplication
from sim.faults.message_loss import MessageLoss
from sim.faults.partition import Partition
from sim.faults.reordering import Reordering
from sim.model.committee import Committee
from sim.model.faulting import Episode
from tests.committees import (
    HOP_US,
    PROTOCOLS,
    SECOND_US,
    TIMEOUT_US,
    Arriving,
    Endless,
    create_committee,
    create_episode,
    create_site,
    extend,
    get_height,
    get_lag,
    is_live,
    run_to_view,
    run_under,
)

pytestmark = pytest.mark.parametrize("protocol", PROTOCOLS)

ALL = (0, 1, 2, 3)


class Lose:
    """Loses the messages that it is told to."""

    def __init__(self, is_lost: Callable[[int, int, Message], bool]) -> None:
        self.is_lost = is_lost

    def carry(
        self, source: int, target: int, message: Message, ordinal: int, delays_us: list[int]
    ) -> list[int]:
        return [] if self.is_lost(source, target, message) else delays_us


def get_left(committee: Committee) -> list[bool]:
    now_us = committee.env.now
    return [committee.work.is_left(node, now_us) for node in range(len(committee.replicas))]


def is_silent(committee: Committee) -> bool:
    """Whether nothing more is sent."""
    n_sent = committee.network.n_sent
    committee.run(committee.env.now + 5 * SECOND_US)
    return committee.network.n_sent == n_sent


class TestRest:
    def test_with_nothing_to_order_nothing_is_sent(self, protocol: str) -> None:
        committee = create_committee(protocol, work=Arriving([]))
        committee.start()
        assert is_silent(committee)
        assert committee.network.n_sent == 0

    def test_once_all_is_final_nothing_more_is_sent_until_there_is_work(
        self, protocol: str
    ) -> None:
        committee = create_committee(protocol, work=Arriving([0, 1, 10 * SECOND_US]))
        committee.start()
        committee.run(2 * SECOND_US)
        assert get_left(committee) == [False] * 4
        assert is_silent(committee)
        committee.run(10 * SECOND_US + TIMEOUT_US)
        assert get_left(committee) == [False] * 4
        assert len(committee.commits) >= 12
        assert is_silent(committee)

    def test_work_that_nobody_foresaw_is_taken_up_with_the_next_run(self, protocol: str) -> None:
        work = Arriving([0])
        committee = create_committee(protocol, work=work)
        committee.start()
        committee.run(2 * SECOND_US)
        work.times_us.append(3 * SECOND_US)
        committee.run(4 * SECOND_US)
        assert get_left(committee) == [False] * 4

    @pytest.mark.parametrize("crashed_us", [1, 3 * HOP_US // 2, 5 * HOP_US, 9 * HOP_US])
    def test_who_returns_to_a_resting_committee_is_told_what_it_missed(
        self, protocol: str, crashed_us: int
    ) -> None:
        committee = create_committee(protocol, work=Arriving([0, 1, 2]))
        committee.start()
        committee.run(crashed_us)
        committee.crash(2)
        committee.run(3 * SECOND_US)
        committee.restart(2, keeps_votes=True)
        committee.run(6 * SECOND_US)
        assert get_left(committee) == [False] * 4
        assert is_silent(committee)

    @pytest.mark.parametrize("gone", ALL)
    def test_the_first_to_know_do_not_leave_the_rest_waiting(
        self, protocol: str, gone: int
    ) -> None:
        """One is gone, so the others need each other also for the very last block."""
        is_stopped = protocol == "hotstuff_3"  # by any one that is silent
        for until_us in range(0, 20 * HOP_US, HOP_US):
            committee = create_committee(protocol, work=Arriving([0, until_us]))
            committee.crash(gone)
            committee.start()
            committee.run(4 * SECOND_US)
            assert get_left(committee) == [is_stopped or node == gone for node in ALL]
            assert is_silent(committee) is not is_stopped

    @pytest.mark.parametrize("missed_by", ALL)
    def test_a_message_lost_before_the_rest_is_made_up_for(
        self, protocol: str, missed_by: int
    ) -> None:
        for from_us in range(0, 16 * HOP_US, 2 * HOP_US):
            committee = create_committee(protocol, work=Arriving([0, 1, 5 * HOP_US]))
            window = range(from_us, from_us + 5 * HOP_US)
            lose = Lose(
                lambda a, b, _, w=window, c=committee: missed_by in (a, b) and c.env.now in w
            )
            committee.network.disturbances.append(lose)
            committee.start()
            committee.run(8 * SECOND_US)
            assert get_left(committee) == [False] * 4
            assert is_silent(committee)

    def test_a_leader_that_crashed_at_rest_is_no_trouble(self, protocol: str) -> None:
        for node in ALL:
            committee = create_committee(protocol, work=Arriving([0, 2 * SECOND_US]))
            committee.start()
            committee.run(SECOND_US)
            committee.crash(node)
            committee.restart(node, keeps_votes=True)
            committee.run(4 * SECOND_US)
            assert get_left(committee) == [False] * 4

    def test_blocks_keep_their_interval(self, protocol: str) -> None:
        committee = create_committee(protocol, interval_us=70_000)
        committee.start()
        committee.run(4 * SECOND_US)
        times_us = sorted(record.proposed_us for record in committee.proposed.values())
        gaps_us = {later - time for time, later in pairwise(times_us)}
        assert len(times_us) > 40
        assert min(gaps_us) >= 70_000


def run_until_level(committee: Committee, n_views: int) -> None:
    """Go on for so many views at most, until nobody is behind."""
    last = max(replica.view for replica in committee.replicas) + n_views
    height = get_height(committee)
    while get_lag(committee) or get_height(committee) == height:
        committee.env.step()
        assert max(replica.view for replica in committee.replicas) <= last


class TestReturn:
    @pytest.mark.parametrize("node", ALL)
    @pytest.mark.parametrize("gone_us", [TIMEOUT_US // 2, 3 * SECOND_US])
    def test_after_a_crash_nobody_is_behind_within_a_few_views(
        self, protocol: str, node: int, gone_us: int
    ) -> None:
        fault = create_episode("crash", Crash(), (node,), SECOND_US, SECOND_US + gone_us)
        committee = run_under([fault], protocol, until_us=SECOND_US + gone_us + 1)
        is_behind = gone_us > SECOND_US and protocol != "hotstuff_3"
        assert get_lag(committee) > 0 or not is_behind
        run_until_level(committee, 4 + 2)

    @pytest.mark.parametrize("groups", ["0 1 2 | 3", "0 1 | 2 3", "0 | 1 | 2 | 3"])
    def test_after_a_partition_there_is_one_chain_within_a_few_views(
        self, protocol: str, groups: str
    ) -> None:
        fault = create_episode("partition", Partition(groups), ALL, SECOND_US, 3 * SECOND_US)
        committee = run_under([fault], protocol, until_us=3 * SECOND_US + 1)
        run_until_level(committee, 4 + 2)

    def test_after_loss_nobody_is_behind_within_a_few_views(self, protocol: str) -> None:
        for seed in range(5):
            fault = create_episode("message_loss", MessageLoss(300_000), ALL, 0, 3 * SECOND_US)
            committee = run_under([fault], protocol, seed=seed, until_us=3 * SECOND_US + 1)
            assert committee.network.n_lost > 100
            run_until_level(committee, 4 + 2)

    def test_more_crashes_than_can_be_borne_halt_it_until_one_returns(self, protocol: str) -> None:
        faults = [create_episode("crash", Crash(), (0, 2), SECOND_US, 3 * SECOND_US)]
        committee = run_under(faults, protocol, until_us=6 * SECOND_US)
        halted = range(SECOND_US + TIMEOUT_US, 3 * SECOND_US)
        assert [record for record in committee.commits if record.committed_us in halted] == []
        assert is_live(committee, 3 * SECOND_US)

    def test_a_decision_that_one_saw_leads_the_others_on(self, protocol: str) -> None:
        """The one that told it is gone, so only a validator that heard it can."""
        committee = create_committee(protocol)
        is_lost = Lose(
            lambda source, target, message: (
                target in (2, 3)
                and isinstance(message, Phase | Proposal)
                and (isinstance(message, Proposal) or message.certificate.kind == COMMIT)
            )
        )
        committee.start()
        run_to_view(committee, 5)
        committee.network.disturbances.append(is_lost)
        run_to_view(committee, 6)
        committee.crash(1)
        committee.run(committee.env.now + HOP_US)
        committee.network.disturbances.clear()
        committee.run(committee.env.now + SECOND_US)
        views = [committee.replicas[node].view for node in (0, 2, 3)]
        assert min(views) > 10
        assert max(views) - min(views) <= 1

    def test_the_only_one_that_knows_a_view_is_over_may_crash_and_return(
        self, protocol: str
    ) -> None:
        committee = create_committee(protocol)
        is_lost = Lose(
            lambda source, target, message: (
                isinstance(message, Proposal) or (isinstance(message, Timeout) and target in (1, 2))
            )
        )
        committee.start()
        run_to_view(committee, 5)
        committee.network.disturbances.append(is_lost)
        while committee.replicas[3].entry is None:
            committee.env.step()
        committee.crash(0)
        committee.crash(3)
        committee.restart(3, keeps_votes=True)
        committee.run(committee.env.now + HOP_US)
        assert committee.replicas[3].view > committee.replicas[1].view
        committee.network.disturbances.clear()
        committee.run(committee.env.now + SECOND_US)
        assert min(committee.replicas[node].view for node in (1, 2, 3)) > 10

    def test_no_leader_proposes_twice_in_a_view_however_often_it_crashes(
        self, protocol: str
    ) -> None:
        crashes = [
            create_episode("crash", Crash(), (node,), at_us, at_us + 1)
            for at_us, node in zip(range(0, 3 * SECOND_US, 3_000), ALL * 250, strict=True)
        ]
        committee = run_under(crashes, protocol, until_us=4 * SECOND_US)
        places = [
            (record.block.view, record.block.proposer) for record in committee.proposed.values()
        ]
        assert len(places) == len(set(places))
        assert len(places) > 10
        assert committee.evidence == []
        assert is_live(committee, 3 * SECOND_US)


FAULTS: dict[str, Sequence[Episode]] = {
    "none": [],
    "crash": [create_episode("crash", Crash(), (1,), 200_000, 700_000)],
    "loss": [create_episode("message_loss", MessageLoss(), ALL, 0, SECOND_US)],
}


class TestSameness:
    @pytest.mark.parametrize("name", FAULTS)
    def test_the_same_run_twice_is_the_same_run(self, protocol: str, name: str) -> None:
        one, other = (run_under(FAULTS[name], protocol, until_us=2 * SECOND_US) for _ in range(2))
        assert one.commits == other.commits
        assert one.network.n_sent == other.network.n_sent
        assert one.evidence == other.evidence
        assert len(one.commits) > 80

    @pytest.mark.parametrize("name", FAULTS)
    def test_a_run_in_pieces_is_the_same_run(self, protocol: str, name: str) -> None:
        whole = run_under(FAULTS[name], protocol, until_us=2 * SECOND_US)
        pieces = create_site(FAULTS[name], protocol).committee
        pieces.start()
        for until_us in range(77_777, 2 * SECOND_US, 77_777):
            pieces.run(until_us)
        pieces.run(2 * SECOND_US)
        assert pieces.commits == whole.commits

    @pytest.mark.parametrize("name", FAULTS)
    def test_real_signatures_change_nothing(self, protocol: str, name: str) -> None:
        until_us = SECOND_US if name == "crash" else 600_000
        runs = [
            run_under(
                FAULTS[name],
                protocol,
                until_us=until_us,
                signatures=create_signatures(scheme, "committees", 4),
            )
            for scheme in ("trusted", "ed25519")
        ]
        assert runs[0].network.n_sent == runs[1].network.n_sent
        seen = [
            [
                (record.node, record.block.digest, record.block.root, record.committed_us)
                for record in committee.commits
            ]
            for committee in runs
        ]
        assert seen[0] == seen[1]
        assert len(seen[0]) >= 20

    def test_messages_that_come_twice_change_nothing(self, protocol: str) -> None:
        plain = run_under([], protocol)
        fault = create_episode("duplication", Duplication(1_000_000, 300_000), ALL)
        doubled = run_under([fault], protocol)
        assert doubled.commits == plain.commits
        assert [x.root for x in doubled.replicas] == [x.root for x in plain.replicas]
        assert doubled.evidence == []

    def test_messages_that_overtake_each_other_do_no_harm(self, protocol: str) -> None:
        fault = create_episode("reordering", Reordering(3 * TIMEOUT_US), ALL, 0, 3 * SECOND_US)
        committee = run_under([fault], protocol, until_us=5 * SECOND_US)
        assert max(replica.n_timeouts for replica in committee.replicas) == 0
        assert committee.evidence == []
        assert is_live(committee, 3 * SECOND_US)

    def test_every_node_commits_one_height_after_the_other(self, protocol: str) -> None:
        committee = run_under(FAULTS["loss"], protocol)
        for node in ALL:
            heights = [each.block.height for each in committee.commits if each.node == node]
            assert heights == list(range(1, len(heights) + 1))


def test_a_block_is_final_once_one_of_those_who_say_so_is_honest(protocol: str) -> None:
    """A validator and its twin are one, whatever they say."""
    work = Endless()
    committee = create_committee(protocol, work=work, twins=(3,), byzantine=(3,))
    block = extend(GENESIS, GENESIS_CERTIFICATE, 1)
    final = []
    for node in (3, 4, 0, 1):
        committee.commit(node, Commit(block, block.root))
        final.append(list(work.final))
    assert final == [[], [], [block], [block]]


def test_two_nodes_with_one_key_are_told_everything_twice(protocol: str) -> None:
    committee = create_committee(protocol, twins=(3,))
    assert committee.validators == [0, 1, 2, 3, 3]
    assert committee.nodes_of == [[0], [1], [2], [3, 4]]
    assert committee.is_honest == [True, True, True, False, False]
    committee.start()
    committee.run(SECOND_US)
    commits = [record.node for record in committee.commits]
    assert commits.count(3) > 10
    assert abs(commits.count(3) - commits.count(4)) <= 1


def test_no_evidence_comes_of_honest_work(protocol: str) -> None:
    evidence: list[tuple[int, Evidence, int]] = []
    for faults in FAULTS.values():
        evidence += run_under(faults, protocol, until_us=2 * SECOND_US).evidence
    assert evidence == []
