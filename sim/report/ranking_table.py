"""Policies from the best to the worst by one outcome, and how sure the first place is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.report.comparison_table import create_cell, format_number, get_unit
from sim.report.rows import ROWS
from sim.stats.ranking import N_FIRST

if TYPE_CHECKING:
    from sim.experiment.ranking import Ranking
    from sim.experiment.run import RunResult

LABELS = dict(row for row in ROWS if row is not None)


def describe_ranking(ranking: Ranking, result: RunResult) -> list[str]:
    """The order in one line a policy, then what may be said of the first."""
    unit, scale = get_unit(ranking.unit, ranking.metric)
    better = "smaller" if ranking.direction == "down" else "larger"
    label = LABELS.get(ranking.metric, ranking.metric)
    lines = [f"Ranked by {label} ({unit}, {better} is better, n = {result.replications}):"]
    width = max(map(len, ranking.policies))
    for policy, mean in zip(ranking.policies, ranking.means, strict=True):
        cell = create_cell(result.estimates[policy][ranking.metric])
        place = 1 + ranking.means.index(mean)  # policies of one mean share a place
        lines.append(f"  {place:>2}. {policy:<{width}}  {cell.value}  {cell.interval}".rstrip())
    if ranking.unknown:
        lines.append(f"  Without a number: {', '.join(ranking.unknown)}.")
    return [*lines, *_describe_chance(ranking, unit, scale), *_describe_race(ranking, unit, scale)]


def _describe_chance(ranking: Ranking, unit: str, scale: float) -> list[str]:
    if ranking.chance is None:
        return ["Nothing is said of how sure that is: it takes two policies and replications."]
    within = "is the best"
    if ranking.indifference:
        within = f"lies within {format_number(scale * ranking.indifference)} {unit} of the best"
    return [
        f"Estimated chance that {ranking.policies[0]} {within}: at least "
        f"{_format_chance(ranking.chance)} (pairs on the same draws, Bonferroni)."
    ]


def _format_chance(chance: float) -> str:
    """Per cent, never rounded up to certainty."""
    return "99.9 %" if chance > 0.999 else f"{100 * chance:.1f} %"


def _describe_race(ranking: Ranking, unit: str, scale: float) -> list[str]:
    if not ranking.indifference:
        return ["With --indifference D the best is selected with a stated chance of being right."]
    gap = f"{format_number(scale * ranking.indifference)} {unit}"
    if ranking.survivors is None:
        return [f"No selection: it takes {N_FIRST} replications."]
    left = ", ".join(ranking.survivors)
    if ranking.is_selected:
        same = ", the same in every replication" if len(ranking.survivors) > 1 else ""
        return [
            f"Selected: {left}{same}, after {ranking.n_used} replications; right with a chance of "
            f"95 % wherever the best leads by {gap} or more (Kim and Nelson)."
        ]
    return [
        f"No selection at 95 %: {left} cannot be told apart to {gap} in {ranking.n_used} "
        "replications (Kim and Nelson); add replications or a larger D."
    ]
