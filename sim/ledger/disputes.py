"""Disputes and the end of escrow: the kinds CHALLENGE and RESOLVE.

Reached from `kinds` alone. A dispute ends by proof, by a majority of its judges, or by the votes
there are once its time is over; a signal found fraudulent is evidence against its seller.
"""

from __future__ import annotations

from sim.core.arithmetic import mul_ppm
from sim.core.compiled import njit
from sim.core.market import Resolution, SaleState, SignalState, Verdict
from sim.core.reasons import Reason
from sim.core.records import Record
from sim.core.units import PPM
from sim.ledger.escrow import (
    compute_harm,
    credit,
    pay_invoice,
    pay_victims,
    release_signal,
    undo_sales,
)
from sim.ledger.reputation import convict_account
from sim.ledger.rules import Judges, Rules, Slashing
from sim.ledger.slashing import FRAUD, OFFENCE_PPM, slash_account
from sim.ledger.state import (
    ESCROW,
    N_DISPUTES,
    N_EVIDENCE,
    N_JUDGES,
    N_SALES,
    N_SIGNALS,
    TREASURY,
    State,
)

_VOTE, _PROOF, _TIMEOUT = int(Resolution.VOTE), int(Resolution.PROOF), int(Resolution.TIMEOUT)
_RELEASE, _PAY, _TAKE = int(Resolution.RELEASE), int(Resolution.PAY), int(Resolution.TAKE)
_STANDING, _DISPUTED = int(SignalState.STANDING), int(SignalState.DISPUTED)
_FRAUDULENT, _CLOSED = int(SignalState.FRAUDULENT), int(SignalState.CLOSED)
_HELD, _INVOICED, _PAID = int(SaleState.HELD), int(SaleState.INVOICED), int(SaleState.PAID)
_REFUNDED, _VOID = int(SaleState.REFUNDED), int(SaleState.VOID)
_RECOVERED, _TAKEN = int(SaleState.RECOVERED), int(SaleState.TAKEN)
_OPEN, _UPHELD = int(Verdict.OPEN), int(Verdict.UPHELD)
_REJECTED, _UNDECIDED = int(Verdict.REJECTED), int(Verdict.UNDECIDED)
_COMMITTEE, _ARBITER, _OPERATOR = (
    int(Judges.COMMITTEE),
    int(Judges.ARBITER),
    int(Judges.OPERATOR),
)
_NO_SLASH = int(Slashing.NONE)

APPLIED, TABLE_FULL = int(Reason.APPLIED), int(Reason.TABLE_FULL)
SIGNAL_UNKNOWN, SALE_UNKNOWN = int(Reason.SIGNAL_UNKNOWN), int(Reason.SALE_UNKNOWN)
DISPUTE_UNKNOWN, DISPUTE_OPEN = int(Reason.DISPUTE_UNKNOWN), int(Reason.DISPUTE_OPEN)
DISPUTE_DECIDED, NOT_JUDGE = int(Reason.DISPUTE_DECIDED), int(Reason.NOT_JUDGE)
ALREADY_VOTED, BOND_TOO_LOW = int(Reason.ALREADY_VOTED), int(Reason.BOND_TOO_LOW)
WINDOW_CLOSED, WINDOW_OPEN = int(Reason.WINDOW_CLOSED), int(Reason.WINDOW_OPEN)
PROOF_INVALID, NOT_BUYER = int(Reason.PROOF_INVALID), int(Reason.NOT_BUYER)
SALE_SETTLED, TARGET_SELF = int(Reason.SALE_SETTLED), int(Reason.TARGET_SELF)
TARGET_UNKNOWN = int(Reason.TARGET_UNKNOWN)


@njit
def get_bond_asked(rules: Rules, signal: Record) -> int:
    """What a challenger puts at stake: as much as the seller did, and the least of all bonds.

    Source: UMA optimistic oracle v3: asserter and disputer post the same bond.
    """
    return max(signal["bond"], rules.bond_min)


@njit
def validate_challenge(state: State, rules: Rules, tx: Record) -> int:
    """Somebody else's signal, within its window, with a bond as high as its own."""
    if tx["target"] < 0 or tx["target"] >= state.counters[N_SIGNALS]:
        return SIGNAL_UNKNOWN
    signal = state.signals[tx["target"]]
    if signal["seller"] == tx["sender"]:
        return TARGET_SELF
    if signal["state"] == _DISPUTED:
        return DISPUTE_OPEN
    if signal["state"] != _STANDING or tx["now_us"] >= signal["closes_us"]:
        return WINDOW_CLOSED
    if tx["amount"] < get_bond_asked(rules, signal):
        return BOND_TOO_LOW
    return APPLIED if state.counters[N_DISPUTES] < state.disputes.shape[0] else TABLE_FULL


