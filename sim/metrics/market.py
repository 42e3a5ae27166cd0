"""What outcomes of a market read, and those of its trade: paid, lost, won.

Nearly all of them put tables side by side: who bought what from whom. So their update keeps the
rows of a chunk as they are, and the finish works on all rows together: however a market is cut
into chunks, the numbers are the same to the last bit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.core.market import SaleState, SignalState
from sim.metrics.base import Chunk, Facts, NullReason, Value
from sim.trace.market import NO_MARKET, MarketRecord

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from sim.core.records import Ints, Records
    from sim.metrics.base import Flags, Sums

TABLES = ("signals", "sales", "disputes", "traders", "scores")
N_SETTINGS = 3  # horizon, demotion, parity
CAME_BACK = [int(SaleState.REFUNDED), int(SaleState.VOID), int(SaleState.RECOVERED)]


class Kept(NamedTuple):
    """The market of one replication, all its chunks together."""

    market: MarketRecord  # tables that were not asked for are empty
    horizon_us: int


def create_keep(*tables: str) -> Callable[[Chunk], Sums]:
    """Update that keeps the rows of these tables; of a chunk without a market, nothing."""

    def keep(chunk: Chunk) -> Sums:
        market = chunk.market
        if not market.is_open:
            return np.zeros(0)
        kept = [getattr(market if name in tables else NO_MARKET, name) for name in TABLES]
        settings = (chunk.horizon_us, market.demotion_ppm, market.parity_us)
        first = np.array([*settings, *map(len, kept)], dtype=np.int64)
        rows = [np.ascontiguousarray(table).view(np.int64) for table in kept]
        bits: Sums = np.concatenate([first, *rows]).view(np.float64)  # carried, never computed with
        return bits

    return keep


def merge(parts: list[Sums]) -> Kept | None:
    """All rows that were kept, in their order; None if no chunk had a market."""
    numbers = [part.view(np.int64) for part in parts if len(part)]
    if not numbers:
        return None
    split = [_split_tables(part[N_SETTINGS:]) for part in numbers]
    horizon_us, demotion_ppm, parity_us = numbers[0][:N_SETTINGS].tolist()
    signals, sales, disputes, traders, scores = map(np.concatenate, zip(*split, strict=True))
    market = MarketRecord(
        *(signals, sales, disputes, traders, scores), True, demotion_ppm, parity_us
    )
    return Kept(market, horizon_us)


def _split_tables(numbers: Ints) -> list[Records]:
    """Tables out of their sizes and the rows that follow."""
    at, tables = len(TABLES), []
    for name, size in zip(TABLES, numbers.tolist(), strict=False):
        layout = getattr(NO_MARKET, name).dtype
        n_numbers = size * len(layout.names)
        tables.append(numbers[at : at + n_numbers].view(layout))
        at += n_numbers
    return tables


def create_finish(compute: Callable[[Kept], Value]) -> Callable[[list[Sums], Facts], Value]:
    """Finish over all rows; where there is no market the outcome does not apply."""

    def finish(parts: list[Sums], facts: Facts) -> Value:
        kept = merge(parts)
        if kept is None:
            return Value(0.0, 0.0, 0, NullReason.NOT_APPLICABLE)
        return compute(kept)

    return finish


def create_value(num: float, den: float, n_obs: int | None = None) -> Value:
    """Numerator over denominator; null without a denominator."""
    if not den:
        return Value(0.0, 0.0, 0, NullReason.NO_DENOMINATOR)
    return Value(float(num), float(den), int(den) if n_obs is None else n_obs)


def create_amount(amount: float) -> Value:
    """An amount of one replication."""
    return Value(float(amount), 1.0, 1)


def count(flags: Flags) -> float:
    """How many are true."""
    return float(np.count_nonzero(flags))


def look_up(table: Records, key: str, column: str, keys: Ints, missing: int = -1) -> Ints:
    """Column of the row with each key, in whatever order rows are; `missing` without one."""
    found = np.full(len(keys), missing, dtype=np.int64)
    if len(table):
        order = np.argsort(table[key], kind="stable")
        known = table[key][order]
        at = np.minimum(np.searchsorted(known, keys), len(known) - 1)
        is_known = known[at] == keys
        found[is_known] = table[column][order][at[is_known]]
    return found


def is_offender(traders: Records) -> Flags:
    """Sold at least one fraudulent signal; whoever did not is clean, whatever it meant to do."""
    flags: Flags = traders["n_frauds"] > 0
    return flags


def get_clean_sales(kept: Kept) -> Records:
    """Sales to buyers that are no adversaries and never sold a fraudulent signal themselves."""
    sales, traders = kept.market.sales, kept.market.traders
    n_frauds = look_up(traders, "trader", "n_frauds", sales["buyer"])
    is_adversary = look_up(traders, "trader", "is_adversary", sales["buyer"])
    clean: Records = sales[(n_frauds == 0) & (is_adversary == 0)]
    return clean


def get_gains(sales: Records) -> NDArray[np.int64]:
    """What acting on each signal won, beside its price: worth of a sound one, or harm lost."""
    return np.where(sales["fraudulent"] == 1, -sales["harm"], sales["worth"])


def count_unpaid(kept: Kept) -> Value:
    """Sales not collected in full by the due time, sales with a price that were due."""
    due = _is_due(kept)
    return create_value(count(_get_unpaid(kept) > 0), count(due))


def sum_unpaid(kept: Kept) -> Value:
    """Base units of prices not collected by the due time."""
    return create_amount(float(_get_unpaid(kept).sum()))


def _is_due(kept: Kept) -> Flags:
    sales = kept.market.sales
    flags: Flags = (sales["price"] > 0) & (sales["due_us"] <= kept.horizon_us)
    return flags


def _get_unpaid(kept: Kept) -> Ints:
    """What is missing of each price that was due; what came back for fraud is not missing."""
    sales, signals = kept.market.sales, kept.market.signals
    state = look_up(signals, "signal", "state", sales["signal"])
    came_back = np.isin(sales["state"], CAME_BACK)
    excused = came_back & (state == int(SignalState.FRAUDULENT))
    lost = came_back | (sales["state"] == int(SaleState.TAKEN))
    lost |= sales["paid_us"] > sales["due_us"]  # in the end, but not in time
    missing = np.where(lost, sales["price"], sales["price"] - sales["paid"])
    unpaid: Ints = np.where(excused | ~_is_due(kept), 0, missing)
    return unpaid


def sum_unfunded(kept: Kept) -> Value:
    """Purchases refused because the buyer could not pay."""
    return create_amount(float(kept.market.traders["unfunded"].sum()))


def get_fraud_loss(kept: Kept) -> float:
    """Prices that clean buyers paid for fraudulent signals, and the harm of acting on them."""
    sales = get_clean_sales(kept)
    frauds = sales[sales["fraudulent"] == 1]
    return float(frauds["paid"].sum() + frauds["harm"].sum())


def sum_fraud_loss(kept: Kept) -> Value:
    """Loss of clean buyers on fraud, all that they paid and acted on."""
    sales = get_clean_sales(kept)
    total = sales["paid"].sum() + np.abs(get_gains(sales)).sum()
    return create_value(get_fraud_loss(kept), float(total), len(sales))


def sum_volume(kept: Kept) -> Value:
    """Prices of all sales."""
    return create_amount(float(kept.market.sales["price"].sum()))


def count_sales(kept: Kept) -> Value:
    """Sales made."""
    return create_amount(len(kept.market.sales))


def sum_welfare(kept: Kept) -> Value:
    """Worth of sound signals that clean buyers bought, less the harm of fraudulent ones."""
    return create_amount(float(get_gains(get_clean_sales(kept)).sum()))


def sum_honest_surplus(kept: Kept) -> Value:
    """Wealth that traders who are no adversaries won, and what their purchases did for them."""
    traders, sales = kept.market.traders, kept.market.sales
    honest = traders["is_adversary"] == 0
    bought = look_up(traders, "trader", "is_adversary", sales["buyer"]) == 0
    wealth = get_wealth_gains(traders)[honest].sum()
    return create_amount(float(wealth + get_gains(sales[bought]).sum()))


def get_wealth_gains(traders: Records) -> Ints:
    """Wealth at the end less all that was brought in."""
    gains: Ints = traders["wealth_end"] - traders["wealth_start"] - traders["capital_added"]
    return gains
