"""The text of `sim explain`: every check of one call, in order, under each policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from sim.core.reasons import PROSE, Reason
from sim.report.printable import make_printable

if TYPE_CHECKING:
    from sim.experiment.explain import Explanation
    from sim.ledger.explain import Check


def create_heading(explanation: Explanation) -> str:
    """Who, what, when, and how it ended."""
    if explanation.code is None:
        return f"{explanation.policy}: the call was never made"
    through = "through the enforcement point" if explanation.mediated else "round it"
    reason = f" ({PROSE[Reason(explanation.code)]})" if explanation.code > 0 else ""
    heading = (
        f"{explanation.policy}: {make_printable(explanation.call)} called "
        f"{make_printable(explanation.operation)} "
        f"at {explanation.submitted_s:.3f} s, {through}: {explanation.verdict}{reason}"
    )
    return heading if explanation.code < 0 else f"{heading}, final at {explanation.final_s:.3f} s"


def create_checks_table(explanation: Explanation) -> Table:
    """One row a check, in the order in which the first that fails and binds decides."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("check", "verdict", "required", "held"):
        table.add_column(title)
    for check in explanation.checks:
        decides = explanation.code == check.reason
        style = "bold" if decides else "" if check.fails else "dim"
        table.add_row(
            Text(check.reason.name, style=style),
            Text(_describe_verdict(check, decides), style=style),
            Text(make_printable(check.required), style=style),
            Text(make_printable(check.held), style=style),
        )
    return table


def _describe_verdict(check: Check, decides: bool) -> str:
    if decides:
        return "FAILS, and decides"
    if check.fails and not check.binds:
        return "fails, but does not bind"
    if check.fails and not check.seen:
        return "fails, unseen here"
    if check.fails:
        return "fails"
    if check.seen:
        return "refused on somebody's word"
    return "passes" if check.binds else "passes (not binding)"