@njit
def process_challenge(
    state: State, rules: Rules, tx: Record, account: Record, receipt: Record
) -> None:
    """Open the dispute; its seats are those from a drawn one on."""
    slot = state.counters[N_DISPUTES]
    signal, dispute = state.signals[tx["target"]], state.disputes[slot]
    bond = min(get_bond_asked(rules, signal), account["balance"])
    n_judges = state.counters[N_JUDGES]
    dispute["signal"] = tx["target"]
    dispute["challenger"] = tx["sender"]
    dispute["bond"] = bond
    dispute["opened_us"] = tx["now_us"]
    dispute["opened_height"] = tx["height"]
    dispute["seat_first"] = tx["draw_ppm"] * n_judges // PPM
    dispute["n_seats"] = min(rules.committee, n_judges) if rules.judges == _COMMITTEE else 1
    dispute["verdict"] = _OPEN
    signal["state"] = _DISPUTED
    signal["dispute"] = slot
    account["balance"] -= bond
    credit(state, ESCROW, bond)
    state.counters[N_DISPUTES] += 1
    receipt["amount"] = bond
    receipt["counterparty"] = slot


@njit
def get_judge(state: State, rules: Rules, dispute: Record, seat: int) -> int:
    """Account in a seat of a dispute, or -1 if nobody judges."""
    if rules.judges == _OPERATOR:
        return state.accounts[state.signals[dispute["signal"]]["seller"]]["issuer"]
    if state.counters[N_JUDGES] == 0:
        return -1
    if rules.judges == _ARBITER:
        return state.judges[0]
    if rules.judges == _COMMITTEE:
        return state.judges[(dispute["seat_first"] + seat) % state.counters[N_JUDGES]]
    return -1


@njit
def find_seat(state: State, rules: Rules, dispute: Record, account: int) -> int:
    """Seat of an account in a dispute, or -1; nobody judges its own cause."""
    if account in (dispute["challenger"], state.signals[dispute["signal"]]["seller"]):
        return -1
    for seat in range(dispute["n_seats"]):
        if get_judge(state, rules, dispute, seat) == account:
            return seat
    return -1


@njit
def validate_resolve(state: State, rules: Rules, tx: Record) -> int:
    """First reason against a RESOLVE, by what it means to do."""
    step = tx["subject"]
    if step in (_VOTE, _PROOF, _TIMEOUT):
        return validate_verdict(state, rules, tx)
    if step == _RELEASE:
        return validate_release(state, tx)
    if step in (_PAY, _TAKE):
        return validate_payment(state, rules, tx)
    return TARGET_UNKNOWN


@njit
def validate_verdict(state: State, rules: Rules, tx: Record) -> int:
    """An open dispute: a judge votes once, a proof must be there, a time-out comes late."""
    if tx["target"] < 0 or tx["target"] >= state.counters[N_DISPUTES]:
        return DISPUTE_UNKNOWN
    dispute = state.disputes[tx["target"]]
    if dispute["verdict"] != _OPEN:
        return DISPUTE_DECIDED
    if state.counters[N_EVIDENCE] >= state.evidence.shape[0]:
        return TABLE_FULL
    is_over = tx["now_us"] >= dispute["opened_us"] + rules.verdict_us
    if tx["subject"] == _TIMEOUT:
        return APPLIED if is_over else WINDOW_OPEN
    if tx["subject"] == _PROOF:
        return APPLIED if state.signals[dispute["signal"]]["has_proof"] else PROOF_INVALID
    seat = find_seat(state, rules, dispute, tx["sender"])
    if seat < 0:
        return NOT_JUDGE
    if (dispute["voted"] >> seat) & 1:
        return ALREADY_VOTED
    return WINDOW_CLOSED if is_over else APPLIED


@njit
def validate_release(state: State, tx: Record) -> int:
    """A signal whose window is over and that nobody disputes."""
    if tx["target"] < 0 or tx["target"] >= state.counters[N_SIGNALS]:
        return SIGNAL_UNKNOWN
    signal = state.signals[tx["target"]]
    if signal["state"] == _DISPUTED:
        return DISPUTE_OPEN
    if signal["state"] != _STANDING:
        return WINDOW_CLOSED
    return APPLIED if tx["now_us"] >= signal["closes_us"] else WINDOW_OPEN


@njit
def validate_payment(state: State, rules: Rules, tx: Record) -> int:
    """An invoice by its buyer, or a price in escrow by the third party that keeps it."""
    if tx["target"] < 0 or tx["target"] >= state.counters[N_SALES]:
        return SALE_UNKNOWN
    sale = state.sales[tx["target"]]
    if tx["subject"] == _PAY:
        if sale["buyer"] != tx["sender"]:
            return NOT_BUYER
        return APPLIED if sale["state"] == _INVOICED else SALE_SETTLED
    keeps = rules.judges == _ARBITER and state.counters[N_JUDGES] > 0
    if not keeps or state.judges[0] != tx["sender"]:
        return NOT_JUDGE
    return APPLIED if sale["state"] == _HELD else SALE_SETTLED


@njit
def process_resolve(
    state: State, rules: Rules, tx: Record, account: Record, receipt: Record
) -> None:
    """Do what was validated."""
    step = tx["subject"]
    if step == _RELEASE:
        receipt["amount"] = release_signal(state, rules, state.signals[tx["target"]])
    elif step == _PAY:
        receipt["amount"] = pay_invoice(state, tx, account)
    elif step == _TAKE:
        sale = state.sales[tx["target"]]
        credit(state, ESCROW, -sale["paid"])
        credit(state, tx["sender"], sale["paid"])
        sale["state"] = _TAKEN
        receipt["amount"] = sale["paid"]
    else:
        dispute = state.disputes[tx["target"]]
        if step == _VOTE:
            note_vote(state, rules, dispute, tx)
        verdict = compute_verdict(dispute, tx)
        if verdict != _OPEN:
            receipt["amount"] = decide(state, rules, tx, dispute, verdict)


