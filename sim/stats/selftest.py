"""The statistics tried on samples whose truth is known: each has to hold as often as it says.

A macro-replication is one whole sample of replications. From 2 000 of them on, the share of
intervals that hold the truth has to lie in .93 to .97; with fewer, that bar is wider by three of
its standard errors.
"""

from __future__ import annotations

from functools import partial
from math import sqrt
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from sim.stats.bootstrap import compute_mean_bca, compute_rate_bca, compute_rate_difference_bca
from sim.stats.intervals import (
    compute_clopper_pearson,
    compute_mean_interval,
    compute_rate_interval,
)
from sim.stats.noninferiority import GateState, correct_fails, decide
from sim.stats.paired import compute_paired_difference, compute_paired_rate_difference
from sim.stats.ranking import select_best
from sim.stats.significance import compute_mean_significance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Draws: TypeAlias = Any  # numpy's generator: samples for the statistics alone, no replication
Limits: TypeAlias = "tuple[float | None, float | None] | None"

N_MACRO = 2_000
SEED = 20_261_101
RATE, CALLS = 0.05, 200  # of clustered rates: share of events, calls in a replication
RESAMPLES = 999  # of each BCa interval: enough for its coverage
MARGIN = 0.2


class Check(NamedTuple):
    """One share that was counted, and where it has to lie."""

    what: str
    family: str
    n: int  # replications in each sample
    share: float
    low: float
    high: float
    is_offered: bool = True  # else shown to say why it is not offered there

    @property
    def passes(self) -> bool:
        """Whether it lies where it has to."""
        return self.low <= self.share <= self.high


class Case(NamedTuple):
    """An interval on samples of one family, and the truth it should hold."""

    what: str
    family: str
    n: int
    truth: float
    sample: Callable[[Draws, int], Limits]
    is_offered: bool = True


def run_checks(n_macro: int = N_MACRO, seed: int = SEED) -> Iterator[Check]:
    """Every check in turn, each from its own draws.

    Units:  n_macro from 1, macro-replications of each interval.
    """
    for index, case in enumerate(CASES):
        yield check_coverage(case, n_macro, create_draws(seed, index))
    yield from check_clopper_pearson()
    yield from check_gate(n_macro, create_draws(seed, 1_001))
    yield from check_gate_family(n_macro, create_draws(seed, 1_004))
    yield from check_selection(n_macro, create_draws(seed, 1_002))
    yield check_flips(n_macro, create_draws(seed, 1_003))


def create_draws(seed: int, stream: int) -> Draws:
    """Draws of one check: the same whatever else is checked."""
    return np.random.default_rng([seed, stream])  # noqa: TID251 - as `Draws` says


def get_slack(share: float, n_macro: int) -> float:
    """How much wider a bar is for few samples: three standard errors of the share."""
    return 0.0 if n_macro >= N_MACRO else 3.0 * sqrt(share * (1.0 - share) / n_macro)


def check_coverage(case: Case, n_macro: int, draws: Draws) -> Check:
    """Share of samples whose 95 % interval holds the truth."""
    covered = sum(is_covered(case.sample(draws, case.n), case.truth) for _ in range(n_macro))
    slack = get_slack(0.95, n_macro)
    low, high = max(0.0, 0.93 - slack), min(1.0, 0.97 + slack)
    return Check(case.what, case.family, case.n, covered / n_macro, low, high, case.is_offered)


def is_covered(limits: Limits, truth: float) -> bool:
    """Whether the truth lies between two limits; nothing lies between none."""
    if limits is None or limits[0] is None or limits[1] is None:
        return False
    return limits[0] <= truth <= limits[1]


def check_clopper_pearson() -> Iterator[Check]:
    """Exact: every count of a binomial, weighed by its probability. Nothing is drawn."""
    from scipy.stats import binom  # noqa: PLC0415 - slow to import

    for share in (0.01, 0.05, 0.5):
        counts = np.arange(101)
        held = [is_covered(compute_clopper_pearson(int(k), 100)[1:3], share) for k in counts]
        coverage = float(np.dot(binom.pmf(counts, 100, share), held))
        yield Check("Clopper-Pearson covers", f"Bernoulli {share}", 100, coverage, 0.95, 1.0)


