"""No reputation at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sim.ledger.rules import Reputation
from sim.policies.reputation.base import Scores, View, publish


@dataclass(frozen=True, slots=True)
class Nobody:
    """Everybody stays a newcomer: ratings are kept, and change nothing.

    Source: the null policy, to compare with.
    """

    inside: ClassVar[Reputation] = Reputation.NONE

    def compute(self, view: View) -> Scores:
        """The score of a newcomer for all."""
        nothing = np.zeros(view.n_accounts, dtype=np.int64)
        return publish(nothing, nothing != 0, view.newcomer_ppm)