@njit
def note_vote(state: State, rules: Rules, dispute: Record, tx: Record) -> None:
    """Mark the seat, and the side it took."""
    bit = 1 << find_seat(state, rules, dispute, tx["sender"])
    dispute["voted"] |= bit
    if tx["amount"] > 0:
        dispute["upheld"] |= bit


@njit
def count_bits(mask: int) -> int:
    """How many bits of a mask are set."""
    n = 0
    while mask > 0:
        mask &= mask - 1
        n += 1
    return n


@njit
def compute_verdict(dispute: Record, tx: Record) -> int:
    """Verdict after a step of a dispute, OPEN while it goes on.

    More than half of the seats uphold it; half of them are enough to reject it. At a time-out
    those who voted decide alike, and without any vote nobody is punished.
    """
    if tx["subject"] == _PROOF:
        return _REJECTED if tx["proof_valid"] == 1 else _UPHELD
    n_for = count_bits(dispute["upheld"])
    n_against = count_bits(dispute["voted"]) - n_for
    if tx["subject"] == _TIMEOUT:
        if n_for + n_against == 0:
            return _UNDECIDED
        return _UPHELD if n_for > n_against else _REJECTED
    if 2 * n_for > dispute["n_seats"]:
        return _UPHELD
    return _REJECTED if 2 * n_against >= dispute["n_seats"] else _OPEN


@njit
def decide(state: State, rules: Rules, tx: Record, dispute: Record, verdict: int) -> int:
    """Close a dispute: bonds, sales and, if it was upheld, the seller; return what was slashed."""
    signal = state.signals[dispute["signal"]]
    dispute["verdict"] = verdict
    dispute["decided_us"] = tx["now_us"]
    bond = dispute["bond"]
    dispute["bond"] = 0
    credit(state, ESCROW, -bond)
    if verdict == _UNDECIDED:
        signal["state"] = _STANDING
        credit(state, dispute["challenger"], bond)
        return 0
    if verdict == _REJECTED:
        signal["state"] = _STANDING
        credit(state, signal["seller"], bond - pay_judges(state, rules, dispute, bond))
        return 0
    lost = signal["bond"]
    signal["bond"] = 0
    signal["state"] = _FRAUDULENT
    credit(state, ESCROW, -lost)
    fee = pay_judges(state, rules, dispute, lost)
    credit(state, dispute["challenger"], bond + lost - fee)
    slashed = punish(state, rules, tx, dispute, compute_harm(state, signal))
    undo_sales(state, rules, signal)
    return slashed


@njit
def pay_judges(state: State, rules: Rules, dispute: Record, lost: int) -> int:
    """Share the fee out of a lost bond among those who voted with the verdict; return the fee.

    Whatever they leave is the treasury's.
    Source: UMA optimistic oracle v3, `burnedBondPercentage`, paid to the judges as in Kleros.
    """
    fee = mul_ppm(lost, rules.bond_fee_ppm)
    coherent = dispute["upheld"]
    if dispute["verdict"] == _REJECTED:
        coherent = dispute["voted"] & ~dispute["upheld"]
    n = count_bits(coherent)
    rest = fee
    if n > 0 and fee >= n:
        for seat in range(dispute["n_seats"]):
            if (coherent >> seat) & 1:
                credit(state, get_judge(state, rules, dispute, seat), fee // n)
                rest -= fee // n
    credit(state, TREASURY, rest)
    return fee


@njit
def punish(state: State, rules: Rules, tx: Record, dispute: Record, harm: int) -> int:
    """Slash the seller for the fraud; the victims' part goes to buyers by what they paid."""
    signal = state.signals[dispute["signal"]]
    convict_account(rules, state.accounts[signal["seller"]], OFFENCE_PPM)
    state.dirty[signal["seller"] >> 6] = 1
    if rules.slash_rule == _NO_SLASH:
        return 0
    slot = state.counters[N_EVIDENCE]
    evidence = state.evidence[slot]
    evidence["offender"] = signal["seller"]
    evidence["reporter"] = dispute["challenger"]
    evidence["view"] = dispute["signal"]
    evidence["statement"] = FRAUD
    evidence["offence_height"] = signal["published_height"]
    evidence["height"] = tx["height"]
    # no identity: a seller could choose it to be that of another proof, which then counts as used
    evidence["word0"], evidence["word1"] = 0, 0
    evidence["word2"], evidence["word3"] = 0, 0
    before = state.accounts[ESCROW]["balance"]
    slashed = slash_account(state, rules, evidence, harm, ESCROW)
    state.counters[N_EVIDENCE] += 1
    pay_victims(state, signal, state.accounts[ESCROW]["balance"] - before, harm)
    return slashed
