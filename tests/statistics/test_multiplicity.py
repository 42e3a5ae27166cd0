"""Corrections for many comparisons: published vectors, and nothing that is left out silently."""

from __future__ import annotations

import numpy as np
import pytest

from sim.stats.multiplicity import Correction, adjust

P_VALUES = [0.001, 0.012, 0.02, 0.04, 0.2]


@pytest.mark.parametrize(
    ("correction", "adjusted"),
    [
        (Correction.HOLM, [0.005, 0.048, 0.06, 0.08, 0.2]),
        (Correction.BENJAMINI_HOCHBERG, [0.005, 0.03, 0.1 / 3, 0.05, 0.2]),
    ],
)
def test_a_correction_gives_its_vector_in_any_order(
    correction: Correction, adjusted: list[float]
) -> None:
    assert adjust(P_VALUES, correction) == pytest.approx(adjusted)
    assert adjust(P_VALUES[::-1], correction) == pytest.approx(adjusted[::-1])


@pytest.mark.parametrize("correction", Correction)
def test_none_and_one_are_families_too(correction: Correction) -> None:
    assert adjust([], correction).size == 0
    assert adjust([0.03], correction).tolist() == [0.03]


@pytest.mark.parametrize("correction", Correction)
@pytest.mark.parametrize("value", [np.nan, -0.1, 1.1, np.inf])
def test_what_is_no_chance_is_an_error(correction: Correction, value: float) -> None:
    with pytest.raises(ValueError, match="no number in"):
        adjust([0.1, value], correction)


def test_a_family_is_one_row() -> None:
    with pytest.raises(ValueError, match=r"\(1, 2\)"):
        adjust([[0.1, 0.2]], Correction.HOLM)


def test_holm_is_one_step_after_the_other() -> None:
    """Each p-value times the hypotheses not yet rejected, never below the one before it."""
    draws = np.random.default_rng(3)  # noqa: TID251 (samples for the statistics alone)
    p_values = np.sort(draws.random(60) ** 4)
    stepwise, so_far = [], 0.0
    for step, p in enumerate(p_values):
        so_far = max(so_far, min(1.0, (60 - step) * p))
        stepwise.append(so_far)
    assert adjust(p_values, Correction.HOLM) == pytest.approx(stepwise)
