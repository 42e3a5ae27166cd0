"""A seller who cheats from the start."""

from __future__ import annotations

import numpy as np
from scipy.stats import binomtest

from sim.strategies.fraudulent_seller import FraudulentSeller
from tests.traders import trade

N = 4000


def test_it_cheats_as_often_as_it_is_told_from_its_first_act_on() -> None:
    for share in (0, 250_000, 1_000_000):
        false = int(trade(FraudulentSeller(fraud_ppm=share), N, ordinal=0)["fraudulent"].sum())
        assert false == N * share // 1_000_000 or share == 250_000
        assert binomtest(false, N, share / 1_000_000).pvalue > 1e-4


def test_it_cheats_as_often_over_one_life_as_over_many() -> None:
    moves = trade(FraudulentSeller(fraud_ppm=250_000), N, entity=5, ordinal=np.arange(N))
    assert binomtest(int(moves["fraudulent"].sum()), N, 0.25).pvalue > 1e-4


def test_a_false_signal_costs_what_a_sound_one_costs() -> None:
    moves = trade(FraudulentSeller(), 50, price=70)
    assert set(moves["fraudulent"].tolist()) == {0, 1}
    assert set(moves["price"].tolist()) == {70}


def test_who_cheats_more_cheats_where_it_cheated_before() -> None:
    little, much = (
        trade(FraudulentSeller(fraud_ppm=share), N)["fraudulent"] for share in (200_000, 600_000)
    )
    assert little.any()
    assert (much >= little).all()
