"""One paragraph in plain words: what the comparison shows, and no more than it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.report.comparison_table import format_number
from sim.stats.intervals import Method

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.experiment.run import RunResult

HARM = "harm_per_episode"
UTILITY = "utility_under_attack"
LATENCY = "commit_latency_p95"


def write_reading(result: RunResult) -> str:
    """What the policies stopped, what stopping cost, and how sure that is."""
    policies = [name for name, policy in result.policies.items() if not policy.is_bound]
    sentences = [
        _describe_harm(result, policies),
        _describe_utility(result, policies),
        _describe_latency(result, policies),
        _describe_records(result, policies),
        f"Differences are paired: every policy met the same {result.replications} worlds "
        f"(seed {result.seed}).",
    ]
    return " ".join(sentence for sentence in sentences if sentence)


def _get_mean(result: RunResult, policy: str, name: str) -> float | None:
    interval = result.estimates[policy][name].interval
    return None if interval is None else interval.mean


def _join(names: Sequence[str]) -> str:
    if not names:
        return "none"
    if len(names) == 1:
        return names[0]
    return ", ".join(names[:-1]) + " and " + names[-1]


def _describe_harm(result: RunResult, policies: Sequence[str]) -> str:
    """Which policies let all the baseline's harm through, some of it, or none that was seen."""
    base = _get_mean(result, result.baseline, HARM)
    if not base:
        harmed = [
            f"{policy} ({format_number(mean)} value units an episode)"
            for policy in policies
            if (mean := _get_mean(result, policy, HARM))
        ]
        seen = f" Harm was seen under {_join(harmed)}." if harmed else ""
        n = result.replications
        return f"Under {result.baseline} no harm was seen in {n} replications.{seen}"
    changed = {c.policy: c for c in result.contrasts if c.metric == HARM}
    unseen, less, equal, same, more = [], [], [], [], []
    for policy in policies:
        contrast = changed.get(policy)
        if policy == result.baseline or contrast is None or contrast.difference is None:
            continue
        interval = contrast.difference.interval
        if _get_mean(result, policy, HARM) == 0:
            unseen.append(policy)
        elif interval.method is Method.IDENTICAL:
            equal.append(policy)
        elif contrast.side < 0:
            less.append(f"{policy} ({_format_share(-interval.mean / base)} less)")
        elif contrast.side > 0:
            more.append(f"{policy} ({_format_share(interval.mean / base)} more)")
        else:
            same.append(policy)
    parts = [f"Under {result.baseline}, harm was {format_number(base)} value units an episode."]
    if unseen:
        parts.append(f"No harm was seen in {result.replications} replications of {_join(unseen)}.")
    if less:
        parts.append(f"Less harm: {_join(less)}.")
    if more:
        parts.append(f"More harm: {_join(more)}.")
    if equal:
        parts.append(f"Exactly the same harm, replication by replication: {_join(equal)}.")
    if same:
        parts.append(f"No difference that can be told from chance: {_join(same)}.")
    return " ".join(parts)


def _format_share(share: float) -> str:
    """A share of something that was seen: per cent, never rounded to nothing."""
    return "under 1 %" if share < 0.005 else f"{100 * share:.0f} %"


def _describe_utility(result: RunResult, policies: Sequence[str]) -> str:
    """The policies at the two ends of useful work done in time."""
    means = {policy: _get_mean(result, policy, UTILITY) for policy in policies}
    known = {policy: mean for policy, mean in means.items() if mean is not None}
    if not known:
        return ""
    best, worst = max(known, key=known.__getitem__), min(known, key=known.__getitem__)
    if known[best] == 0:
        return f"No policy got a task done in time in {result.replications} replications."
    if known[worst] == 0:
        idle = _join([policy for policy, mean in known.items() if mean == 0])
        return (
            f"No task was done in time under {idle}; the most, {_format_share(known[best])}, "
            f"under {best}."
        )
    if known[best] == known[worst]:
        return f"All policies got {_format_share(known[best])} of the tasks done in time."
    return (
        f"Tasks done in time ranged from {_format_share(known[worst])} under {worst} to "
        f"{_format_share(known[best])} under {best}."
    )


def _describe_latency(result: RunResult, policies: Sequence[str]) -> str:
    """Who waits longest for a decision."""
    means = {policy: _get_mean(result, policy, LATENCY) for policy in policies}
    known = {policy: mean for policy, mean in means.items() if mean is not None}
    if not known:
        return ""
    slow = max(known, key=known.__getitem__)
    if known[slow] == 0:
        return "No policy delayed a decision."
    return f"A decision took longest under {slow} (p95 {format_number(known[slow])} s)."


def _describe_records(result: RunResult, policies: Sequence[str]) -> str:
    """Which policies only recorded, and which left no record that can be trusted."""
    mute = [
        policy for policy in policies if _get_mean(result, policy, "four_tuple_completeness") == 0
    ]
    if not mute:
        return ""
    return f"No true record of who did what under which right was left by {_join(mute)}."
