"""What `sim selftest` prints: each share that was counted, and where it has to lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.stats.selftest import Check

HEAD = ("", "samples of", "n", "share", "has to lie in", "")


def create_table(checks: Sequence[Check]) -> list[str]:
    """One line for each check, in columns."""
    rows = [HEAD, *(_create_row(check) for check in checks)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    lines = (
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True))
        for row in rows
    )
    return [line.rstrip() for line in lines]


def summarize(checks: Sequence[Check], n_macro: int) -> str:
    """How many checks passed; samples too short for an interval are told apart."""
    offered = [check for check in checks if check.is_offered]
    n_passed = sum(check.passes for check in offered)
    text = f"{n_passed} of {len(offered)} checks passed, over {n_macro} macro-replications."
    if len(offered) < len(checks):
        text += " What is not offered there is shown to say why: it takes more replications."
    return text


def _create_row(check: Check) -> tuple[str, ...]:
    verdict = "passed" if check.passes else "FAILED"
    if not check.is_offered:
        verdict = "not offered"
    bar = f"{check.low:.4g}..{check.high:.4g}"
    return check.what, check.family, str(check.n), f"{check.share:.4f}", bar, verdict
