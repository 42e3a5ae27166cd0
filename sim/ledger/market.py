"""Trade: the kinds PUBLISH, BUY and ATTEST.

Reached from `transition` and `kinds` alone. Who may publish at all is judged like a call; what
stands here is the trade itself: offers, prices, escrow and ratings.
"""

from __future__ import annotations

from sim.core.arithmetic import muldiv
from sim.core.compiled import njit
from sim.core.market import SaleState, SignalState
from sim.core.reasons import Reason
from sim.core.records import Ints, Record
from sim.core.units import PPM
from sim.ledger.checks import is_active
from sim.ledger.reputation import rate_account
from sim.ledger.rules import Judges, Rules, Settlement, Weighting
from sim.ledger.state import (
    ESCROW,
    N_RATINGS,
    N_SALES,
    N_SIGNALS,
    TREASURY,
    State,
)

_ESCROW, _PREPAID = int(Settlement.ESCROW), int(Settlement.PREPAID)
_ARBITER = int(Judges.ARBITER)
_EQUAL, _VALUE = int(Weighting.EQUAL), int(Weighting.VALUE)
_STANDING = int(SignalState.STANDING)
_HELD, _INVOICED, _PAID = int(SaleState.HELD), int(SaleState.INVOICED), int(SaleState.PAID)

APPLIED, TABLE_FULL = int(Reason.APPLIED), int(Reason.TABLE_FULL)
TARGET_SELF, TARGET_NOT_ACTIVE = int(Reason.TARGET_SELF), int(Reason.TARGET_NOT_ACTIVE)
SIGNAL_UNKNOWN, SIGNAL_CLOSED = int(Reason.SIGNAL_UNKNOWN), int(Reason.SIGNAL_CLOSED)
PRICE_ABOVE_LIMIT, NEWCOMER_LIMIT = int(Reason.PRICE_ABOVE_LIMIT), int(Reason.NEWCOMER_LIMIT)
BOND_TOO_LOW, SALE_UNKNOWN = int(Reason.BOND_TOO_LOW), int(Reason.SALE_UNKNOWN)
NOT_BUYER, SALE_UNSETTLED = int(Reason.NOT_BUYER), int(Reason.SALE_UNSETTLED)
ALREADY_RATED, SAME_CONTROLLER = int(Reason.ALREADY_RATED), int(Reason.SAME_CONTROLLER)


@njit
def validate_publish(state: State, rules: Rules, tx: Record, account: Record) -> int:
    """A price, a bond that is high enough, and no more than a newcomer may ask."""
    if tx["amount"] < rules.bond_min:
        return BOND_TOO_LOW
    is_newcomer = account["n_ratings"] == 0
    if is_newcomer and rules.newcomer_price_max > 0 and tx["subject"] > rules.newcomer_price_max:
        return NEWCOMER_LIMIT
    return APPLIED if state.counters[N_SIGNALS] < state.signals.shape[0] else TABLE_FULL


@njit
def process_publish(
    state: State, rules: Rules, tx: Record, account: Record, receipt: Record
) -> None:
    """Put the signal on offer and its bond into escrow."""
    slot = state.counters[N_SIGNALS]
    signal = state.signals[slot]
    bond = min(tx["amount"], account["balance"])
    signal["seller"] = tx["sender"]
    signal["operation"] = tx["target"]
    signal["price"] = tx["subject"]
    signal["bond"] = bond
    signal["has_proof"] = 1 if tx["mask"] & 1 else 0
    signal["published_height"] = tx["height"]
    signal["published_us"] = tx["now_us"]
    signal["closes_us"] = tx["now_us"] + rules.offer_us
    signal["state"] = _STANDING
    signal["sale_first"] = -1
    signal["dispute"] = -1
    signal["word0"] = tx["word0"]
    signal["word1"] = tx["word1"]
    signal["word2"] = tx["word2"]
    signal["word3"] = tx["word3"]
    account["balance"] -= bond
    state.accounts[ESCROW]["balance"] += bond
    state.dirty[ESCROW >> 6] = 1
    state.counters[N_SIGNALS] += 1
    receipt["amount"] = bond
    receipt["counterparty"] = slot


@njit
def validate_buy(state: State, rules: Rules, tx: Record) -> int:
    """A signal that is for sale, by another account that is active, for no more than said."""
    if tx["target"] < 0 or tx["target"] >= state.counters[N_SIGNALS]:
        return SIGNAL_UNKNOWN
    signal = state.signals[tx["target"]]
    if signal["state"] != _STANDING or tx["now_us"] >= signal["published_us"] + rules.offer_us:
        return SIGNAL_CLOSED
    if signal["seller"] == tx["sender"]:
        return TARGET_SELF
    if not is_active(state.accounts[signal["seller"]], tx["height"]):
        return TARGET_NOT_ACTIVE
    if signal["price"] > tx["amount"]:
        return PRICE_ABOVE_LIMIT
    return APPLIED if state.counters[N_SALES] < state.sales.shape[0] else TABLE_FULL


@njit
def get_price_due(state: State, rules: Rules, tx: Record) -> int:
    """What a BUY takes from its sender at once; of no such signal, nothing."""
    if rules.settlement not in (_ESCROW, _PREPAID):
        return 0
    if tx["target"] < 0 or tx["target"] >= state.counters[N_SIGNALS]:
        return 0
    return state.signals[tx["target"]]["price"]


