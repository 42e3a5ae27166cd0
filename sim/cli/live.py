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
from sim.report.comparison_table import create_cell, get_unit

if TYPE_CHECKING:
    from types import TracebackType

    from sim.experiment.cells import JobResult
    from sim.experiment.progress import Failure
    from sim.metrics.base import Value
    from sim.scenario.schema import Scenario


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
        self.live = Live(get_renderable=self.render, console=console, transient=True)

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

    def render(self) -> Group:
        """Bar, estimates, and the worst failure."""
        parts: list[Table | Text] = [self.progress.get_renderable()]  # type: ignore[list-item]
        if self.primary and any(self.values.values()):
            parts.append(self.create_table())
        if self.worst is not None:
            text = f"worst: {self.worst.cause}\n  {self.worst.replay}".rstrip()
            parts.append(Text(text, style="red"))
        return Group(*parts)

    def create_table(self) -> Table:
        """Policies in rows, primary outcomes in columns: mean, and its interval so far."""
        table = Table(box=None, padding=(0, 2, 0, 0))
        table.add_column("so far")
        table.add_column("n", justify="right")
        for name in self.primary:
            unit, _ = get_unit(get_outcomes()[name].unit, name)
            table.add_column(Text(f"{name}\n{unit}"), justify="right")
        for policy, kept in self.values.items():
            n = max(map(len, kept.values()), default=0)
            if n:
                table.add_row(Text(policy), str(n), *map(self._show, kept, kept.values()))
        return table

    def _show(self, name: str, values: list[Value]) -> Text:
        cell = create_cell(compute_estimate(get_outcomes()[name], values))
        text = Text(cell.value)
        text.append(f"  {cell.interval}" if cell.interval else "", style="dim")
        return text


def _is_worse(one: Failure, other: Failure) -> bool:
    codes = (one.error.exit_code, other.error.exit_code)
    return codes[0] != codes[1] and get_worst(codes) == codes[0]
