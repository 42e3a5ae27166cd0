"""Where the price of a sale goes in the end: to the seller, back, or away.

Reached from `disputes` alone, after everything is checked. Whatever leaves the escrow pool is
what once came in for the same sale or bond.
"""

from __future__ import annotations

from sim.core.arithmetic import mul_ppm, muldiv
from sim.core.compiled import njit
from sim.core.market import SaleState, SignalState
from sim.core.records import Record
from sim.core.units import SUPPLY_MAX
from sim.ledger.rules import Judges, Rules
from sim.ledger.state import BURN, ESCROW, N_JUDGES, TREASURY, State

_ARBITER = int(Judges.ARBITER)
_CLOSED = int(SignalState.CLOSED)
_HELD, _INVOICED, _PAID = int(SaleState.HELD), int(SaleState.INVOICED), int(SaleState.PAID)
_REFUNDED, _VOID = int(SaleState.REFUNDED), int(SaleState.VOID)
_RECOVERED = int(SaleState.RECOVERED)


@njit
def release_signal(state: State, rules: Rules, signal: Record) -> int:
    """Pay out every sale and give the bond back; return what left the escrow."""
    released = signal["bond"]
    credit(state, ESCROW, -signal["bond"])
    credit(state, signal["seller"], signal["bond"])
    signal["bond"] = 0
    signal["state"] = _CLOSED
    slot = signal["sale_first"]
    while slot >= 0:
        sale = state.sales[slot]
        released += release_sale(state, rules, sale, signal["seller"])
        slot = sale["next"]
    return released


@njit
def pay_invoice(state: State, tx: Record, account: Record) -> int:
    """From buyer to seller, as much of the rest as is offered and there is."""
    sale = state.sales[tx["target"]]
    rest = sale["price"] - sale["paid"]
    paid = min(rest, tx["amount"], account["balance"])
    account["balance"] -= paid
    credit(state, state.signals[sale["signal"]]["seller"], paid)
    sale["paid"] += paid
    if sale["paid"] == sale["price"]:
        sale["state"] = _PAID
    return paid


@njit
def compute_harm(state: State, signal: Record) -> int:
    """The harm on record: what all buyers of a signal paid for it, wherever that is now.

    An invoice that nobody paid is no harm: whoever could make harm for nothing would be paid for
    it out of a slash.

    Return: base units, 0..SUPPLY_MAX: money that went round counts each time, up to the supply.
    """
    harm = 0
    slot = signal["sale_first"]
    while slot >= 0:
        harm += min(state.sales[slot]["paid"], SUPPLY_MAX - harm)
        slot = state.sales[slot]["next"]
    return harm


@njit
def undo_sales(state: State, rules: Rules, signal: Record) -> None:
    """Give back what can be given back."""
    slot = signal["sale_first"]
    while slot >= 0:
        sale = state.sales[slot]
        if sale["state"] == _HELD:
            credit(state, ESCROW, -sale["paid"])
            credit(state, sale["buyer"], sale["paid"])
            sale["state"] = _REFUNDED
        elif sale["state"] == _INVOICED or (sale["state"] == _PAID and rules.claws_back):
            is_paid = sale["state"] == _PAID
            if rules.claws_back:
                back = min(sale["paid"], state.accounts[signal["seller"]]["balance"])
                credit(state, signal["seller"], -back)
                credit(state, sale["buyer"], back)
            sale["state"] = _RECOVERED if is_paid else _VOID
        slot = sale["next"]


@njit
def pay_victims(state: State, signal: Record, amount: int, harm: int) -> None:
    """From the pool to every buyer by what it paid, rounded down; the rest is burned.

    To be called while the sales still say what was paid. Where the harm stopped at the supply,
    the parts would make more than the whole: the newest sales come first.
    """
    rest = amount
    slot = signal["sale_first"]
    while slot >= 0 and amount > 0:
        sale = state.sales[slot]
        part = min(rest, muldiv(amount, sale["paid"], harm))
        credit(state, sale["buyer"], part)
        rest -= part
        slot = sale["next"]
    credit(state, BURN, rest)
    credit(state, ESCROW, -amount)


@njit
def get_fee_taker(state: State, rules: Rules) -> int:
    """Who earns by keeping the escrow."""
    if rules.judges == _ARBITER and state.counters[N_JUDGES] > 0:
        return state.judges[0]
    return TREASURY


@njit
def release_sale(state: State, rules: Rules, sale: Record, seller: int) -> int:
    """Pay a sale out of escrow, less the fee; return what left the escrow.

    Source: ERC-8183, `complete`: the fee is rounded down and the rest is the provider's.
    """
    if sale["state"] != _HELD:
        return 0
    fee, taker = mul_ppm(sale["paid"], rules.escrow_fee_ppm), get_fee_taker(state, rules)
    credit(state, ESCROW, -sale["paid"])
    credit(state, seller, sale["paid"] - fee)
    credit(state, taker, fee)
    sale["state"] = _PAID
    return sale["paid"]


@njit
def credit(state: State, account: int, amount: int) -> None:
    """Money to an account, or from it if negative: who calls keeps the sum."""
    if amount != 0:
        state.accounts[account]["balance"] += amount
        state.dirty[account >> 6] = 1
