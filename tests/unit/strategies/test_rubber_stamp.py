"""A judge who mostly does not look."""

from __future__ import annotations

from scipy.stats import binomtest

from sim.core.market import Occasion
from sim.core.records import Kind
from sim.strategies.honest_judge import HonestJudge
from sim.strategies.rubber_stamp import RubberStamp
from tests.traders import trade

N = 4000


def test_it_rejects_unseen_as_often_as_it_is_told() -> None:
    moves = trade(RubberStamp(), N, occasion=Occasion.JUDGE, subject=3, looks_fraudulent=1)
    assert (moves["kind"] == Kind.RESOLVE).all()
    assert (moves["target"] == 3).all()
    assert binomtest(int((moves["value"] == 0).sum()), N, 0.8).pvalue > 1e-4


def test_it_upholds_nothing_that_looks_sound() -> None:
    moves = trade(RubberStamp(), N, occasion=Occasion.JUDGE, looks_fraudulent=0)
    assert not moves["value"].any()


def test_diligent_it_is_an_honest_judge() -> None:
    columns = {"occasion": Occasion.JUDGE, "subject": 3, "looks_fraudulent": [0, 1]}
    diligent = trade(RubberStamp(lazy_ppm=0), 2, **columns)
    assert diligent.tolist() == trade(HonestJudge(), 2, **columns).tolist()
