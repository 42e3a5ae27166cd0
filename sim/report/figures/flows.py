"""Where money and value went, by what traders really are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.patches import Patch

from sim.experiment.trading import Flow, has_market, list_flows
from sim.report.comparison_table import format_number
from sim.report.figures.base import Cell, FigureData, describe_source, get_shown
from sim.report.figures.panels import format_tick_axis, list_policies
from sim.report.figures.style import create_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.experiment.tables import StoredResult
    from sim.report.figures.style import Sheet

COLUMNS = ("policy", "truth", "component", "unit", "amount")
PANELS = (
    ("honest", "base units", "money of honest traders"),
    ("hostile", "base units", "money of hostile traders"),
    ("honest", "value units", "what honest buyers gained by acting"),
)
COMPONENTS = {  # colour and hatch
    "earned": ("blue", None),
    "came back": ("sky", "...."),
    "in escrow": ("yellow", "----"),
    "repaid from slashes": ("green", None),
    "paid": ("orange", None),
    "slashed": ("vermillion", "////"),
    "fees, bonds, rest": ("purple", "xxxx"),
    "won": ("green", "...."),
    "harmed": ("vermillion", None),
}
ROW_IN = 0.19


def has_data(result: StoredResult) -> bool:
    """Whether anything was sold."""
    return has_market(result)


def create(result: StoredResult) -> FigureData:
    """Streams of money and value of each class under each policy."""
    flows = list_flows(result)
    wanted = [(truth, unit) for truth, unit, _ in PANELS]
    shown = [flow for flow in flows if (flow.truth, flow.unit) in wanted]
    return FigureData(
        "flows",
        "Where money and value went",
        f"Mean over n = {result.run.replications} replications, all traders of a class together; "
        "for intervals see the outcomes. To the right what came in, to the left what went out, "
        "the bar's parts as far as tables record them: paid: prices of signals bought; came "
        "back: of these, refunded or recovered; earned: prices that sellers kept; repaid from "
        "slashes: to buyers; in escrow: paid, but nobody else's yet at the end; fees, bonds, "
        "rest: what the change of wealth leaves over. Upright mark: change of balance, stake, "
        "unbonding and money in escrow together; numbers: their sum at the start and at the end. "
        "Value is in value units of the scenario, money in base units: they are not added up. "
        "Honest and hostile is what the world knows.",
        _describe(shown, result.policies),
        COLUMNS,
        [tuple(flow) for flow in shown],
        describe_source(result, "sales, disputes, traders"),
        get_shown(result),
    )


def _describe(flows: list[Flow], policies: tuple[str, ...]) -> str:
    parts = []
    for policy in policies:
        own = {(flow.truth, flow.component): flow.amount for flow in flows if flow.policy == policy}
        if own:
            parts.append(
                f"{policy}: honest wealth {_print_change(own['honest', 'change'])}, hostile wealth "
                f"{_print_change(own['hostile', 'change'])}, slashed of hostile "
                f"{format_number(-own['hostile', 'slashed'])}, harm to honest buyers "
                f"{format_number(-own['honest', 'harmed'])}"
            )
    return f"Changes of wealth in base units, harm in value units. {'; '.join(parts)}."


def _print_change(amount: float) -> str:
    return f"{'+' if amount > 0 else ''}{format_number(amount)}"


def draw(figure: Figure, data: FigureData, sheet: Sheet) -> None:
    """Stacked bars, policies as rows: money of both classes, and value of the honest."""
    policies, records = list_policies(data), data.get_records()
    shape = (1, 3) if sheet.is_wide else (3, 1)
    legend_rows = 2 if sheet.is_wide else 4
    height_in = (ROW_IN * len(policies) + 0.65) * shape[0] + 0.16 * legend_rows + 0.1
    figure.set_size_inches(sheet.width_in, height_in)
    panels = figure.subplots(*shape, sharey=True).ravel()
    for axes, (truth, unit, title) in zip(panels, PANELS, strict=True):
        own = [r for r in records if r["truth"] == truth and r["unit"] == unit]
        for place, policy in enumerate(policies):
            amounts = {
                str(r["component"]): float(r["amount"]) for r in own if r["policy"] == policy
            }
            _draw_bar(axes, place, amounts, sheet)
        axes.axvline(0, color=sheet.ink, linewidth=0.7)
        axes.set_title(title)
        axes.set_xlabel(f"{unit} a replication")
        axes.set_yticks(range(len(policies)), [create_label(policy) for policy in policies])
        axes.set_ylim(len(policies) - 0.4, -0.6)
        axes.tick_params(axis="y", length=0)
        axes.margins(x=0.05)
        if unit == "base units":  # numbers stand beside the bars
            low, high = axes.get_xlim()
            axes.set_xlim(low, high + (0.45 if sheet.is_wide else 0.35) * (high - low))
        format_tick_axis(axes.xaxis, 4)
    _add_legend(figure, records, sheet)


def _draw_bar(axes: Axes, place: int, amounts: dict[str, float], sheet: Sheet) -> None:
    ends = {1: 0.0, -1: 0.0}
    for component, (colour, hatch) in COMPONENTS.items():
        amount = amounts.get(component, 0.0)
        side = 1 if amount > 0 else -1
        if amount:
            axes.barh(
                place,
                amount,
                left=ends[side],
                height=0.62,
                color=sheet.colours[colour],
                hatch=hatch,
                edgecolor=sheet.ink,
                linewidth=0.3,
            )
            ends[side] += amount
    if "change" in amounts:
        axes.plot(amounts["change"], place, "|", color=sheet.ink, markersize=9, markeredgewidth=1.6)
        axes.annotate(
            f"{format_number(amounts['start'])} → {format_number(amounts['end'])}",
            (1, place),
            xycoords=("axes fraction", "data"),
            ha="right",
            va="center",
            fontsize=5,
            color=sheet.muted,
        )


def _add_legend(figure: Figure, records: list[dict[str, Cell]], sheet: Sheet) -> None:
    drawn = [record["component"] for record in records if record["amount"]]
    handles = [
        Patch(
            facecolor=sheet.colours[colour],
            hatch=hatch,
            edgecolor=sheet.ink,
            linewidth=0.3,
            label=component,
        )
        for component, (colour, hatch) in COMPONENTS.items()
        if component in drawn
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4 if sheet.is_wide else 2)
