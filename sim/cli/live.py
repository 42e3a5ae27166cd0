"""A long run as it goes on: cells done and how fast, estimates so far, the worst failure."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from sim.cli.progress import Bar
from sim.core.errors import get_worst
from sim.experiment.comparison import compute_estimate
from sim.metrics.outcomes import get_outcomes
from sim.report.comparison_table import CELL_WIDTH, create_cell, get_unit
from sim.report.verdicts import LABELS

if TYPE_CHECKING:
    from types import TracebackType

    from rich.console import RenderableType

    from sim.experiment.cells import JobResult
    from sim.experiment.progress import Failure
    from sim.metrics.base import Value
    from sim.scenario.schema import Scenario

N_LINES_OF_BAR = 2  # and the line below, where the cursor stands
N_LINES_OF_HEAD = 5  # a label on three lines, its unit, and what is left out


class LiveView(Bar):
    """The bar, and under it the primary outcomes of each policy over the cells that have ended.

    Estimates are of whichever replications are there, so they move, and the last word is the
    table at the end. Elsewhere than on a terminal it is silent, as the bar is.
    """

    def __init__(self, scenario: Scenario, *, is_quiet: bool) -> None:
        super().__init__(is_quiet=is_quiet)
        self.primary = [name for name in scenario.primary if name in get_outcomes()]
        self.values: dict[str, dict[str, list[Value]]] = {}
        self.worst: Failure | None = None
        console = self.progress.console
        self.live = Live(
            get_renderable=lambda: self.render(*console.size), console=console, transient=True
        )

    def __enter__(self) -> LiveView:
        """Show it."""
        if not self.is_quiet and sys.stderr.isatty():
            self.live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take it away."""
        self.live.stop()

    def done(self, cell: JobResult) -> None:
        """One further, and what its replications came to."""
        kept = self.values.setdefault(cell.policy, {name: [] for name in self.primary})
        for name in self.primary:
            kept[name] += cell.values.get(name, [])
        super().done(cell)

    def failed(self, failure: Failure) -> None:
        """One further; the worst of those that failed stays in sight."""
        if self.worst is None or _is_worse(failure, self.worst):
            self.worst = failure
        super().failed(failure)

    def render(self, width: int, height: int) -> Group:
        """Bar, the worst failure, and as much of the estimates as a terminal has room for."""
        parts: list[RenderableType] = [self.progress.get_renderable()]
        room = height - N_LINES_OF_BAR
        if self.worst is not None:
            text = Text(f"worst: {self.worst.cause}\n  {self.worst.replay}".rstrip(), style="red")
            room -= len(text.wrap(self.progress.console, width))
            parts.append(text)
        if self.primary and any(self.values.values()):
            parts.append(self.create_table(width, room))
        return Group(*parts)

    def create_table(self, width: int, room: int) -> Table:
        """Policies in rows, primary outcomes in columns: mean, and its interval so far.

        An interval stands below its mean, or beside it where `room` lines are too few for that.
        What does not fit is named in the caption, and never cut.
        """
        policies = [name for name, kept in self.values.items() if any(kept.values())]
        is_low = room < N_LINES_OF_HEAD + 2 * len(policies)
        used = max(map(len, [*policies, "so far"])) + sum(len(gap) for gap in ("  ", "9999", "  "))
        size = 2 * CELL_WIDTH if is_low else CELL_WIDTH
        shown = self.primary[: max(1, (width - used) // (size + 2))]
        kept_policies = policies[: max(1, (room - N_LINES_OF_HEAD) // (1 if is_low else 2))]
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, caption_justify="left")
        table.add_column("so far", no_wrap=True)
        table.add_column("n", justify="right", no_wrap=True)
        for name in shown:
            unit, _ = get_unit(get_outcomes()[name].unit, name)
            head = Text(f"{LABELS.get(name, name)}\n{unit}")
            table.add_column(head, justify="right", width=size)
        for policy in kept_policies:
            kept = self.values[policy]
            cells = (self._show(name, kept[name], is_low=is_low) for name in shown)
            table.add_row(Text(policy), str(max(map(len, kept.values()))), *cells)
        table.caption = _tell_left_out(
            len(self.primary) - len(shown), len(policies) - len(kept_policies)
        )
        return table

    def _show(self, name: str, values: list[Value], *, is_low: bool) -> Text:
        cell = create_cell(compute_estimate(get_outcomes()[name], values))
        text = Text(cell.value)
        gap = "  " if is_low else "\n"
        text.append(f"{gap}{cell.interval}" if cell.interval else "", style="dim")
        return text


def _tell_left_out(n_outcomes: int, n_policies: int) -> Text | None:
    left = [
        *([f"{n_outcomes} more outcomes"] if n_outcomes else []),
        *([f"{n_policies} more policies"] if n_policies else []),
    ]
    return Text(f"and {' and '.join(left)}, in the table at the end") if left else None


def _is_worse(one: Failure, other: Failure) -> bool:
    codes = (one.error.exit_code, other.error.exit_code)
    return codes[0] != codes[1] and get_worst(codes) == codes[0]
