"""What every trader must keep to."""

from __future__ import annotations

import inspect
from dataclasses import MISSING, fields
from functools import cache
from typing import Any

import numpy as np

from sim.core.draws import Draws
from sim.core.market import MOVE, Occasion, Role
from sim.core.records import Kind, Records
from sim.core.units import PPM, SUPPLY_MAX
from sim.experiment.conformance.base import require, require_equal, require_rows, require_same
from sim.experiment.conformance.forms import require_docstring, require_frozen, require_methods
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


def get_name(kind: int) -> str:
    """Name of a kind of transaction, for people; the number itself if there is none."""
    return Kind(kind).name if kind in set(Kind) else str(kind)


def check_it_makes_one_move_for_each_occasion(kind: Any) -> None:
    """It makes one move for each occasion."""
    moves = trade(kind, create_view())
    require(moves.dtype == MOVE, "records of the type MOVE", str(moves.dtype))
    require_equal(f"the shape of moves on {N} occasions", moves.shape, (N,))
    require(moves["kind"].any(), f"a move on any of {N} occasions", "none")


def check_a_cohort_trades_as_its_members_would_alone(kind: Any) -> None:
    """A cohort trades as its members would alone."""
    seen = create_view()
    alone = [trade(kind, take(seen, [row]))[0] for row in range(N)]
    require_same("moves as of each trader alone", trade(kind, seen), alone)


def check_the_order_of_traders_does_not_matter(kind: Any) -> None:
    """The order of traders does not matter."""
    seen = create_view()
    rows = np.arange(N)[::-1].copy()
    found = trade(kind, take(seen, rows))
    require_same("moves with traders in another order", found, trade(kind, seen)[rows])


def check_chance_knows_it_by_its_key_and_its_number_alone(kind: Any) -> None:
    """Chance knows it by its key and its number alone."""
    seen = create_view()
    moved = seen._replace(trader=seen.trader + 7, time_us=seen.time_us + 9)
    require_same("moves at other places and times", trade(kind, moved), trade(kind, seen))


def check_the_same_sight_gives_the_same_moves(kind: Any) -> None:
    """The same sight gives the same moves."""
    trader, seen = create_trader(kind), create_view()
    draws = Draws(1, "conformance", 0)
    first = trader.trade(seen, draws)
    trader.trade(create_view(seed=9), draws)
    require_same("moves a second time", trader.trade(seen, draws), first)
    require_same("moves of a new one of it", create_trader(kind).trade(seen, draws), first)


def check_it_writes_to_nothing_it_sees(kind: Any) -> None:
    """It writes to nothing it sees."""
    seen = create_view()  # its columns are read-only
    moves = trade(kind, seen)
    for name, column in zip(seen._fields, seen, strict=True):
        is_shared = np.shares_memory(moves, column)
        require(not is_shared, "moves of its own", f"the column {name} that it sees")


def check_nobody_in_sight_is_nothing_to_do(kind: Any) -> None:
    """Nobody in sight is nothing to do."""
    found = trade(kind, take(create_view(), slice(0)))
    require_equal("the shape of moves of no trader", found.shape, (0,))


def check_a_move_is_one_that_its_occasion_asks_for(kind: Any) -> None:
    """A move is one that its occasion asks for."""
    seen = create_view()
    kind = trade(kind, seen)["kind"]
    for occasion, kinds in KINDS.items():
        made = kind[seen.occasion == occasion]
        names = ", ".join(sorted(each.name for each in kinds))
        expected = f"nothing (0) or {names} on an occasion {occasion.name}"
        require_rows(np.isin(made, [0, *kinds]), expected, [get_name(each) for each in made])


def check_it_is_about_nothing_but_what_it_saw(kind: Any) -> None:
    """It is about nothing but what it saw."""
    seen = create_view()
    moves = trade(kind, seen)
    for move, columns in get_targets(seen).items():
        made = moves["kind"] == move
        is_seen = np.logical_or.reduce([moves["target"] == column for column in columns])
        is_about = (is_seen & (moves["target"] >= 0))[made]
        expected = f"a target of {get_name(move)} that it saw"
        require_rows(is_about, expected, moves["target"][made])


def check_it_says_what_a_transaction_can_hold(kind: Any) -> None:
    """It says what a transaction can hold."""
    seen = create_view()
    moves = trade(kind, seen)
    price, fraudulent = moves["price"], moves["fraudulent"]
    require_rows((price >= 0) & (price <= SUPPLY_MAX), f"a price in 0..{SUPPLY_MAX}", price)
    require_rows(np.isin(fraudulent, (0, 1)), "fraudulent to be 0 or 1", fraudulent)
    rating, voting = moves["kind"] == Kind.ATTEST, moves["kind"] == Kind.RESOLVE
    rated, voted = moves["value"][rating], moves["value"][voting]
    require_rows((rated >= 0) & (rated <= PPM), f"a rating in 0..{PPM}", rated)
    require_rows(np.isin(voted, (0, 1)), "a vote of 0 or 1", voted)
    unbonding = moves["kind"] == Kind.UNBOND
    amount, stake = moves["amount"][unbonding], seen.stake[unbonding]
    require_rows((amount > 0) & (amount <= stake), "to unbond some stake that it has", amount)


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
        others = ~np.isin(moves["kind"], kinds)
        names = ", ".join(each.name for each in kinds)
        found = moves[column][others]
        require_rows(found == 0, f"{column} to be 0 of all moves but {names}", found)


