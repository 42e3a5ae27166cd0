"""From moves of traders to transactions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.core.compiled import inlined, njit
from sim.core.market import Occasion, Resolution
from sim.core.purposes import Purpose
from sim.core.records import Goal, Ints, Kind, Posture, Record, Records, take_records
from sim.ledger.rules import ACROSS, get_situation
from sim.model.batches import Batch, create_batch
from sim.model.calls import EVERYTHING

if TYPE_CHECKING:
    from sim.model.trade_state import TradeState

MARKET = -2  # in the place of a trader: what is done for all of them
_HONEST = int(Posture.HONEST)
_BUY, _ATTEST = int(Kind.BUY), int(Kind.ATTEST)
SITUATIONS = np.array([get_situation(ACROSS, int(p), _HONEST, 1) for p in Posture], dtype=np.int64)


def create_trades(market: TradeState, rows: Records, moves: Records) -> Batch:
    """One transaction for each move.

    Shapes: rows OCCASION (n,), moves MOVE (n,), none of which lets its occasion pass.
    """
    batch = create_batch(len(rows))
    _fill(rows, moves, market.identities, market.traders, market.world.postures, *batch)
    kind = moves["kind"]
    _fill_publish(market, batch, moves, rows["trader"], np.flatnonzero(kind == Kind.PUBLISH))
    _fill_challenge(market, batch, np.flatnonzero(kind == Kind.CHALLENGE))
    _fill_resolve(market, batch, moves, rows["occasion"], np.flatnonzero(kind == Kind.RESOLVE))
    _fill_register(market, batch, rows["trader"], np.flatnonzero(kind == Kind.REGISTER))
    return batch


@njit
def _fill(
    rows: Records,
    moves: Records,
    identities: Records,
    traders: Records,
    postures: Ints,
    transactions: Records,
    truths: Records,
) -> None:
    """What any kind says, each row written once."""
    for index in range(rows.shape[0]):
        row, move = rows[index], moves[index]
        identity, trader = identities[row["identity"]], traders[row["trader"]]
        posture = postures[trader["org"]]
        tx, truth = transactions[index], truths[index]
        tx["kind"] = move["kind"]
        tx["sender"] = identity["account"]
        tx["target"] = move["target"]
        tx["amount"] = _get_amount(move)
        tx["submitted_us"] = row["time_us"]
        tx["situation"] = SITUATIONS[posture]
        tx["claim"] = 0 if posture == _HONEST else EVERYTHING
        truth["trader"] = row["identity"]
        truth["entity"] = identity["entity"]
        truth["task"] = row["ordinal"]
        truth["call"] = row["occasion"]
        truth["caller_org"] = trader["org"]
        truth["owner_org"] = trader["org"]
        truth["ready_us"] = row["time_us"]
        truth["final_us"] = -1
        truth["legit"] = 1


@inlined
def _get_amount(move: Record) -> int:
    """What a kind has in the place of an amount."""
    if move["kind"] == _BUY:
        return move["price"]
    return move["value"] if move["kind"] == _ATTEST else move["amount"]


def _fill_publish(
    market: TradeState, batch: Batch, moves: Records, traders: Ints, rows: Ints
) -> None:
    """What is offered, with the bond that is asked for and a commitment to what it says."""
    tx, truth = batch
    sellers = take_records(market.traders, traders[rows])
    kinds = take_records(market.world.market.types, sellers["signal_type"])
    operation = market.world.catalogue_first[sellers["org"]] + kinds["offset"]
    fraudulent = moves["fraudulent"][rows]
    tx["target"][rows] = truth["operation"][rows] = operation
    tx["subject"][rows] = moves["price"][rows]
    tx["amount"][rows] = market.policy.bond
    tx["mask"][rows] = kinds["verifiable"]
    words = market.claims.commit(truth["entity"][rows], truth["task"][rows], kinds["verifiable"])
    for index in range(4):
        tx[f"word{index}"][rows] = words[:, index]
    required = market.world.operations["requires"][operation]
    held = market.get_held(truth["trader"][rows])
    legit = (fraudulent == 0) & (required & ~held == 0)
    truth["fraudulent"][rows] = fraudulent
    truth["legit"][rows] = legit
    truth["goal"][rows] = np.where(legit, int(Goal.WORK), int(Goal.ATTACK))
    if market.policy.is_bound:
        tx["illegitimate"][rows] = ~legit


def _fill_challenge(market: TradeState, batch: Batch, rows: Ints) -> None:
    """As high a bond as the signal has, and seats that nobody chose."""
    tx = batch.transactions
    signal = tx["target"][rows]
    bond = market.domain.state.signals["bond"][signal]
    tx["amount"][rows] = np.maximum(bond, market.policy.bond)
    key = market.signals["key"][signal]
    if len(rows):
        tx["draw_ppm"][rows] = market.draws.get_ppm(Purpose.SEAT, key, 0)


def _fill_resolve(
    market: TradeState, batch: Batch, moves: Records, occasions: Ints, rows: Ints
) -> None:
    """A judge's vote, or what is still due of a price."""
    tx = batch.transactions
    is_vote = occasions[rows] == int(Occasion.JUDGE)
    sale = np.where(is_vote, 0, tx["target"][rows])
    sales = market.domain.state.sales
    step = np.where(is_vote, int(Resolution.VOTE), int(Resolution.PAY))
    rest = sales["price"][sale] - sales["paid"][sale]
    tx["subject"][rows] = step
    tx["amount"][rows] = np.where(is_vote, moves["value"][rows], rest)


def _fill_register(market: TradeState, batch: Batch, traders: Ints, rows: Ints) -> None:
    """A fresh account by the org of who begins anew, which waits until it is there."""
    tx, truth = batch
    for row in rows:
        trader = market.traders[traders[row]]
        stands = market.standing[traders[row]]
        account = int(trader["spare_first"] + stands["incarnation"])
        if account >= trader["spare_last"]:
            tx["kind"][row] = Kind.BOND  # no name is left: it bonds nothing and stays
            tx["amount"][row] = 0
            continue
        holder = market.world.holders[account - market.world.n_orgs]
        stands["is_away"] = 1
        tx["sender"][row] = trader["org"]
        tx["target"][row] = holder.entity
        tx["subject"][row] = trader["org"]
        bonding = market.domain.rules.fee_min if holder.stake else 0
        tx["amount"][row] = holder.funds + holder.stake + bonding
        tx["mask"][row] = holder.role
        truth["call"][row] = account
