"""An incident second by second: what each policy did with every attempt, and who saw it when."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from matplotlib.lines import Line2D

from sim.experiment.incident import ACTORS_MAX, ATTEMPTS_MAX, Attempt, has_attempts, list_attempts
from sim.report.comparison_table import format_number
from sim.report.figures.base import Cell, FigureData, Row, describe_source, get_shown
from sim.report.figures.panels import list_policies
from sim.report.figures.style import Mark, create_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.experiment.tables import StoredResult
    from sim.report.figures.style import Sheet

LANE_IN = 0.31
DENSE = 20  # attacks in a lane
COLUMNS = (
    *("policy", "agent", "call", "operation", "attack", "outcome", "reason", "reason_text", "harm"),
    *("submitted_s", "decided_s", "asked_s", "answered_s", "answer", "record", "readable_s"),
)


MARKS = {
    "executed": Mark("X", "vermillion", True),
    "executed unchecked": Mark("^", "vermillion", True),
    "called off": Mark("D", "green", False),
    "refused": Mark("s", "blue", False),
    "pending": Mark("o", "orange", False),
}


def has_data(result: StoredResult) -> bool:
    """Whether anybody attacked in the first replication."""
    return has_attempts(result)


def create(result: StoredResult) -> FigureData:
    """Every attempt of the agents that attack in replication 0, policy by policy."""
    attempts = list_attempts(result)
    attacks = [attempt for attempt in attempts if attempt.is_attack]
    policies = [policy for policy in result.policies if any(a.policy == policy for a in attacks)]
    silent = [policy for policy in result.policies if policy not in policies]
    return FigureData(
        "timeline",
        "What became of every attack, second by second",
        "Replication 0, one lane a policy. A mark stands where the attempt was decided; the thin "
        "line before it begins where it was made. Executed unchecked: on a path that goes round "
        "the enforcement point. Called off: applied, its delayed effect cancelled in time. Bar "
        "below the lane: a reviewer was asked, and answered at its end. Upright tick: from here "
        "on somebody besides the operator can read of it, in an anchored log or as a validator; "
        "no tick: never within the run. Small dots: other calls of the same agents, shown if no "
        f"more than {ACTORS_MAX} attack.{_say_left_out(attempts, silent)}",
        _describe(attacks),
        COLUMNS,
        [_create_row(attempt) for attempt in attempts if attempt.policy in policies],
        describe_source(result, "transactions, approvals", 0),
        get_shown(result),
    )


def _say_left_out(attempts: list[Attempt], silent: list[str]) -> str:
    counts = Counter(attempt.policy for attempt in attempts)
    cut = [policy for policy, n in counts.items() if n == ATTEMPTS_MAX]
    parts = [f" Cut after {ATTEMPTS_MAX} attempts: {', '.join(cut)}."] if cut else []
    parts += [f" No attempt at all under {', '.join(silent)}."] if silent else []
    return "".join(parts)


def _create_row(attempt: Attempt) -> Row:
    return tuple("" if value is None else value for value in attempt)


def _describe(attacks: list[Attempt]) -> str:
    by_policy: dict[str, list[Attempt]] = {}
    for attempt in attacks:
        by_policy.setdefault(attempt.policy, []).append(attempt)
    lanes = [f"{policy}: {summarize(listed)}" for policy, listed in by_policy.items()]
    return f"Attacks in replication 0. {'; '.join(lanes)}."


def summarize(attacks: list[Attempt]) -> str:
    """What became of the attacks under one policy, in a line."""
    parts = []
    for (outcome, reason), n in Counter((a.outcome, a.reason) for a in attacks).items():
        why = f" ({reason.lower().replace('_', ' ')})" if reason else ""
        parts.append(f"{outcome}{why}{f' {n} times' if n > 1 else ''}")
    harm = sum(attempt.harm for attempt in attacks if attempt.outcome.startswith("executed"))
    parts += [f"harm {format_number(harm)}"] if harm else []
    asked = sum(attempt.asked_s is not None for attempt in attacks)
    parts += [f"a human was asked {f'{asked} times' if asked > 1 else 'once'}"] if asked else []
    readable = [a.readable_s for a in attacks if a.readable_s is not None]
    records = {attempt.record for attempt in attacks}
    if readable:
        parts.append(f"others can read of it from {min(readable):.1f} s")
    elif records == {"nobody"}:
        parts.append("nobody has a record")
    else:
        parts.append("only the operator has a record")
    return ", ".join(parts)


def draw(figure: Figure, data: FigureData, sheet: Sheet) -> None:
    """One lane a policy, time from left to right."""
    policies = list_policies(data)
    figure.set_size_inches(sheet.width_in, LANE_IN * len(policies) + 1.0)
    axes = figure.subplots()
    records = data.get_records()
    for place, policy in enumerate(policies):
        axes.axhline(place, color=sheet.grid, linewidth=0.6, zorder=0)
        _draw_lane(axes, [r for r in records if r["policy"] == policy], place, sheet)
        named = _name_outcomes(records, policy, sheet)
        across = axes.get_yaxis_transform()
        axes.text(
            0.004, place - 0.32, named, transform=across, va="center", color=sheet.muted, fontsize=6
        )
    axes.set_yticks(range(len(policies)), [create_label(policy) for policy in policies])
    axes.set_ylim(len(policies) - 0.5, -0.75)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("time, s of the simulated world")
    _add_legend(figure, records, sheet)


def _name_outcomes(records: list[dict[str, Cell]], policy: str, sheet: Sheet) -> str:
    """What became of the attacks under one policy, most frequent first."""
    counts = Counter(
        (str(record["outcome"]), str(record["reason"]))
        for record in records
        if record["policy"] == policy and record["attack"]
    )
    parts = [
        f"{n} {outcome}{f': {reason.lower()}' if reason else ''}".replace("_", " ")
        for (outcome, reason), n in counts.most_common()
    ]
    n_named = 4 if sheet.is_wide else 1
    return ", ".join([*parts[:n_named], *(["…"] if len(parts) > n_named else [])])


def _draw_lane(axes: Axes, records: list[dict[str, Cell]], y: int, sheet: Sheet) -> None:
    others = [_get_decided(record) for record in records if not record["attack"]]
    axes.plot(others, [y] * len(others), ".", color=sheet.muted, markersize=3, zorder=1)
    size = 4.5 if sum(bool(record["attack"]) for record in records) <= DENSE else 2.5
    for outcome, mark in reversed(MARKS.items()):  # what was executed lies on top
        chosen = [r for r in records if r["attack"] and r["outcome"] == outcome]
        decided = [_get_decided(record) for record in chosen]
        colour = sheet.colours[mark.colour]
        made = [float(record["submitted_s"]) for record in chosen]
        axes.hlines([y] * len(chosen), made, decided, color=colour, linewidth=0.8, zorder=1)
        axes.plot(
            decided,
            [y] * len(chosen),
            mark.marker,
            markersize=size,
            markerfacecolor=colour if mark.is_filled else sheet.paper,
            markeredgecolor=colour,
            zorder=3,
        )
    attacks = [record for record in records if record["attack"]]
    asked = [record for record in attacks if record["asked_s"] != ""]
    axes.hlines(
        [y + 0.3] * len(asked),
        [float(record["asked_s"]) for record in asked],
        [float(record["answered_s"] or _get_decided(record)) for record in asked],
        color=sheet.colours["purple"],
        linewidth=2.5,
    )
    readable = sorted({float(r["readable_s"]) for r in attacks if r["readable_s"] != ""})
    axes.vlines(readable, y, y + 0.42, color=sheet.ink, linewidth=0.7, zorder=2)


def _get_decided(record: dict[str, Cell]) -> float:
    """When an attempt was decided; of one that is pending, when it was made."""
    return float(record["submitted_s"] if record["decided_s"] == "" else record["decided_s"])


def _add_legend(figure: Figure, records: list[dict[str, Cell]], sheet: Sheet) -> None:
    drawn = [str(record["outcome"]) for record in records if record["attack"]]
    handles = [
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
        if outcome in drawn
    ]
    if any(record["asked_s"] != "" for record in records):
        handles.append(
            Line2D([], [], color=sheet.colours["purple"], linewidth=2.5, label="a human is asked")
        )
    if any(record["readable_s"] != "" for record in records):
        handles.append(
            Line2D(
                [], [], color=sheet.ink, linestyle="none", marker="|", label="others can read it"
            )
        )
    if not all(record["attack"] for record in records):
        handles.append(
            Line2D([], [], color=sheet.muted, linestyle="none", marker=".", label="other calls")
        )
    figure.legend(handles=handles, loc="outside lower center", ncols=4 if sheet.is_wide else 2)
