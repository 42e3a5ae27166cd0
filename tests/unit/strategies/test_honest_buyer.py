"""A buyer who pays, and says what it found."""

from __future__ import annotations

from sim.core.market import Occasion
from sim.core.records import Kind
from sim.core.units import PPM
from sim.strategies.honest_buyer import HonestBuyer
from tests.traders import trade


def test_it_buys_the_offer_that_looks_best() -> None:
    moves = trade(HonestBuyer(), 3, offer=[7, 0, -1], offer_price=30)
    assert moves["kind"].tolist() == [Kind.BUY, Kind.BUY, 0]
    assert moves["target"].tolist() == [7, 0, 0]
    assert moves["price"].tolist() == [30, 30, 0]


def test_it_buys_from_nobody_whose_score_is_too_low() -> None:
    kind = trade(HonestBuyer(score_ppm_min=500), 2, offer_score_ppm=[499, 500])["kind"]
    assert kind.tolist() == [0, Kind.BUY]


def test_it_buys_no_more_than_it_can_pay() -> None:
    kind = trade(HonestBuyer(), 2, offer_price=80, balance=[79, 80])["kind"]
    assert kind.tolist() == [0, Kind.BUY]


def test_it_disputes_what_it_takes_for_fraudulent() -> None:
    moves = trade(HonestBuyer(), 1, occasion=Occasion.FOUND, subject=4, subject_signal=9)
    assert (moves["kind"][0], moves["target"][0]) == (Kind.CHALLENGE, 9)


def test_it_rates_a_sale_by_what_it_found_out() -> None:
    moves = trade(HonestBuyer(), 2, occasion=Occasion.RATE, subject=4, looks_fraudulent=[0, 1])
    assert moves["kind"].tolist() == [Kind.ATTEST] * 2
    assert moves["target"].tolist() == [4, 4]
    assert moves["value"].tolist() == [PPM, 0]


def test_it_pays_its_invoices() -> None:
    moves = trade(HonestBuyer(), 1, occasion=Occasion.DUE, subject=4, subject_signal=9)
    assert (moves["kind"][0], moves["target"][0], moves["value"][0]) == (Kind.RESOLVE, 4, 0)