def check_it_offers_to_pay_what_is_asked(kind: Any) -> None:
    """It offers to pay what is asked."""
    seen = create_view()
    moves = trade(kind, seen)
    asked = np.where(moves["target"] == seen.offer, seen.offer_price, seen.partner_price)
    buying = moves["kind"] == Kind.BUY
    require_same("price as asked, of what it buys", moves["price"][buying], asked[buying])


def check_barred_it_can_only_begin_anew_or_withdraw(kind: Any) -> None:
    """Barred it can only begin anew or withdraw."""
    seen = create_view()
    kind = trade(kind, seen)["kind"]
    made = kind[seen.barred == 1]
    expected = "nothing (0), REGISTER or WITHDRAW of who is barred"
    require_rows(np.isin(made, list(BARRED_KINDS)), expected, [get_name(each) for each in made])


def check_only_a_judge_votes_and_does_nothing_else(kind: Any) -> None:
    """Only a judge votes and does nothing else."""
    seen = create_view()
    voting = trade(kind, seen)["kind"] != 0
    judging = (seen.occasion == Occasion.JUDGE) & (seen.barred == 0)
    if kind.role is Role.JUDGE:
        require_same("votes as it was asked for, and no other moves", voting, judging)
    else:
        votes = voting[seen.occasion == Occasion.JUDGE]
        require_rows(~votes, f"no vote of a {kind.role.name}, who is no judge", votes)


def check_only_a_seller_publishes(kind: Any) -> None:
    """Only a seller publishes."""
    publishing = (trade(kind, create_view())["kind"] == Kind.PUBLISH).any()
    is_seller = kind.role is Role.SELLER
    expected = f"{'an' if is_seller else 'no'} offer of a {kind.role.name} on {N} occasions"
    require(publishing == is_seller, expected, "some" if publishing else "none")


def check_only_an_act_is_remembered(kind: Any) -> None:
    """Only an act is remembered.

    So what a trader does in one window cannot depend on the order of its occasions.
    """
    seen = create_view()
    moves, others = trade(kind, seen), seen.occasion != Occasion.ACT
    for column in ("memory0", "memory1"):
        expected = getattr(seen, column)[others]
        require_same(f"{column} as it was on all but ACT", moves[column][others], expected)


def check_an_adversary_is_one_by_what_it_does(kind: Any) -> None:
    """An adversary is one by what it does."""
    trader, seen = create_trader(kind, error_ppm=0), create_view()
    harmless = create_harmless(trader)
    require(not harmless.is_adversary, "a harmless one of it", "an adversary")
    require_equal("the role of a harmless one", harmless.role.name, trader.role.name)
    draws = Draws(1, "conformance", 0)
    moves, honest = trader.trade(seen, draws), harmless.trade(seen, draws)
    if trader.is_adversary:
        is_different = not np.array_equal(moves, honest)
        require(is_different, "an adversary to do something a harmless one does not", "nothing")
    else:
        require(harmless is trader, "one that is no adversary to be harmless as it is", "another")
        fraudulent = moves["fraudulent"]
        require_rows(fraudulent == 0, "no fraud of one that is no adversary", fraudulent)


def check_an_attacker_has_no_identity_trick_left_when_plain(kind: Any) -> None:
    """An attacker has no identity trick left when plain."""
    trader = create_trader(kind)
    plain = create_plain(trader)
    require_equal("the class of it without tricks", type(plain), type(trader))
    require(not has_identity_trick(plain), "no trick of names when plain", "one")
    has_trick = has_identity_trick(trader)
    expected = f"{'an' if has_trick else 'no'} other one of it when plain"
    require((plain != trader) == has_trick, expected, repr(plain))
    moves = plain.trade(create_view(), Draws(1, "conformance", 0))
    begun = moves["kind"] == Kind.REGISTER
    require_rows(~begun, "nobody to register anew when plain", begun)


def check_it_is_frozen_and_remembers_nothing_itself(kind: Any) -> None:
    """It is frozen and remembers nothing itself."""
    require_frozen(kind, create_trader)
    require_methods(kind, ("trade",))


def check_its_docstring_says_what_it_does_and_where_it_is_from(kind: Any) -> None:
    """Its docstring says what it does and where it is from."""
    require_docstring(kind)


def check_every_knob_is_explained_and_has_a_default(kind: Any) -> None:
    """Every knob is explained and has a default."""
    source = inspect.getsource(kind)
    for field in fields(kind):
        line = next(line for line in source.splitlines() if f" {field.name}:" in line)
        require("  # " in line, f"a comment on the line of {field.name}", line.strip())
        is_number = isinstance(field.default, int)
        default = "none" if field.default is MISSING else field.default
        require(is_number, f"a whole number as the default of {field.name}", default)


def check_a_scenario_could_set_every_knob(kind: Any) -> None:
    """A scenario could set every knob."""
    knobs = create_knobs(kind, Name)
    require_equal("its keys in a scenario", list(knobs), [get_knob(f.name) for f in fields(kind)])


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
