"""Somebody who disputes what is sound, to do harm."""

from __future__ import annotations

from scipy.stats import binomtest

from sim.core.records import Kind
from sim.strategies.griefer import Griefer
from tests.traders import trade

N = 4000


def test_it_disputes_as_often_as_it_is_told_and_does_nothing_else() -> None:
    moves = trade(Griefer(rate_ppm=200_000), N, offer=6)
    disputing = moves["kind"] == Kind.CHALLENGE
    assert binomtest(int(disputing.sum()), N, 0.2).pvalue > 1e-4
    assert set(moves["target"][disputing].tolist()) == {6}
    assert not moves["kind"][~disputing].any()


def test_where_nothing_is_on_offer_it_disputes_nothing() -> None:
    kind = trade(Griefer(rate_ppm=1_000_000), 2, offer=[-1, 0])["kind"]
    assert kind.tolist() == [0, Kind.CHALLENGE]


def test_it_lets_everything_but_acts_pass() -> None:
    assert not trade(Griefer(rate_ppm=1_000_000), 4, occasion=[1, 2, 3, 4])["kind"].any()
