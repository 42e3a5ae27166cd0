"""Many comparisons at once: p-values that say how sure the whole list is, not each line alone."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Column = NDArray[np.float64]


class Correction(StrEnum):
    """How p-values are adjusted, and with that what a small one promises."""

    HOLM = "holm"  # no false claim at all in the family, with the chance of the level
    BENJAMINI_HOCHBERG = "benjamini_hochberg"  # few false ones among those that are claimed


def adjust(p_values: ArrayLike, correction: Correction) -> Column:
    """Adjusted p-values of one family, in the order of the family.

    Shapes: in and out (n_comparisons,), read as float64.
    Units:  0..1, in and out.
    Errors: ValueError if a p-value is no number or outside 0..1: none is ever left out silently.
    Source: Holm 1979, A Simple Sequentially Rejective Multiple Test Procedure, by
            `statsmodels.stats.multitest.multipletests`; Benjamini and Hochberg 1995, Controlling
            the False Discovery Rate, by `scipy.stats.false_discovery_control`.
    """
    # both are slow to import, and many commands compare nothing
    from scipy.stats import false_discovery_control  # noqa: PLC0415
    from statsmodels.stats.multitest import multipletests  # noqa: PLC0415

    values = np.asarray(p_values, dtype=np.float64)
    validate_p_values(values)
    if values.size == 0:
        return values
    if correction is Correction.HOLM:
        return np.asarray(multipletests(values, method="holm")[1], dtype=np.float64)
    return np.asarray(false_discovery_control(values), dtype=np.float64)


def validate_p_values(values: Column) -> None:
    """ValueError unless there is one row of numbers in 0..1."""
    if values.ndim != 1:
        raise ValueError(f"expected one p-value for each comparison, found {values.shape}")
    if not np.all((values >= 0.0) & (values <= 1.0)):  # false for what is no number
        raise ValueError("a p-value is no number in 0..1")
