"""From values of replications to estimates with intervals, and to paired differences."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.core.market import Trick
from sim.metrics.base import Form, NullReason, Value
from sim.metrics.outcomes import GAINS, OUTCOMES, OVERHEADS, PLAIN, Gain, get_outcomes
from sim.stats.bootstrap import Limits, compute_difference_bca, compute_rate_difference_bca
from sim.stats.intervals import (
    Interval,
    compute_mean_interval,
    compute_rate_interval,
    compute_zero_bound,
)
from sim.stats.multiplicity import Correction, adjust
from sim.stats.paired import (
    Difference,
    compute_paired_difference,
    compute_paired_rate_difference,
    compute_paired_ratio,
)
from sim.stats.significance import (
    Significance,
    compute_mean_significance,
    compute_rate_significance,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from numpy.typing import NDArray

    from sim.metrics.base import Outcome

UNGUARDED = "unguarded"
ALPHA = 0.05  # chance of one false claim among all comparisons on primary outcomes


class Estimate(NamedTuple):
    """One outcome under one policy."""

    name: str
    unit: str
    interval: Interval | None
    n: int  # replications
    reason: NullReason | None = None  # why there is no interval
    zero_bound: float | None = None  # upper bound where nothing was seen


class Contrast(NamedTuple):
    """One outcome, a policy less the baseline, on the same draws."""

    metric: str
    policy: str
    baseline: str
    difference: Difference | None
    n: int
    is_primary: bool = False  # named before the run; all else is exploratory
    significance: Significance | None = None
    p_adjusted: float = 1.0  # over its family: all that is primary, or all that is not
    bca: Limits | None = None  # second interval, of primary outcomes with some spread

    @property
    def correction(self) -> Correction:
        """How its p-value is adjusted."""
        return Correction.HOLM if self.is_primary else Correction.BENJAMINI_HOCHBERG

    @property
    def side(self) -> int:
        """-1 or 1 where the policy lies surely below or above the baseline, else 0.

        Sure is what stays below 5 % after the correction; of outcomes that are not primary it
        is a hint and no claim.
        """
        if self.difference is None or self.p_adjusted >= ALPHA:
            return 0
        mean = self.difference.interval.mean
        return int(mean > 0.0) - int(mean < 0.0)


Values = dict[str, list[Value]]  # by outcome, one value for each replication


def compute_estimate(outcome: Outcome, values: Sequence[Value]) -> Estimate:
    """Interval of one outcome; null with the reason most replications give.

    One replication without a number makes a mean or quantile null; in rates its zero
    denominator stays in, where it weighs nothing.
    """
    interval = _compute_interval(outcome, values)
    n = len(values)
    if interval is None:
        return Estimate(outcome.name, outcome.unit, None, n, _get_reason(values))
    is_count = outcome.form is Form.MEAN and interval.mean == 0
    bound = compute_zero_bound(n).high if is_count and n else None
    return Estimate(outcome.name, outcome.unit, interval, n, None, bound)


def _compute_interval(outcome: Outcome, values: Sequence[Value]) -> Interval | None:
    num, den = _get_columns(values)
    if outcome.form in (Form.RATE, Form.RATIO):
        return compute_rate_interval(num, den, bounded=outcome.form is Form.RATE)
    kept = np.array([value.num for value in values if value.reason is None])
    return compute_mean_interval(kept) if len(kept) == len(values) else None


def _get_columns(values: Sequence[Value]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return np.array([v.num for v in values]), np.array([v.den for v in values])


def _get_reason(values: Sequence[Value]) -> NullReason:
    reasons = [value.reason for value in values if value.reason is not None]
    return max(reasons, key=reasons.count) if reasons else NullReason.NO_DENOMINATOR


def compute_estimates(
    arms: Mapping[str, Values], tricks: Collection[Trick] = tuple(Trick)
) -> dict[str, dict[str, Estimate]]:
    """Every outcome of every policy, what each costs above `unguarded`, and what tricks gain.

    Gains are of the tricks there are; where there are both, each row is of both together.
    """
    estimates = {
        policy: {
            name: compute_estimate(outcome, values[name])
            for name, outcome in get_outcomes().items()
        }
        for policy, values in arms.items()
    }
    for policy, values in arms.items():
        for name, source in OVERHEADS.items():
            estimates[policy][name] = _compute_overhead(name, source, policy, values, arms)
        for name, gain in GAINS.items():
            estimates[policy][name] = compute_gain(gain, values, tricks)
    return estimates


def _compute_overhead(
    name: str, source: str, policy: str, values: Values, arms: Mapping[str, Values]
) -> Estimate:
    unit, n = OUTCOMES[source].unit, len(values[source])
    if UNGUARDED not in arms:
        return Estimate(name, unit, None, n, NullReason.NOT_RECORDED)
    contrast = compute_contrast(OUTCOMES[source], policy, UNGUARDED, arms)
    if contrast.difference is None:
        return Estimate(name, unit, None, n, NullReason.NO_DENOMINATOR)
    return Estimate(name, unit, contrast.difference.interval, n)


def compute_gain(gain: Gain, values: Values, tricks: Collection[Trick]) -> Estimate:
    """Payoff of attackers with their tricks beside that without, on the same draws and stake.

    A ratio needs a payoff without tricks that is surely above zero.
    """
    attack, plain = values["attacker_payoff"], values[PLAIN.name]
    empty = Estimate(gain.name, gain.unit, None, len(attack), NullReason.NOT_APPLICABLE)
    if gain.trick not in tricks:
        return empty
    if any(value.reason is not None for value in (*attack, *plain)):
        return empty._replace(reason=_get_reason([*plain, *attack]))
    with_trick, without = _get_columns(attack)[0], _get_columns(plain)[0]
    if not gain.is_ratio:
        difference = compute_paired_difference(without, with_trick)
        return empty._replace(interval=difference and difference.interval, reason=None)
    interval = compute_paired_ratio(without, with_trick)
    reason = NullReason.UNSTABLE_DENOMINATOR if interval is None else None
    return empty._replace(interval=interval, reason=reason)


def compute_contrast(
    outcome: Outcome, policy: str, baseline: str, arms: Mapping[str, Values]
) -> Contrast:
    """Paired difference of one outcome, policy less baseline."""
    before, after = arms[baseline][outcome.name], arms[policy][outcome.name]
    difference = None
    if outcome.form in (Form.RATE, Form.RATIO):
        difference = compute_paired_rate_difference(*_get_columns(before), *_get_columns(after))
    elif all(value.reason is None for value in (*before, *after)):
        difference = compute_paired_difference(_get_columns(before)[0], _get_columns(after)[0])
    return Contrast(outcome.name, policy, baseline, difference, len(after))


def compute_contrasts(
    arms: Mapping[str, Values], baseline: str, primary: Collection[str] = ()
) -> list[Contrast]:
    """Every outcome of every policy but the baseline, where both have a number.

    P-values are adjusted by Holm over the primary outcomes of all policies, and by Benjamini and
    Hochberg over the rest.
    """
    if baseline not in arms:
        return []
    contrasts = [
        contrast
        for policy in arms
        if policy != baseline
        for outcome in get_outcomes().values()
        if (contrast := compute_contrast(outcome, policy, baseline, arms)).difference is not None
    ]
    tested = [_test(contrast, arms, contrast.metric in primary) for contrast in contrasts]
    return _adjust(tested)


def _test(contrast: Contrast, arms: Mapping[str, Values], is_primary: bool) -> Contrast:
    """The same with its p-value, and its second interval if it is primary."""
    form = get_outcomes()[contrast.metric].form
    num_a, den_a = _get_columns(arms[contrast.baseline][contrast.metric])
    num_b, den_b = _get_columns(arms[contrast.policy][contrast.metric])
    bca = None
    if form in (Form.RATE, Form.RATIO):
        significance = compute_rate_significance(num_a, den_a, num_b, den_b)
        if is_primary:
            bca = compute_rate_difference_bca(num_a, den_a, num_b, den_b)
    else:
        significance = compute_mean_significance(num_a, num_b, by_flips=is_primary)
        if is_primary:
            bca = compute_difference_bca(num_a, num_b)
    return contrast._replace(is_primary=is_primary, significance=significance, bca=bca)


def _adjust(contrasts: Sequence[Contrast]) -> list[Contrast]:
    """The same, each p-value adjusted over the contrasts of its correction."""
    adjusted = list(contrasts)
    for correction in Correction:
        family = [row for row, each in enumerate(adjusted) if each.correction is correction]
        raw = [adjusted[row].significance for row in family]
        values = adjust([1.0 if each is None else each.p for each in raw], correction)
        for row, p_adjusted in zip(family, values, strict=True):
            adjusted[row] = adjusted[row]._replace(p_adjusted=float(p_adjusted))
    return adjusted
