"""The text of `sim explain`: every check of one call, in order, under each policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rich.table import Table
from rich.text import Text

from sim.core.reasons import PROSE, Reason
from sim.report.printable import make_printable

if TYPE_CHECKING:
    from sim.experiment.explain import Explanation
    from sim.ledger.explain import Check

TITLES = ("check", "verdict", "required", "held")
STYLES = {"decides": "bold", "fails": "", "passes": "dim"}


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


class CheckRow(NamedTuple):
    """One check as it is shown, in print and on a page."""

    reason: str
    verdict: str
    required: str
    held: str
    weight: str  # "decides", "fails" or "passes"


def create_check_rows(explanation: Explanation) -> list[CheckRow]:
    """Every check in the order in which the first that fails and binds decides."""
    return [
        CheckRow(
            check.reason.name,
            _describe_verdict(check, explanation.code == check.reason),
            make_printable(check.required),
            make_printable(check.held),
            _get_weight(check, explanation.code == check.reason),
        )
        for check in explanation.checks
    ]


def create_checks_table(explanation: Explanation) -> Table:
    """One row a check, as a table of a terminal."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in TITLES:
        table.add_column(title, no_wrap=title == "check")  # names of checks are never cut
    for row in create_check_rows(explanation):
        table.add_row(*(Text(text, style=STYLES[row.weight]) for text in row[: len(TITLES)]))
    return table


def _get_weight(check: Check, decides: bool) -> str:
    if decides:
        return "decides"
    return "fails" if check.fails else "passes"


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
