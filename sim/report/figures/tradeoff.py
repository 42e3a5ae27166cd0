"""What safety costs: harm against utility and against delay, with Pareto's front."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.transforms import ScaledTranslation

from sim.experiment.front import create_tradeoff
from sim.metrics.outcomes import SIGNED, get_outcomes
from sim.report.comparison_table import create_cell, get_unit
from sim.report.figures.base import Cell, FigureData, Row, describe_source, get_shown
from sim.report.figures.panels import LABELS, add_legend, format_tick_axis, name_unit, wrap
from sim.report.figures.style import Look, create_looks
from sim.stats.intervals import Method

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.experiment.tables import StoredResult
    from sim.report.figures.style import Sheet

COLUMNS = (
    *("policy", "bound", "front", "role", "outcome", "label", "unit", "better"),
    *("mean", "low", "high", "n", "interval", "text"),
)
Points = dict[str, dict[str, dict[str, Cell]]]  # by policy and role
HEIGHT_CHARS = 34  # of a line of letters that is as long as a panel is high
APART_POINTS = 6.0  # between markers that would cover each other
NEAR = (0.02, 0.04)  # of the axes
PANEL_POINTS = 150.0  # height of a panel, about


def has_data(result: StoredResult) -> bool:
    """Whether two policies at least have numbers of safety and of utility."""
    return create_tradeoff(result.run) is not None


def create(result: StoredResult) -> FigureData:
    """Three outcomes of each policy, and whether another beats it in all."""
    run, tradeoff = result.run, create_tradeoff(result.run)
    assert tradeoff is not None  # noqa: S101 - `has_data` says so
    roles = {"safety": tradeoff.safety, "utility": tradeoff.utility, "delay": tradeoff.delay}
    rows = [
        _create_row(result, policy, policy in tradeoff.front, role, name)
        for policy in tradeoff.policies
        for role, name in roles.items()
        if name
    ]
    left_out = [policy for policy in run.policies if policy not in tradeoff.policies]
    front = [policy for policy in tradeoff.policies if policy in tradeoff.front]
    labels = ", ".join(LABELS[name].removeprefix("gate: ") for name in roles.values() if name)
    return FigureData(
        "tradeoff",
        f"The trade-off between {labels}",
        f"Filled: on Pareto's front of {labels}: no other policy is as good in all of them and "
        "better in one, by the means alone; where intervals overlap the front could differ. "
        "Hollow: beaten by another. Grey: bounds, not policies one could run, never on the "
        f"front. Bars: 95 % intervals, n = {run.replications} replications. Points that share a "
        f"place stand on each other.{_name_left_out(left_out)}",
        _describe(rows, front),
        COLUMNS,
        rows,
        describe_source(result, "outcomes"),
        get_shown(result),
    )


def _name_left_out(policies: list[str]) -> str:
    return f" Without a number, so not drawn: {', '.join(policies)}." if policies else ""


def _create_row(result: StoredResult, policy: str, front: bool, role: str, name: str) -> Row:
    estimate = result.run.estimates[policy][name]
    interval = estimate.interval
    assert interval is not None  # noqa: S101 - chosen so
    unit, scale = get_unit(estimate.unit, name)
    cell = create_cell(estimate)
    has_bar = interval.low is not None and interval.method is not Method.ZERO_BOUND
    return (
        policy,
        int(result.run.policies[policy].is_bound),
        int(front),
        role,
        name,
        LABELS[name],
        unit,
        get_outcomes()[name].direction,
        scale * interval.mean,
        scale * float(interval.low or 0) if has_bar else "",
        scale * float(interval.high or 0) if has_bar else "",
        interval.n,
        interval.method.value,
        " ".join(filter(None, (cell.value, cell.interval and f"({cell.interval})"))),
    )


def _describe(rows: list[Row], front: list[str]) -> str:
    policies = dict.fromkeys(row[0] for row in rows)
    listed = [
        f"{policy}: "
        + "; ".join(f"{row[5]}, {row[6]}: {row[13]}" for row in rows if row[0] == policy)
        for policy in policies
    ]
    return f"On the front: {', '.join(front)}. {'. '.join(listed)}."


def draw(figure: Figure, data: FigureData, sheet: Sheet) -> None:
    """Safety upwards against utility, and beside it against delay."""
    points: Points = {}
    for record in data.get_records():
        points.setdefault(str(record["policy"]), {})[str(record["role"])] = record
    roles = [role for role in ("utility", "delay") if role in next(iter(points.values()))]
    n_columns = len(roles) if sheet.is_wide else 1
    n_rows = -(-len(roles) // n_columns)
    legend_rows = -(-len(points) // (4 if sheet.is_wide else 2))
    figure.set_size_inches(sheet.width_in, 2.7 * n_rows + 0.14 * legend_rows + 0.2)
    panels = figure.subplots(n_rows, n_columns, squeeze=False, sharey=True).ravel()
    looks = create_looks(data.policies, sheet)
    for axes, role in zip(panels, roles, strict=True):
        _draw_bars(axes, points, role, looks)
    places = {role: get_places(points, role) for role in roles}
    shifts = {role: stack(axes, places[role]) for axes, role in zip(panels, roles, strict=True)}
    _make_room(panels[0], [shift for each in shifts.values() for shift in each.values()])
    for axes, role in zip(panels, roles, strict=True):
        _draw_markers(figure, axes, points, places[role], shifts[role], looks, sheet)
        axes.set_xlabel(_name_axis(next(iter(points.values()))[role]))
        axes.grid(color=sheet.grid)
        format_tick_axis(axes.xaxis)
        is_signed = str(next(iter(points.values()))["safety"]["outcome"]) in SIGNED
        format_tick_axis(axes.yaxis, low=None if is_signed else 0.0)
    first = next(iter(points.values()))["safety"]
    for row in range(n_rows):
        panels[row * n_columns].set_ylabel(_name_axis(first, HEIGHT_CHARS))
    add_legend(figure, data, sheet, list(points))


def _name_axis(record: dict[str, Cell], line_chars: int = 48) -> str:
    better = {"up": "more is better", "down": "less is better"}.get(str(record["better"]), "")
    parts = [f"{record['label']}, {name_unit(str(record['unit']))}", *([better] if better else [])]
    whole = ", ".join(parts)
    return (
        whole if len(whole) <= line_chars else "\n".join(wrap(part, line_chars) for part in parts)
    )


def get_places(points: Points, role: str) -> dict[str, tuple[float, float]]:
    """Where each policy stands in a panel."""
    return {p: (float(r[role]["mean"]), float(r["safety"]["mean"])) for p, r in points.items()}


def _draw_bars(axes: Axes, points: Points, role: str, looks: dict[str, Look]) -> None:
    for policy, records in points.items():
        x, y, colour = records[role], records["safety"], looks[policy].colour
        for end, other, draw_bar in ((x, y, axes.hlines), (y, x, axes.vlines)):
            if end["low"] != "":
                low, high = float(end["low"]), float(end["high"])
                draw_bar(float(other["mean"]), low, high, color=colour, linewidth=0.8, alpha=0.6)
    axes.margins(0.08)
    axes.update_datalim(list(get_places(points, role).values()))
    axes.autoscale_view()


def _draw_markers(
    figure: Figure,
    axes: Axes,
    points: Points,
    places: dict[str, tuple[float, float]],
    shifts: dict[str, float],
    looks: dict[str, Look],
    sheet: Sheet,
) -> None:
    for policy, place in places.items():
        record, look = points[policy]["safety"], looks[policy]
        apart = ScaledTranslation(0, shifts[policy] / 72, figure.dpi_scale_trans)
        axes.plot(
            *place,
            look.marker,
            transform=axes.transData + apart,
            markersize=5,
            markerfacecolor=look.colour if record["front"] or record["bound"] else sheet.paper,
            markeredgecolor=look.colour,
            zorder=3,
        )


def stack(axes: Axes, places: dict[str, tuple[float, float]]) -> dict[str, float]:
    """How far up or down each point is drawn, in points of type, so that none covers another.

    Those that share a place stand on each other, away from the middle of the panel.
    """
    bounds = (axes.get_xlim(), axes.get_ylim())
    nears = [share * abs(high - low) for share, (low, high) in zip(NEAR, bounds, strict=True)]
    middle = sum(bounds[1]) / 2
    clusters: list[list[str]] = []
    for name, place in places.items():
        near = next((c for c in clusters if _is_near(places[c[0]], place, nears)), None)
        if near is None:
            clusters.append([name])
        else:
            near.append(name)
    return {
        name: APART_POINTS * rank * (-1 if places[name][1] <= middle else 1)
        for cluster in clusters
        for rank, name in enumerate(cluster)
    }


def _is_near(a: tuple[float, float], b: tuple[float, float], nears: list[float]) -> bool:
    return all(abs(p - q) < near for p, q, near in zip(a, b, nears, strict=True))


def _make_room(axes: Axes, shifts: list[float]) -> None:
    """Widen the panel by the stacks, and print no number where nothing can be."""
    low, high = axes.get_ylim()
    step = (high - low) / (PANEL_POINTS + min(shifts) - max(shifts))
    axes.set_ylim(low + step * min(shifts), high + step * max(shifts))
