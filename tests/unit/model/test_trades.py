"""From moves to transactions, on a market that has just begun."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from sim.core.draws import Draws
from sim.core.market import MOVE, Occasion, Resolution
from sim.core.records import Goal, Kind, Posture, Records
from sim.ledger.rules import get_caller_postures
from sim.model.calls import EVERYTHING
from sim.model.run import Replication
from sim.model.trade_layout import OCCASION
from sim.model.trades import create_trades
from tests.markets_world import CHEAT, GROUPS, get_market, get_policy, load_market
from tests.worlds import SEED

if TYPE_CHECKING:
    from pathlib import Path

    from sim.model.batches import Batch
    from sim.model.market import Market

SELLER, CHEAT_ROW, BUYER, PRETENDER = 0, 6, 9, 26


@pytest.fixture
def market(tmp_path: Path) -> Market:
    agents = [*GROUPS, CHEAT | {"name": "pretender", "count": 1, "role": []}]
    agents.append(CHEAT | {"name": "chameleon", "strategy": "whitewasher", "rejoins": 1})
    world = load_market(tmp_path, agents=agents)
    return get_market(Replication(world, get_policy("chain"), SEED, 0))


def trade(market: Market, trader: int, occasion: Occasion = Occasion.ACT, **move: Any) -> Batch:
    """The transaction of one move."""
    rows: Records = np.zeros(1, dtype=OCCASION)
    rows["trader"], rows["identity"] = trader, trader
    rows["time_us"], rows["ordinal"], rows["occasion"] = 77, 4, int(occasion)
    moves = np.zeros(1, dtype=MOVE)
    for name, value in move.items():
        moves[name] = value
    return create_trades(market, rows, moves)


def test_what_everybody_sends_says_who_and_when(market: Market) -> None:
    tx, truth = trade(market, BUYER, kind=int(Kind.BUY), target=3, price=50)
    assert (tx["kind"][0], tx["target"][0], tx["amount"][0]) == (Kind.BUY, 3, 50)
    assert tx["sender"][0] == market.traders["account"][BUYER]
    assert tx["submitted_us"][0] == truth["ready_us"][0] == 77
    assert (truth["trader"][0], truth["task"][0], truth["final_us"][0]) == (BUYER, 4, -1)
    assert truth["entity"][0] == market.traders["entity"][BUYER]
    assert truth["agent"][0] == -1


@pytest.mark.parametrize(
    ("trader", "posture", "claim"),
    [(SELLER, Posture.HONEST, 0), (CHEAT_ROW, Posture.HOSTILE, EVERYTHING)],
)
def test_members_of_a_hostile_org_claim_everything(
    market: Market, trader: int, posture: Posture, claim: int
) -> None:
    tx, _ = trade(market, trader, kind=int(Kind.PUBLISH), price=5)
    assert get_caller_postures(tx["situation"])[0] == posture
    assert tx["claim"][0] == claim


@pytest.mark.parametrize(
    ("trader", "fraudulent", "legit"),
    [(SELLER, 0, 1), (SELLER, 1, 0), (PRETENDER, 0, 0)],
)
def test_a_publication_is_legitimate_if_it_is_sound_and_its_seller_may(
    market: Market, trader: int, fraudulent: int, legit: int
) -> None:
    tx, truth = trade(market, trader, kind=int(Kind.PUBLISH), price=60, fraudulent=fraudulent)
    operation = market.world.operations[tx["target"][0]]
    assert market.world.operation_names[tx["target"][0]] == "forecast"
    assert operation["org"] == market.traders["org"][trader]
    assert (tx["subject"][0], tx["amount"][0]) == (60, market.policy.bond)
    assert (truth["fraudulent"][0], truth["legit"][0]) == (fraudulent, legit)
    assert truth["goal"][0] == (Goal.WORK if legit else Goal.ATTACK)
    assert tx["illegitimate"][0] == 0  # only a bound may know


def test_a_challenge_has_the_higher_bond_and_seats_that_hang_on_the_signal(market: Market) -> None:
    market.domain.state.signals["bond"][:2] = [900, 1]
    market.signals["key"][:2] = [11, 12]
    found = [trade(market, BUYER, kind=int(Kind.CHALLENGE), target=signal) for signal in (0, 1)]
    assert [int(batch.transactions["amount"][0]) for batch in found] == [900, 50]
    seats = [int(batch.transactions["draw_ppm"][0]) for batch in found]
    assert seats[0] != seats[1]
    again = trade(market, BUYER + 1, kind=int(Kind.CHALLENGE), target=0)
    assert again.transactions["draw_ppm"][0] == seats[0]


def test_a_vote_and_a_payment_are_told_apart_by_the_occasion(market: Market) -> None:
    market.domain.state.sales["price"][2], market.domain.state.sales["paid"][2] = 100, 30
    move = {"kind": int(Kind.RESOLVE), "target": 2, "value": 1}
    paid = trade(market, BUYER, Occasion.DUE, **move).transactions[0]
    assert (paid["subject"], paid["amount"]) == (Resolution.PAY, 70)
    vote = trade(market, 21, Occasion.JUDGE, **move).transactions[0]
    assert (vote["subject"], vote["amount"]) == (Resolution.VOTE, 1)


def test_who_begins_anew_is_registered_by_its_org_and_waits(market: Market) -> None:
    row = PRETENDER + 1
    tx, truth = trade(market, row, kind=int(Kind.REGISTER))
    trader = market.traders[row]
    assert tx["sender"][0] == tx["subject"][0] == trader["org"]
    assert truth["call"][0] == trader["spare_first"]
    assert tx["amount"][0] == 10_000 + 5_000 + market.domain.rules.fee_min
    assert market.standing["is_away"][row] == 1


def test_who_has_no_name_left_stays(market: Market) -> None:
    row = PRETENDER + 1
    market.standing["incarnation"][row] = 1
    tx, _ = trade(market, row, kind=int(Kind.REGISTER))
    assert (tx["kind"][0], tx["amount"][0]) == (Kind.BOND, 0)
    assert market.standing["is_away"][row] == 0


def test_a_newcomer_asks_no_more_than_it_may(tmp_path: Path) -> None:
    policy = get_policy("chain", newcomer_price_max=30)
    market = get_market(Replication(load_market(tmp_path), policy, SEED, 0))
    asked = market.cap_prices(np.array([100, 20, 100]), np.array([0, 0, 1]))
    assert asked.tolist() == [30, 20, 100]
    free = get_market(Replication(load_market(tmp_path), get_policy("chain"), SEED, 0))
    assert free.cap_prices(np.array([100]), np.array([0])).tolist() == [100]


def test_draws_are_those_of_the_replication(market: Market) -> None:
    draws = Draws(SEED, market.world.loaded.stream, 0)
    assert market.keys == (draws.key0, draws.key1)
