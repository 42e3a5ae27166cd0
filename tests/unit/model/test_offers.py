from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.core.market import SIGNAL, SignalState
from sim.core.records import ACCOUNT, Records
from sim.model.offers import (
    Memory,
    choose_offers,
    collect_acting,
    find_partner,
    get_known_score,
    go_on,
    is_offered,
    list_offers,
    start_traders,
)
from sim.model.trade_layout import IDENTITY, SIGNAL_TRUTH, STANDING, TRADER
from tests.traders import DRAWS

KEYS = DRAWS.key0, DRAWS.key1
OFFER_US = 10
N = 6  # traders: the first is the buyer, the others sell


class Stall:
    """One buyer and five sellers with a signal each; seller k has a score of k tenths."""

    def __init__(self) -> None:
        self.traders = np.zeros(N, dtype=TRADER)
        self.traders["entity"] = np.arange(N) + 100
        self.traders["org"] = [0, 1, 1, 1, 1, 1]
        self.standing = np.zeros(N, dtype=STANDING)
        self.standing["identity"] = np.arange(N)
        self.standing["latest"] = np.arange(N) - 1
        self.identities = np.zeros(N, dtype=IDENTITY)
        self.identities["entity"] = self.traders["entity"]
        self.truths = np.zeros(N - 1, dtype=SIGNAL_TRUTH)
        self.truths["identity"] = np.arange(N - 1) + 1
        self.signals = np.zeros(N - 1, dtype=SIGNAL)
        self.signals["seller"] = np.arange(N - 1) + 1
        self.accounts = np.zeros(N, dtype=ACCOUNT)
        self.accounts["reputation_ppm"] = np.arange(N) * 100_000
        self.memory = Memory(*(np.zeros((2, N), dtype=np.int64) for _ in range(3)))

    def list(self) -> Records:
        stalls = np.arange(1, N)
        return list_offers(
            stalls, self.standing, self.truths, self.signals, self.accounts, OFFER_US
        )

    def choose(self, ordinal: int = 0, *, shares: bool = True, n_choices: int = 16) -> list[int]:
        chosen = np.empty((4, 1), dtype=np.int64)
        column = np.array([0]), np.array([5]), np.array([ordinal])
        tables: tuple[Any, ...] = (self.traders, self.standing, self.identities)
        choose_offers(
            *column, *tables, self.list(), n_choices, self.signals,
            self.memory, shares, OFFER_US, *KEYS, chosen,
        )  # fmt: skip
        return [int(each) for each in chosen[:, 0]]


def test_the_best_score_of_those_it_comes_across_is_chosen() -> None:
    assert Stall().choose(n_choices=60)[:3] == [4, 500_000, 0]
    few = {Stall().choose(ordinal, n_choices=1)[0] for ordinal in range(60)}
    assert few == {0, 1, 2, 3, 4}


@pytest.mark.parametrize("state", list(SignalState)[1:])
def test_what_does_not_stand_is_not_on_offer(state: SignalState) -> None:
    stall = Stall()
    stall.signals["state"][4] = int(state)
    assert stall.choose(n_choices=60)[0] == 3


def test_what_is_too_old_or_blocked_or_its_own_is_not_bought() -> None:
    stall = Stall()
    stall.signals["published_us"] = [0, 0, 0, 0, -5]
    assert stall.choose(n_choices=60)[0] == 3
    stall.memory.blocked[0, 4] = 1  # the identity behind signal 3
    assert stall.choose(n_choices=60)[0] == 2
    stall.memory.blocked[1, 3] = 1  # another org's memory is no matter
    assert stall.choose(n_choices=60)[0] == 2
    stall.standing["latest"] = -1
    assert stall.choose(n_choices=60) == [-1, -1, 0, -1]


@pytest.mark.parametrize(("now_us", "stands"), [(9, True), (10, False)])
def test_an_offer_ends_with_its_time(now_us: int, stands: bool) -> None:
    assert is_offered(Stall().signals[0], now_us, 10) == stands


def test_without_shared_scores_an_org_goes_by_what_it_remembers() -> None:
    stall = Stall()
    stall.memory.good[0, 2], stall.memory.bad[0, 5] = 3, 1
    assert stall.choose(shares=False, n_choices=60)[:3] == [1, 800_000, 1]
    offer = stall.list()[4]  # of identity 5
    assert get_known_score(stall.memory, 0, offer, False) == (333_333, 1)
    assert get_known_score(stall.memory, 1, offer, False) == (500_000, 0)
    assert get_known_score(stall.memory, 1, offer, True) == (500_000, 0)


def give_partners(place: int, latest: tuple[int, ...]) -> tuple[Records, Records]:
    traders, standing = np.zeros(3, dtype=TRADER), np.zeros(3, dtype=STANDING)
    traders["group_last"], traders["place"] = 3, place
    standing["latest"] = latest
    return traders, standing


def test_a_partner_is_any_other_of_the_group_and_never_oneself() -> None:
    traders, standing = give_partners(0, (70, 71, 72))
    found = {find_partner(traders[1], 1, 5, ordinal, standing, *KEYS) for ordinal in range(40)}
    assert found == {70, 72}


def test_further_names_of_a_controller_turn_to_its_first() -> None:
    traders, standing = give_partners(1, (70, 71, 72))
    assert {find_partner(traders[2], 2, 5, k, standing, *KEYS) for k in range(9)} == {70}
    traders["group_last"] = 1
    assert find_partner(traders[0], 0, 5, 0, standing, *KEYS) == -1


def test_who_acts_goes_on_no_sooner_than_it_can_think() -> None:
    traders, standing = np.zeros(50, dtype=TRADER), np.zeros(50, dtype=STANDING)
    identities = np.zeros(50, dtype=IDENTITY)
    traders["entity"] = identities["entity"] = np.arange(50)
    traders["act_us"], traders["starts_us"] = 100, 7
    start_traders(traders, standing, *KEYS)
    assert (standing["next_us"] >= 7).all()
    before = standing["next_us"].copy()
    acting = np.arange(0, 50, 2)
    go_on(traders, standing, identities, acting, 80, *KEYS)
    waited = standing["next_us"] - before
    assert (waited[0::2] >= 80).all()
    assert (waited[0::2] > 80).any()
    assert not waited[1::2].any()
    assert standing["ordinal"].tolist() == [1, 0] * 25


def test_who_is_away_or_not_due_does_not_act() -> None:
    standing = np.zeros(4, dtype=STANDING)
    standing["next_us"], standing["is_away"] = [5, 9, 10, 3], [0, 0, 0, 1]
    acting = np.zeros(4, dtype=np.int64)
    assert collect_acting(standing, 10, acting) == 2
    assert acting[:2].tolist() == [0, 1]
