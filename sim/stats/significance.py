"""How surprising a paired difference would be if the arms did not differ.

Samples without spread are recognised by exact comparison before any test, and no p-value is ever
"not a number": what cannot be tested has a p-value of 1.
"""

from __future__ import annotations

from enum import StrEnum
from math import sqrt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import stdtr

from sim.stats.intervals import is_constant, validate_columns
from sim.stats.paired import compute_rate_differences

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Column = NDArray[np.float64]

N_FLIPS = 9_999  # of signs; with fewer possible ones, all of them
SEED = 20_261_101  # of those flips: the same sample has the same p-value
T_TEST_N_MIN = 30  # replications from which on a mean is near enough to normal


class Procedure(StrEnum):
    """Every test by the name it is printed under."""

    PAIRED_T = "paired t"
    JOINT_JACKKNIFE_T = "joint jackknife t"
    SIGN_FLIP = "sign-flip permutation"
    MCNEMAR = "exact McNemar"
    IDENTICAL = "identical"  # every difference is exactly 0
    NO_TEST = "no test"  # fewer than two replications carry information


class Significance(NamedTuple):
    """A two-sided p-value in 0..1, and the test it is of."""

    p: float
    procedure: Procedure


def compute_mean_significance(
    baseline: ArrayLike, treatment: ArrayLike, *, by_flips: bool = False
) -> Significance:
    """Test a mean difference of pairs.

    Events of episodes, 0 or 1 in both arms, go by the exact test of McNemar. With `by_flips`,
    whole numbers and fewer than 30 pairs go by flips of signs, which need no normal mean;
    everything else goes by the paired t.

    Shapes: both (n_replications,), read as float64: one outcome, same seeds, same order.
    Return: p = 1 for "identical" and "no test". One difference everywhere, but not 0, has as
            many signs on its side as there are pairs: 2 ** (1 - n), by flips of signs.
    Errors: ValueError if shapes differ or a value is not finite.
    Source: Student 1908; McNemar 1947, by `statsmodels`; Fisher 1935, The Design of
            Experiments, section 21, by `scipy.stats.permutation_test`.
    """
    baseline, treatment = validate_columns(baseline, treatment)
    differences = treatment - baseline
    if plain := _find_plain(differences):
        return plain
    if is_event(baseline) and is_event(treatment):
        return Significance(_compute_mcnemar_p(differences), Procedure.MCNEMAR)
    is_whole = bool(np.all(differences == np.rint(differences)))
    if by_flips and (is_whole or differences.size < T_TEST_N_MIN):
        return Significance(_compute_flip_p(differences), Procedure.SIGN_FLIP)
    return Significance(compute_t_p(differences), Procedure.PAIRED_T)


def compute_rate_significance(
    num_a: ArrayLike, den_a: ArrayLike, num_b: ArrayLike, den_b: ArrayLike
) -> Significance:
    """Test a difference of rates, treatment b minus baseline a, by the joint jackknife.

    Shapes: all (n_replications,), read as float64: same seeds, same order.
    Return: as `compute_mean_significance`, of the differences by replication.
    Errors: ValueError if shapes differ, a value is not finite or a den is negative.
    Source: Tukey 1958, Bias and Confidence in Not-Quite Large Samples, on (a, b) jointly.
    """
    differences = compute_rate_differences(num_a, den_a, num_b, den_b)
    if differences is None:
        return Significance(1.0, Procedure.NO_TEST)
    return _find_plain(differences) or Significance(
        compute_t_p(differences), Procedure.JOINT_JACKKNIFE_T
    )


def compute_t_p(differences: Column) -> float:
    """Two-sided p-value of Student's t; at least two differences, not all equal."""
    error = float(np.std(differences, ddof=1)) / sqrt(differences.size)
    return 2.0 * float(stdtr(differences.size - 1, -abs(float(np.mean(differences))) / error))


def is_event(values: Column) -> bool:
    """Whether every value is 0 or 1."""
    return bool(np.all((values == 0.0) | (values == 1.0)))


def _find_plain(differences: Column) -> Significance | None:
    """What is said of differences without spread; None if they have some."""
    if not differences.any():
        return Significance(1.0, Procedure.IDENTICAL)
    if differences.size < 2:
        return Significance(1.0, Procedure.NO_TEST)
    if is_constant(differences):
        return Significance(2.0 ** (1 - differences.size), Procedure.SIGN_FLIP)
    return None


def _compute_mcnemar_p(differences: Column) -> float:
    """Exact test on the pairs that differ, each of them by 1 or -1."""
    from statsmodels.stats.contingency_tables import mcnemar  # noqa: PLC0415 - slow to import

    gained, lost = np.count_nonzero(differences > 0.0), np.count_nonzero(differences < 0.0)
    return min(1.0, float(mcnemar([[0, gained], [lost, 0]], exact=True).pvalue))


def _compute_flip_p(differences: Column) -> float:
    """Share of flips of signs whose mean lies as far from 0, or farther."""
    from scipy.stats import permutation_test  # noqa: PLC0415 - slow to import

    test = permutation_test(
        (differences,),
        np.mean,
        permutation_type="samples",
        n_resamples=N_FLIPS,
        vectorized=True,
        rng=SEED,
    )
    return min(1.0, float(test.pvalue))
