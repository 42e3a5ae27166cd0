"""A seller in a group that praises itself."""

from __future__ import annotations

from scipy.stats import binomtest

from sim.core.market import Occasion
from sim.core.records import Kind
from sim.core.units import PPM
from sim.strategies.collusion_ring import CollusionRing
from tests.traders import trade

N = 4000


def test_it_buys_from_partners_as_densely_as_it_is_told() -> None:
    moves = trade(CollusionRing(density_ppm=300_000), N, partner=7, partner_price=60)
    buying = moves["kind"] == Kind.BUY
    assert binomtest(int(buying.sum()), N, 0.3).pvalue > 1e-4
    assert set(moves["target"][buying].tolist()) == {7}
    assert set(moves["price"][buying].tolist()) == {60}
    assert (moves["kind"][~buying] == Kind.PUBLISH).all()


def test_without_a_partner_that_it_can_pay_it_sells() -> None:
    ring = CollusionRing(density_ppm=1_000_000)
    kind = trade(ring, 3, partner=[-1, 0, 0], partner_price=60, balance=[60, 59, 60])["kind"]
    assert kind.tolist() == [Kind.PUBLISH, Kind.PUBLISH, Kind.BUY]


def test_its_signals_are_sound_as_often_as_its_camouflage() -> None:
    sound = trade(CollusionRing(camouflage_ppm=200_000), N)["fraudulent"] == 0
    assert binomtest(int(sound.sum()), N, 0.2).pvalue > 1e-4


def test_what_it_buys_has_nothing_to_do_with_when_it_cheats() -> None:
    """Or a ring that buys at half of its acts would only ever publish one kind of signal."""
    moves = trade(CollusionRing(density_ppm=500_000, camouflage_ppm=500_000), N, partner=7)
    selling = moves["kind"] == Kind.PUBLISH
    false = int(moves["fraudulent"][selling].sum())
    assert binomtest(false, int(selling.sum()), 0.5).pvalue > 1e-4


def test_it_praises_partners_whatever_they_sold_and_nobody_else() -> None:
    columns = {"occasion": Occasion.RATE, "subject": 5, "looks_fraudulent": [0, 1, 0, 1]}
    moves = trade(CollusionRing(), 4, is_partner=[1, 1, 0, 0], **columns)
    assert moves["kind"].tolist() == [Kind.ATTEST] * 2 + [0] * 2
    assert moves["value"].tolist() == [PPM] * 2 + [0] * 2


def test_it_pays_and_disputes_nothing() -> None:
    moves = trade(CollusionRing(), 2, occasion=[Occasion.DUE, Occasion.FOUND], subject=5)
    assert moves["kind"].tolist() == [Kind.RESOLVE, 0]
