"""Replayed recordings as tables and plain words: what each scope stops, and what it breaks."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from sim.stats.intervals import compute_wilson

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sim.experiment.replay import ReplayGroup

OPEN_LOOP = (
    "Open loop: the recorded calls were judged one by one, so this is what each scope would have "
    "refused, not what would have happened."
)
INTERVALS = (
    "Below each share stands its 95 % Wilson interval, or its upper limit where the count is 0. "
    "Calls of one run are alike, which makes the intervals of calls too narrow. A dash: nothing "
    "was counted, or no file says."
)
UNDETERMINED = "In square brackets, where it differs: undetermined calls counted as malicious."
UNKNOWN_ATTACKS = (
    "Nothing says which runs were attacked: malicious calls are those labelled so in any run, "
    "benign calls all those of runs without a malicious or undetermined call."
)
NOTHING = "-"


def build_replay_report(
    groups: Sequence[ReplayGroup], benign_runs: Mapping[str, int], quiet: bool = False
) -> Group:
    """A table for each agent and attack, with a paragraph that reads it; quiet: tables only.

    Units: benign_runs counts the runs behind the share `utility`, by agent.
    """
    parts: list[Table | Text] = []
    for (agent, _), found in groupby(groups, key=lambda group: (group.agent, group.attack)):
        rows, n_benign = list(found), benign_runs[agent]
        parts.append(build_table(rows, n_benign))
        if not quiet:
            parts.append(Text(f"{build_reading(rows, n_benign)}\n"))
    return Group(*parts, *([] if quiet else build_notes(groups)))


def build_notes(groups: Sequence[ReplayGroup]) -> list[Text]:
    """What has to be known to read the tables, and only what occurs in them."""
    notes = [OPEN_LOOP, INTERVALS]
    if any(_has_undetermined(group) for group in groups):
        notes.append(UNDETERMINED)
    if any(group.attack is None for group in groups):
        notes.append(UNKNOWN_ATTACKS)
    return [Text(note) for note in notes]


def build_table(rows: Sequence[ReplayGroup], n_benign: int) -> Table:
    """Attack success, calls refused and honest work kept: as recorded, then scope by scope."""
    first = rows[0]
    title = Text(f"{format_name(first.agent)}, {_format_attack(first.attack)} (open loop)")
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("scope", no_wrap=True)
    for heading in ("attack success", "malicious blocked", "benign blocked", "utility kept"):
        table.add_column(heading)
    if first.attack_success is not None or first.utility is not None:
        success = _format_share(first.attack_success, first.attacked_runs)
        utility = _format_share(first.utility, n_benign)
        table.add_row("(recorded)", success, NOTHING, NOTHING, utility)
    for row in rows:
        table.add_row(row.scope, *(Text(cell) for cell in _build_cells(row, n_benign)))
    return table


def _build_cells(row: ReplayGroup, n_benign: int) -> list[str]:
    is_free = row.scope == "none"  # refuses nothing by construction: no interval needed
    success = _format_share(row.attack_success_after, row.attacked_runs)
    malicious = _format_share(row.malicious_blocked, row.malicious_calls, is_free)
    if _has_undetermined(row):
        doubtful, calls = row.attack_success_after_undetermined, row.malicious_calls_undetermined
        if doubtful != row.attack_success_after:
            success += f"\n[{_format_share(doubtful, row.attacked_runs)}]"
        malicious += f"\n[{_format_share(row.malicious_blocked_undetermined, calls, is_free)}]"
    benign = _format_share(row.benign_blocked, row.benign_calls, is_free)
    return [success, malicious, benign, _format_share(row.utility_after, n_benign)]


def _has_undetermined(row: ReplayGroup) -> bool:
    return row.malicious_calls_undetermined != row.malicious_calls


def _format_share(share: float | None, n: int | None, is_certain: bool = False) -> str:
    """`x of n (share)` above its interval, in percent; zero above its upper limit."""
    if share is None or not n:
        return NOTHING
    count = _count(share, n)
    if is_certain:
        return f"{count} of {n}\nby construction"
    low, high = (100 * (limit or 0.0) for limit in compute_wilson(count, n)[1:3])
    if count == 0:
        return f"0 of {n}\nat most {high:.3g} %"
    return f"{count} of {n} ({100 * share:.3g} %)\n{low:.3g} to {high:.3g} %"


def build_reading(rows: Sequence[ReplayGroup], n_benign: int) -> str:
    """One paragraph in plain words: what the scopes stop, and what honest work they break."""
    if not rows[0].malicious_calls:
        harshest = max(rows, key=lambda row: row.benign_blocked or 0.0)
        return (
            "No executed call is known to be malicious here, so no scope can be seen to stop "
            f"anything. Under {harshest.scope}, {_describe_breaking(harshest, n_benign)}."
        )
    narrowest = min(rows, key=_get_strictness)
    strict = f"{_describe_stopping(narrowest)}; {_describe_breaking(narrowest, n_benign)}"
    if len(rows) == 1:
        return f"Under {narrowest.scope}, {strict}."
    if not _is_stopping(narrowest):
        return f"No scope judged here stops an attack. {narrowest.scope} refuses most: {strict}."
    text = f"Of the scopes judged, {narrowest.scope} stops most: {strict}."
    gentlest = min(filter(_is_stopping, rows), key=_get_harm)
    if gentlest is narrowest:
        return f"{text} No other scope that stops an attack breaks less."
    return (
        f"{text} Of those that stop any, {gentlest.scope} breaks the least honest work: "
        f"{_describe_breaking(gentlest, n_benign)}; {_describe_stopping(gentlest)}."
    )


def _get_strictness(row: ReplayGroup) -> tuple[float, ...]:
    """Sort key: what stops most comes first, and of equals what breaks least."""
    stopped, broken = row.malicious_blocked or 0.0, row.benign_blocked or 0.0
    return (row.attack_success_after or 0.0, -stopped, -(row.utility_after or 0.0), broken)


def _get_harm(row: ReplayGroup) -> tuple[float, ...]:
    """Sort key: what breaks least comes first, and of equals what stops most."""
    return (-(row.utility_after or 0.0), row.benign_blocked or 0.0, *_get_strictness(row))


def _is_stopping(row: ReplayGroup) -> bool:
    if row.attack_success is None or row.attack_success_after is None:
        return bool(row.malicious_blocked)
    return row.attack_success_after < row.attack_success


def _describe_stopping(row: ReplayGroup) -> str:
    calls = _describe_refused(row.malicious_blocked, row.malicious_calls, "malicious")
    before, after, n = row.attack_success, row.attack_success_after, row.attacked_runs
    return f"{_describe_change('successful attacks', before, after, n, 'attacked runs')}{calls}"


def _describe_breaking(row: ReplayGroup, n_benign: int) -> str:
    calls = _describe_refused(row.benign_blocked, row.benign_calls, "benign")
    before, after = row.utility, row.utility_after
    return f"{_describe_change('finished tasks', before, after, n_benign, 'benign runs')}{calls}"


def _describe_change(
    what: str, before: float | None, after: float | None, n: int | None, of: str
) -> str:
    if before is None or after is None or not n:
        return ""
    first, last = _count(before, n), _count(after, n)
    if first == last:
        return f"{what} stay at {last} of {n} {of}, and "
    return f"{what} fall from {first} to {last} of {n} {of}, and "


def _describe_refused(share: float | None, n: int | None, kind: str) -> str:
    if share is None or not n:
        return f"there is no {kind} call to refuse"
    return f"{_count(share, n) or 'none'} of {n} {kind} calls would be refused"


def _count(share: float, n: int) -> int:
    """Undo the division."""
    return round(share * n)


def _format_attack(attack: str | None) -> str:
    if attack is None:
        return "attacks unknown"
    return "no attack" if attack == "none" else f"attack {format_name(attack)}"


def format_name(name: str) -> str:
    """A name of a log as it is, or quoted when it could move a terminal's cursor."""
    return name if name.isprintable() else repr(name)
