"""Outcomes of a result as the page shows them: a glance at the primary ones, and every number."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sim.metrics.outcomes import GAINS, OVERHEADS, get_outcomes
from sim.report.comparison_table import (
    create_cell,
    format_number,
    get_unit,
    is_by_construction,
)
from sim.report.rows import ROWS
from sim.report.verdicts import judge

if TYPE_CHECKING:
    from sim.experiment.comparison import Contrast, Estimate
    from sim.experiment.tables import StoredResult
    from sim.stats.intervals import Interval

LABELS = dict(row for row in ROWS if row is not None)
MINUS = "\N{MINUS SIGN}"
COLUMNS = (
    *("outcome", "policy", "unit", "better", "primary", "mean", "low", "high", "interval", "n"),
    *("zero_bound", "null_reason", "baseline", "difference", "difference_low", "difference_high"),
    *("difference_interval", "p_adjusted", "correction", "by_construction", "seed", "source"),
)


class Number(NamedTuple):
    """One number: as it is read, as it sorts, and exactly."""

    text: str
    detail: str = ""  # its interval, or the bound of what was not seen
    sort: float | None = None
    exact: str = ""


class OutcomeRow(NamedTuple):
    """One outcome under one policy."""

    outcome: str
    label: str
    meaning: str
    policy: str
    unit: str
    better: str  # "lower", "higher" or ""
    is_primary: bool
    is_by_construction: bool
    value: Number
    n: int
    difference: Number  # from the baseline, on the same worlds
    p_adjusted: Number
    verdict: str  # what may be said of it beside the baseline
    source: str  # folder of the result


class Glance(NamedTuple):
    """Primary outcomes as columns, policies as rows."""

    outcomes: list[str]
    labels: list[str]
    units: list[str]
    betters: list[str]
    rows: list[tuple[str, list[OutcomeRow]]]


def create_rows(result: StoredResult) -> list[OutcomeRow]:
    """Primary outcomes in the scenario's order, then all others with a number somewhere."""
    run = result.run
    contrasts = {(contrast.metric, contrast.policy): contrast for contrast in run.contrasts}
    return [
        _create_row(result, name, policy, contrasts.get((name, policy)))
        for name in list_outcomes(result)
        for policy in result.policies
    ]


def list_outcomes(result: StoredResult) -> list[str]:
    """Primary outcomes, then those with a number under some policy, as tables have them."""
    estimates, primary = result.run.estimates, result.run.loaded.scenario.primary
    known = dict.fromkeys([*primary, *LABELS])
    known |= dict.fromkeys(name for listed in estimates.values() for name in listed)
    return [
        name
        for name in known
        if name in primary
        or any(listed[name].interval is not None for listed in estimates.values())
    ]


def _create_row(
    result: StoredResult, name: str, policy: str, contrast: Contrast | None
) -> OutcomeRow:
    run = result.run
    estimate = run.estimates[policy][name]
    unit, scale = get_unit(estimate.unit, name)
    outcome = get_outcomes().get(OVERHEADS.get(name, name))
    direction = "down" if name in GAINS else outcome.direction if outcome else ""
    has_number = estimate.interval is not None
    return OutcomeRow(
        outcome=name,
        label=LABELS.get(name, name.replace("_", " ")),
        meaning=outcome.meaning if outcome and name not in OVERHEADS else "",
        policy=policy,
        unit=unit,
        better={"down": "lower", "up": "higher"}.get(direction, ""),
        is_primary=name in run.loaded.scenario.primary,
        is_by_construction=has_number and is_by_construction(name, policy, run),
        value=_create_value(estimate, scale),
        n=estimate.n,
        difference=_create_difference(contrast, unit, scale),
        p_adjusted=_create_p(contrast),
        verdict=_describe_verdict(result, policy, direction, contrast),
        source=result.folders[policy].name,
    )


