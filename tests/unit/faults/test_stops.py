"""Validators that stop, come back, or are there twice."""

from __future__ import annotations

import pytest

from sim.consensus.messages import PROPOSAL
from sim.consensus.replica import Replica
from sim.faults.amnesia import Amnesia
from sim.faults.crash import Crash
from sim.faults.partition import Partition
from sim.faults.region_outage import RegionOutage
from sim.faults.twins import Twins
from tests.committees import (
    HOP_US,
    PROTOCOLS,
    SECOND_US,
    TIMEOUT_US,
    Tap,
    count_commits,
    create_episode,
    create_site,
    is_live,
    run_under,
)

pytestmark = pytest.mark.parametrize("protocol", PROTOCOLS)

FROM_US, UNTIL_US = SECOND_US, 3 * SECOND_US


class TestCrash:
    def test_a_crashed_validator_is_neither_heard_nor_hears(self, protocol: str) -> None:
        site = create_site([create_episode("crash", Crash(), (2,), FROM_US, UNTIL_US)], protocol)
        tap = Tap(site.committee)
        site.committee.start()
        site.committee.run(UNTIL_US)
        assert max(at_us for at_us, source, *_ in tap.sent if source == 2) <= FROM_US
        late = [each for each in site.committee.commits if each.committed_us > FROM_US]
        assert {each.node for each in late} <= {0, 1, 3}

    def test_the_others_go_on_and_it_catches_up(self, protocol: str) -> None:
        committee = run_under([create_episode("crash", Crash(), (2,), FROM_US, UNTIL_US)], protocol)
        n_meanwhile = count_commits(committee, FROM_US + TIMEOUT_US, UNTIL_US)
        assert (n_meanwhile > 10) is (protocol != "hotstuff_3")  # three chains: one is too many
        assert is_live(committee, UNTIL_US)
        assert committee.evidence == []

    def test_it_votes_only_in_views_it_has_not_voted_in(self, protocol: str) -> None:
        crashes = [
            create_episode("crash", Crash(), (2,), at_us, at_us + HOP_US // 2)
            for at_us in range(0, 3 * SECOND_US, 3 * HOP_US // 2)
        ]
        committee = run_under(crashes, protocol)
        assert committee.watch.n_votes > 100
        assert committee.evidence == []


class TestAmnesia:
    def test_it_comes_back_without_a_memory(
        self, protocol: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        forgotten: list[tuple[int, int]] = []
        forget_votes = Replica.forget_votes

        def forget(self: Replica) -> None:
            forgotten.append((self.validator, getattr(self, "view_voted", 0)))
            forget_votes(self)

        monkeypatch.setattr(Replica, "forget_votes", forget)
        committee = run_under(
            [create_episode("amnesia", Amnesia(), (2,), FROM_US, UNTIL_US)], protocol
        )
        assert [(validator, voted > 5) for validator, voted in forgotten[4:]] == [(2, True)]
        assert is_live(committee, UNTIL_US)

    def test_it_is_convicted_only_of_what_it_signed(self, protocol: str) -> None:
        lapses = [
            create_episode("amnesia", Amnesia(), (2,), at_us, at_us + 1)
            for at_us in range(500, 3 * SECOND_US, HOP_US // 2)
        ]
        committee = run_under(lapses, protocol)
        assert set(committee.watch.convicted) <= {2}
        assert is_live(committee, 3 * SECOND_US)


class TestRegionOutage:
    def test_everybody_who_stands_there_stops(self, protocol: str) -> None:
        fault = create_episode("region_outage", RegionOutage("north"), (), FROM_US, UNTIL_US)
        committee = create_site([fault], protocol, 7).committee
        committee.start()
        seen = []
        for until_us in (FROM_US, FROM_US + 1, UNTIL_US + 1):
            committee.run(until_us)
            seen.append([node for node in range(7) if committee.is_down[node]])
        assert seen == [[], [0, 4], []]
        committee.run(UNTIL_US + SECOND_US)
        assert is_live(committee, UNTIL_US)
        assert committee.evidence == []

    def test_too_large_a_region_halts_the_chain_until_it_is_back(self, protocol: str) -> None:
        fault = create_episode("region_outage", RegionOutage("south"), (), FROM_US, UNTIL_US)
        committee = run_under([fault], protocol)
        assert count_commits(committee, FROM_US + TIMEOUT_US, UNTIL_US) == 0
        assert is_live(committee, UNTIL_US)


class TestTwins:
    def test_two_that_propose_under_one_key_are_convicted(self, protocol: str) -> None:
        committee = run_under([create_episode("twins", Twins(), (3,))], protocol)
        kinds = {evidence.first[0] for _, evidence, _ in committee.evidence}
        assert set(committee.watch.convicted) == {3}
        assert PROPOSAL in kinds
        assert is_live(committee, SECOND_US)

    def test_two_that_hear_different_things_vote_twice(self, protocol: str) -> None:
        cut = Partition("0 1 3 | 2 3b", first_view=3, last_view=60)
        faults = [
            create_episode("twins", Twins(), (3,)),
            create_episode("partition", cut, (0, 1, 2, 3)),
        ]
        committee = run_under(faults, protocol, until_us=10 * SECOND_US)
        assert committee.network.n_lost > 0
        assert set(committee.watch.convicted) == {3}
        assert is_live(committee, 9 * SECOND_US)

    def test_once_it_ends_the_second_node_is_silent(self, protocol: str) -> None:
        site = create_site([create_episode("twins", Twins(), (3,), 0, SECOND_US)], protocol)
        tap = Tap(site.committee)
        site.committee.start()
        site.committee.run(3 * SECOND_US)
        times_us = [at_us for at_us, source, *_ in tap.sent if source == 4]
        assert len(times_us) > 10
        assert max(times_us) <= SECOND_US
        late = [evidence for _, evidence, at_us in site.committee.evidence if at_us > 2 * SECOND_US]
        assert late == []


def test_stopping_is_no_evidence(protocol: str) -> None:
    faults = [
        create_episode("crash", Crash(), (1,), 0, SECOND_US),
        create_episode("region_outage", RegionOutage("north"), (), SECOND_US, 2 * SECOND_US),
        create_episode("crash", Crash(), (0, 1, 2, 3), 2 * SECOND_US, 3 * SECOND_US),
    ]
    committee = run_under(faults, protocol, until_us=5 * SECOND_US)
    assert committee.evidence == []
    assert is_live(committee, 3 * SECOND_US)