@njit
def process_buy(state: State, rules: Rules, tx: Record, account: Record, receipt: Record) -> None:
    """Note the sale; its price goes into escrow, to the seller, or on an invoice."""
    slot = state.counters[N_SALES]
    sale, signal = state.sales[slot], state.signals[tx["target"]]
    paid = min(get_price_due(state, rules, tx), account["balance"])
    payee, standing = ESCROW, _HELD
    if rules.settlement != _ESCROW:
        payee = signal["seller"]
        standing = _PAID if paid == signal["price"] else _INVOICED
    sale["signal"] = tx["target"]
    sale["buyer"] = tx["sender"]
    sale["price"] = signal["price"]
    sale["paid"] = paid
    sale["bought_us"] = tx["now_us"]
    sale["due_us"] = tx["now_us"] + rules.window_us
    sale["state"] = standing
    sale["next"] = signal["sale_first"]
    signal["sale_first"] = slot
    signal["n_sales"] += 1
    signal["closes_us"] = max(signal["closes_us"], sale["due_us"])
    account["balance"] -= paid
    state.accounts[payee]["balance"] += paid
    state.dirty[payee >> 6] = 1
    state.counters[N_SALES] += 1
    receipt["amount"] = paid
    receipt["counterparty"] = slot


@njit
def validate_attest(state: State, tx: Record) -> int:
    """The buyer rates a settled sale once, and not one between accounts of one org.

    Source: the hooks in front of every reputation rule are assumptions: proof of a transaction,
    one rating for each, none of oneself.
    """
    if tx["target"] < 0 or tx["target"] >= state.counters[N_SALES]:
        return SALE_UNKNOWN
    sale = state.sales[tx["target"]]
    if sale["buyer"] != tx["sender"]:
        return NOT_BUYER
    if sale["rated"]:
        return ALREADY_RATED
    if sale["state"] in (_HELD, _INVOICED) and tx["now_us"] < sale["due_us"]:
        return SALE_UNSETTLED
    if have_one_controller(state, state.signals[sale["signal"]]["seller"], tx["sender"]):
        return SAME_CONTROLLER
    return APPLIED if state.counters[N_RATINGS] < state.ratings.shape[0] else TABLE_FULL


@njit
def have_one_controller(state: State, one: int, other: int) -> bool:
    """Whether one org stands behind two accounts: it registered both, or one the other.

    The treasury stands behind nobody: it registered the accounts of the genesis block.
    """
    issuer, other_issuer = state.accounts[one]["issuer"], state.accounts[other]["issuer"]
    if issuer != TREASURY and issuer in (other, other_issuer):
        return True
    return other_issuer != TREASURY and other_issuer == one


@njit
def compute_weight(rules: Rules, rater: Record, price: int) -> int:
    """What a rating weighs: by price or by stake, 0 from a rater of low standing.

    Units:  ppm, 0..4_000_000; price in base units.
    Source: an assumption: at most one rating's worth for what is at stake in it.
    """
    is_known = rater["n_ratings"] > 0 or rater["offences"] > 0
    if is_known and rater["reputation_ppm"] < rules.rater_ppm_min:
        return 0
    if rules.rating_weight == _EQUAL:
        return PPM
    at_stake = price if rules.rating_weight == _VALUE else rater["stake"]
    return muldiv(min(at_stake, rules.weight_reference), PPM, max(1, rules.weight_reference))


@njit
def process_attest(
    state: State, rules: Rules, tx: Record, account: Record, receipt: Record
) -> None:
    """Keep the rating, and let it move the score of the rated."""
    slot = state.counters[N_RATINGS]
    rating, sale = state.ratings[slot], state.sales[tx["target"]]
    ratee = state.signals[sale["signal"]]["seller"]
    rating["rater"] = tx["sender"]
    rating["ratee"] = ratee
    rating["sale"] = tx["target"]
    rating["value"] = tx["amount"]
    rating["weight_ppm"] = compute_weight(rules, account, sale["price"])
    rating["height"] = tx["height"]
    sale["rated"] = 1
    if rating["weight_ppm"] > 0:
        state.accounts[ratee]["n_ratings"] += 1
        rate_account(rules, state.accounts[ratee], tx["amount"], rating["weight_ppm"])
        state.dirty[ratee >> 6] = 1
    state.counters[N_RATINGS] += 1
    receipt["counterparty"] = slot


@njit
def process_epoch(state: State, rules: Rules, scores_ppm: Ints, known: Ints) -> None:
    """Write the scores of an epoch; who is unknown has that of a newcomer.

    Shapes: scores_ppm and known int64 (n,), the first accounts in order.
    Units:  ppm; what lies outside 0..1_000_000 is clamped.
    """
    for index in range(scores_ppm.shape[0]):
        score_ppm = min(PPM, max(0, scores_ppm[index])) if known[index] else rules.newcomer_ppm
        if state.accounts[index]["reputation_ppm"] != score_ppm:
            state.accounts[index]["reputation_ppm"] = score_ppm
            state.dirty[index >> 6] = 1
