"""Satisfaction, weighed by how credible each rater is."""

from __future__ import annotations

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
    publish,
    select_weighty,
    sum_by,
)

if TYPE_CHECKING:
    from sim.core.records import Ints


@dataclass(frozen=True, slots=True)
class PeerTrustTvm:
    """Mean satisfaction, each rater weighing what the last epoch made of his own score.

    With a window, the mean of the last ratings replaces it where that is clearly lower. The
    community factor of the paper is left out (alpha 1, beta 0).
    Source: Xiong and Liu 2004, PeerTrust (trust value measure); window and margin are ours.
    """

    inside: ClassVar[Reputation] = Reputation.EPOCH

    window_ratings: int = 50  # last ratings of an account that can lower its score; 0: no window
    margin_ppm: int = 100_000  # how much lower they have to be

    def compute(self, view: View) -> Scores:
        """Weighted mean of each account; unknown where no rater has any credibility."""
        ratings = select_weighty(view.ratings)
        credibility_ppm = view.before_ppm[ratings.rater]
        return compute_windowed(
            view, ratings, credibility_ppm, self.window_ratings, self.margin_ppm
        )


@dataclass(frozen=True, slots=True)
class PeerTrustPsm:
    """Mean satisfaction, each rater weighing how much he agrees with those trusted.

    Agreement is over the peers that both have rated. One published score needs one evaluator: the
    pre-trusted accounts taken together, or all raters where none of those has rated (ours).
    Source: Xiong and Liu 2004, PeerTrust (personalised similarity measure).
    """

    inside: ClassVar[Reputation] = Reputation.EPOCH

    window_ratings: int = 50
    margin_ppm: int = 100_000

    def compute(self, view: View) -> Scores:
        """Weighted mean of each account; unknown where no rater has any credibility."""
        ratings = select_weighty(view.ratings)
        similarity_ppm = compute_similarity(ratings, view.pretrusted, view.n_accounts)
        return compute_windowed(
            view, ratings, similarity_ppm[ratings.rater], self.window_ratings, self.margin_ppm
        )


def compute_windowed(
    view: View, ratings: Ratings, credibility_ppm: Ints, window_ratings: int, margin_ppm: int
) -> Scores:
    """Mean over all ratings, or over the last ones where that is lower by more than the margin."""
    raw, known = compute_weighted(ratings, credibility_ppm, view.n_accounts)
    if window_ratings:
        recent = rank_from_last(ratings.ratee) < window_ratings
        chosen = Ratings(*(column[recent] for column in ratings))
        lately, seen = compute_weighted(chosen, credibility_ppm[recent], view.n_accounts)
        is_lower = seen & (raw - lately > margin_ppm * G9_PER_PPM)
        raw = np.where(is_lower, lately, raw)
    return publish(raw, known, view.newcomer_ppm)


def compute_weighted(
    ratings: Ratings, credibility_ppm: Ints, n_accounts: int
) -> tuple[Ints, np.ndarray[tuple[int, ...], np.dtype[np.bool_]]]:
    """Mean satisfaction in billionths, and whether anybody credible said anything.

    Up to nine million ratings of one account the sums fit 63 bits.
    """
    context_ppm = np.minimum(ratings.weight_ppm, PPM)
    counted_ppm = credibility_ppm * context_ppm // PPM
    total = sum_by(ratings.ratee, ratings.value * counted_ppm, n_accounts)
    weight = sum_by(ratings.ratee, credibility_ppm, n_accounts)
    whole, rest = np.divmod(total, np.maximum(weight, 1))
    raw: Ints = whole * G9_PER_PPM + rest * G9_PER_PPM // np.maximum(weight, 1)
    return raw, weight > 0


def rank_from_last(ratee: Ints) -> Ints:
    """How many later ratings the same account has, for each rating."""
    backwards = ratee[::-1]
    order = np.argsort(backwards, kind="stable")
    grouped = backwards[order]
    positions = np.arange(len(ratee))
    is_first = np.concatenate(([True], grouped[1:] != grouped[:-1]))[: len(ratee)]
    first = np.maximum.accumulate(np.where(is_first, positions, 0))
    rank = np.empty(len(ratee), dtype=np.int64)
    rank[order] = positions - first
    return rank[::-1]


def compute_similarity(ratings: Ratings, evaluators: Ints, n_accounts: int) -> Ints:
    """How much each rater agrees with the evaluators: PPM less the root of mean squares.

    Return: int64 (n_accounts,), 0..1_000_000; 0 where nobody was rated by both.
    """
    trusted = np.isin(ratings.rater, evaluators)
    asked = trusted if trusted.any() else np.ones(len(ratings.rater), dtype=np.bool_)
    heard = np.bincount(ratings.ratee[asked], minlength=n_accounts)
    common = sum_by(ratings.ratee[asked], ratings.value[asked], n_accounts) // np.maximum(heard, 1)
    pairs, inverse = np.unique(ratings.rater * n_accounts + ratings.ratee, return_inverse=True)
    own = sum_by(inverse, ratings.value, len(pairs)) // np.maximum(
        np.bincount(inverse, minlength=len(pairs)), 1
    )
    rater, peer = np.divmod(pairs, max(n_accounts, 1))
    both = heard[peer] > 0
    rater, difference = rater[both], own[both] - common[peer[both]]
    n_common = np.bincount(rater, minlength=n_accounts)
    mean_square = sum_by(rater, difference * difference, n_accounts) // np.maximum(n_common, 1)
    return np.where(n_common > 0, PPM - compute_isqrt(mean_square), 0)


def compute_isqrt(squares: Ints) -> Ints:
    """Root of each number in 0..10**12, rounded down, bit by bit."""
    root = np.zeros_like(squares)
    for bit in range(20, -1, -1):
        larger = root | 1 << bit
        root = np.where(larger * larger <= squares, larger, root)
    return root
