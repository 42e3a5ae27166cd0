"""Policies of a finished run ranked by one outcome, with the chance that the first is the best."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.core.errors import InputError, Position, find_nearest
from sim.metrics.base import Form
from sim.metrics.outcomes import get_outcomes
from sim.stats.paired import compute_rate_differences
from sim.stats.ranking import N_FIRST, Selection, compute_selection_chance, select_best

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sim.experiment.run import RunResult
    from sim.metrics.base import Outcome, Value


class Ranking(NamedTuple):
    """Policies from the best to the worst; bounds, which nobody could run, are left out."""

    metric: str
    unit: str
    direction: str
    policies: list[str]
    means: list[float]
    chance: float | None  # that the first is within `indifference` of the best; None for one
    indifference: float
    survivors: list[str] | None  # of the race of Kim and Nelson; None without an indifference
    is_selected: bool  # whether the survivors are one, or the same in every replication
    n_used: int  # replications that the race took
    unknown: list[str]  # policies without a number


def rank_policies(result: RunResult, metric: str, indifference: float = 0.0) -> Ranking:
    """Rank by one outcome.

    Units:  indifference in the unit of the outcome, from 0: what difference does not matter.
    Errors: InputError for an unknown outcome, one without direction, or if no policy has it.
    """
    outcome = _get_outcome(metric)
    values: dict[str, NDArray[np.float64]] = {}
    unknown = []
    for name, policy in result.policies.items():
        if policy.is_bound:
            continue
        listed = get_by_replication(outcome, result.values[name][metric])
        if listed is None:
            unknown.append(name)
        else:
            values[name] = listed
    if not values:
        raise InputError(Position("--metric"), metric, "no policy of this result has a number")
    sign = 1.0 if outcome.direction == "up" else -1.0
    order = sorted(values, key=lambda name: -sign * float(values[name].mean()))
    samples = np.array([sign * values[name] for name in order])
    race = _race(samples, indifference)
    return Ranking(
        metric=metric,
        unit=outcome.unit,
        direction=outcome.direction,
        policies=order,
        means=[float(values[name].mean()) for name in order],
        chance=_compute_chance(samples, indifference),
        indifference=indifference,
        survivors=None if race is None else [order[row] for row in race.survivors],
        is_selected=race is not None and _are_same(samples[list(race.survivors)]),
        n_used=0 if race is None else race.n_used,
        unknown=unknown,
    )


def get_by_replication(outcome: Outcome, values: Sequence[Value]) -> NDArray[np.float64] | None:
    """One number of each replication, whose mean is the estimate; None if one is missing.

    Of a rate it is its pseudo-value, so that replications weigh what they weigh in the rate.
    """
    num = np.array([value.num for value in values])
    if outcome.form in (Form.RATE, Form.RATIO):
        den = np.array([value.den for value in values])
        return compute_rate_differences(np.zeros(len(num)), np.ones(len(num)), num, den)
    return num if all(value.reason is None for value in values) else None


def _get_outcome(metric: str) -> Outcome:
    known = get_outcomes()
    where = Position("--metric")
    if metric not in known:
        raise InputError(where, metric, "unknown outcome", find_nearest(metric, known))
    if not known[metric].direction:
        raise InputError(where, metric, "neither small nor large values of it are better")
    return known[metric]


def _compute_chance(samples: NDArray[np.float64], indifference: float) -> float | None:
    if len(samples) < 2 or samples.shape[1] < 2:
        return None
    return compute_selection_chance(samples, indifference)


def _race(samples: NDArray[np.float64], indifference: float) -> Selection | None:
    """Race of the policies that differ somewhere; those that never do share a place in it."""
    if indifference <= 0.0 or samples.shape[1] < N_FIRST:
        return None
    distinct, place = np.unique(samples, axis=0, return_inverse=True)
    if len(distinct) == 1:
        return Selection(tuple(range(len(samples))), 0, 0)
    race = select_best(distinct, indifference)
    survivors = np.flatnonzero(np.isin(place.ravel(), race.survivors))
    return race._replace(survivors=tuple(survivors.tolist()))


def _are_same(samples: NDArray[np.float64]) -> bool:
    return bool(np.all(samples == samples[0]))
