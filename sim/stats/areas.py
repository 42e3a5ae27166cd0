"""Areas under the curve of two kinds of scores, and how far one leads another on the same users."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.core.records import Ints

_NORMAL_95 = 1.959963984540054  # quantile .975 of the normal distribution


class Placements(NamedTuple):
    """How each score is placed among those of the other kind; float64 in 0..1.

    The mean of either is the area: the chance that a suspect score lies below an innocent one.
    """

    suspect: NDArray[np.float64]  # share of innocent scores above each, ties one half
    innocent: NDArray[np.float64]  # share of suspect scores below each, ties one half


class Lead(NamedTuple):
    """Difference of two areas, and half its 95 % interval."""

    difference: float
    margin: float


def compute_placements(suspect: Ints, innocent: Ints) -> Placements | None:
    """Placements of whole scores, compared exactly; None where either kind has none.

    Shapes: int64 (any,) each.
    """
    if not len(suspect) or not len(innocent):
        return None
    above = _count_twice_below(-innocent, -suspect) / (2 * len(innocent))
    below = _count_twice_below(suspect, innocent) / (2 * len(suspect))
    return Placements(above, below)


def _count_twice_below(scores: Ints, limits: Ints) -> Ints:
    """Twice the number of scores below each limit, ties counting once."""
    ranked = np.sort(scores)
    below = np.searchsorted(ranked, limits, side="left")
    not_above = np.searchsorted(ranked, limits, side="right")
    return (below + not_above).astype(np.int64)


def compute_area(placements: Placements | None) -> float | None:
    """Chance that one of the suspect scores lies below one of the innocent, ties one half.

    Return: 0..1, or None where either kind has no score.
    Source: Mann and Whitney 1947, the U statistic over the number of pairs.
    """
    return None if placements is None else float(placements.suspect.mean())


def compute_lead(treatment: Placements, baseline: Placements) -> Lead | None:
    """How far one area lies above another over the same users, in the same order.

    Return: None where either kind has fewer than two users.
    Errors: ValueError if the two are not over equally many users.
    Source: DeLong, DeLong and Clarke-Pearson 1988, Comparing the Areas under Two or More
            Correlated Receiver Operating Characteristic Curves.
    """
    if [len(each) for each in treatment] != [len(each) for each in baseline]:
        raise ValueError("two areas are compared over the same users")
    differences = [t - b for t, b in zip(treatment, baseline, strict=True)]
    if min(map(len, differences)) < 2:
        return None
    variance = sum(float(each.var(ddof=1)) / len(each) for each in differences)
    return Lead(float(differences[0].mean()), _NORMAL_95 * variance**0.5)
