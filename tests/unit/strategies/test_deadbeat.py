"""A buyer who never pays an invoice."""

from __future__ import annotations

from sim.core.market import Occasion
from sim.core.records import Kind
from sim.strategies.deadbeat import Deadbeat
from sim.strategies.honest_buyer import HonestBuyer
from tests.traders import trade


def test_it_buys_whether_it_can_pay_or_not() -> None:
    moves = trade(Deadbeat(), 3, offer=[4, 0, -1], offer_price=80, offer_score_ppm=0, balance=0)
    assert moves["kind"].tolist() == [Kind.BUY, Kind.BUY, 0]
    assert moves["target"].tolist() == [4, 0, 0]
    assert moves["price"].tolist() == [80, 80, 0]


def test_it_lets_invoices_pass() -> None:
    assert not trade(Deadbeat(), 1, occasion=Occasion.DUE, subject=5)["kind"].any()


def test_it_disputes_and_rates_as_an_honest_buyer_does() -> None:
    occasions = [Occasion.FOUND, Occasion.RATE, Occasion.RATE]
    columns = {"occasion": occasions, "subject": 5, "subject_signal": 9}
    moves = trade(Deadbeat(), 3, looks_fraudulent=[1, 0, 1], **columns)
    assert moves["kind"].all()
    honest = trade(HonestBuyer(), 3, looks_fraudulent=[1, 0, 1], **columns)
    assert moves.tolist() == honest.tolist()
