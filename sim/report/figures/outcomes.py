"""What each policy came to in the primary outcomes, with intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.metrics.outcomes import get_outcomes
from sim.report.comparison_table import (
    create_cell,
    get_unit,
    is_about_events,
    is_by_construction,
)
from sim.report.figures.base import FigureData, Row, describe_source, get_shown
from sim.report.figures.panels import (
    LABELS,
    NARROW_PANELS,
    choose_outcomes,
    create_panels,
    draw_points,
    list_policies,
)
from sim.stats.intervals import Method

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sim.experiment.comparison import Estimate
    from sim.experiment.tables import StoredResult
    from sim.report.figures.style import Sheet

PANELS = 4  # where the scenario names no primary outcome
COLUMNS = (
    *("outcome", "label", "primary", "unit", "better", "policy"),
    *("mean", "low", "high", "n", "interval", "by_construction", "text", "range"),
)


def has_data(result: StoredResult) -> bool:
    """Whether any of the outcomes has a number."""
    return bool(_choose(result))


def create(result: StoredResult) -> FigureData:
    """Means of the primary outcomes, policy by policy."""
    run = result.run
    rows = [
        _create_row(result, policy, name)
        for name in _choose(result)
        for policy in run.policies
        if run.estimates[policy][name].interval is not None
    ]
    methods = sorted({str(row[10]) for row in rows})
    return FigureData(
        "outcomes",
        "What each policy came to in the outcomes named before the run",
        f"Points: mean over n = {run.replications} replications. Bars: 95 % intervals "
        f"({', '.join(methods)}). Hollow: by construction, it restates a setting. none seen, P < "
        "b: nothing in any replication; b bounds the share of replications with at least one (95 "
        "%, one-sided). Grey: bounds, not policies one could run. A policy without a point has "
        "no number there. One column has room for the "
        f"first {NARROW_PANELS} outcomes.",
        _describe(rows),
        COLUMNS,
        rows,
        describe_source(result, "outcomes"),
        get_shown(result),
    )


def _choose(result: StoredResult) -> list[str]:
    estimates = result.run.estimates
    known = [
        name
        for name in LABELS
        if name in get_outcomes()
        and any(estimates[policy][name].interval is not None for policy in estimates)
    ]
    primary = [name for name in result.run.loaded.scenario.primary if name in known]
    return primary or choose_outcomes(result, known, PANELS)


def _create_row(result: StoredResult, policy: str, name: str) -> Row:
    run = result.run
    estimate = run.estimates[policy][name]
    interval = estimate.interval
    assert interval is not None  # noqa: S101 - chosen so
    unit, scale = get_unit(estimate.unit, name)
    has_bar = interval.low is not None and interval.method is not Method.ZERO_BOUND
    cell = create_cell(estimate)
    return (
        name,
        LABELS[name],
        int(name in run.loaded.scenario.primary),
        unit,
        get_outcomes()[name].direction,
        policy,
        scale * interval.mean,
        scale * float(interval.low or 0) if has_bar else "",
        scale * float(interval.high or 0) if has_bar else "",
        interval.n,
        interval.method.value,
        int(is_by_construction(name, policy, run)),
        cell.value,
        f"none seen, {cell.interval}" if _is_none_seen(estimate) else cell.interval,
    )


def _is_none_seen(estimate: Estimate) -> bool:
    interval = estimate.interval
    return interval is not None and interval.mean == 0 and is_about_events(estimate)


def _describe(rows: list[Row]) -> str:
    parts = ["Means with 95 % intervals."]
    for name in dict.fromkeys(row[0] for row in rows):
        chosen = [row for row in rows if row[0] == name]
        listed = "; ".join(
            f"{row[5]} {row[12]} ({row[13]})".replace(" none seen (none seen, ", " none seen (")
            for row in chosen
        )
        parts.append(f"{str(chosen[0][1]).capitalize()}, {chosen[0][3]}: {listed}.")
    return " ".join(parts)


def draw(figure: Figure, data: FigureData, sheet: Sheet) -> None:
    """Small multiples: one panel an outcome, policies as rows."""
    for axes, records in create_panels(figure, data, sheet):
        hollow = {str(r["policy"]) for r in records if r["by_construction"]}
        if not any(record["mean"] or record["high"] for record in records):
            axes.set_xlim(-0.05, 1)  # nothing but zeros: no magnified nothing
        draw_points(axes, records, data, sheet, "mean", hollow)
        for record in records:
            if str(record["range"]).startswith("none seen"):
                place = list_policies(data).index(str(record["policy"]))
                axes.annotate(
                    str(record["range"]), (0, place), (5, 0), textcoords="offset points",
                    va="center", color=sheet.muted, fontsize=6,
                )  # fmt: skip
