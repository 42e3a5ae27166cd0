"""A seller with puppets that praise it."""

from __future__ import annotations

from scipy.stats import binomtest

from sim.core.market import Occasion
from sim.core.records import Kind
from sim.core.units import PPM
from sim.strategies.ballot_stuffer import BallotStuffer
from sim.strategies.registry import create_plain
from tests.traders import trade

N = 4000


def test_the_first_account_sells_and_the_others_only_buy_from_it() -> None:
    moves = trade(BallotStuffer(), 4, place=[0, 1, 2, 1], partner=[8, 7, 7, -1], partner_price=60)
    assert moves["kind"].tolist() == [Kind.PUBLISH, Kind.BUY, Kind.BUY, 0]
    assert moves["target"].tolist() == [0, 7, 7, 0]
    assert moves["price"].tolist() == [100, 60, 60, 0]


def test_a_puppet_buys_no_more_than_it_can_pay() -> None:
    kind = trade(BallotStuffer(), 2, place=1, partner=0, partner_price=60, balance=[59, 60])["kind"]
    assert kind.tolist() == [0, Kind.BUY]


def test_puppets_praise_what_they_bought_and_pay_for_it() -> None:
    occasions = [Occasion.RATE, Occasion.RATE, Occasion.DUE, Occasion.FOUND]
    columns = {"occasion": occasions, "subject": 5, "looks_fraudulent": 1}
    moves = trade(BallotStuffer(), 4, place=1, is_partner=[1, 0, 1, 1], **columns)
    assert moves["kind"].tolist() == [Kind.ATTEST, 0, Kind.RESOLVE, 0]
    assert moves["value"].tolist() == [PPM, 0, 0, 0]
    assert not trade(BallotStuffer(), 4, place=0, is_partner=1, **columns)["kind"].any()


def test_its_seller_cheats_as_often_as_it_is_told() -> None:
    false = trade(BallotStuffer(fraud_ppm=250_000), N)["fraudulent"]
    assert binomtest(int(false.sum()), N, 0.25).pvalue > 1e-4


def test_plain_it_is_the_seller_alone() -> None:
    plain = create_plain(BallotStuffer(identities=10, fraud_ppm=300_000))
    assert plain == BallotStuffer(identities=1, fraud_ppm=300_000)
