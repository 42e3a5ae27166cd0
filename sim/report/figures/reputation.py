"""How scores of honest and hostile sellers part over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.lines import Line2D

from sim.experiment.trading import Trajectory, list_trajectories
from sim.report.figures.base import Cell, FigureData, describe_source, get_shown
from sim.report.figures.panels import list_policies
from sim.report.figures.style import create_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.experiment.tables import StoredResult
    from sim.report.figures.style import Sheet

COLUMNS = (
    "policy",
    "truth",
    "time_s",
    "median",
    "quartile_low",
    "quartile_high",
    "sellers",
    "demotion",
)
TRUTHS: dict[str, tuple[str, Any, str]] = {  # colour, dash, marker
    "honest": ("blue", "-", "o"),
    "hostile": ("vermillion", (0, (4, 1.5)), "s"),
}


def has_data(result: StoredResult) -> bool:
    """Whether some policy publishes scores that move."""
    return bool(list_trajectories(result))


def create(result: StoredResult) -> FigureData:
    """Medians and quartiles of published scores by what sellers really are."""
    listed = list_trajectories(result)
    policies = [p for p in result.policies if any(each.policy == p for each in listed)]
    others = [policy for policy in result.policies if policy not in policies]
    demotion = result.run.loaded.scenario.market.demotion / 1_000_000
    return FigureData(
        "reputation",
        "How the scores of honest and hostile sellers part",
        "Line: median of the published scores, band: from the first to the third quartile, over "
        f"sellers of all n = {result.run.replications} replications (no interval: sellers of one "
        "replication are not independent). Honest and hostile is what the world knows, not what "
        f"any policy sees. Dotted: score {demotion:.2g}, below which a seller counts as demoted. "
        f"Not shown, since no published score ever moved: {', '.join(others) or 'none'}.",
        _describe(listed, policies),
        COLUMNS,
        [(*each, demotion) for each in listed],
        describe_source(result, "scores, traders"),
        get_shown(result),
    )


def _describe(listed: list[Trajectory], policies: list[str]) -> str:
    parts = []
    for policy in policies:
        last = {each.truth: each for each in listed if each.policy == policy}
        scores = ", ".join(
            f"{truth} {each.median:.2f} ({each.low:.2f} to {each.high:.2f})"
            for truth, each in last.items()
        )
        parts.append(f"{policy}: {scores}")
    return f"Median score at the last time, with quartiles. {'; '.join(parts)}."


def draw(figure: Figure, data: FigureData, sheet: Sheet) -> None:
    """A panel for each policy, both classes in it."""
    policies, records = list_policies(data), data.get_records()
    demotion = float(records[0]["demotion"])
    per_row = min(len(policies), 4 if sheet.is_wide else 2)
    n_rows = -(-len(policies) // per_row)
    figure.set_size_inches(sheet.width_in, 1.45 * n_rows + 0.6)
    grid = figure.subplots(n_rows, per_row, sharex=True, sharey=True, squeeze=False)
    for place, axes in enumerate(grid.ravel()):
        if place >= len(policies):
            axes.set_axis_off()
            continue
        own = [record for record in records if record["policy"] == policies[place]]
        _draw_panel(axes, own, sheet)
        axes.axhline(demotion, color=sheet.muted, linestyle=":", linewidth=0.8)
        axes.set_title(create_label(policies[place], 22))
        if place + per_row >= len(policies):
            axes.tick_params(labelbottom=True)
        if place >= per_row * (n_rows - 1):
            axes.set_xlabel("simulated time, s")
    figure.supylabel("score, 0 to 1", fontsize=7.5)
    handles = [
        Line2D([], [], color=sheet.colours[colour], linestyle=dash, marker=marker, label=truth)
        for truth, (colour, dash, marker) in TRUTHS.items()
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)


def _draw_panel(axes: Axes, records: list[dict[str, Cell]], sheet: Sheet) -> None:
    for truth, (colour, dash, marker) in TRUTHS.items():
        own = [record for record in records if record["truth"] == truth]
        times = [float(record["time_s"]) for record in own]
        low = [float(record["quartile_low"]) for record in own]
        high = [float(record["quartile_high"]) for record in own]
        ink = sheet.colours[colour]
        axes.fill_between(times, low, high, color=ink, alpha=0.2, linewidth=0)
        axes.plot(
            times,
            [float(record["median"]) for record in own],
            color=ink,
            linestyle=dash,
            marker=marker,
            markersize=2.5,
            markevery=max(1, len(own) // 6),
        )
    axes.set_ylim(-0.02, 1.02)
    axes.grid(color=sheet.grid)