def check_gate(n_macro: int, draws: Draws) -> Iterator[Check]:
    """How often the gate passes and fails at a true change of none, the margin and twice it."""
    from scipy.stats import nct, t  # noqa: PLC0415 - slow to import

    for n in (50, 155):
        samples = draws.normal(0.0, 1.0, (n_macro, n))
        far = float(nct.sf(t.ppf(0.95, n - 1), n - 1, MARGIN * sqrt(n)))
        for mean, state, expected in (
            (0.0, GateState.PASS, far),
            (MARGIN, GateState.PASS, 0.05),
            (MARGIN, GateState.FAIL, 0.05),
            (2.0 * MARGIN, GateState.FAIL, far),
        ):
            hits = sum(decide(sample + mean, MARGIN).state is state for sample in samples)
            slack = 0.02 + get_slack(expected, n_macro)
            yield Check(
                f"gate: {state.value} at a true change of {mean:g}, margin {MARGIN:g}",
                "normal",
                n,
                hits / n_macro,
                expected - slack,
                expected + slack,
            )


def check_gate_family(n_macro: int, draws: Draws) -> Iterator[Check]:
    """How often any of twenty gates fails whose true change is the margin; then each by itself."""
    n_checks, n_gates, n = max(20, n_macro // 5), 20, 50
    alone = together = 0
    for _ in range(n_checks):
        decisions = [decide(row, MARGIN) for row in draws.normal(MARGIN, 1.0, (n_gates, n))]
        alone += any(decision.state is GateState.FAIL for decision in decisions)
        together += any(each.state is GateState.FAIL for each in correct_fails(decisions))
    what, family = f"any of {n_gates} gates fails at the margin", "normal"
    high = 0.05 + 3.0 * sqrt(0.05 * 0.95 / n_checks)
    yield Check(f"{what}, Holm", family, n, together / n_checks, 0.0, high)
    yield Check(f"{what}, each alone", family, n, alone / n_checks, 0.0, high, False)


def check_selection(n_macro: int, draws: Draws) -> Iterator[Check]:
    """How often the best of four arms is selected, half a spread ahead of three equal ones."""
    n_races = max(1, n_macro // 2)
    for rho in (0.0, 0.8):
        right = 0
        for _ in range(n_races):
            shared, own = draws.normal(0.0, 1.0, (1, 400)), draws.normal(0.0, 1.0, (4, 400))
            samples = sqrt(rho) * shared + sqrt(1.0 - rho) * own
            samples[0] += 0.5
            right += select_best(samples, 0.5).survivors == (0,)
        low = 0.95 - 2.0 * sqrt(0.95 * 0.05 / n_races)
        yield Check("Kim-Nelson selects the best", f"rho {rho}", 400, right / n_races, low, 1.0)


def check_flips(n_macro: int, draws: Draws) -> Check:
    """Whether p-values by flips of signs are uniform where nothing differs.

    The share is the p-value of a Kolmogorov-Smirnov test.
    """
    from scipy.stats import kstest  # noqa: PLC0415 - slow to import

    n_samples = max(20, n_macro // 5)
    differences = draws.exponential(4.0, (n_samples, 10)) * draws.choice(
        [-1.0, 1.0], (n_samples, 10)
    )
    p_values = [
        compute_mean_significance(np.zeros(10), row, by_flips=True).p for row in differences
    ]
    uniform = float(kstest(p_values, "uniform").pvalue)
    return Check("flips of signs are fair (p of uniformity)", "symmetric", 10, uniform, 1e-4, 1.0)


# samples


def draw_clustered(draws: Draws, n: int, correlation: float) -> Any:
    """Events, calls and the rate of each replication, by a beta-binomial of the correlation."""
    spread = 1.0 / correlation - 1.0
    rates = draws.beta(RATE * spread, (1.0 - RATE) * spread, n)
    den = draws.poisson(CALLS, n)
    return draws.binomial(den, rates), den, rates


def sample_mean(name: str, parameters: Sequence[float], draws: Draws, n: int) -> Limits:
    """Limits of Student's t for a mean."""
    interval = compute_mean_interval(getattr(draws, name)(*parameters, n))
    return interval and interval[1:3]


def sample_mean_bca(draws: Draws, n: int) -> Limits:
    """BCa limits for a mean of exponential values."""
    return compute_mean_bca(draws.exponential(3.0, n), n_resamples=RESAMPLES)


def sample_rate(correlation: float, draws: Draws, n: int) -> Limits:
    """Limits of the logit jackknife."""
    num, den, _ = draw_clustered(draws, n, correlation)
    interval = compute_rate_interval(num, den)
    return interval and interval[1:3]


def sample_rate_bca(correlation: float, draws: Draws, n: int) -> Limits:
    """BCa limits for a clustered rate."""
    num, den, _ = draw_clustered(draws, n, correlation)
    return compute_rate_bca(num, den, n_resamples=RESAMPLES)


def sample_ratio(draws: Draws, n: int) -> Limits:
    """Limits of the plain jackknife for a ratio without upper limit."""
    den = draws.poisson(CALLS, n)
    num = draws.poisson(3.0 * den * draws.gamma(4.0, 0.25, n))
    interval = compute_rate_interval(num, den, bounded=False)
    return interval and interval[1:3]


def sample_difference(draws: Draws, n: int) -> Limits:
    """Limits of the paired t between arms that share most of what happens."""
    shared = draws.normal(0.0, 3.0, n)
    difference = compute_paired_difference(shared, shared + 3.0 + draws.normal(0.0, 1.0, n))
    return difference and difference.interval[1:3]


def draw_paired_rates(draws: Draws, n: int) -> Any:
    """Events and calls of two arms whose replications share their rates."""
    num_a, den_a, rates = draw_clustered(draws, n, 0.05)
    den_b = draws.poisson(CALLS, n)
    return num_a, den_a, draws.binomial(den_b, 0.6 * rates), den_b


def sample_rate_difference(draws: Draws, n: int) -> Limits:
    """Limits of the joint jackknife."""
    difference = compute_paired_rate_difference(*draw_paired_rates(draws, n))
    return difference and difference.interval[1:3]


def sample_rate_difference_bca(draws: Draws, n: int) -> Limits:
    """BCa limits for a difference of rates."""
    num_a, den_a, num_b, den_b = draw_paired_rates(draws, n)
    return compute_rate_difference_bca(num_a, den_a, num_b, den_b, n_resamples=RESAMPLES)


_NORMAL = partial(sample_mean, "normal", (3.0, 2.0))
_EXPONENTIAL = partial(sample_mean, "exponential", (3.0,))
_LOGNORMAL = partial(sample_mean, "lognormal", (0.0, 1.0))
_LOGNORMAL_MEAN = float(np.exp(0.5))

CASES = (
    Case("t covers", "normal", 30, 3.0, _NORMAL),
    Case("t covers", "exponential", 60, 3.0, _EXPONENTIAL),
    Case("t covers", "lognormal, spread 1", 400, _LOGNORMAL_MEAN, _LOGNORMAL),
    Case("t covers", "lognormal, spread 1", 30, _LOGNORMAL_MEAN, _LOGNORMAL, False),
    Case("paired t covers", "normal", 30, 3.0, sample_difference),
    Case("logit jackknife t covers", "clustered .01", 30, RATE, partial(sample_rate, 0.01)),
    Case("logit jackknife t covers", "clustered .05", 30, RATE, partial(sample_rate, 0.05)),
    Case("logit jackknife t covers", "clustered .2", 60, RATE, partial(sample_rate, 0.2)),
    Case("jackknife t covers", "ratio of counts", 60, 3.0, sample_ratio),
    Case("joint jackknife t covers", "paired rates", 30, -0.4 * RATE, sample_rate_difference),
    Case("BCa covers", "exponential", 60, 3.0, sample_mean_bca),
    Case("BCa covers", "clustered .05", 60, RATE, partial(sample_rate_bca, 0.05)),
    Case("BCa covers", "clustered .2", 30, RATE, partial(sample_rate_bca, 0.2), False),
    Case("BCa covers", "paired rates", 60, -0.4 * RATE, sample_rate_difference_bca),
)
