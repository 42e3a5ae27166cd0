"""What a policy gives up for what: safety, utility and delay, and who is beaten in all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sim.metrics.outcomes import get_outcomes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.experiment.run import RunResult

SAFETY = (
    *("fraud_loss_rate", "harm_per_episode", "unauthorized_execution_rate"),
    *("overscoped_execution_rate", "ledger_safety_violations"),
)
UTILITY = ("market_welfare", "utility_under_attack", "market_volume")
DELAY = ("commit_latency_p95", "commit_latency_p50", "block_latency_p50")


class Tradeoff(NamedTuple):
    """Three outcomes to weigh, and the policies that have a number in them."""

    safety: str
    utility: str
    delay: str  # "" where fewer than two policies have one
    policies: tuple[str, ...]
    front: frozenset[str]  # of these, no bounds: no other is as good in all and better in one


def create_tradeoff(run: RunResult) -> Tradeoff | None:
    """The outcomes that a result can weigh; None where it has fewer than two policies to weigh.

    Of each kind the first that two policies have and that differs between any, primary outcomes
    before others. A policy without a number in one of them is not weighed.
    """
    safety, utility, delay = _choose(run, SAFETY), _choose(run, UTILITY), _choose(run, DELAY)
    if not safety or not utility:
        return None
    names = [name for name in (safety, utility, delay) if name]
    weighed = tuple(policy for policy in run.policies if _has(run, policy, *names))
    if len(weighed) < 2:
        return None
    points = {
        policy: [_get_cost(run, policy, name) for name in names]
        for policy in weighed
        if not run.policies[policy].is_bound
    }
    return Tradeoff(safety, utility, delay, weighed, find_front(points))


def find_front(points: dict[str, list[float]]) -> frozenset[str]:
    """Names whose costs nobody undercuts: Pareto's front, less being better in every place.

    Source: b dominates a if no cost of b is greater than a's and one is smaller (Pareto 1906).
    """
    return frozenset(
        name
        for name, costs in points.items()
        if not any(dominates(other, costs) for other in points.values())
    )


def dominates(better: Sequence[float], worse: Sequence[float]) -> bool:
    """Whether no cost is greater and one is smaller."""
    pairs = list(zip(better, worse, strict=True))
    return all(b <= w for b, w in pairs) and any(b < w for b, w in pairs)


def _choose(run: RunResult, names: Sequence[str]) -> str:
    order = [*(name for name in names if name in run.loaded.scenario.primary), *names]
    means = {
        name: [_get_cost(run, policy, name) for policy in run.policies if _has(run, policy, name)]
        for name in order
    }
    known = [name for name in order if len(means[name]) >= 2]
    differing = [name for name in known if min(means[name]) < max(means[name])]
    return next(iter([*differing, *known]), "")


def _has(run: RunResult, policy: str, *names: str) -> bool:
    return all(run.estimates[policy][name].interval is not None for name in names)


def _get_cost(run: RunResult, policy: str, name: str) -> float:
    interval = run.estimates[policy][name].interval
    assert interval is not None  # noqa: S101 - chosen so
    return -interval.mean if get_outcomes()[name].direction == "up" else interval.mean
