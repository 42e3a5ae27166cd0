"""How validators came to agree: view by view, who led, what was committed, which fault lasted."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from sim.experiment.chain_rows import has_views, list_episodes, list_views
from sim.report.figures.base import Cell, FigureData, Row, describe_source, get_shown
from sim.report.figures.panels import list_policies
from sim.report.figures.style import Mark, create_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.experiment.chain_rows import Episode, View
    from sim.experiment.tables import StoredResult
    from sim.report.figures.style import Sheet

COLUMNS = (
    *("policy", "kind", "name", "leader", "outcome"),
    *("from_s", "until_s", "transactions", "byzantine"),
)
TICK = 0.3  # half the height of a mark, in rows
VIEWS_MAX = 600  # of a policy


MARKS = {
    "committed": Mark("|", "blue", True),
    "wasted": Mark("X", "vermillion", True),
    "open at the end": Mark("o", "orange", False),
}


def has_data(result: StoredResult) -> bool:
    """Whether validators went through any views."""
    return has_views(result)


def create(result: StoredResult) -> FigureData:
    """Views and faults of replication 0 under every policy that has validators."""
    views, episodes = list_views(result), list_episodes(result)
    cut = [p for p, n in Counter(view.policy for view in views).items() if n > VIEWS_MAX]
    policies = [p for p in result.policies if any(view.policy == p for view in views)]
    rows: list[Row] = []
    for policy in policies:
        rows += [_create_view_row(view) for view in views if view.policy == policy][:VIEWS_MAX]
        rows += [_create_fault_row(each) for each in episodes if each.policy == policy]
    return FigureData(
        "views",
        "View by view, who led and whether a block came of it",
        "Replication 0. A mark is a view, at the time its block was proposed (or, of a leader that "
        "proposed nothing, when the view before it began), in the row of its leader. Wasted: its "
        "block was never committed though a later one was. Open at the end: nothing was committed "
        "after it within the run. Shaded: a fault lasts, in the rows of the validators it is of; "
        f"hatched where they lie or contradict themselves.{_name_cut(cut)}",
        _describe(views, episodes, policies),
        COLUMNS,
        rows,
        describe_source(result, "views, faults", 0),
        get_shown(result),
    )


def _name_cut(policies: list[str]) -> str:
    return f" First {VIEWS_MAX} views only of {', '.join(policies)}." if policies else ""


def _create_view_row(view: View) -> Row:
    until_s = "" if view.committed_s is None else view.committed_s
    name = str(view.view)
    return (
        *(view.policy, "view", name, str(view.leader), view.outcome),
        *(view.proposed_s, until_s, view.n_transactions, 0),
    )


def _create_fault_row(each: Episode) -> Row:
    until_s = "" if each.until_s is None else each.until_s
    return (
        *(each.policy, "fault", each.fault, each.validators, ""),
        *(each.from_s, until_s, "", int(each.is_byzantine)),
    )


def _describe(views: list[View], episodes: list[Episode], policies: list[str]) -> str:
    parts = []
    for policy in policies:
        counts = Counter(view.outcome for view in views if view.policy == policy)
        faults = [
            f"{each.fault} of validators {each.validators.replace(' ', ', ')} from "
            f"{each.from_s:.1f} s {'on' if each.until_s is None else f'to {each.until_s:.1f} s'}"
            for each in episodes
            if each.policy == policy
        ]
        parts.append(
            f"{policy}: {sum(counts.values())} views, {counts['committed']} committed, "
            f"{counts['wasted']} wasted, {counts['open at the end']} open at the end; "
            f"{', '.join(faults) or 'no fault'}"
        )
    return f"Replication 0. {'. '.join(parts)}."


def draw(figure: Figure, data: FigureData, sheet: Sheet) -> None:
    """A panel for each policy, a row for each validator, time from left to right."""
    policies, records = list_policies(data), data.get_records()
    n_validators = 1 + max(int(r["leader"]) for r in records if r["kind"] == "view")
    last_s = max(float(record["from_s"]) for record in records)
    panel_in = 0.34 + 0.09 * min(n_validators, 12)
    figure.set_size_inches(sheet.width_in, panel_in * len(policies) + 0.85)
    panels = figure.subplots(len(policies), 1, sharex=True, squeeze=False)[:, 0]
    for axes, policy in zip(panels, policies, strict=True):
        own = [record for record in records if record["policy"] == policy]
        _draw_faults(axes, [r for r in own if r["kind"] == "fault"], 1.01 * last_s, sheet)
        _draw_views(axes, [r for r in own if r["kind"] == "view"], sheet)
        axes.set_title(create_label(policy), pad=2)
        axes.set_ylim(n_validators - 0.4, -0.6)
        step = 1 if n_validators <= 6 else -(-n_validators // 5)
        axes.set_yticks(range(0, n_validators, step))
        axes.tick_params(axis="y", labelsize=5.5, length=0)
    figure.supylabel("leader, number of the validator", fontsize=7.5)
    panels[-1].set_xlabel("time, s of the simulated world")
    panels[-1].set_xlim(-0.01 * last_s, 1.01 * last_s)
    _add_legend(figure, records, sheet)


def _draw_views(axes: Axes, records: list[dict[str, Cell]], sheet: Sheet) -> None:
    committed = [record for record in records if record["outcome"] == "committed"]
    ends = [(float(r["from_s"]), int(r["leader"])) for r in committed]
    axes.plot(  # one broken line: a tenth of the bytes of a mark for each
        [x for time_s, _ in ends for x in (time_s, time_s, math.nan)],
        [y for _, leader in ends for y in (leader - TICK, leader + TICK, math.nan)],
        color=sheet.colours[MARKS["committed"].colour],
        linewidth=0.8,
    )
    for outcome, mark in MARKS.items():
        chosen = [r for r in records if r["outcome"] == outcome and outcome != "committed"]
        axes.plot(
            [float(record["from_s"]) for record in chosen],
            [int(record["leader"]) for record in chosen],
            mark.marker,
            markersize=3.5,
            color=sheet.colours[mark.colour],
            markerfacecolor=sheet.colours[mark.colour] if mark.is_filled else "none",
            markeredgewidth=0.8,
        )


def _draw_faults(axes: Axes, records: list[dict[str, Cell]], end_s: float, sheet: Sheet) -> None:
    for record in records:
        from_s = float(record["from_s"])
        until_s = float(record["until_s"]) if record["until_s"] != "" else end_s
        for validator in str(record["leader"]).split():
            axes.fill_between(
                [from_s, until_s],
                int(validator) - 0.5,
                int(validator) + 0.5,
                facecolor="none" if record["byzantine"] else sheet.grid,
                edgecolor=sheet.muted,
                hatch="////" if record["byzantine"] else None,
                linewidth=0,
                alpha=0.5 if record["byzantine"] else 1,
                zorder=0.5 if record["byzantine"] else 0,
            )


def _add_legend(figure: Figure, records: list[dict[str, Cell]], sheet: Sheet) -> None:
    handles: list[Line2D | Patch] = [
        Line2D(
            [],
            [],
            linestyle="none",
            marker=mark.marker,
            color=sheet.colours[mark.colour],
            markerfacecolor=sheet.colours[mark.colour] if mark.is_filled else "none",
            label=outcome,
        )
        for outcome, mark in MARKS.items()
        if any(record["outcome"] == outcome for record in records)
    ]
    for is_byzantine, label in ((0, "silent, cut off or slow"), (1, "Byzantine")):
        if any(r["kind"] == "fault" and r["byzantine"] == is_byzantine for r in records):
            hatch = "////" if is_byzantine else None
            handles.append(
                Patch(
                    facecolor="none" if is_byzantine else sheet.grid,
                    edgecolor=sheet.muted,
                    hatch=hatch,
                    linewidth=0,
                    label=label,
                )
            )
    figure.legend(handles=handles, loc="outside lower center", ncols=5 if sheet.is_wide else 2)
