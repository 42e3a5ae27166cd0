"""What every trader must keep to; one that is added is tested here without another line."""

from __future__ import annotations

import inspect
import re
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest

from sim.core.draws import Draws
from sim.core.market import MOVE, Occasion, Role
from sim.core.records import Kind, Records
from sim.core.units import PPM, SUPPLY_MAX
from sim.scenario.knobs import create_knobs, get_knob
from sim.scenario.literals import Name
from sim.strategies.registry import (
    create_harmless,
    create_plain,
    has_identity_trick,
    load_strategies,
    load_traders,
)
from sim.strategies.trading import MarketView, Trader

TRADERS = load_traders()
N = 300
KINDS = {
    Occasion.ACT: {
        Kind.PUBLISH,
        Kind.BUY,
        Kind.CHALLENGE,
        Kind.BOND,
        Kind.UNBOND,
        Kind.WITHDRAW,
        Kind.REGISTER,
    },
    Occasion.FOUND: {Kind.CHALLENGE},
    Occasion.RATE: {Kind.ATTEST},
    Occasion.DUE: {Kind.RESOLVE},
    Occasion.JUDGE: {Kind.RESOLVE},
}
BARRED_KINDS = {0, int(Kind.REGISTER), int(Kind.WITHDRAW)}


def create_trader(name: str, **forced: int) -> Trader:
    """One that does now this and now that, whatever its knobs are called."""
    kind: Any = TRADERS[name]
    knobs: dict[str, Any] = {}
    for field in fields(kind):
        knobs[field.name] = 400_000 if "_ppm" in field.name else 2
    trader: Trader = kind(**knobs | {key: value for key, value in forced.items() if key in knobs})
    return trader


@cache
def create_view(n: int = N, seed: int = 0) -> MarketView:
    """Traders on all sorts of occasions, read-only; drawn, but the same every time."""
    draws, rows = Draws(seed, "conformance", 0), np.arange(n)

    def draw(ordinal: int, below: int, least: int = 0) -> Any:
        drawn = draws.get_below(1, rows, ordinal, below - least)  # type: ignore[arg-type] # any
        return drawn + least

    occasion = draw(0, len(Occasion))
    is_act, is_about = occasion == Occasion.ACT, occasion != Occasion.ACT
    view = MarketView(
        trader=rows,
        entity=draw(1, 2**62),
        occasion=occasion,
        ordinal=draw(2, 1000),
        time_us=draw(3, 10**9),
        place=draw(4, 4),
        incarnation=draw(5, 4),
        barred=draw(6, 4) // 3,
        score_ppm=draw(7, PPM + 1),
        n_ratings=draw(8, 5),
        balance=draw(9, 2_000),
        stake=draw(10, 3) * 500,
        unbonding_slot=draw(11, 50, -1) * draw(12, 2),
        price=np.where(draw(13, 10) == 0, SUPPLY_MAX, draw(14, 1_000)),
        offer=np.where(is_act, draw(15, 4, -1), -1),
        offer_price=draw(16, 2_000),
        offer_score_ppm=draw(17, PPM + 1),
        offer_known=draw(18, 2),
        partner=np.where(is_act, 100 + draw(19, 4), -1),
        partner_price=draw(20, 2_000),
        subject=np.where(is_about, 200 + rows, -1),
        subject_signal=np.where(is_about, 2_000 + rows, -1),
        subject_price=draw(21, 2_000),
        is_partner=draw(22, 2),
        looks_fraudulent=draw(23, 2),
        memory0=draw(24, 6),
        memory1=draw(25, 2),
    )
    for column in view:
        column.flags.writeable = False
    return view


def take(seen: MarketView, rows: Any) -> MarketView:
    """Some of the traders."""
    return MarketView(*(column[rows] for column in seen))


def trade(name: str, seen: MarketView, seed: int = 1) -> Records:
    return create_trader(name).trade(seen, Draws(seed, "conformance", 0))


def get_targets(seen: MarketView) -> dict[int, list[Any]]:
    """What a move of each kind may be about: columns of what was seen."""
    return {
        int(Kind.BUY): [seen.offer, seen.partner],
        int(Kind.CHALLENGE): [
            np.where(seen.occasion == Occasion.ACT, seen.offer, seen.subject_signal)
        ],
        int(Kind.ATTEST): [seen.subject],
        int(Kind.RESOLVE): [seen.subject],
        int(Kind.WITHDRAW): [seen.unbonding_slot],
    }


