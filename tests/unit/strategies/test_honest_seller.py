"""A seller whose signals are sound as far as it knows."""

from __future__ import annotations

from scipy.stats import binomtest

from sim.core.records import Kind
from sim.strategies.fraudulent_seller import FraudulentSeller
from sim.strategies.honest_seller import HonestSeller
from tests.traders import trade

N = 4000


def test_it_publishes_one_sound_signal_an_act_at_the_price_asked() -> None:
    moves = trade(HonestSeller(), 3, price=[5, 6, 7])
    assert moves["kind"].tolist() == [Kind.PUBLISH] * 3
    assert moves["price"].tolist() == [5, 6, 7]
    assert not moves["fraudulent"].any()


def test_it_errs_as_often_as_it_is_told() -> None:
    false = trade(HonestSeller(error_ppm=100_000), N)["fraudulent"]
    assert binomtest(int(false.sum()), N, 0.1).pvalue > 1e-4


def test_it_errs_where_a_fraudulent_seller_would_cheat() -> None:
    """The same signals are false, so that only intent differs."""
    erring, cheating = HonestSeller(error_ppm=300_000), FraudulentSeller(fraud_ppm=300_000)
    assert trade(erring, N).tolist() == trade(cheating, N).tolist()


def test_barred_it_publishes_nothing() -> None:
    assert trade(HonestSeller(), 2, barred=[0, 1])["kind"].tolist() == [Kind.PUBLISH, 0]
