"""Schedules of faults, and what a fault may touch."""

from __future__ import annotations

import pytest

from sim.core.draws import Draws
from sim.faults.amnesia import Amnesia
from sim.faults.crash import Crash
from sim.faults.delay import Delay
from sim.faults.message_loss import MessageLoss
from sim.faults.silent_leader import SilentLeader
from sim.faults.twins import Twins
from sim.model.faulting import (
    NEVER_US,
    Episode,
    Plan,
    draw_episodes,
    get_byzantine,
    get_twinned,
)
from tests.committees import SECOND_US, TIMEOUT_US, create_episode, create_site

HORIZON_US = 1_000 * SECOND_US
RECURRING = Plan("crash", Crash(), n_drawn=1, every_us=10 * SECOND_US, lasting_us=2 * SECOND_US)


def draw(*plans: Plan, seed: int = 1, n_validators: int = 4) -> list[Episode]:
    return draw_episodes(plans, n_validators, HORIZON_US, Draws(seed, "faulting", 0))


class TestDrawing:
    def test_what_is_explicit_is_taken_as_it_is(self) -> None:
        plan = Plan("crash", Crash(), validators=(2,), from_us=7, until_us=9)
        assert draw(plan) == [Episode("crash", Crash(), (2,), 7, 9)]

    def test_without_any_validator_named_all_are_meant(self) -> None:
        assert draw(Plan("delay", Delay())) == [
            Episode("delay", Delay(), (0, 1, 2, 3), 0, NEVER_US)
        ]

    @pytest.mark.parametrize("n_drawn", [1, 3, 4, 9])
    def test_validators_are_drawn_without_repeats(self, n_drawn: int) -> None:
        (episode,) = draw(Plan("crash", Crash(), n_drawn=n_drawn))
        assert len(episode.validators) == min(n_drawn, 4)
        assert list(episode.validators) == sorted(set(episode.validators))

    def test_every_validator_is_drawn_at_some_time(self) -> None:
        drawn = {episode.validators for seed in range(40) for episode in draw(RECURRING, seed=seed)}
        assert drawn == {(0,), (1,), (2,), (3,)}

    def test_each_episode_draws_its_own(self) -> None:
        assert {episode.validators for episode in draw(RECURRING)} == {(0,), (1,), (2,), (3,)}

    def test_episodes_follow_each_other_and_end_in_time(self) -> None:
        episodes = draw(RECURRING)
        until_us = 0
        for episode in episodes:
            assert until_us <= episode.from_us < episode.until_us <= HORIZON_US
            until_us = episode.until_us

    def test_episodes_come_and_last_as_long_as_was_asked_for(self) -> None:
        episodes = [episode for seed in range(20) for episode in draw(RECURRING, seed=seed)]
        lengths_us = [episode.until_us - episode.from_us for episode in episodes]
        assert 20 * 70 < len(episodes) < 20 * 97  # one in 12 seconds, over 1 000
        assert sum(lengths_us) / len(lengths_us) == pytest.approx(2 * SECOND_US, rel=0.1)

    def test_nothing_comes_before_it_may_or_lasts_too_long(self) -> None:
        plan = RECURRING._replace(from_us=100 * SECOND_US, until_us=200 * SECOND_US)
        episodes = draw(plan)
        assert episodes
        assert episodes[0].from_us >= plan.from_us
        assert episodes[-1].until_us <= plan.until_us

    def test_the_same_draws_give_the_same_episodes_and_others_others(self) -> None:
        assert draw(RECURRING) == draw(RECURRING)
        assert draw(RECURRING) != draw(RECURRING, seed=2)

    def test_another_plan_moves_nothing(self) -> None:
        loss = Plan("message_loss", MessageLoss(), n_drawn=2, every_us=5 * SECOND_US)
        alone = draw(RECURRING)
        assert draw(RECURRING, loss)[: len(alone)] == alone
        assert draw(loss, RECURRING)[-len(alone) :] == alone

    def test_a_second_plan_of_the_same_fault_draws_anew(self) -> None:
        alone = draw(RECURRING)
        both = draw(RECURRING, RECURRING)
        assert both[: len(alone)] == alone
        assert both[len(alone) :] != alone
        assert len(both) > len(alone)

    def test_byzantine_validators_are_those_of_byzantine_faults(self) -> None:
        episodes = [
            create_episode("crash", Crash(), (0,)),
            create_episode("amnesia", Amnesia(), (1,)),
            create_episode("twins", Twins(), (2,)),
            create_episode("amnesia", Amnesia(), (1,)),
        ]
        assert get_byzantine(episodes) == [1, 2]
        assert get_twinned(episodes) == [2]


