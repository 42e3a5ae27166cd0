"""A seller who sheds its reputation with its account."""

from __future__ import annotations

from scipy.stats import binomtest

from sim.core.records import Kind
from sim.strategies.registry import create_plain
from sim.strategies.whitewasher import Whitewasher
from tests.traders import trade

N = 4000


def test_it_leaves_below_the_threshold_only() -> None:
    kind = trade(Whitewasher(leave_ppm=300_000), 2, score_ppm=[299_999, 300_000], n_ratings=3)
    assert kind["kind"].tolist() == [Kind.REGISTER, Kind.PUBLISH]


def test_it_leaves_an_account_that_is_barred() -> None:
    assert trade(Whitewasher(), 1, barred=1)["kind"].tolist() == [Kind.REGISTER]


def test_it_leaves_so_often_and_no_more() -> None:
    spoilt = trade(Whitewasher(rejoins=2), 4, incarnation=[0, 1, 2, 3], score_ppm=0, n_ratings=3)
    assert spoilt["kind"].tolist() == [Kind.REGISTER] * 2 + [Kind.PUBLISH] * 2
    barred = trade(Whitewasher(rejoins=2), 4, incarnation=[0, 1, 2, 3], barred=1)
    assert barred["kind"].tolist() == [Kind.REGISTER] * 2 + [0] * 2


def test_a_newcomers_low_score_does_not_drive_it_away() -> None:
    assert trade(Whitewasher(), 1, score_ppm=0, n_ratings=0)["kind"].tolist() == [Kind.PUBLISH]


def test_it_leaves_when_it_may_act_and_not_before() -> None:
    kind = trade(Whitewasher(), 4, occasion=[1, 2, 3, 4], barred=1)["kind"]
    assert not kind.any()


def test_it_cheats_as_often_as_it_is_told() -> None:
    false = trade(Whitewasher(fraud_ppm=250_000), N)["fraudulent"]
    assert binomtest(int(false.sum()), N, 0.25).pvalue > 1e-4


def test_plain_it_stays() -> None:
    plain = create_plain(Whitewasher(leave_ppm=400_000, fraud_ppm=300_000))
    assert plain == Whitewasher(leave_ppm=400_000, rejoins=0, fraud_ppm=300_000)
    assert not trade(plain, 1, barred=1)["kind"].any()
