"""What an outcome is, what it reads, and what it comes to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.core.reasons import GOVERNANCE, PENDING
from sim.core.records import Kind, Records
from sim.trace.market import NO_MARKET, MarketRecord
from sim.trace.ordering import NO_ORDERING, Ordering

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Flags = NDArray[np.bool_]
    Sums = NDArray[np.float64]


OBSERVATIONS_MIN = {0.5: 20, 0.95: 100, 0.99: 500}  # of a replication, for each quantile


class NullReason(StrEnum):
    """Why an outcome has no number."""

    NO_DENOMINATOR = "no_denominator"
    NOT_APPLICABLE = "not_applicable"
    FEW_OBSERVATIONS = "few_observations"
    BEYOND_HORIZON = "beyond_horizon"
    NOT_RECORDED = "not_recorded"
    UNSTABLE_DENOMINATOR = "unstable_denominator"


class Form(StrEnum):
    """How the numbers of replications become one."""

    RATE = "rate"  # sum of numerators over sum of denominators, in 0..1
    RATIO = "ratio"  # the same without an upper limit
    MEAN = "mean"  # mean over replications; the denominator is 1
    QUANTILE = "quantile"  # mean over replications of a quantile inside each


class Facts(NamedTuple):
    """What a policy declares: which outcomes apply to it."""

    is_bound: bool
    checks_signatures: bool
    requires_approval: bool
    anchors: bool
    has_validators: bool = False
    slashes: bool = False  # stake of those who trade
    shares_scores: bool = False
    settles_disputes: bool = False


class Chunk(NamedTuple):
    """A piece of one replication's trace; `receipts` and `truths` run in parallel."""

    facts: Facts
    horizon_us: int
    receipts: Records
    truths: Records
    tasks: Records
    approvals: Records
    exposure: Records
    messages: int = 0  # beside those of single transactions
    n_bytes: int = 0
    ordering: Ordering = NO_ORDERING
    market: MarketRecord = NO_MARKET


class Value(NamedTuple):
    """One outcome of one replication."""

    num: float
    den: float
    n_obs: int
    reason: NullReason | None = None  # set where there is no number


@dataclass(frozen=True, slots=True)
class Outcome:
    """One measured number: its name, unit, direction, and how it is folded.

    `update` gives the sums of one chunk; sums of chunks are added. Quantiles keep all
    observations instead, in one array a chunk.
    """

    metric: str  # number in the metric reference, such as M59
    name: str
    unit: str
    direction: str  # "down": smaller is better, "up", or "" where neither is
    form: Form
    meaning: str
    update: Callable[[Chunk], Sums]
    finish: Callable[[list[Sums], Facts], Value]


def is_attempt(chunk: Chunk) -> Flags:
    """Calls of agents that came to a decision of governance, or are still waiting for one.

    Calls that failed for a business reason are no attempts.
    """
    code = chunk.receipts["code"]
    failed = (code > 0) & ~is_denied(chunk)
    return is_call(chunk) & ~failed


def is_call(chunk: Chunk) -> Flags:
    """Calls of agents and publications of traders: what needs a capability.

    Not an org's own record keeping, and no other part of a trade.
    """
    kind = chunk.receipts["kind"]
    calls = (chunk.truths["agent"] >= 0) & (kind == int(Kind.CALL))
    flags: Flags = calls | ((chunk.truths["trader"] >= 0) & (kind == int(Kind.PUBLISH)))
    return flags


def is_purchase(chunk: Chunk) -> Flags:
    """Purchases of traders."""
    flags: Flags = (chunk.truths["trader"] >= 0) & (chunk.receipts["kind"] == int(Kind.BUY))
    return flags


_DENIALS = np.zeros(64, dtype=np.bool_)
_DENIALS[[int(reason) for reason in GOVERNANCE]] = True


def is_denied(chunk: Chunk) -> Flags:
    """Refused for a reason of governance."""
    code = chunk.receipts["code"]
    flags: Flags = _DENIALS[np.maximum(code, 0)] & (code > 0)
    return flags


def is_executed(chunk: Chunk) -> Flags:
    """Applied, and its effect was not called off while it waited."""
    flags: Flags = (chunk.receipts["code"] == 0) & (chunk.truths["cancelled"] == 0)
    return flags


def is_pending(chunk: Chunk) -> Flags:
    """Not decided at the horizon."""
    flags: Flags = chunk.receipts["code"] == PENDING
    return flags


def is_unauthorized(chunk: Chunk) -> Flags:
    """Attempts outside what the principal asked for."""
    return is_attempt(chunk) & (chunk.truths["legit"] == 0)


def is_overscoped(chunk: Chunk) -> Flags:
    """Unauthorized attempts whose capability was not held."""
    receipts = chunk.receipts
    missing = (receipts["required"] & ~receipts["caps_effective"]) != 0
    return is_unauthorized(chunk) & missing


def create_pair(num: float, den: float) -> Sums:
    """Sums of a numerator and a denominator."""
    return np.array([num, den], dtype=np.float64)


def finish_pair(parts: list[Sums], facts: Facts) -> Value:
    """Numerator over denominator; null without a denominator."""
    num, den = np.sum(parts, axis=0) if parts else (0.0, 0.0)
    return Value(float(num), float(den), int(den), None if den else NullReason.NO_DENOMINATOR)


def finish_count(parts: list[Sums], facts: Facts) -> Value:
    """Amount of one replication."""
    return Value(float(np.sum(parts)), 1.0, 1)


def create_finish_where(
    applies: Callable[[Facts], bool], finish: Callable[[list[Sums], Facts], Value]
) -> Callable[[list[Sums], Facts], Value]:
    """The same, null under policies that lack the mechanism."""

    def finish_where(parts: list[Sums], facts: Facts) -> Value:
        if not applies(facts):
            return Value(0.0, 0.0, 0, NullReason.NOT_APPLICABLE)
        return finish(parts, facts)

    return finish_where


def create_finish_quantile(
    share: float, observations_min: int
) -> Callable[[list[Sums], Facts], Value]:
    """Quantile of all observations; see `compute_quantile`."""

    def finish_quantile(parts: list[Sums], facts: Facts) -> Value:
        values = np.concatenate(parts) if parts else np.zeros(0)
        return compute_quantile(values, share, observations_min)

    return finish_quantile


def compute_quantile(values: Sums, share: float, observations_min: int) -> Value:
    """Quantile of observations; infinite ones are those that were not decided.

    Source: the smallest value that at least this share of observations does not exceed.
    """
    if len(values) < observations_min:
        return Value(0.0, 0.0, len(values), NullReason.FEW_OBSERVATIONS)
    value = float(np.sort(values)[int(np.ceil(share * len(values))) - 1])
    if np.isinf(value):
        return Value(0.0, 0.0, len(values), NullReason.BEYOND_HORIZON)
    return Value(value, 1.0, len(values))
