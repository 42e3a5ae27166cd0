"""What a run may claim: which policies surely differ from the baseline on primary outcomes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.metrics.outcomes import get_outcomes
from sim.report.comparison_table import format_number, get_unit, is_by_construction
from sim.report.rows import ROWS
from sim.stats.bootstrap import disagrees
from sim.stats.significance import Procedure

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sim.experiment.comparison import Contrast
    from sim.experiment.run import RunResult

LABELS = dict(row for row in ROWS if row is not None)
UNKNOWN = "no difference shown"
SAME = "the same in every replication"


def describe_primary(result: RunResult) -> list[str]:
    """One line for each primary outcome: who is better or worse, and what the pairing bought.

    Bounds are left out: nobody could run them, but they count in the correction.
    """
    n_compared = sum(contrast.is_primary for contrast in result.contrasts)
    lines = [
        line for name in result.loaded.scenario.primary if (line := _describe_outcome(result, name))
    ]
    if not lines:
        return []
    head = (
        f"Against {result.baseline} on primary outcomes, after Holm's correction over "
        f"{n_compared} comparisons (at most 5 % for a single false claim among them):"
    )
    return [head, *lines, *_describe_disagreements(result)]


def _get_contrasts(result: RunResult, name: str) -> list[Contrast]:
    return [
        contrast
        for contrast in result.contrasts
        if contrast.metric == name and not result.policies[contrast.policy].is_bound
    ]


def _describe_outcome(result: RunResult, name: str) -> str:
    contrasts = _get_contrasts(result, name)
    if not contrasts:
        return ""
    direction = get_outcomes()[name].direction
    groups: dict[str, list[str]] = {}
    for contrast in contrasts:
        mark = " °" if is_by_construction(name, contrast.policy, result) else ""
        groups.setdefault(judge(contrast, direction), []).append(contrast.policy + mark)
    order = ("better", "lower", "worse", "higher", UNKNOWN, SAME)
    parts = [f"{verdict}: {', '.join(groups[verdict])}" for verdict in order if verdict in groups]
    return f"  {LABELS.get(name, name)}: {'; '.join(parts)}{describe_pairing(contrasts)}"


def judge(contrast: Contrast, direction: str) -> str:
    """What may be said of a policy beside the baseline, in a word or two."""
    if contrast.significance is None or contrast.side == 0:
        is_same = contrast.significance and contrast.significance.procedure is Procedure.IDENTICAL
        return SAME if is_same else UNKNOWN
    if not direction:
        return "lower" if contrast.side < 0 else "higher"
    return "better" if (contrast.side < 0) == (direction == "down") else "worse"


def describe_pairing(contrasts: Sequence[Contrast]) -> str:
    """Correlation and variance ratio that facing the same worlds achieved; below 1 it paid."""
    pairings = [
        contrast.difference.pairing
        for contrast in contrasts
        if contrast.difference is not None and contrast.difference.pairing is not None
    ]
    if not pairings:
        return ""
    rho = _format_span(pairing.rho for pairing in pairings)
    ratio = _format_span(pairing.variance_ratio for pairing in pairings)
    return f" (pairing: rho {rho}, variance ratio {ratio})"


def _format_span(values: Iterable[float]) -> str:
    texts = [f"{value:.2f}" for value in sorted(values)]
    return texts[0] if texts[0] == texts[-1] else f"{texts[0]}..{texts[-1]}"


def _describe_disagreements(result: RunResult) -> list[str]:
    """Both intervals, wherever they lie on different sides of zero."""
    lines = []
    for contrast in result.contrasts:
        if not contrast.is_primary or contrast.difference is None or contrast.bca is None:
            continue
        interval, bca = contrast.difference.interval, contrast.bca
        low, high = interval.low, interval.high
        if low is None or high is None or not disagrees(bca, low, high):
            continue
        unit, scale = get_unit(get_outcomes()[contrast.metric].unit, contrast.metric)
        limits = [format_number(scale * limit) for limit in (low, high, *bca)]
        lines.append(
            f"  Two intervals disagree about {LABELS.get(contrast.metric, contrast.metric)} under "
            f"{contrast.policy}, {unit} less {contrast.baseline}: {interval.method.value} "
            f"{limits[0]}..{limits[1]}, BCa {limits[2]}..{limits[3]}."
        )
    return lines
