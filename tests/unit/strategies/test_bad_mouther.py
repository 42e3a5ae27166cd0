"""A seller who spoils the names of its rivals."""

from __future__ import annotations

from scipy.stats import binomtest

from sim.core.market import Occasion
from sim.core.records import Kind
from sim.strategies.bad_mouther import BadMouther
from tests.traders import trade

N = 4000
EAGER = BadMouther(target_ppm=1_000_000)


def test_it_buys_from_rivals_as_often_as_it_is_told() -> None:
    moves = trade(BadMouther(target_ppm=100_000), N)
    buying = moves["kind"] == Kind.BUY
    assert binomtest(int(buying.sum()), N, 0.1).pvalue > 1e-4
    assert (moves["kind"][~buying] == Kind.PUBLISH).all()


def test_it_buys_what_is_no_dearer_than_its_own() -> None:
    moves = trade(EAGER, 4, offer=[4, 5, 0, -1], offer_price=[100, 101, 1, 1], price=100)
    assert moves["kind"].tolist() == [Kind.BUY, Kind.PUBLISH, Kind.BUY, Kind.PUBLISH]
    assert moves["target"].tolist() == [4, 0, 0, 0]


def test_it_buys_no_more_than_it_can_pay() -> None:
    kind = trade(EAGER, 2, offer_price=80, balance=[79, 80])["kind"]
    assert kind.tolist() == [Kind.PUBLISH, Kind.BUY]


def test_it_slanders_rivals_whatever_they_sold_and_spares_partners() -> None:
    columns = {"occasion": Occasion.RATE, "subject": 5, "looks_fraudulent": [0, 1, 0]}
    moves = trade(BadMouther(), 3, is_partner=[0, 0, 1], **columns)
    assert moves["kind"].tolist() == [Kind.ATTEST, Kind.ATTEST, 0]
    assert moves["target"].tolist() == [5, 5, 0]
    assert not moves["value"].any()


def test_its_own_signals_are_sound() -> None:
    assert not trade(BadMouther(), N)["fraudulent"].any()


def test_it_pays_for_what_it_slanders() -> None:
    moves = trade(BadMouther(), 1, occasion=Occasion.DUE, subject=5)
    assert (moves["kind"][0], moves["target"][0]) == (Kind.RESOLVE, 5)
