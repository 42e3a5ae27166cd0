"""Summaries of an open registry of feedback, as deployed and as it could be.

A record is a rating whose value nobody checked; weights are not part of a record.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from sim.core.units import PPM
from sim.ledger.rules import Reputation
from sim.policies.reputation.base import (
    G9_PER_PPM,
    Ratings,
    Scores,
    View,
    count_by,
    divide_finely,
    publish,
    sum_by,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.core.records import Ints

_HALF_BITS = 31  # values are summed in two halves: neither sum can overflow
DECIMALS_MAX = 18


@dataclass(frozen=True, slots=True)
class DeployedMean:
    """Mean of all records of an account: nothing clamped, every record of a rater counted.

    Its raw score is that mean as it is, in ppm, and goes wherever one record drives it.
    Source: ERC-8004 (draft), erc-8004-contracts, `getSummary`.
    """

    inside: ClassVar[Reputation] = Reputation.EPOCH

    def compute(self, view: View) -> Scores:
        """Mean of each account, rounded toward zero; published values are held to their range."""
        ratings, n = view.ratings, view.n_accounts
        count = count_by(ratings.ratee, n)
        mean = compute_wild_mean(ratings, count)
        known = count > 0
        raw = np.where(known, mean, view.newcomer_ppm)
        return Scores(raw, np.clip(raw, 0, PPM), known)


@dataclass(frozen=True, slots=True)
class ClampedMean:
    """Mean of all records of an account, each held to the declared range first.

    Source: ERC-8004 (draft) with the range clamp of Joya Biswas, ERC-8004 reputation study, 2026.
    """

    inside: ClassVar[Reputation] = Reputation.EPOCH

    def compute(self, view: View) -> Scores:
        """Mean of each account."""
        ratings, n = view.ratings, view.n_accounts
        count = count_by(ratings.ratee, n)
        total = sum_by(ratings.ratee, np.clip(ratings.value, 0, PPM), n)
        raw = divide_finely(total, np.maximum(count, 1) * PPM)
        return publish(raw, count > 0, view.newcomer_ppm)


@dataclass(frozen=True, slots=True)
class Median:
    """Lower median of all records of an account, each held to the declared range first.

    Source: ERC-8004 (draft) with the median of Joya Biswas, ERC-8004 reputation study, 2026.
    """

    inside: ClassVar[Reputation] = Reputation.EPOCH

    def compute(self, view: View) -> Scores:
        """Median of each account."""
        ratings, n = view.ratings, view.n_accounts
        median_ppm = compute_medians(ratings.ratee, np.clip(ratings.value, 0, PPM), n)
        known = count_by(ratings.ratee, n) > 0
        return publish(median_ppm * G9_PER_PPM, known, view.newcomer_ppm)


@dataclass(frozen=True, slots=True)
class OnePerRater:
    """Lower median of the latest record of each rater, held to the range; too few raters: unknown.

    Records without weight are left out: their rater has no standing.
    Source: ERC-8004 (draft), made robust as in Joya Biswas, ERC-8004 reputation study, 2026, which
            keeps the first record of a rater; the latest, and at least three raters, are ours.
    """

    inside: ClassVar[Reputation] = Reputation.EPOCH

    raters_min: int = 3  # 0 is as 1

    def compute(self, view: View) -> Scores:
        """Median of each account with enough raters."""
        ratings, n = view.ratings, view.n_accounts
        rows = find_latest(ratings, n)
        ratee = ratings.ratee[rows]
        median_ppm = compute_medians(ratee, np.clip(ratings.value[rows], 0, PPM), n)
        known = count_by(ratee, n) >= max(self.raters_min, 1)
        return publish(median_ppm * G9_PER_PPM, known, view.newcomer_ppm)


def compute_wild_mean(ratings: Ratings, count: Ints) -> Ints:
    """Mean of whatever was written, rounded toward zero: exact for values up to 2**62 in size."""
    n = len(count)
    divisor = np.maximum(count, 1)
    high = sum_by(ratings.ratee, ratings.value >> _HALF_BITS, n)
    low = sum_by(ratings.ratee, ratings.value & (1 << _HALF_BITS) - 1, n)
    whole, rest = np.divmod(high, divisor)
    part, left = np.divmod((rest << _HALF_BITS) + low, divisor)
    mean: Ints = (whole << _HALF_BITS) + part
    return mean + ((mean < 0) & (left > 0))


def compute_medians(ratee: Ints, value: Ints, n_accounts: int) -> Ints:
    """Lower median of the values of each account; 0 where there is none."""
    order = np.lexsort((value, ratee))
    count = count_by(ratee, n_accounts)
    first = np.cumsum(count) - count
    medians = np.zeros(n_accounts, dtype=np.int64)
    rated = count > 0
    medians[rated] = value[order][(first + (count - 1) // 2)[rated]]
    return medians


def find_latest(ratings: Ratings, n_accounts: int) -> Ints:
    """Rows of the latest record with weight of each rater about each account, ascending."""
    rows = np.flatnonzero(ratings.weight_ppm > 0)[::-1]
    pairs = ratings.rater[rows] * n_accounts + ratings.ratee[rows]
    _, first = np.unique(pairs, return_index=True)
    return np.sort(rows[first])


def summarise_records(records: Sequence[tuple[int, int]]) -> tuple[int, int, int]:
    """The deployed summary of one account's live records: count, value, decimals.

    Units:  each record is (value, decimals): any whole number, and 0..18.
    Return: (0, 0, 0) for no records. The mean over values scaled to 18 decimals, rounded toward
            zero, brought to the most frequent decimals, the lowest of equals.
    Source: erc-8004-contracts, `getSummary`.
    """
    if not records:
        return 0, 0, 0
    total = sum(value * 10 ** (DECIMALS_MAX - decimals) for value, decimals in records)
    mean = abs(total) // len(records)
    frequent = Counter(decimals for _, decimals in records)
    decimals = min(frequent, key=lambda each: (-frequent[each], each))
    size = mean // 10 ** (DECIMALS_MAX - decimals)
    return len(records), size if total >= 0 else -size, decimals
