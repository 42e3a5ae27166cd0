"""How good the rated are, and how fair the raters: each by the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np

from sim.core.units import PPM
from sim.ledger.rules import Reputation
from sim.policies.reputation.base import (
    G9_PER_PPM,
    Scores,
    View,
    compute_signed_ppm,
    count_by,
    publish,
    select_weighty,
)

if TYPE_CHECKING:
    from sim.core.records import Ints

ITERATIONS_MAX = 100


class Edges(NamedTuple):
    """Signed ratings grouped by one end: those of an account are adjacent."""

    owner: Ints  # accounts with any, ascending
    first: Ints  # where the edges of each of them begin
    n_edges: Ints
    other: Ints  # the far end of each edge
    signed_ppm: Ints


class Verdict(NamedTuple):
    """Fairness 0..1_000_000 and goodness -1_000_000..1_000_000 of each account, and the steps."""

    fairness_ppm: Ints
    goodness_ppm: Ints
    n_steps: int


@dataclass(frozen=True, slots=True)
class FairnessGoodness:
    """Mean of the ratings received, each weighing how fair its rater is; goodness is published.

    A rater is fair whose ratings are near the goodness of those he rated. Every rating is an edge.
    Source: Kumar, Spezzano, Subrahmanian and Faloutsos 2016, Edge Weight Prediction in Weighted
            Signed Networks.
    """

    inside: ClassVar[Reputation] = Reputation.EPOCH

    def compute(self, view: View) -> Scores:
        """Goodness, moved from -1..1 to 0..1, after at most 100 steps or at a fixed point."""
        goodness_ppm = compute_verdict(view).goodness_ppm
        known = count_by(select_weighty(view.ratings).ratee, view.n_accounts) > 0
        return publish((goodness_ppm + PPM) * (G9_PER_PPM // 2), known, view.newcomer_ppm)


@dataclass(frozen=True, slots=True)
class Fairness:
    """How near an account's own ratings are to the goodness of those it rated.

    Known is who has rated anybody; in the order (`raw`) who has not counts as fair.
    Source: Kumar, Spezzano, Subrahmanian and Faloutsos 2016, Edge Weight Prediction in Weighted
            Signed Networks.
    """

    inside: ClassVar[Reputation] = Reputation.EPOCH

    def compute(self, view: View) -> Scores:
        """Fairness after at most 100 steps or at a fixed point."""
        raw = compute_verdict(view).fairness_ppm * G9_PER_PPM
        known = count_by(select_weighty(view.ratings).rater, view.n_accounts) > 0
        return publish(raw, known, view.newcomer_ppm)._replace(raw=raw)


def compute_verdict(view: View) -> Verdict:
    """Both scores of every account, from fairness 1 and goodness 0, to an exact fixed point."""
    ratings, n = select_weighty(view.ratings), view.n_accounts
    signed_ppm = np.clip(compute_signed_ppm(ratings), -PPM, PPM)
    received = group_edges(ratings.ratee, ratings.rater, signed_ppm, n)
    given = group_edges(ratings.rater, ratings.ratee, signed_ppm, n)
    fairness_ppm = np.full(n, PPM, dtype=np.int64)
    goodness_ppm = np.zeros(n, dtype=np.int64)
    n_steps = 0
    for _ in range(ITERATIONS_MAX if len(signed_ppm) else 0):
        before = fairness_ppm, goodness_ppm
        goodness_ppm = compute_goodness(received, fairness_ppm)
        fairness_ppm = compute_fairness(given, goodness_ppm)
        if np.array_equal(before[0], fairness_ppm) and np.array_equal(before[1], goodness_ppm):
            break
        n_steps += 1
    return Verdict(fairness_ppm, goodness_ppm, n_steps)


def group_edges(near: Ints, far: Ints, signed_ppm: Ints, n_accounts: int) -> Edges:
    """Sort ratings by one end."""
    order = np.argsort(near, kind="stable")
    counts = count_by(near, n_accounts)
    owner = np.flatnonzero(counts)
    count = counts[owner]
    return Edges(owner, np.cumsum(count) - count, count, far[order], signed_ppm[order])


def compute_goodness(received: Edges, fairness_ppm: Ints) -> Ints:
    """Mean of the ratings received by fairness, each division rounded toward zero."""
    weighed = divide_toward_zero(fairness_ppm[received.other] * received.signed_ppm, PPM)
    goodness_ppm = np.zeros(len(fairness_ppm), dtype=np.int64)
    sums = sum_groups(weighed, received)
    goodness_ppm[received.owner] = divide_toward_zero(sums, received.n_edges)
    return goodness_ppm


def compute_fairness(given: Edges, goodness_ppm: Ints) -> Ints:
    """One less half the mean distance of the ratings given."""
    distance_ppm = np.abs(given.signed_ppm - goodness_ppm[given.other])
    fairness_ppm = np.full(len(goodness_ppm), PPM, dtype=np.int64)
    fairness_ppm[given.owner] -= sum_groups(distance_ppm, given) // (2 * given.n_edges)
    return fairness_ppm


def sum_groups(amounts: Ints, edges: Edges) -> Ints:
    """Sum over the edges of each owner."""
    sums = np.zeros(len(edges.first), dtype=np.int64)
    np.add.reduceat(amounts, edges.first, out=sums)
    return sums


def divide_toward_zero(num: Ints, den: Ints | int) -> Ints:
    """Quotient that negates when its numerator does."""
    size: Ints = np.floor_divide(np.abs(num), den)
    return np.sign(num) * size