def _create_value(estimate: Estimate, scale: float) -> Number:
    cell = create_cell(estimate)
    if estimate.interval is None:
        return Number(cell.value)
    return Number(
        cell.value, cell.interval, scale * estimate.interval.mean, _spell(estimate.interval, scale)
    )


def _spell(interval: Interval, scale: float) -> str:
    """Every digit, and which interval it is."""
    limits = [limit for limit in (interval.low, interval.high) if limit is not None]
    spelt = " to ".join(f"{scale * limit:.10g}" for limit in limits)
    between = f", 95 % {spelt}" if spelt else ""
    return f"{scale * interval.mean:.10g}{between} ({interval.method.value})"


def _create_difference(contrast: Contrast | None, unit: str, scale: float) -> Number:
    if contrast is None or contrast.difference is None:
        return Number("")
    interval = contrast.difference.interval
    sign = "+" if interval.mean > 0 else MINUS if interval.mean < 0 else "±"
    points = " points" if unit == "%" else ""
    detail = ""
    if interval.low is not None and interval.high is not None:
        low, high = format_number(scale * interval.low), format_number(scale * interval.high)
        detail = f"{low} to {high}".replace("-", MINUS)
    return Number(
        f"{sign}{format_number(abs(scale * interval.mean))}{points}",
        detail,
        scale * interval.mean,
        _spell(interval, scale),
    )


def _create_p(contrast: Contrast | None) -> Number:
    if contrast is None or contrast.significance is None:
        return Number("")
    p = contrast.p_adjusted
    return Number("< 0.001" if p < 0.001 else f"{p:.3f}", "", p, f"{p:.10g}")


def _describe_verdict(
    result: StoredResult, policy: str, direction: str, contrast: Contrast | None
) -> str:
    if policy == result.run.baseline:
        return "baseline"
    if contrast is None or not contrast.is_primary:
        return ""
    return judge(contrast, direction)


def create_glance(rows: list[OutcomeRow]) -> Glance:
    """The primary outcomes of all policies side by side."""
    primary = [row for row in rows if row.is_primary]
    heads = {row.outcome: row for row in primary}
    policies = dict.fromkeys(row.policy for row in primary)
    return Glance(
        list(heads),
        [row.label for row in heads.values()],
        [row.unit for row in heads.values()],
        [row.better for row in heads.values()],
        [(policy, [row for row in primary if row.policy == policy]) for policy in policies],
    )


def create_download(result: StoredResult) -> dict[str, object]:
    """Every outcome of every policy with all its digits, in the units they were measured in."""
    contrasts = {(contrast.metric, contrast.policy): contrast for contrast in result.run.contrasts}
    rows = [
        _create_download_row(result, name, policy, contrasts.get((name, policy)))
        for name in list_outcomes(result)
        for policy in result.policies
    ]
    return {"columns": COLUMNS, "rows": rows}


def _create_download_row(
    result: StoredResult, name: str, policy: str, contrast: Contrast | None
) -> list[object]:
    run, estimate = result.run, result.run.estimates[policy][name]
    outcome = get_outcomes().get(OVERHEADS.get(name, name))
    mean, *others = _list_limits(estimate.interval)
    difference = contrast.difference.interval if contrast and contrast.difference else None
    is_tested = contrast is not None and contrast.significance is not None
    return [
        *(name, policy, estimate.unit, outcome.direction if outcome else "down"),
        *(int(name in run.loaded.scenario.primary), mean, *others, estimate.n),
        estimate.zero_bound,
        estimate.reason.value if estimate.reason else None,
        run.baseline,
        *_list_limits(difference),
        contrast.p_adjusted if contrast and is_tested else None,
        contrast.correction.value if contrast and is_tested else None,
        int(estimate.interval is not None and is_by_construction(name, policy, run)),
        *(run.seed, result.folders[policy].name),
    ]


def _list_limits(interval: Interval | None) -> list[object]:
    if interval is None:
        return [None, None, None, None]
    return [interval.mean, interval.low, interval.high, interval.method.value]
