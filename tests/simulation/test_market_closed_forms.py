"""Markets whose answer is known without a simulation, through the whole simulator.

As `test_closed_forms`: each at alpha = 1e-4 under a fixed seed, and once more with a bias of
20 % planted in the world, which the same comparison then has to see.
"""

from __future__ import annotations

from dataclasses import replace
from math import sqrt
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from scipy.stats import binom, binomtest, chi2, norm, ttest_1samp

from sim.core.market import Role, SaleState, SignalState, Verdict
from sim.core.records import Ints, Kind, Records
from sim.core.units import PPM, US_PER_S
from sim.model.world import World
from sim.policies.base import Protocol, Settlement, Slashing
from sim.stats.closed_forms import compute_audit_chance, compute_ruin_chance
from sim.stats.deterrence import compute_boundary_stake, compute_profit
from sim.trace.market import MarketRecord
from sim.trace.records import Trace
from tests.worlds import POLICIES, load_world, run

pytestmark = pytest.mark.slow

ALPHA = 1e-4
BIAS = 1.2
PRICE = 100
ACT_S = 1  # a window, how long an offer lives, and the least time between two acts
SETTLING_S = 20  # longer than any dispute and its window take

# No fees, no bonds, no scores, no jail but after a slash; each test adds what it is about. An
# offer lives one window, so all who buy a signal do so before any of them can tell the others.
PLAIN = replace(
    POLICIES["chain"],
    protocol=Protocol.SEQUENCER,
    fee=0,
    bond=0,
    reputation="none",
    slashing=Slashing.NONE,
    offer_us=ACT_S * US_PER_S,
    window_us=8 * US_PER_S,
)
CHEAT: dict[str, Any] = {
    "name": "cheat",
    "strategy": "fraudulent_seller",
    "org": "shady",
    "sells": "tip",
    "price": PRICE,
}
BUYER: dict[str, Any] = {
    "name": "buyer",
    "strategy": "honest_buyer",
    "org": "firm",
    "act_every": f"{ACT_S}s",
    "funds": 10**8,
    "score_min": 0,
}
JUDGE: dict[str, Any] = {"name": "judge", "strategy": "honest_judge", "org": "firm"}


def load_market(
    folder: Path, *agents: dict[str, Any], signal: dict[str, Any], horizon_s: int, **changes: Any
) -> World:
    """Sellers who cheat, those who deal with them, and judges without error unless told."""
    given: dict[str, Any] = {"judge_error": 0}
    return load_world(
        folder,
        orgs=[{"name": "firm", "count": 100}, {"name": "shady", "posture": "hostile"}],
        agents=list(agents),
        signals={"tip": {"detection": 0, "verifiable": True} | signal},
        market=given | changes,
        horizon=f"{horizon_s}s",
        window=f"{ACT_S}s",
        think_min=f"{ACT_S}s",
    )


def take_old(market: MarketRecord, horizon_s: int) -> Records:
    """Signals published early enough to be final, all of which have to be."""
    old = market.signals["published_us"] < (horizon_s - SETTLING_S) * US_PER_S
    final = (int(SignalState.FRAUDULENT), int(SignalState.CLOSED))
    assert np.isin(market.signals["state"][old], final).all()
    return market.signals[old]


def sum_by(numbers: Ints, amounts: Any, n: int) -> Ints:
    """Amounts added up by what they belong to."""
    totals = np.zeros(n, dtype=np.int64)
    np.add.at(totals, numbers, amounts)
    return totals


def compute_likelihood(successes: int, trials: int, share: float) -> float:
    """Two-sided p value of so many successes."""
    return float(binomtest(successes, trials, share).pvalue)


def compute_spread_likelihood(counts: Ints, trials: int, share: float) -> float:
    """Two-sided p value of how far binomial counts lie apart, about their known mean."""
    known = trials * share
    square = float(((counts - known) ** 2).sum() / (known * (1.0 - share)))
    return 2.0 * float(min(chi2.cdf(square, len(counts)), chi2.sf(square, len(counts))))


# --- deterrence: what a fraud brings in, less what it costs once it is found

DETECTION = 0.5
FRAUD_HORIZON_S, N_MARKETS = 100, 8
FORFEITED = {Settlement.ESCROW: True, Settlement.PREPAID: False}
BOUNDARY = {
    settlement: compute_boundary_stake(PRICE, DETECTION, gain_forfeited=forfeited)
    for settlement, forfeited in FORFEITED.items()
}


