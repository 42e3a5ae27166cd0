"""Counts of good and bad, seen as a Beta distribution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sim.core.units import PPM
from sim.ledger.rules import Reputation
from sim.policies.reputation.base import Rule, Scores, View, divide_finely, publish, rate_inside


@dataclass(frozen=True, slots=True)
class Beta:
    """Expected share of good deals, given the good and bad ones rated so far; nothing fades.

    Source: Josang and Ismail 2002, The Beta Reputation System.
    """

    inside: ClassVar[Reputation] = Reputation.BETA

    forgetting_ppm: int = PPM  # share of old evidence that a new rating leaves
    prior_weight: int = 2  # ratings that the prior counts as

    def compute(self, view: View) -> Scores:
        """Score after the ratings, one by one, by the code of the transition."""
        return compute_beta(self, view, self.prior_weight)


@dataclass(frozen=True, slots=True)
class BetaForgetting:
    """Beta whose evidence fades with each new rating, so that the last hundred or so decide.

    Source: Josang and Ismail 2002, The Beta Reputation System, section on forgetting; the rate
            of .99 is an assumption.
    """

    inside: ClassVar[Reputation] = Reputation.BETA

    forgetting_ppm: int = 990_000
    prior_weight: int = 2

    def compute(self, view: View) -> Scores:
        """Score after the ratings, one by one, by the code of the transition."""
        return compute_beta(self, view, self.prior_weight)


def compute_beta(rule: Rule, view: View, prior_weight: int) -> Scores:
    """Expected share of good deals, published as the ledger has it, ordered in billionths."""
    positive, negative, score_ppm = rate_inside(rule, view)
    counted = positive + prior_weight * view.newcomer_ppm
    evidence = positive + negative + prior_weight * PPM
    raw = divide_finely(counted, np.maximum(evidence, 1))
    known = positive + negative > 0
    return publish(raw, known, view.newcomer_ppm)._replace(score_ppm=score_ppm)
