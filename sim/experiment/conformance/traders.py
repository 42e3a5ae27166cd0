"""What every trader must keep to."""

from __future__ import annotations

import inspect
import re
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any

import numpy as np

from sim.core.draws import Draws
from sim.core.market import MOVE, Occasion, Role
from sim.core.records import Kind, Records
from sim.core.units import PPM, SUPPLY_MAX
from sim.experiment.conformance.base import require
from sim.scenario.knobs import create_knobs, get_knob
from sim.scenario.literals import Name
from sim.strategies.registry import (
    create_harmless,
    create_plain,
    has_identity_trick,
)
from sim.strategies.trading import MarketView, Trader

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


def create_trader(kind: Any, **forced: int) -> Trader:
    """One that does now this and now that, whatever its knobs are called."""
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


def trade(kind: Any, seen: MarketView, seed: int = 1) -> Records:
    """What a trader of this kind does."""
    return create_trader(kind).trade(seen, Draws(seed, "conformance", 0))


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


def check_it_makes_one_move_for_each_occasion(kind: Any) -> None:
    """It makes one move for each occasion."""
    moves = trade(kind, create_view())
    require(moves.dtype == MOVE)
    require(moves.shape == (N,))
    require(moves["kind"].any())


def check_a_cohort_trades_as_its_members_would_alone(kind: Any) -> None:
    """A cohort trades as its members would alone."""
    seen = create_view()
    alone = [trade(kind, take(seen, [row]))[0] for row in range(N)]
    require(trade(kind, seen).tolist() == [move.item() for move in alone])


def check_the_order_of_traders_does_not_matter(kind: Any) -> None:
    """The order of traders does not matter."""
    seen = create_view()
    rows = np.arange(N)[::-1].copy()
    require(np.array_equal(trade(kind, take(seen, rows)), trade(kind, seen)[rows]))


def check_chance_knows_it_by_its_key_and_its_number_alone(kind: Any) -> None:
    """Chance knows it by its key and its number alone."""
    seen = create_view()
    moved = seen._replace(trader=seen.trader + 7, time_us=seen.time_us + 9)
    require(np.array_equal(trade(kind, moved), trade(kind, seen)))


def check_the_same_sight_gives_the_same_moves(kind: Any) -> None:
    """The same sight gives the same moves."""
    trader, seen = create_trader(kind), create_view()
    draws = Draws(1, "conformance", 0)
    first = trader.trade(seen, draws)
    trader.trade(create_view(seed=9), draws)
    require(np.array_equal(trader.trade(seen, draws), first))
    require(np.array_equal(create_trader(kind).trade(seen, draws), first))


def check_it_writes_to_nothing_it_sees(kind: Any) -> None:
    """It writes to nothing it sees."""
    seen = create_view()  # its columns are read-only
    moves = trade(kind, seen)
    require(not any(np.shares_memory(moves, column) for column in seen))


def check_nobody_in_sight_is_nothing_to_do(kind: Any) -> None:
    """Nobody in sight is nothing to do."""
    require(trade(kind, take(create_view(), slice(0))).shape == (0,))


def check_a_move_is_one_that_its_occasion_asks_for(kind: Any) -> None:
    """A move is one that its occasion asks for."""
    seen = create_view()
    kind = trade(kind, seen)["kind"]
    for occasion, kinds in KINDS.items():
        made = set(kind[seen.occasion == occasion].tolist())
        require(made <= {0, *map(int, kinds)})


def check_it_is_about_nothing_but_what_it_saw(kind: Any) -> None:
    """It is about nothing but what it saw."""
    seen = create_view()
    moves = trade(kind, seen)
    for move, columns in get_targets(seen).items():
        made = moves["kind"] == move
        is_seen = np.logical_or.reduce([moves["target"] == column for column in columns])
        require((is_seen & (moves["target"] >= 0))[made].all())


def check_it_says_what_a_transaction_can_hold(kind: Any) -> None:
    """It says what a transaction can hold."""
    seen = create_view()
    moves = trade(kind, seen)
    require((moves["price"] >= 0).all())
    require((moves["price"] <= SUPPLY_MAX).all())
    require(set(moves["fraudulent"].tolist()) <= {0, 1})
    rating, voting = moves["kind"] == Kind.ATTEST, moves["kind"] == Kind.RESOLVE
    require(((moves["value"] >= 0) & (moves["value"] <= PPM))[rating].all())
    require(set(moves["value"][voting].tolist()) <= {0, 1})
    unbonding = moves["kind"] == Kind.UNBOND
    require(((moves["amount"] > 0) & (moves["amount"] <= seen.stake))[unbonding].all())


def check_it_fills_in_only_what_its_kind_of_move_has(kind: Any) -> None:
    """It fills in only what its kind of move has."""
    moves = trade(kind, create_view())
    for column, kinds in {
        "target": [Kind.BUY, Kind.ATTEST, Kind.CHALLENGE, Kind.RESOLVE, Kind.WITHDRAW],
        "price": [Kind.PUBLISH, Kind.BUY],
        "amount": [Kind.BOND, Kind.UNBOND],
        "value": [Kind.ATTEST, Kind.RESOLVE],
        "fraudulent": [Kind.PUBLISH],
    }.items():
        require(not moves[column][~np.isin(moves["kind"], kinds)].any())


