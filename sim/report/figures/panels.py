"""Small multiples that several figures share: outcomes as panels, policies as rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from sim.report.comparison_table import format_number
from sim.report.figures.style import create_label, create_looks
from sim.report.rows import ROWS

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator

    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

    from sim.experiment.tables import StoredResult
    from sim.report.figures.base import Cell, FigureData
    from sim.report.figures.style import Sheet

LABELS = {row[0]: row[1] for row in ROWS if row is not None} | {  # a panel has no row above it
    "utility_clean": "tasks done in time, no attack",
    "attacker_payoff_plain": "attackers' payoff, no tricks",
    "reputation_auc_mean": "cheats told by mean rating",
    "unpaid_value": "missing of due prices",
    "reputation_base_rate": "sound among sales with a score",
}
NARROW_PANELS = 4  # below each other, else a figure is longer than a page
ROW_IN = 0.155  # height of a policy's row


def choose_outcomes(result: StoredResult, names: Iterable[str], n_max: int) -> list[str]:
    """Primary outcomes in the scenario's order, then others, no more than so many of these."""
    known = list(dict.fromkeys(names))
    primary = [name for name in result.run.loaded.scenario.primary if name in known]
    others = [name for name in known if name not in primary]
    return [*primary, *others[: max(0, n_max - len(primary))]]


def create_panels(
    figure: Figure, data: FigureData, sheet: Sheet
) -> Iterator[tuple[Axes, list[dict[str, Cell]]]]:
    """A panel for each outcome, of a common list of policies, with a title and a unit."""
    records = data.get_records()
    names = list(dict.fromkeys(str(record["outcome"]) for record in records))
    names = names if sheet.is_wide else names[:NARROW_PANELS]
    policies = list_policies(data)
    per_row = _count_columns(len(names), sheet)
    n_rows = -(-len(names) // per_row)
    panel_in = ROW_IN * len(policies) + 0.62
    figure.set_size_inches(sheet.width_in, panel_in * n_rows + 0.1)
    grid = figure.subplots(n_rows, per_row, sharey=True, squeeze=False)
    for place, name in enumerate(names):
        axes = grid[place // per_row][place % per_row]
        chosen = [record for record in records if record["outcome"] == name]
        mark = "*" if chosen[0]["primary"] else ""
        axes.set_title(wrap(f"{chosen[0]['label']}{mark}", 24 if sheet.is_wide else 60))
        axes.set_xlabel(name_unit(str(chosen[0]["unit"])))
        axes.set_yticks(range(len(policies)), [create_label(policy) for policy in policies])
        axes.set_ylim(len(policies) - 0.4, -0.6)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="y", color=sheet.grid)
        format_tick_axis(axes.xaxis, 4)
        yield axes, chosen
    for place in range(len(names), n_rows * per_row):
        grid[place // per_row][place % per_row].set_axis_off()


def _count_columns(n_panels: int, sheet: Sheet) -> int:
    """Panels side by side: four where there is room, three where that fills rows better."""
    if not sheet.is_wide:
        return 1
    return 3 if n_panels in (5, 6, 9) else min(n_panels, 4)


def name_unit(unit: str) -> str:
    """A unit as an axis says it."""
    return {"value": "value units"}.get(unit, unit)


def draw_points(
    axes: Axes,
    records: list[dict[str, Cell]],
    data: FigureData,
    sheet: Sheet,
    column: str,
    hollow: Container[str],
) -> None:
    """A point with its interval in each policy's row."""
    looks, policies = create_looks(data.policies, sheet), list_policies(data)
    for record in records:
        policy = str(record["policy"])
        y, look = policies.index(policy), looks[policy]
        if record["low"] != "":
            low, high = float(record["low"]), float(record["high"])
            axes.hlines(y, low, high, color=look.colour, linewidth=1.3, zorder=2)
        axes.plot(
            float(record[column]),
            y,
            look.marker,
            markerfacecolor=sheet.paper if policy in hollow else look.colour,
            markeredgecolor=look.colour,
            markeredgewidth=1,
            clip_on=False,
            zorder=3,
        )


def format_tick_axis(axis: Axis, n_ticks_max: int = 5, low: float | None = None) -> None:
    """Few round numbers at an axis, printed as in tables, none below what there can be."""
    axis.set_major_locator(MaxNLocator(n_ticks_max))

    def format_from(value: float, _: int | None) -> str:
        return "" if low is not None and value < low else format_tick(value)

    axis.set_major_formatter(FuncFormatter(format_from))


def add_legend(
    figure: Figure, data: FigureData, sheet: Sheet, policies: Iterable[str], lines: bool = False
) -> None:
    """Policies below a figure, as they are drawn in it: a marker, or a line."""
    looks = create_looks(data.policies, sheet)
    handles = [
        Line2D(
            [],
            [],
            color=looks[policy].colour,
            linestyle=looks[policy].dash if lines else "none",
            marker=looks[policy].marker,
            markersize=3.5 if lines else None,
            label=create_label(policy),
        )
        for policy in policies
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4 if sheet.is_wide else 2)


def list_policies(data: FigureData) -> list[str]:
    """Policies that a figure has rows of, in the order of the result."""
    drawn = data.get_column("policy")
    return [shown.policy for shown in data.policies if shown.policy in drawn]


def format_tick(value: float) -> str:
    """A number at an axis: no minus before zero."""
    return format_number(0.0 if abs(value) < 1e-12 else value)


def wrap(text: str, length: int) -> str:
    """A title on as many lines as it needs."""
    lines = [""]
    for word in text.split():
        joined = f"{lines[-1]} {word}".strip()
        if len(joined) > length and lines[-1]:
            lines.append(word)
        else:
            lines[-1] = joined
    return "\n".join(lines)
