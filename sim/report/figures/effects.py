"""Differences from the baseline with their intervals: an outcome a panel, a policy a row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.metrics.outcomes import get_outcomes
from sim.report.comparison_table import format_number, get_unit
from sim.report.figures.base import Cell, FigureData, Row, describe_source, get_shown
from sim.report.figures.panels import (
    LABELS,
    NARROW_PANELS,
    choose_outcomes,
    create_panels,
    draw_points,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sim.experiment.comparison import Contrast
    from sim.experiment.tables import StoredResult
    from sim.report.figures.style import Sheet

PANELS_MAX = 8
COLUMNS = (
    *("outcome", "label", "primary", "unit", "better", "policy", "baseline"),
    *("difference", "low", "high", "n", "interval"),
)


def has_data(result: StoredResult) -> bool:
    """Whether some policy stands beside a baseline."""
    return bool(_get_contrasts(result))


def create(result: StoredResult) -> FigureData:
    """Differences of the primary outcomes first, then of others where policies differ."""
    run = result.run
    contrasts = _get_contrasts(result)
    names = choose_outcomes(result, [name for name, _ in contrasts], PANELS_MAX)
    rows = [
        _create_row(result, contrasts[name, policy])
        for name in names
        for policy in run.policies
        if (name, policy) in contrasts
    ]
    n_other = len({name for name, _ in contrasts}) - len(names)
    methods = sorted({str(row[-1]) for row in rows})
    return FigureData(
        "effects",
        f"What each policy changes against {run.baseline}",
        f"Points: mean paired difference, policy less {run.baseline}, on the same draws. Bars: 95 "
        f"% intervals ({', '.join(methods)}), n = {run.replications} replications. Filled: "
        "the interval excludes 0. * primary outcome, named before the run; intervals of all others "
        "are exploratory and not corrected for their number. Grey: bounds, not policies one could "
        f"run.{f' {n_other} more outcomes stand in the table.' if n_other else ''} "
        f"One column has room for the first {NARROW_PANELS} of these outcomes.",
        _describe(rows, run.baseline),
        COLUMNS,
        rows,
        describe_source(result, "outcomes"),
        get_shown(result),
    )


def _get_contrasts(result: StoredResult) -> dict[tuple[str, str], Contrast]:
    """Differences with a number, by outcome and policy; outcomes in the order of tables."""
    found = {(c.metric, c.policy): c for c in result.run.contrasts if c.difference is not None}
    return {
        (name, policy): found[name, policy]
        for name in LABELS
        for policy in result.run.policies
        if (name, policy) in found
    }


def _create_row(result: StoredResult, contrast: Contrast) -> Row:
    outcome = get_outcomes()[contrast.metric]
    unit, scale = get_unit(outcome.unit, outcome.name)
    unit = "points" if unit == "%" else unit
    assert contrast.difference is not None  # noqa: S101 - chosen so
    interval = contrast.difference.interval
    return (
        outcome.name,
        LABELS[outcome.name],
        int(outcome.name in result.run.loaded.scenario.primary),
        unit,
        outcome.direction,
        contrast.policy,
        contrast.baseline,
        scale * interval.mean,
        "" if interval.low is None else scale * interval.low,
        "" if interval.high is None else scale * interval.high,
        interval.n,
        interval.method.value,
    )


def _describe(rows: list[Row], baseline: str) -> str:
    parts = [f"Differences from {baseline} with 95 % intervals."]
    for name in dict.fromkeys(row[0] for row in rows if row[2]):
        listed = [f"{row[5]} {_print_difference(row)}" for row in rows if row[0] == name]
        label, unit = next((row[1], row[3]) for row in rows if row[0] == name)
        parts.append(f"{str(label).capitalize()}, {unit}: {'; '.join(listed)}.")
    return " ".join(parts)


def _print_difference(row: Row) -> str:
    difference, low, high = (format_number(float(cell)) if cell != "" else "" for cell in row[7:10])
    if not low:
        return difference
    return f"{difference} in all {row[10]}" if low == high else f"{difference} ({low} to {high})"


def draw(figure: Figure, data: FigureData, sheet: Sheet) -> None:
    """Small multiples: one panel an outcome, zero as a line, policies as rows."""
    for axes, records in create_panels(figure, data, sheet):
        hollow = {str(record["policy"]) for record in records if not _is_clear(record)}
        draw_points(axes, records, data, sheet, "difference", hollow)
        axes.axvline(0, color=sheet.ink, linewidth=0.8, zorder=1)


def _is_clear(record: dict[str, Cell]) -> bool:
    """Whether the interval excludes 0."""
    return record["low"] != "" and (float(record["low"]) > 0 or float(record["high"]) < 0)
