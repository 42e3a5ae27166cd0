"""The trivial baseline: the mean of what was said."""

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
    divide_finely,
    publish,
    select_weighty,
    sum_by,
)


@dataclass(frozen=True, slots=True)
class Mean:
    """Mean of the signed ratings received, moved from -1..1 to 0..1.

    Source: the baseline that every rule has to beat; no paper claims it.
    """

    inside: ClassVar[Reputation] = Reputation.EPOCH

    def compute(self, view: View) -> Scores:
        """Mean of each account; a rating weighing more than one counts as one."""
        ratings = select_weighty(view.ratings)
        signed_ppm = np.clip(compute_signed_ppm(ratings), -PPM, PPM)
        count = count_by(ratings.ratee, view.n_accounts)
        total = sum_by(ratings.ratee, signed_ppm, view.n_accounts)
        raw = divide_finely(total + count * PPM, np.maximum(2 * count * PPM, 1))
        return publish(raw, count > 0, view.newcomer_ppm)
