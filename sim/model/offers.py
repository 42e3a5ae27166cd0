"""What traders can see of a market: offers they compare, and how they and others stand."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sim.core.compiled import njit
from sim.core.draws import draw_below, draw_wait_us
from sim.core.market import SignalState
from sim.core.purposes import Purpose
from sim.core.records import Ints, Record, Records
from sim.core.units import PPM
from sim.ledger.checks import is_active
from sim.model.trade_layout import ACT_STRIDE, OFFER

_ARRIVAL, _OFFER = int(Purpose.ARRIVAL), int(Purpose.OFFER)
_STANDING = int(SignalState.STANDING)
PARTNER = ACT_STRIDE - 1  # ordinal, within an act, of the draw of a partner


class Memory(NamedTuple):
    """What each org remembers of those its traders bought from: (n_orgs, n_identities)."""

    good: np.ndarray
    bad: np.ndarray
    blocked: np.ndarray


@njit
def start_traders(traders: Records, standing: Records, key0: np.uint64, key1: np.uint64) -> None:
    """Draw when each trader acts first."""
    for row in range(traders.shape[0]):
        trader = traders[row]
        wait_us = draw_wait_us(key0, key1, _ARRIVAL, trader["entity"], 0, trader["act_us"])
        standing[row]["next_us"] = trader["starts_us"] + wait_us
        standing[row]["identity"] = row
        standing[row]["latest"] = -1


@njit
def collect_acting(standing: Records, until_us: int, acting: Ints) -> int:
    """Traders that act before a time, in ascending order; return how many.

    Shapes: acting int64 (n_traders,), filled from the front.
    """
    n_acting = 0
    for row in range(standing.shape[0]):
        if standing[row]["next_us"] < until_us and not standing[row]["is_away"]:
            acting[n_acting] = row
            n_acting += 1
    return n_acting


@njit
def go_on(
    traders: Records,
    standing: Records,
    identities: Records,
    acting: Ints,
    think_us_min: int,
    key0: np.uint64,
    key1: np.uint64,
) -> None:
    """Draw when those who act now act next: never sooner than the least time to think."""
    for index in range(acting.shape[0]):
        trader, stands = traders[acting[index]], standing[acting[index]]
        stands["ordinal"] += 1
        entity = identities[stands["identity"]]["entity"]
        wait_us = draw_wait_us(key0, key1, _ARRIVAL, entity, stands["ordinal"], trader["act_us"])
        stands["next_us"] += max(think_us_min, wait_us)


@njit
def is_offered(signal: Record, now_us: int, offer_us: int) -> bool:
    """Whether a signal is still for sale."""
    return signal["state"] == _STANDING and now_us < signal["published_us"] + offer_us


@njit
def list_offers(
    sellers: Ints,
    standing: Records,
    truths: Records,
    signals: Records,
    accounts: Records,
    offer_us: int,
) -> Records:
    """What each of some sellers has on offer, in one small table: many look at it.

    Shapes: sellers int64 (n,), rows of `standing`; OFFER (n,).
    """
    offers = np.zeros(sellers.shape[0], dtype=OFFER)
    for place in range(sellers.shape[0]):
        offer, signal = offers[place], standing[sellers[place]]["latest"]
        if signal < 0 or signals[signal]["state"] != _STANDING:
            continue  # until the beginning of time
        account = accounts[signals[signal]["seller"]]
        offer["signal"] = signal
        offer["trader"] = sellers[place]
        offer["identity"] = truths[signal]["identity"]
        offer["until_us"] = signals[signal]["published_us"] + offer_us
        offer["score_ppm"] = account["reputation_ppm"]
        offer["known"] = 1 if account["n_ratings"] > 0 else 0
    return offers


@njit
def get_known_score(
    memory: Memory, org: int, offer: Record, shares_scores: bool
) -> tuple[int, int]:
    """Score of a seller as an org's traders know it, and whether anybody rated it.

    Source: without shared scores, the mean of a Beta prior of one good and one bad (Josang and
            Ismail 2002) over what the org's own traders found.
    """
    if shares_scores:
        return offer["score_ppm"], offer["known"]
    good, bad = memory.good[org, offer["identity"]], memory.bad[org, offer["identity"]]
    return (good + 1) * PPM // (good + bad + 2), 1 if good + bad > 0 else 0


@njit
def choose_offers(
    rows: Ints,
    times_us: Ints,
    ordinals: Ints,
    traders: Records,
    standing: Records,
    identities: Records,
    offers: Records,
    n_choices: int,
    signals: Records,
    memory: Memory,
    shares_scores: bool,
    offer_us: int,
    key0: np.uint64,
    key1: np.uint64,
    chosen: Ints,
) -> None:
    """The best of a few offers for each trader that acts, and an offer of a partner.

    Which sellers somebody comes across is drawn alike under every policy; which of them looks
    best depends on what the policy lets it know. Of equals, the first it came across.

    Shapes: rows, times_us and ordinals int64 (n,); chosen int64 (4, n): signal, score, known,
            partner's signal; -1 where there is none.
    """
    for column in range(rows.shape[0]):
        row, now_us = rows[column], times_us[column]
        trader, identity = traders[row], identities[standing[row]["identity"]]
        best, best_ppm, best_known = -1, -1, 0
        for choice in range(n_choices if offers.shape[0] > 0 else 0):
            ordinal = ordinals[column] * ACT_STRIDE + choice
            place = draw_below(key0, key1, _OFFER, identity["entity"], ordinal, offers.shape[0])
            offer = offers[place]
            if now_us >= offer["until_us"] or offer["trader"] == row:
                continue
            if memory.blocked[trader["org"], offer["identity"]]:
                continue
            score_ppm, known = get_known_score(memory, trader["org"], offer, shares_scores)
            if score_ppm > best_ppm:
                best, best_ppm, best_known = offer["signal"], score_ppm, known
        chosen[0, column], chosen[1, column], chosen[2, column] = best, best_ppm, best_known
        chosen[3, column] = find_partner(
            trader, row, identity["entity"], ordinals[column], standing, key0, key1
        )
        partner = chosen[3, column]
        if partner >= 0 and not is_offered(signals[partner], now_us, offer_us):
            chosen[3, column] = -1


@njit
def find_partner(
    trader: Record,
    row: int,
    entity: int,
    ordinal: int,
    standing: Records,
    key0: np.uint64,
    key1: np.uint64,
) -> int:
    """Latest signal of another identity of the group, or -1: of its controller's first, if any."""
    n = trader["group_last"] - trader["group_first"]
    if n < 2:
        return -1
    if trader["place"] > 0:
        return standing[trader["group_first"]]["latest"]
    shift = 1 + draw_below(key0, key1, _OFFER, entity, ordinal * ACT_STRIDE + PARTNER, n - 1)
    first = trader["group_first"]
    return standing[first + (row - first + shift) % n]["latest"]


@njit
def observe_traders(
    identities: Records,
    rows: Ints,
    local: Ints,
    accounts: Records,
    unbonding: Records,
    height: int,
    seen: Ints,
) -> None:
    """How identities stand on the ledger.

    Shapes: rows int64 (n,), identities; seen int64 (6, n): score, ratings, balance, stake, barred,
            slot of a matured unbonding entry or -1.
    """
    for column in range(rows.shape[0]):
        identity = identities[rows[column]]
        account = accounts[local[identity["account"]]]
        seen[0, column] = account["reputation_ppm"]
        seen[1, column] = account["n_ratings"]
        seen[2, column] = account["balance"]
        seen[3, column] = account["stake"]
        seen[4, column] = 0 if is_active(account, height) else 1
        slot = identity["unbonding_slot"]
        is_ready = slot >= 0 and unbonding[slot]["amount"] > 0
        is_ready = is_ready and height >= unbonding[slot]["matures_height"]
        seen[5, column] = slot if is_ready else -1
