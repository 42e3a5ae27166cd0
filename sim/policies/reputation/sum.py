"""The oldest rule of markets: praise less blame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sim.core.units import PPM
from sim.ledger.rules import Reputation
from sim.policies.reputation.base import (
    Scores,
    View,
    compute_signed_ppm,
    count_by,
    select_weighty,
    sum_by,
)


@dataclass(frozen=True, slots=True)
class Sum:
    """Sum of the signed ratings received; its raw score is the sum itself, in ppm of a rating.

    The published score is 1/2 + s / (2 (|s| + half)), which keeps the order of the sums.
    Source: eBay's feedback score, in Resnick and Zeckhauser 2002; the curve is an assumption.
    """

    inside: ClassVar[Reputation] = Reputation.EPOCH

    half_ratings: int = 10  # good ratings whose score is three quarters

    def compute(self, view: View) -> Scores:
        """Sum of each account; up to 4 million ratings of an account the product fits 63 bits."""
        ratings = select_weighty(view.ratings)
        known = count_by(ratings.ratee, view.n_accounts) > 0
        raw = sum_by(ratings.ratee, compute_signed_ppm(ratings), view.n_accounts)
        size = np.abs(raw)
        share_ppm = size * (PPM // 2) // np.maximum(size + self.half_ratings * PPM, 1)
        score_ppm = np.where(known, PPM // 2 + np.sign(raw) * share_ppm, view.newcomer_ppm)
        return Scores(raw, score_ppm, known)
