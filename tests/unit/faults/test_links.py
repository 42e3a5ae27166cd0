"""What goes wrong between validators: seen to happen, and healed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest

from sim.consensus.messages import Timeout
from sim.faults.base import Fault
from sim.faults.clog import Clog
from sim.faults.delay import Delay
from sim.faults.duplication import Duplication
from sim.faults.message_loss import MessageLoss
from sim.faults.one_way_partition import OneWayPartition
from sim.faults.partition import Partition
from sim.faults.reordering import Reordering
from sim.faults.ring_partition import RingPartition
from sim.faults.twins import Twins
from sim.model.committee import Committee
from tests.committees import (
    HOP_US,
    PROTOCOLS,
    SECOND_US,
    TIMEOUT_US,
    Tap,
    count_commits,
    create_episode,
    create_setting,
    create_site,
    get_lag,
    is_live,
    run_under,
)

pytestmark = pytest.mark.parametrize("protocol", PROTOCOLS)

ALL = (0, 1, 2, 3)
FROM_US, UNTIL_US, ENDED_US = SECOND_US // 2, 3 * SECOND_US // 2, 3 * SECOND_US


def disturb(
    fault: Fault, protocol: str, nodes: Sequence[int] = ALL, n_validators: int = 4, seed: int = 1
) -> tuple[Committee, Tap]:
    """A committee disturbed for one of three seconds, and all that was said in it."""
    episode = create_episode("disturb", fault, nodes, FROM_US, UNTIL_US)
    committee = create_site([episode], protocol, n_validators, seed=seed).committee
    tap = Tap(committee)
    committee.start()
    committee.run(ENDED_US)
    assert committee.network.disturbances == []
    assert committee.evidence == []
    assert is_live(committee, UNTIL_US)
    return committee, tap


def count_by(committee: Committee, node: int) -> int:
    """Commits of a node while the network was disturbed, once that was felt."""
    return sum(
        1
        for record in committee.commits
        if record.node == node and FROM_US + 3 * TIMEOUT_US <= record.committed_us < UNTIL_US
    )


class TestMessageLoss:
    @pytest.mark.parametrize("share_ppm", [50_000, 300_000])
    def test_a_share_of_the_messages_is_lost(self, protocol: str, share_ppm: int) -> None:
        committee, tap = disturb(MessageLoss(share_ppm), protocol)
        n_sent = sum(1 for at_us, *_ in tap.sent if FROM_US <= at_us < UNTIL_US)
        n_lost = committee.network.n_lost
        assert n_lost / n_sent == pytest.approx(share_ppm / 1_000_000, rel=0.4)
        n_under_way = sum(len(due) for due in committee.network.due.values())
        assert len(tap.sent) - len(tap.delivered) == n_lost + n_under_way

    def test_only_links_of_its_validators_lose_any(self, protocol: str) -> None:
        _, tap = disturb(MessageLoss(500_000), protocol, nodes=(2,))
        lost = Counter((a, b) for _, a, b, _ in tap.sent if 2 not in (a, b))
        lost.subtract((a, b) for _, a, b, _ in tap.delivered if 2 not in (a, b))
        assert sum(lost.values()) < 10  # under way at the end


class TestDuplication:
    def test_a_share_of_the_messages_comes_twice(self, protocol: str) -> None:
        committee, tap = disturb(Duplication(500_000), protocol)
        n_sent = sum(1 for at_us, *_ in tap.sent if FROM_US <= at_us < UNTIL_US)
        n_more = len(tap.delivered) - len(tap.sent)
        assert n_more / n_sent == pytest.approx(0.5, rel=0.25)
        assert committee.network.n_lost == 0

    def test_copies_change_no_commit(self, protocol: str) -> None:
        committee, _ = disturb(Duplication(1_000_000, 50_000), protocol)
        plain = run_under([], protocol, until_us=ENDED_US)
        assert committee.commits == plain.commits


def test_reordered_messages_overtake_each_other(protocol: str) -> None:
    _, tap = disturb(Reordering(80_000), protocol)
    place = {id(message): at for at, (_, _, _, message) in enumerate(tap.sent)}
    for source, target in ((0, 1), (2, 3)):
        places = [place[id(said)] for _, a, b, said in tap.delivered if (a, b) == (source, target)]
        assert sorted(places) != places


class TestDelay:
    def test_what_comes_too_late_wastes_views(self, protocol: str) -> None:
        _, tap = disturb(Delay(300_000, 5 * TIMEOUT_US), protocol)
        given_up = {timeout.view for timeout in tap.find_sent(Timeout, 0)}
        assert len(given_up) > 3
        slow = [at_us for at_us, *_ in tap.delivered if at_us >= UNTIL_US + 4 * TIMEOUT_US]
        assert slow

    def test_timers_grow_until_messages_come_in_time(self, protocol: str) -> None:
        """Backing off is what ends a delay that does not end."""
        setting = create_setting(4, timeout_max_us=64 * TIMEOUT_US)
        episode = create_episode("delay", Delay(1_000_000, 2 * TIMEOUT_US), ALL)
        committee = run_under([episode], protocol, setting=setting, until_us=60 * SECOND_US)
        assert is_live(committee, 30 * SECOND_US)


class TestPartition:
    def test_a_minority_never_commits(self, protocol: str) -> None:
        committee, _ = disturb(Partition("0 1 2 | 3"), protocol)
        assert count_by(committee, 3) == 0
        assert (count_by(committee, 0) > 5) is (protocol != "hotstuff_3")
        assert committee.network.n_lost > 0

    @pytest.mark.parametrize("groups", ["0 1 | 2 3", "0 1", "0 | 1 | 2 | 3"])
    def test_without_a_quorum_nobody_does(self, protocol: str, groups: str) -> None:
        committee, _ = disturb(Partition(groups), protocol)
        assert [count_by(committee, node) for node in ALL] == [0, 0, 0, 0]

    def test_it_may_be_limited_to_views(self, protocol: str) -> None:
        fault = create_episode("partition", Partition("0 1 2 | 3", 10, 14), ALL)
        committee = run_under([fault], protocol)
        n_lost = committee.network.n_lost
        assert n_lost > 0
        assert is_live(committee, 3 * SECOND_US)
        committee.run(5 * SECOND_US)
        assert committee.network.n_lost == n_lost

    def test_twins_can_be_told_apart(self, protocol: str) -> None:
        faults = [
            create_episode("twins", Twins(), (3,)),
            create_episode("partition", Partition("0 1 2 3 | 3b"), ALL),
        ]
        committee = run_under(faults, protocol)
        assert committee.replicas[4].committed[1:] == []
        assert len(committee.replicas[3].committed) > 10


def test_who_is_deaf_is_heard_and_falls_behind(protocol: str) -> None:
    committee, tap = disturb(OneWayPartition(), protocol, nodes=(3,))
    during = range(FROM_US + HOP_US, UNTIL_US)
    assert [1 for at_us, _, target, _ in tap.delivered if target == 3 and at_us in during] == []
    assert [1 for at_us, source, *_ in tap.delivered if source == 3 and at_us in during] != []
    assert count_by(committee, 3) == 0
    assert get_lag(committee) <= 1


class TestRingPartition:
    def test_only_neighbours_hear_each_other(self, protocol: str) -> None:
        committee, tap = disturb(RingPartition(), protocol, n_validators=7)
        pairs = {
            (source - target) % 7
            for at_us, source, target, _ in tap.delivered
            if FROM_US + HOP_US <= at_us < UNTIL_US
        }
        assert pairs == {1, 6}
        assert committee.network.n_lost > 0

    def test_too_few_neighbours_are_no_quorum(self, protocol: str) -> None:
        committee, _ = disturb(RingPartition(), protocol, n_validators=7)
        assert count_commits(committee, FROM_US + 3 * TIMEOUT_US, UNTIL_US) == 0


def test_a_clog_holds_everything_and_lets_it_go_one_by_one(protocol: str) -> None:
    clog = Clog(apart_us=200_000, held_us=SECOND_US // 2)
    committee, tap = disturb(clog, protocol, nodes=(1, 2))
    assert committee.network.n_lost == 0
    for rank, node in enumerate((1, 2)):
        times_us = {
            at_us
            for at_us, _, target, _ in tap.delivered
            if target == node and FROM_US + HOP_US <= at_us <= UNTIL_US
        }
        first_us = FROM_US + SECOND_US // 2 + HOP_US + rank * 200_000
        assert min(times_us) == first_us
        assert max(times_us) < first_us + SECOND_US // 2
    free = [at_us for at_us, _, target, _ in tap.delivered if target == 0]
    assert len(free) > 100


@pytest.mark.parametrize(
    "fault",
    [MessageLoss(200_000), Duplication(), Reordering(), Delay(200_000, 400_000)],
    ids=lambda fault: type(fault).__name__,
)
def test_what_is_drawn_depends_on_the_seed_and_on_nothing_else(protocol: str, fault: Fault) -> None:
    delivered = [disturb(fault, protocol, seed=seed)[1].delivered for seed in (1, 1, 2)]
    assert delivered[0] == delivered[1]
    assert delivered[0] != delivered[2]
