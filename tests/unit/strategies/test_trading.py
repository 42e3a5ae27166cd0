"""What traders are made of."""

from __future__ import annotations

import numpy as np
from scipy.stats import binomtest

from sim.core.market import Occasion
from sim.core.purposes import Purpose
from sim.core.records import Kind
from sim.strategies.trading import (
    buy,
    create_moves,
    do_as_honest_buyers_do,
    is_drawn,
    is_free,
    is_on,
    publish,
    unbond,
    withdraw,
)
from tests.traders import DRAWS, create_view

FIRST, BOTH = np.array([True, False]), np.array([True, True])


def test_nothing_is_decided_and_everything_remembered_at_first() -> None:
    moves = create_moves(create_view(2, memory0=[3, 4], memory1=[5, 6]))
    assert moves["memory0"].tolist() == [3, 4]
    assert moves["memory1"].tolist() == [5, 6]
    for column in ("kind", "target", "price", "amount", "value", "fraudulent"):
        assert not moves[column].any()


def test_who_is_barred_is_on_an_occasion_but_not_free() -> None:
    seen = create_view(3, occasion=[Occasion.ACT, Occasion.ACT, Occasion.DUE], barred=[0, 1, 0])
    assert is_on(seen, Occasion.ACT).tolist() == [True, True, False]
    assert is_free(seen, Occasion.ACT).tolist() == [True, False, False]


def test_chance_has_the_share_it_is_given() -> None:
    seen = create_view(4000)
    drawn = is_drawn(DRAWS, Purpose.SCHEME, seen, 300_000)
    assert binomtest(int(drawn.sum()), 4000, 0.3).pvalue > 1e-4
    assert not is_drawn(DRAWS, Purpose.SCHEME, seen, 0).any()
    assert is_drawn(DRAWS, Purpose.SCHEME, seen, 1_000_000).all()


def test_what_is_drawn_happens_below_the_share_and_not_at_it() -> None:
    seen = create_view(1)
    drawn_ppm = int(DRAWS.get_ppm(Purpose.SCHEME, seen.entity, seen.ordinal)[0])
    assert not is_drawn(DRAWS, Purpose.SCHEME, seen, drawn_ppm)[0]
    assert is_drawn(DRAWS, Purpose.SCHEME, seen, drawn_ppm + 1)[0]


def test_chance_depends_on_purpose_key_and_number() -> None:
    def draw(purpose: Purpose = Purpose.SCHEME, **columns: object) -> list[bool]:
        seen = create_view(64, **{"entity": 1, "ordinal": np.arange(64)} | columns)
        return is_drawn(DRAWS, purpose, seen, 500_000).tolist()

    assert draw() == draw(trader=7, time_us=9)
    others = [draw(Purpose.FRAUD), draw(entity=2), draw(ordinal=np.arange(64) + 64)]
    assert draw() not in others


def test_a_signal_has_a_price_and_a_truth_of_its_own() -> None:
    moves = create_moves(create_view(2))
    publish(moves, BOTH, np.array([7, 8]), FIRST)
    assert moves["price"].tolist() == [7, 8]
    assert moves["fraudulent"].tolist() == [1, 0]


def test_a_move_is_made_only_where_it_is_meant() -> None:
    seen = create_view(2, unbonding_slot=3)
    moves = create_moves(seen)
    publish(moves, FIRST, 5, True)
    buy(moves, ~FIRST, seen.offer, seen.offer_price)
    assert moves["kind"].tolist() == [Kind.PUBLISH, Kind.BUY]
    assert moves["target"].tolist() == [0, 40]
    assert moves["price"].tolist() == [5, 80]
    assert moves["fraudulent"].tolist() == [1, 0]
    unbond(moves, FIRST, np.array([6, 7]))
    withdraw(moves, ~FIRST, seen.unbonding_slot)
    assert moves["kind"].tolist() == [Kind.UNBOND, Kind.WITHDRAW]
    assert moves["amount"].tolist() == [6, 0]
    assert moves["target"].tolist() == [0, 3]


def test_a_barred_buyer_says_and_pays_nothing() -> None:
    occasions = [Occasion.ACT, Occasion.FOUND, Occasion.RATE, Occasion.DUE]
    for barred, is_silent in ((0, False), (1, True)):
        seen = create_view(4, occasion=occasions, barred=barred)
        moves = create_moves(seen)
        do_as_honest_buyers_do(moves, seen, 0)
        assert ((moves["kind"] == 0) == is_silent).all()