def check_it_offers_to_pay_what_is_asked(kind: Any) -> None:
    """It offers to pay what is asked."""
    seen = create_view()
    moves = trade(kind, seen)
    asked = np.where(moves["target"] == seen.offer, seen.offer_price, seen.partner_price)
    buying = moves["kind"] == Kind.BUY
    require(np.array_equal(moves["price"][buying], asked[buying]))


def check_barred_it_can_only_begin_anew_or_withdraw(kind: Any) -> None:
    """Barred it can only begin anew or withdraw."""
    seen = create_view()
    kind = trade(kind, seen)["kind"]
    require(set(kind[seen.barred == 1].tolist()) <= BARRED_KINDS)


def check_only_a_judge_votes_and_does_nothing_else(kind: Any) -> None:
    """Only a judge votes and does nothing else."""
    seen = create_view()
    voting = trade(kind, seen)["kind"] != 0
    judging = (seen.occasion == Occasion.JUDGE) & (seen.barred == 0)
    if kind.role is Role.JUDGE:
        require(np.array_equal(voting, judging))
    else:
        require(not voting[seen.occasion == Occasion.JUDGE].any())


def check_only_a_seller_publishes(kind: Any) -> None:
    """Only a seller publishes."""
    publishing = (trade(kind, create_view())["kind"] == Kind.PUBLISH).any()
    require(publishing == (kind.role is Role.SELLER))


def check_only_an_act_is_remembered(kind: Any) -> None:
    """Only an act is remembered.

    So what a trader does in one window cannot depend on the order of its occasions.
    """
    seen = create_view()
    moves, others = trade(kind, seen), seen.occasion != Occasion.ACT
    for column in ("memory0", "memory1"):
        require(np.array_equal(moves[column][others], getattr(seen, column)[others]))


def check_an_adversary_is_one_by_what_it_does(kind: Any) -> None:
    """An adversary is one by what it does."""
    trader, seen = create_trader(kind, error_ppm=0), create_view()
    harmless = create_harmless(trader)
    require(not harmless.is_adversary)
    require(harmless.role is trader.role)
    draws = Draws(1, "conformance", 0)
    moves, honest = trader.trade(seen, draws), harmless.trade(seen, draws)
    if trader.is_adversary:
        require(not np.array_equal(moves, honest))
    else:
        require(harmless is trader)
        require(not moves["fraudulent"].any())


def check_an_attacker_has_no_identity_trick_left_when_plain(kind: Any) -> None:
    """An attacker has no identity trick left when plain."""
    trader = create_trader(kind)
    plain = create_plain(trader)
    require(type(plain) is type(trader))
    require(not has_identity_trick(plain))
    require(has_identity_trick(trader) == (plain != trader))
    moves = plain.trade(create_view(), Draws(1, "conformance", 0))
    require(not (moves["kind"] == Kind.REGISTER).any())


def check_it_is_frozen_and_remembers_nothing_itself(kind: Any) -> None:
    """It is frozen and remembers nothing itself."""
    require(is_dataclass(kind))
    require(kind.__dataclass_params__.frozen)
    require(not hasattr(create_trader(kind), "__dict__"))
    public = [key for key, value in vars(kind).items() if inspect.isfunction(value)]
    require([key for key in public if not key.startswith("_")] == ["trade"])


def check_its_docstring_says_what_it_does_and_where_it_is_from(kind: Any) -> None:
    """Its docstring says what it does and where it is from."""
    lines = inspect.cleandoc(kind.__doc__ or "").splitlines()
    require(lines[0].endswith("."))
    require(any(re.match(r"Source: \S", line) for line in lines))


def check_every_knob_is_explained_and_has_a_default(kind: Any) -> None:
    """Every knob is explained and has a default."""
    source = inspect.getsource(kind)
    for field in fields(kind):
        line = next(line for line in source.splitlines() if f" {field.name}:" in line)
        require("  # " in line)
        require(isinstance(field.default, int))


def check_a_scenario_could_set_every_knob(kind: Any) -> None:
    """A scenario could set every knob."""
    knobs = create_knobs(kind, Name)
    require(list(knobs) == [get_knob(field.name) for field in fields(kind)])


CHECKS = (
    check_it_makes_one_move_for_each_occasion,
    check_a_cohort_trades_as_its_members_would_alone,
    check_the_order_of_traders_does_not_matter,
    check_chance_knows_it_by_its_key_and_its_number_alone,
    check_the_same_sight_gives_the_same_moves,
    check_it_writes_to_nothing_it_sees,
    check_nobody_in_sight_is_nothing_to_do,
    check_a_move_is_one_that_its_occasion_asks_for,
    check_it_is_about_nothing_but_what_it_saw,
    check_it_says_what_a_transaction_can_hold,
    check_it_fills_in_only_what_its_kind_of_move_has,
    check_it_offers_to_pay_what_is_asked,
    check_barred_it_can_only_begin_anew_or_withdraw,
    check_only_a_judge_votes_and_does_nothing_else,
    check_only_a_seller_publishes,
    check_only_an_act_is_remembered,
    check_an_adversary_is_one_by_what_it_does,
    check_an_attacker_has_no_identity_trick_left_when_plain,
    check_it_is_frozen_and_remembers_nothing_itself,
    check_its_docstring_says_what_it_does_and_where_it_is_from,
    check_every_knob_is_explained_and_has_a_default,
    check_a_scenario_could_set_every_knob,
)