def measure_frauds(folder: Path, settlement: Settlement, stake: float, chance: float) -> Ints:
    """Payoff of every fraud that was sold once, by what the ledger paid and slashed for it.

    A jailed seller does not sell, so who is caught cheats less often; each fraud that is sold
    counts once, and its discovery is drawn after the sale.
    """
    cheats = CHEAT | {"count": 2_000, "fraud": 1, "stake": 10**6, "act_every": "20s"}
    world = load_market(
        folder,
        cheats,
        BUYER | {"count": 100},
        signal={"detection": chance, "detection_time": "1ms"},
        horizon_s=FRAUD_HORIZON_S,
        choices=31,
    )
    policy = replace(
        PLAIN, settlement=settlement, slashing=Slashing.FIXED, slash_fixed=round(stake)
    )
    traces = [run(world, policy, number) for number in range(N_MARKETS)]
    return np.concatenate([take_payoffs(trace) for trace in traces])


def take_payoffs(trace: Trace) -> Ints:
    """Payoffs of one replication; all of them together are what the sellers gained."""
    market, n = trace.market, len(trace.market.signals)
    complaints = (trace.receipts["kind"] == Kind.CHALLENGE) & (trace.receipts["code"] == 0)
    signal = trace.transactions["target"][complaints]
    waited_us = trace.transactions["submitted_us"][complaints]
    waited_us = waited_us - market.signals["published_us"][signal]
    assert waited_us.min() >= ACT_S * US_PER_S  # nobody complains of what is still for sale
    is_paid = market.sales["state"] == int(SaleState.PAID)
    gains = sum_by(market.sales["signal"], market.sales["price"] * is_paid, n)
    gains -= sum_by(market.disputes["signal"], market.disputes["slashed"], n)
    traders = market.traders
    earned = sum_by(market.signals["seller"], gains, len(traders))
    is_seller = traders["role"] == int(Role.SELLER)
    assert (earned == traders["wealth_end"] - traders["wealth_start"])[is_seller].all()
    old = take_old(market, FRAUD_HORIZON_S)
    return gains[old["signal"][old["n_sales"] == 1]]


@pytest.mark.parametrize("settlement", FORFEITED)
@pytest.mark.parametrize("share", [0.8, 1.0, 1.2])
def test_a_fraud_pays_below_the_boundary_stake_alone(
    tmp_path: Path, settlement: Settlement, share: float
) -> None:
    stake = share * BOUNDARY[settlement]
    payoffs = measure_frauds(tmp_path, settlement, stake, DETECTION)
    known = compute_profit(PRICE, DETECTION, stake, gain_forfeited=FORFEITED[settlement])
    tested = ttest_1samp(payoffs, 0.0)
    assert ttest_1samp(payoffs, known).pvalue > ALPHA, (payoffs.mean(), known)
    assert (tested.pvalue > ALPHA) == (share == 1.0)
    assert np.sign(known) == np.sign(round(1.0 - share, 3))
    assert share == 1.0 or np.sign(tested.statistic) == np.sign(known)


@pytest.mark.parametrize("settlement", FORFEITED)
def test_a_fifth_more_discoveries_would_be_seen(tmp_path: Path, settlement: Settlement) -> None:
    payoffs = measure_frauds(tmp_path, settlement, BOUNDARY[settlement], DETECTION * BIAS)
    assert ttest_1samp(payoffs, 0.0).pvalue < ALPHA
    assert payoffs.mean() < 0.0


# --- a gambler's ruin: a seller's bonds, one lost with each fraud, one won with each sale

N_GAMBLERS, N_TABLES, START, GOAL = 300, 3, 2, 5
RUIN_HORIZON_S = 2_000
GAMBLE = replace(PLAIN, bond=PRICE, window_us=3 * US_PER_S)


class Ends(NamedTuple):
    """How the walks of all gamblers ended."""

    ruined: int
    rounds: float  # mean number of them until the end


