"""A judge who votes for the wrong side."""

from __future__ import annotations

from sim.core.market import Occasion
from sim.core.records import Kind
from sim.strategies.byzantine_judge import ByzantineJudge
from tests.traders import trade


def test_it_votes_against_what_it_sees() -> None:
    columns = {"occasion": Occasion.JUDGE, "subject": [3, 4], "looks_fraudulent": [0, 1]}
    moves = trade(ByzantineJudge(), 2, **columns)
    assert moves["kind"].tolist() == [Kind.RESOLVE] * 2
    assert moves["target"].tolist() == [3, 4]
    assert moves["value"].tolist() == [1, 0]
