"""From a market that has run to its records: ledger and ground truth side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.core.arithmetic import mul_ppm
from sim.core.market import Role, SaleState, SignalState
from sim.core.records import Ints, Records, join_records, take_records
from sim.ledger.rules import Rules
from sim.ledger.slashing import FRAUD
from sim.ledger.state import N_DISPUTES, N_EVIDENCE, N_SALES, N_SIGNALS
from sim.trace.market import (
    DISPUTE_RECORD,
    NO_MARKET,
    SALE_RECORD,
    SCORE_RECORD,
    SIGNAL_RECORD,
    TRADER_RECORD,
    MarketRecord,
)

if TYPE_CHECKING:
    from sim.model.trade_state import TradeState


_UNDONE = (int(SaleState.REFUNDED), int(SaleState.VOID), int(SaleState.RECOVERED))


def create_market_record(market: TradeState | None) -> MarketRecord:
    """Everything about the market of one replication."""
    if market is None:
        return NO_MARKET
    settings = market.world.scenario.market
    return MarketRecord(
        create_signals(market),
        create_sales(market),
        create_disputes(market),
        create_traders(market),
        join_records([np.zeros(0, dtype=SCORE_RECORD), *market.scores]),
        is_open=True,
        demotion_ppm=settings.demotion,
        parity_us=settings.parity,
    )


def create_signals(market: TradeState) -> Records:
    """One row for each signal on the ledger."""
    state = market.domain.state
    n = int(state.counters[N_SIGNALS])
    records, truth = np.zeros(n, dtype=SIGNAL_RECORD), market.signals[:n]
    records["signal"], records["seller"] = np.arange(n), truth["identity"]
    for name in ("price", "published_us", "closes_us", "state", "n_sales"):
        records[name] = state.signals[name][:n]
    records["n_examined"], records["fraudulent"] = truth["n_examined"], truth["fraudulent"]
    return records


def create_sales(market: TradeState) -> Records:
    """One row for each sale on the ledger."""
    state = market.domain.state
    n = int(state.counters[N_SALES])
    records, truth = np.zeros(n, dtype=SALE_RECORD), market.sales[:n]
    signals = take_records(market.signals, truth["signal"])
    kinds = market.world.market.types
    records["sale"] = np.arange(n)
    for name in ("price", "paid", "state", "bought_us", "due_us"):
        records[name] = state.sales[name][:n]
    for name in ("signal", "buyer", "score_ppm", "known", "value"):
        records[name] = truth[name]
    records["seller"], records["fraudulent"] = signals["identity"], signals["fraudulent"]
    final = (records["state"] != int(SaleState.HELD)) & (
        records["state"] != int(SaleState.INVOICED)
    )
    undone = np.isin(records["state"], _UNDONE)  # with its signal, whenever it was paid
    by_itself = (truth["settled_us"] >= 0) & ~undone
    settled_us = np.where(by_itself, truth["settled_us"], signals["closed_us"])
    settled_us = np.where(settled_us >= 0, settled_us, records["bought_us"])  # paid at once
    records["settled_us"] = np.where(final, settled_us, -1)
    in_full = (state.sales["paid"][:n] == records["price"]) & (records["price"] > 0)
    by_invoice = (truth["settled_us"] >= 0) & (records["state"] != int(SaleState.TAKEN))
    paid_us = np.where(by_invoice, truth["settled_us"], records["bought_us"])
    records["paid_us"] = np.where(in_full, paid_us, -1)
    kind, is_false = signals["signal_type"], signals["fraudulent"] == 1
    records["harm"] = np.where(is_false, kinds["harm"][kind], 0)
    records["worth"] = np.where(is_false, 0, kinds["worth"][kind])
    return records


def create_disputes(market: TradeState) -> Records:
    """One row for each dispute, with what it cost whom."""
    state = market.domain.state
    n = int(state.counters[N_DISPUTES])
    records, disputes = np.zeros(n, dtype=DISPUTE_RECORD), state.disputes[:n]
    records["dispute"], records["signal"] = np.arange(n), disputes["signal"]
    records["challenger"] = market.identity_of_local[disputes["challenger"]]
    records["accused"] = market.signals["identity"][disputes["signal"]]
    records["fraudulent"] = market.signals["fraudulent"][disputes["signal"]]
    for name in ("opened_us", "verdict"):
        records[name] = disputes[name]
    records["bond"] = np.maximum(state.signals["bond"][disputes["signal"]], market.policy.bond)
    records["decided_us"] = np.where(disputes["verdict"] > 0, disputes["decided_us"], -1)
    last = np.full(int(state.counters[N_SIGNALS]), -1, dtype=np.int64)
    last[disputes["signal"]] = np.arange(n)  # a signal is convicted in its last dispute
    for evidence in state.evidence[: state.counters[N_EVIDENCE]]:
        if evidence["statement"] == FRAUD:
            row = records[last[evidence["view"]]]
            row["slashed"] = evidence["amount"]
            row["restored"] = compute_restored(
                market, int(evidence["view"]), int(evidence["amount"])
            )
    return records


def compute_restored(market: TradeState, signal: int, slashed: int) -> int:
    """Part of a slash that went to the buyers of a signal: each part rounded down."""
    sales = market.domain.state.sales
    paid, slot = [], int(market.domain.state.signals["sale_first"][signal])
    while slot >= 0:
        paid.append(int(sales["paid"][slot]))
        slot = int(sales["next"][slot])
    rules: Rules = market.domain.rules
    harm = sum(paid)
    amount = min(int(mul_ppm(slashed, rules.slash_victim_ppm)), harm)
    return sum(amount * each // max(1, harm) for each in paid)


def create_traders(market: TradeState) -> Records:
    """One row for each name that somebody traded under."""
    n = market.n_identities
    records, names = np.zeros(n, dtype=TRADER_RECORD), market.identities[:n]
    traders = take_records(market.traders, names["trader"])
    records["trader"] = np.arange(n)
    for name in ("controller", "cohort", "role", "is_adversary"):
        records[name] = traders[name]
    for name in (
        "joined_us",
        "left_us",
        "n_frauds",
        "first_fraud_us",
        "n_convictions",
        "n_wrong",
        "refused",
        "unfunded",
    ):
        records[name] = names[name]
    is_first = np.arange(n) < len(market.traders)
    records["wealth_start"] = np.where(is_first, traders["funds"] + traders["stake"], 0)
    records["capital_added"] = names["capital"]
    accounts = market.domain.state.accounts[market.domain.local[names["account"]]]
    records["wealth_end"] = accounts["balance"] + accounts["stake"] + accounts["unbonding"]
    records["wealth_end"] += compute_locked(market, n)
    records["slashed"] = create_slashed(market, n)
    return records


def compute_locked(market: TradeState, n: int) -> Ints:
    """What identities have in escrow: bonds of their own, and prices not yet paid out."""
    state = market.domain.state
    locked = np.zeros(n, dtype=np.int64)
    signals = state.signals[: state.counters[N_SIGNALS]]
    is_open = signals["state"] <= int(SignalState.DISPUTED)
    np.add.at(locked, market.signals["identity"][: len(signals)][is_open], signals["bond"][is_open])
    disputes = state.disputes[: state.counters[N_DISPUTES]]
    challenger = market.identity_of_local[disputes["challenger"]]
    own = challenger >= 0
    np.add.at(locked, challenger[own], disputes["bond"][own])
    sales = state.sales[: state.counters[N_SALES]]
    held = sales["state"] == int(SaleState.HELD)
    np.add.at(locked, market.sales["buyer"][: len(sales)][held], sales["paid"][held])
    return locked


def create_slashed(market: TradeState, n: int) -> Ints:
    """Stake that identities lost for fraud."""
    state = market.domain.state
    evidence = state.evidence[: state.counters[N_EVIDENCE]]
    evidence = evidence[evidence["statement"] == FRAUD]
    slashed = np.zeros(n, dtype=np.int64)
    np.add.at(slashed, market.identity_of_local[evidence["offender"]], evidence["amount"])
    return slashed


def create_scores(market: TradeState, at_us: int) -> Records:
    """Published scores of all who sell, under the names they have now."""
    rows = market.standing["identity"][market.traders["role"] == int(Role.SELLER)]
    accounts = market.domain.state.accounts
    local = market.domain.local[market.identities["account"][rows]]
    records = np.zeros(len(rows), dtype=SCORE_RECORD)
    records["time_us"], records["trader"] = at_us, rows
    records["score_ppm"] = accounts["reputation_ppm"][local]
    records["known"] = accounts["n_ratings"][local] > 0
    records["n_frauds"] = market.identities["n_frauds"][rows]
    return records
