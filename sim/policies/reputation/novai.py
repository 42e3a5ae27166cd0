"""Bounded steps, as a reference chain takes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sim.ledger.rules import Reputation
from sim.policies.reputation.base import G9_PER_PPM, Scores, View, publish, rate_inside


@dataclass(frozen=True, slots=True)
class Novai:
    """One point up for each job delivered, three down for each that failed, of a scale of 100.

    Nothing fades and nothing weighs more; its raw score is as coarse as the scale.
    Source: NOVAI-node, reputation of the reference chain.
    """

    inside: ClassVar[Reputation] = Reputation.NOVAI

    def compute(self, view: View) -> Scores:
        """Score after the ratings, one by one, by the code of the transition."""
        positive, negative, score_ppm = rate_inside(self, view)
        return publish(score_ppm * G9_PER_PPM, positive + negative > 0, view.newcomer_ppm)
