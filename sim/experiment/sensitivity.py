"""Which factor an outcome depends on: Sobol' indices and Morris' elementary effects, by SALib."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sim.experiment.design import MORRIS_LEVELS, Design, Point, create_problem
from sim.trace.store import encode_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from sim.metrics.base import Value

    Column = NDArray[np.float64]

RESAMPLES = 100
LEVEL = 0.95


class Index(NamedTuple):
    """One figure of one factor. `conf` is half of its interval, None where there is none."""

    factor: str
    name: str  # S1, ST; mu, mu_star, sigma
    value: float | None
    conf: float | None
    reason: str = ""  # why there is no figure


class Sensitivity(NamedTuple):
    """One index of one outcome under one policy."""

    policy: str
    outcome: str
    figure: Index
    noise_share: float | None  # of the variance between rows, at most
    n_rows: int


def compute_sensitivity(
    design: Design,
    points: list[Point],
    means: Mapping[tuple[str, str], Sequence[float]],
    error_variances: Mapping[tuple[str, str], Sequence[float]],
) -> list[Sensitivity]:
    """Indices of every outcome of every policy; of none in designs that have no indices.

    Shapes: of each policy and outcome, one mean and one variance of its error for each of the
            points that differ; NaN where there is no number, which leaves no index.
    """
    if not design.is_sampled:
        return []
    place = {point: index for index, point in enumerate(points)}
    rows = np.array([place[point] for point in design.create_points()])
    units = design.create_units()
    found = []
    for (policy, outcome), listed in means.items():
        column = np.array(listed)[rows]
        noise = None
        if n_missing := int(np.isnan(column).sum()):
            reason = f"no number in {n_missing} of {len(column)} rows"
            figures = [Index(factor.path, "", None, None, reason) for factor in design.varied]
        else:
            figures = compute_indices(design, units, column)
            noise = compute_noise_share(column, np.array(error_variances[policy, outcome])[rows])
        found += [Sensitivity(policy, outcome, figure, noise, len(rows)) for figure in figures]
    return found


def encode_sensitivity(found: Sequence[Sensitivity]) -> bytes:
    """Bytes of `sensitivity.csv`: one line for each index."""
    names = ["policy", "outcome", "factor", "index", "value", "low", "high"]
    names += ["noise_share", "n_rows", "null_reason"]
    return encode_rows(names, [_list_index(row) for row in found])


def _list_index(row: Sensitivity) -> list[Any]:
    factor, name, value, conf, reason = row.figure
    limits = [None, None] if value is None or conf is None else [value - conf, value + conf]
    start = [row.policy, row.outcome, factor, name, value, *limits]
    return [*start, row.noise_share, row.n_rows, reason]


def compute_indices(design: Design, units: Column, outcome: Column) -> list[Index]:
    """Indices of one outcome over the rows of a `sobol` or `morris` design.

    Shapes: units (n_rows, n_varied) in 0..1, outcome (n_rows,).
    Return: intervals are of resampled rows, seeded like the design. An outcome that is the same
            in every row has no S1 and ST, and effects of exactly 0.
    Source: Saltelli et al. 2010, Variance Based Sensitivity Analysis; Jansen 1999; Campolongo,
            Cariboni and Saltelli 2007, An Effective Screening Design.
    """
    return (_compute_sobol if design.name == "sobol" else _compute_morris)(design, units, outcome)


def _compute_sobol(design: Design, units: Column, outcome: Column) -> list[Index]:
    from SALib.analyze import sobol  # noqa: PLC0415 - heavy

    problem = create_problem(design)
    if (outcome == outcome[0]).all():
        return [
            Index(name, index, None, None, "constant")
            for name in problem["names"]
            for index in ("S1", "ST")
        ]
    found = sobol.analyze(
        problem,
        outcome,
        calc_second_order=False,
        num_resamples=RESAMPLES,
        conf_level=LEVEL,
        seed=design.seed + 1,  # SALib takes 0 for no seed
    )
    return [
        Index(name, index, float(found[index][at]), float(found[f"{index}_conf"][at]))
        for at, name in enumerate(problem["names"])
        for index in ("S1", "ST")
    ]


def _compute_morris(design: Design, units: Column, outcome: Column) -> list[Index]:
    from SALib.analyze import morris  # noqa: PLC0415 - heavy

    problem = create_problem(design)
    found = morris.analyze(
        problem,
        units,
        outcome,
        num_resamples=RESAMPLES,
        conf_level=LEVEL,
        num_levels=MORRIS_LEVELS,
        seed=design.seed + 1,
    )
    confs = {"mu": None, "mu_star": "mu_star_conf", "sigma": None}
    return [
        Index(name, index, float(found[index][at]), float(found[conf][at]) if conf else None)
        for at, name in enumerate(problem["names"])
        for index, conf in confs.items()
    ]


def compute_error_variance(values: Sequence[Value]) -> float:
    """Variance of an outcome's estimate over replications: of a mean, or of a rate by delta.

    Return: 0 where it cannot be told.
    Source: Cochran 1977, Sampling Techniques, 6.3.
    """
    num = np.array([value.num for value in values])
    den = np.array([value.den for value in values])
    if len(num) < 2 or den.sum() <= 0:
        return 0.0
    residuals = num - num.sum() / den.sum() * den
    return float(np.var(residuals, ddof=1) / len(num) / den.mean() ** 2)


def compute_noise_share(outcome: Column, error_variances: Column) -> float | None:
    """Share of the variance between rows that replications alone account for, 0..1.

    An upper bound: rows are run on the same draws, and what is alike in all of them cancels.
    Return: None if nothing varies.
    """
    between = float(np.var(outcome, ddof=1))
    return min(1.0, float(np.mean(error_variances)) / between) if between > 0 else None