@pytest.mark.parametrize("name", TRADERS)
class TestTrader:
    def test_it_makes_one_move_for_each_occasion(self, name: str) -> None:
        moves = trade(name, create_view())
        assert moves.dtype == MOVE
        assert moves.shape == (N,)
        assert moves["kind"].any()

    def test_a_cohort_trades_as_its_members_would_alone(self, name: str) -> None:
        seen = create_view()
        alone = [trade(name, take(seen, [row]))[0] for row in range(N)]
        assert trade(name, seen).tolist() == [move.item() for move in alone]

    def test_the_order_of_traders_does_not_matter(self, name: str) -> None:
        seen = create_view()
        rows = np.arange(N)[::-1].copy()
        assert np.array_equal(trade(name, take(seen, rows)), trade(name, seen)[rows])

    def test_chance_knows_it_by_its_key_and_its_number_alone(self, name: str) -> None:
        seen = create_view()
        moved = seen._replace(trader=seen.trader + 7, time_us=seen.time_us + 9)
        assert np.array_equal(trade(name, moved), trade(name, seen))

    def test_the_same_sight_gives_the_same_moves(self, name: str) -> None:
        trader, seen = create_trader(name), create_view()
        draws = Draws(1, "conformance", 0)
        first = trader.trade(seen, draws)
        trader.trade(create_view(seed=9), draws)
        assert np.array_equal(trader.trade(seen, draws), first)
        assert np.array_equal(create_trader(name).trade(seen, draws), first)

    def test_it_writes_to_nothing_it_sees(self, name: str) -> None:
        seen = create_view()  # its columns are read-only
        moves = trade(name, seen)
        assert not any(np.shares_memory(moves, column) for column in seen)

    def test_nobody_in_sight_is_nothing_to_do(self, name: str) -> None:
        assert trade(name, take(create_view(), slice(0))).shape == (0,)

    def test_a_move_is_one_that_its_occasion_asks_for(self, name: str) -> None:
        seen = create_view()
        kind = trade(name, seen)["kind"]
        for occasion, kinds in KINDS.items():
            made = set(kind[seen.occasion == occasion].tolist())
            assert made <= {0, *map(int, kinds)}

    def test_it_is_about_nothing_but_what_it_saw(self, name: str) -> None:
        seen = create_view()
        moves = trade(name, seen)
        for kind, columns in get_targets(seen).items():
            made = moves["kind"] == kind
            is_seen = np.logical_or.reduce([moves["target"] == column for column in columns])
            assert (is_seen & (moves["target"] >= 0))[made].all()

    def test_it_says_what_a_transaction_can_hold(self, name: str) -> None:
        seen = create_view()
        moves = trade(name, seen)
        assert (moves["price"] >= 0).all()
        assert (moves["price"] <= SUPPLY_MAX).all()
        assert set(moves["fraudulent"].tolist()) <= {0, 1}
        rating, voting = moves["kind"] == Kind.ATTEST, moves["kind"] == Kind.RESOLVE
        assert ((moves["value"] >= 0) & (moves["value"] <= PPM))[rating].all()
        assert set(moves["value"][voting].tolist()) <= {0, 1}
        unbonding = moves["kind"] == Kind.UNBOND
        assert ((moves["amount"] > 0) & (moves["amount"] <= seen.stake))[unbonding].all()

    def test_it_fills_in_only_what_its_kind_of_move_has(self, name: str) -> None:
        moves = trade(name, create_view())
        for column, kinds in {
            "target": [Kind.BUY, Kind.ATTEST, Kind.CHALLENGE, Kind.RESOLVE, Kind.WITHDRAW],
            "price": [Kind.PUBLISH, Kind.BUY],
            "amount": [Kind.BOND, Kind.UNBOND],
            "value": [Kind.ATTEST, Kind.RESOLVE],
            "fraudulent": [Kind.PUBLISH],
        }.items():
            assert not moves[column][~np.isin(moves["kind"], kinds)].any(), column

    def test_it_offers_to_pay_what_is_asked(self, name: str) -> None:
        seen = create_view()
        moves = trade(name, seen)
        asked = np.where(moves["target"] == seen.offer, seen.offer_price, seen.partner_price)
        buying = moves["kind"] == Kind.BUY
        assert np.array_equal(moves["price"][buying], asked[buying])

    def test_barred_it_can_only_begin_anew_or_withdraw(self, name: str) -> None:
        seen = create_view()
        kind = trade(name, seen)["kind"]
        assert set(kind[seen.barred == 1].tolist()) <= BARRED_KINDS

    def test_only_a_judge_votes_and_does_nothing_else(self, name: str) -> None:
        seen = create_view()
        voting = trade(name, seen)["kind"] != 0
        judging = (seen.occasion == Occasion.JUDGE) & (seen.barred == 0)
        if TRADERS[name].role is Role.JUDGE:
            assert np.array_equal(voting, judging)
        else:
            assert not voting[seen.occasion == Occasion.JUDGE].any()

    def test_only_a_seller_publishes(self, name: str) -> None:
        publishing = (trade(name, create_view())["kind"] == Kind.PUBLISH).any()
        assert publishing == (TRADERS[name].role is Role.SELLER)

    def test_only_an_act_is_remembered(self, name: str) -> None:
        """So what a trader does in one window cannot depend on the order of its occasions."""
        seen = create_view()
        moves, others = trade(name, seen), seen.occasion != Occasion.ACT
        for column in ("memory0", "memory1"):
            assert np.array_equal(moves[column][others], getattr(seen, column)[others])

    def test_an_adversary_is_one_by_what_it_does(self, name: str) -> None:
        trader, seen = create_trader(name, error_ppm=0), create_view()
        harmless = create_harmless(trader)
        assert not harmless.is_adversary
        assert harmless.role is trader.role
        draws = Draws(1, "conformance", 0)
        moves, honest = trader.trade(seen, draws), harmless.trade(seen, draws)
        if trader.is_adversary:
            assert not np.array_equal(moves, honest)
        else:
            assert harmless is trader
            assert not moves["fraudulent"].any()

    def test_an_attacker_has_no_identity_trick_left_when_plain(self, name: str) -> None:
        trader = create_trader(name)
        plain = create_plain(trader)
        assert type(plain) is type(trader)
        assert not has_identity_trick(plain)
        assert has_identity_trick(trader) == (plain != trader)
        moves = plain.trade(create_view(), Draws(1, "conformance", 0))
        assert not (moves["kind"] == Kind.REGISTER).any()

    def test_it_is_frozen_and_remembers_nothing_itself(self, name: str) -> None:
        kind: Any = TRADERS[name]
        assert is_dataclass(kind)
        assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
        assert not hasattr(create_trader(name), "__dict__")
        public = [key for key, value in vars(kind).items() if inspect.isfunction(value)]
        assert [key for key in public if not key.startswith("_")] == ["trade"]

    def test_its_docstring_says_what_it_does_and_where_it_is_from(self, name: str) -> None:
        lines = inspect.cleandoc(TRADERS[name].__doc__ or "").splitlines()
        assert lines[0].endswith(".")
        assert any(re.match(r"Source: \S", line) for line in lines)

    def test_every_knob_is_explained_and_has_a_default(self, name: str) -> None:
        kind: Any = TRADERS[name]
        source = inspect.getsource(kind)
        for field in fields(kind):
            line = next(line for line in source.splitlines() if f" {field.name}:" in line)
            assert "  # " in line, field.name
            assert isinstance(field.default, int), field.name

    def test_a_scenario_could_set_every_knob(self, name: str) -> None:
        kind: Any = TRADERS[name]
        knobs = create_knobs(kind, Name)
        assert list(knobs) == [get_knob(field.name) for field in fields(kind)]

    def test_its_name_is_its_file_and_no_strategy_has_it(self, name: str) -> None:
        assert TRADERS[name].__module__ == f"sim.strategies.{name}"
        assert name not in load_strategies()


def test_what_they_see_holds_every_occasion_barred_and_not() -> None:
    """Or the battery would pass over what it does not show."""
    seen = create_view()
    met = set(zip(seen.occasion.tolist(), seen.barred.tolist(), strict=True))
    assert met == {(int(occasion), barred) for occasion in Occasion for barred in (0, 1)}
    assert (seen.offer[seen.occasion == Occasion.ACT] == -1).any()
    assert (seen.price == SUPPLY_MAX).any()
