"""A judge who looks, and votes what it sees."""

from __future__ import annotations

from sim.core.market import Occasion
from sim.core.records import Kind
from sim.strategies.honest_judge import HonestJudge
from tests.traders import trade


def test_it_votes_what_it_sees() -> None:
    moves = trade(
        HonestJudge(), 2, occasion=Occasion.JUDGE, subject=[3, 4], looks_fraudulent=[0, 1]
    )
    assert moves["kind"].tolist() == [Kind.RESOLVE] * 2
    assert moves["target"].tolist() == [3, 4]
    assert moves["value"].tolist() == [0, 1]


def test_barred_it_does_not_vote() -> None:
    assert not trade(HonestJudge(), 1, occasion=Occasion.JUDGE, barred=1)["kind"].any()
