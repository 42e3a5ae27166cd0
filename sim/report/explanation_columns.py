"""One call under several policies side by side, and the same as a document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from sim.core.reasons import PENDING, PROSE, Reason
from sim.report.explanation import STYLES, create_check_rows, create_heading
from sim.report.printable import make_printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.experiment.explain import Explanation
    from sim.report.explanation import CheckRow

COLOURS = {"executed": "green", "refused": "red", "pending": "yellow", "never made": "dim"}
NOTHING = "-"


def get_outcome(explanation: Explanation) -> str:
    """What became of the call: a key of `COLOURS`."""
    if explanation.code is None:
        return "never made"
    if explanation.code == PENDING:
        return "pending"
    return "executed" if explanation.code == 0 else "refused"


def create_coloured_heading(explanation: Explanation) -> Text:
    """The heading of one policy, its verdict in the verdict's colour."""
    text = Text(create_heading(explanation), style="bold")
    text.highlight_words([explanation.verdict], COLOURS[get_outcome(explanation)])
    return text


def create_columns_heading(explanations: Sequence[Explanation]) -> str:
    """Who called what; the policies differ in the rest."""
    made = next(each for each in explanations if each.code is not None)
    return f"{make_printable(made.call)} called {make_printable(made.operation)}"


def create_columns_table(explanations: Sequence[Explanation]) -> Table:
    """A row for each check, in their order, and a column for each policy."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("", no_wrap=True)
    for explanation in explanations:
        table.add_column(Text(make_printable(explanation.policy)))
    table.add_row("verdict", *(_create_verdict_cell(each) for each in explanations))
    table.add_row("called at", *(_get_submitted(each) for each in explanations))
    table.add_row("path", *(_get_path(each) for each in explanations))
    columns = [{row.reason: row for row in create_check_rows(each)} for each in explanations]
    present = {name for rows in columns for name in rows}
    for name in (reason.name for reason in Reason if reason.name in present):
        table.add_row(name, *(_create_cell(rows.get(name)) for rows in columns))
    return table


def _create_verdict_cell(explanation: Explanation) -> Text:
    style = COLOURS[get_outcome(explanation)]
    lines = [explanation.verdict]
    if explanation.code is not None and explanation.code >= 0:
        lines.append(f"final at {explanation.final_s:.3f} s")
    return Text("\n".join(lines), style=style)


def _get_submitted(explanation: Explanation) -> str:
    return NOTHING if explanation.code is None else f"{explanation.submitted_s:.3f} s"


def _get_path(explanation: Explanation) -> str:
    if explanation.code is None:
        return NOTHING
    return "enforcement point" if explanation.mediated else "round it"


def _create_cell(row: CheckRow | None) -> Text:
    """The verdict of a check, and where it fails, what it needed and what there was."""
    if row is None:
        return Text(NOTHING, style="dim")
    lines = [row.verdict]
    if row.weight != "passes":
        lines += [f"required {row.required}", f"held {row.held}"]
    colour = f" {COLOURS['refused']}" if row.weight == "decides" else ""
    return Text("\n".join(lines), style=STYLES[row.weight] + colour)


def create_document(explanations: Sequence[Explanation]) -> dict[str, Any]:
    """All of it for a program: the call, and each policy with every check."""
    made = next(each for each in explanations if each.code is not None)
    return {
        "call": made.call,
        "operation": made.operation,
        "policies": [_create_policy_entry(each) for each in explanations],
    }


def _create_policy_entry(explanation: Explanation) -> dict[str, Any]:
    """One policy; what is not known for a call that was never made or decided is null."""
    code = explanation.code
    is_made, is_decided = code is not None, code is not None and code >= 0
    reason = Reason(code) if code is not None and code > 0 else None
    return {
        "policy": explanation.policy,
        "verdict": get_outcome(explanation),
        "reason": reason.name if reason else None,
        "reason_text": PROSE[reason] if reason else None,
        "operation": explanation.operation if is_made else None,
        "mediated": explanation.mediated if is_made else None,
        "submitted_s": explanation.submitted_s if is_made else None,
        "final_s": explanation.final_s if is_decided else None,
        "checks": [
            {
                "name": row.reason,
                "outcome": "fails" if check.fails else "passes",
                "binding": check.binds,
                "seen": check.seen,
                "decides": row.weight == "decides",
                "required": row.required,
                "held": row.held,
                "text": row.verdict,
            }
            for check, row in zip(explanation.checks, create_check_rows(explanation), strict=True)
        ],
    }