class TestSite:
    def test_an_episode_begins_and_ends_at_its_times(self) -> None:
        site = create_site([create_episode("crash", Crash(), (2,), 300, 700)])
        committee = site.committee
        is_down = []
        for until_us in (300, 301, 700, 701):
            committee.run(until_us)
            is_down.append(committee.is_down[2])
        assert is_down == [False, True, True, False]

    def test_an_episode_without_end_goes_on(self) -> None:
        site = create_site([create_episode("crash", Crash(), (2,))])
        site.committee.run(100 * SECOND_US)
        assert site.committee.is_down == [False, False, True, False]

    def test_who_is_stopped_twice_comes_back_after_both(self) -> None:
        faults = [
            create_episode("crash", Crash(), (2,), 100, 300),
            create_episode("crash", Crash(), (2,), 200, 400),
        ]
        committee = create_site(faults).committee
        is_down = []
        for until_us in (150, 350, 450):
            committee.run(until_us)
            is_down.append(committee.is_down[2])
        assert is_down == [True, True, False]

    def test_twins_stand_still_until_their_fault_begins(self) -> None:
        committee = create_site([create_episode("twins", Twins(), (3,), 500, 900)]).committee
        is_down = []
        for until_us in (400, 600, 1000):
            committee.run(until_us)
            is_down.append(list(committee.is_down))
        assert [each[4] for each in is_down] == [True, False, True]
        assert not any(any(each[:4]) for each in is_down)

    def test_nodes_are_found_by_name(self) -> None:
        site = create_site([create_episode("twins", Twins(), (1, 3))])
        assert [site.find_node(name) for name in ("0", "3", "1b", "3b")] == [0, 3, 4, 5]
        assert list(site.get_nodes()) == [0, 1, 2, 3, 4, 5]
        assert [list(site.get_twins(node)) for node in (0, 1, 3)] == [[], [4], [5]]

    def test_a_twin_stands_where_its_validator_stands(self) -> None:
        site = create_site([create_episode("twins", Twins(), (0, 3))])
        regions = [site.get_region(node) for node in site.get_nodes()]
        assert regions == ["north", "south", "south", "south", "north", "south"]

    def test_a_behaviour_is_that_of_both_twins(self) -> None:
        site = create_site([create_episode("twins", Twins(), (3,))])
        end = site.behave(3, SilentLeader())
        assert [len(each) for each in site.committee.behaviours] == [0, 0, 0, 1, 1]
        end()
        assert site.committee.behaviours == [[], [], [], [], []]

    def test_who_is_left_out_is_remembered_until_the_end(self) -> None:
        site = create_site([])
        ends = [site.censor(2, group) for group in ("buyers", "sellers")]
        assert site.censored == {2: ["buyers", "sellers"]}
        ends[0]()
        assert site.censored == {2: ["sellers"]}

    def test_time_and_views_are_the_committees(self) -> None:
        site = create_site([])
        site.committee.start()
        site.committee.run(5 * TIMEOUT_US)
        assert site.now_us() == 5 * TIMEOUT_US
        assert [site.get_view(node) for node in range(4)] == [
            replica.view for replica in site.committee.replicas
        ]