def run_gamblers(folder: Path, lose: float) -> Ends:
    """Sellers whose every signal stakes a bond as high as its price.

    A fraud that is sold costs the bond, a sound signal that is sold earns the price. One that
    nobody buys does neither, and nobody can tell which it is. A buyer that found a fraud deals
    with its seller no more; buyers come across one offer each, so no seller is preferred.
    """
    gamblers = CHEAT | {"count": N_GAMBLERS // N_TABLES, "fraud": round(lose, 6)}
    gamblers |= {"funds": START * PRICE, "act_every": "1s"}
    world = load_market(
        folder,
        gamblers,
        BUYER | {"count": 100},
        signal={"detection": 1, "detection_time": "1ms"},
        horizon_s=RUIN_HORIZON_S,
        choices=1,
    )
    tables = [take_walks(run(world, GAMBLE, table).market) for table in range(N_TABLES)]
    walks = [walk for table in tables for walk in table]
    return Ends(
        sum(int(walk[-1] == 0) for walk in walks), float(np.mean([len(walk) for walk in walks]))
    )


def take_walks(market: MarketRecord) -> list[Ints]:
    """What each gambler has after each round, in prices, until it is ruined or at its goal."""
    check_wealth(market)
    old = take_old(market, RUIN_HORIZON_S)
    sold = old[old["n_sales"] > 0]
    assert (sold["fraudulent"] == (sold["state"] == int(SignalState.FRAUDULENT))).all()
    walks = []
    for gambler in range(N_GAMBLERS // N_TABLES):
        rounds = 1 - 2 * sold["fraudulent"][sold["seller"] == gambler]
        walk = START + np.cumsum(rounds)
        ended = np.flatnonzero((walk == 0) | (walk == GOAL))
        assert len(ended), (gambler, walk)  # nobody is left between ruin and goal
        walks.append(walk[: ended[0] + 1])
    return walks


def check_wealth(market: MarketRecord) -> None:
    """Rounds are money: each gambler has what it began with, its sales and its lost bonds."""
    signals, traders = market.signals, market.traders
    lost = (signals["state"] == int(SignalState.FRAUDULENT)) * PRICE
    is_paid = market.sales["state"] == int(SaleState.PAID)
    gains = sum_by(market.sales["seller"], is_paid * PRICE, len(traders))
    gains -= sum_by(signals["seller"], lost, len(traders))
    is_seller = traders["role"] == int(Role.SELLER)
    assert (gains == traders["wealth_end"] - traders["wealth_start"])[is_seller].all()


@pytest.mark.parametrize("lose", [0.5, 0.45])
def test_sellers_are_ruined_as_gamblers_are(tmp_path: Path, lose: float) -> None:
    known = compute_ruin_chance(START, GOAL, 1.0 - lose)
    ends = run_gamblers(tmp_path, lose)
    assert compute_likelihood(ends.ruined, N_GAMBLERS, known) > ALPHA, (ends, known)
    biased = run_gamblers(tmp_path, lose * BIAS)
    assert compute_likelihood(biased.ruined, N_GAMBLERS, known) < ALPHA, (biased, known)


# --- audits: a share of all signals is looked at, and nobody else finds out

N_AUDITED, N_FIRST, AUDIT, FRAUD = 1_500, 20, 0.2, 0.15
AUDIT_HORIZON_S = 120
OPEN = replace(PLAIN, offer_us=5 * US_PER_S)  # long enough for an auditor to come in time


class Audits(NamedTuple):
    """The first signals of every seller, both bool (N_AUDITED, N_FIRST)."""

    false: np.ndarray
    audited: np.ndarray

    @property
    def found(self) -> np.ndarray:
        """Those that were convicted: `run_audits` has checked it."""
        return self.false & self.audited


def run_audits(folder: Path, share: float) -> Audits:
    """Whoever is convicted goes on, so how much is published does not depend on audits."""
    cheats = CHEAT | {"count": N_AUDITED, "fraud": FRAUD, "act_every": "2s"}
    world = load_market(folder, cheats, BUYER | {"count": 10}, signal={}, horizon_s=AUDIT_HORIZON_S)
    policy = replace(OPEN, audit_ppm=round(share * PPM))
    market = run(world, policy).market
    assert len(market.sales)
    old = take_old(market, AUDIT_HORIZON_S)
    first = [old["signal"][old["seller"] == seller][:N_FIRST] for seller in range(N_AUDITED)]
    signals = market.signals[np.array(first)]
    false, audited = signals["fraudulent"] == 1, signals["n_examined"] > 0
    convicted = signals["state"] == int(SignalState.FRAUDULENT)
    assert (convicted == (false & audited)).all()
    return Audits(false, audited)


def compute_found_likelihood(audits: Audits, chances: list[float]) -> float:
    """Two-sided p value of how many sellers had a fraud found, each with a chance of its own."""
    found = int(audits.found.any(axis=1).sum())
    variance = sum(chance * (1.0 - chance) for chance in chances)
    return 2.0 * float(norm.sf(abs(found - sum(chances)) / sqrt(variance)))


def compute_sample_chances(audits: Audits, n_more: float = 1.0) -> list[float]:
    """By the closed form, given how many signals of each seller were drawn and how many are bad."""
    drawn = np.rint(audits.audited.sum(axis=1) * n_more).astype(np.int64)
    pairs = zip(audits.false.sum(axis=1).tolist(), drawn.tolist(), strict=True)
    return [compute_audit_chance(N_FIRST, bad, min(n, N_FIRST)) for bad, n in pairs]


def compute_drawn_chances(audits: Audits) -> list[float]:
    """Its analogue where every record is drawn on its own, with the share of the lever."""
    return [1.0 - (1.0 - AUDIT) ** int(bad) for bad in audits.false.sum(axis=1)]


def compute_audit_likelihoods(audits: Audits) -> dict[str, float]:
    """p values of everything that goes by the share that is audited."""
    n_false = int(audits.false.sum())
    return {
        "false": compute_likelihood(int(audits.found.sum()), n_false, AUDIT),
        "all": compute_likelihood(int(audits.audited.sum()), audits.audited.size, AUDIT),
        "any": compute_found_likelihood(audits, compute_drawn_chances(audits)),
    }


def test_audits_convict_a_share_of_all_frauds(tmp_path: Path) -> None:
    audits = run_audits(tmp_path, AUDIT)
    likelihoods = compute_audit_likelihoods(audits)
    assert min(likelihoods.values()) > ALPHA, likelihoods
    assert compute_likelihood(int(audits.false.sum()), audits.false.size, FRAUD) > ALPHA
    for axis in (0, 1):  # apart from each other, by seller and by place
        counts = audits.audited.sum(axis=axis)
        assert compute_spread_likelihood(counts, audits.audited.shape[axis], AUDIT) > ALPHA
    assert compute_found_likelihood(audits, compute_sample_chances(audits)) > ALPHA
    assert compute_found_likelihood(audits, compute_sample_chances(audits, BIAS)) < ALPHA


def test_a_fifth_more_audits_would_be_seen(tmp_path: Path) -> None:
    likelihoods = compute_audit_likelihoods(run_audits(tmp_path, AUDIT * BIAS))
    assert max(likelihoods.values()) < ALPHA, likelihoods


# --- a committee that errs, and the bonds of an optimistic assertion

ERROR, N_JUDGED = 0.3, 300
COURT_HORIZON_S = 120
BOND, FEE = 1_001, 500  # known: whoever wins has 1 502 of both bonds


def run_court(folder: Path, n_seats: int, error: float) -> Records:
    """Disputes of an auditor that errs as often as a judge does, after a check of all bonds."""
    cheats = CHEAT | {"count": N_JUDGED, "fraud": 0.5, "act_every": "3s"}
    world = load_market(
        folder,
        cheats,
        JUDGE | {"count": 11},
        signal={"verifiable": False},
        horizon_s=COURT_HORIZON_S,
        judge_error=round(error, 6),
        judgement="500ms",
    )
    policy = replace(OPEN, audit_ppm=PPM, bond=BOND, committee=n_seats, verdict_us=15 * US_PER_S)
    market = run(world, policy).market
    disputes, traders = market.disputes, market.traders
    upheld = disputes["verdict"] == int(Verdict.UPHELD)
    rejected = disputes["verdict"] == int(Verdict.REJECTED)
    gains = sum_by(disputes["accused"], rejected * (BOND - FEE) - upheld * BOND, len(traders))
    grown = traders["wealth_end"] - traders["wealth_start"]
    is_seller = traders["role"] == int(Role.SELLER)
    assert (gains == grown)[is_seller].all()
    n_to_uphold, n_to_reject = n_seats // 2 + 1, (n_seats + 1) // 2
    paid = upheld.sum() * (FEE // n_to_uphold * n_to_uphold)
    paid += rejected.sum() * (FEE // n_to_reject * n_to_reject)
    assert grown[traders["role"] == int(Role.JUDGE)].sum() == paid
    old = disputes[disputes["opened_us"] < (COURT_HORIZON_S - SETTLING_S) * US_PER_S]
    assert np.isin(old["verdict"], [int(Verdict.UPHELD), int(Verdict.REJECTED)]).all()
    return old


def compute_court_likelihoods(disputes: Records, n_seats: int) -> dict[str, float]:
    """p values of wrong verdicts: more than half convict, half are enough to acquit."""
    false = disputes["fraudulent"] == 1
    upheld = disputes["verdict"] == int(Verdict.UPHELD)
    acquitted = float(binom.sf((n_seats + 1) // 2 - 1, n_seats, ERROR))
    convicted = float(binom.sf(n_seats // 2, n_seats, ERROR))
    opened = float(1.0 - ERROR)  # half of all signals are false: of a fraud, if it looks like one
    return {
        "acquitted": compute_likelihood(int((false & ~upheld).sum()), int(false.sum()), acquitted),
        "convicted": compute_likelihood(
            int((~false & upheld).sum()), int((~false).sum()), convicted
        ),
        "accused": compute_likelihood(int(false.sum()), len(disputes), opened),
    }


@pytest.mark.parametrize("n_seats", [5, 4])
def test_committees_err_as_a_binomial_tail(tmp_path: Path, n_seats: int) -> None:
    likelihoods = compute_court_likelihoods(run_court(tmp_path, n_seats, ERROR), n_seats)
    assert min(likelihoods.values()) > ALPHA, likelihoods
    biased = compute_court_likelihoods(run_court(tmp_path, n_seats, ERROR * BIAS), n_seats)
    assert max(biased.values()) < ALPHA, biased
