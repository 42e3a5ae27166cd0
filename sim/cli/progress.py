"""Progress on stderr: cells done, how fast, and how long it will still take."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

if TYPE_CHECKING:
    from types import TracebackType

    from sim.experiment.cells import JobResult
    from sim.experiment.progress import Failure


class RateColumn(ProgressColumn):
    """Cells a second, or seconds a cell where they are slow."""

    def render(self, task: Task) -> Text:
        """The rate of late."""
        speed = task.finished_speed or task.speed
        if not speed:
            return Text("")
        return Text(f"{speed:.1f}/s" if speed >= 1 else f"{1 / speed:.1f} s each")


class Bar:
    """A bar on a terminal; elsewhere only what a person has to know."""

    def __init__(self, *, is_quiet: bool) -> None:
        self.is_quiet = is_quiet
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            RateColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=Console(stderr=True, markup=False, highlight=False, emoji=False),
            disable=is_quiet or not sys.stderr.isatty(),
            transient=True,
        )
        self.task = self.progress.add_task("cells", total=None, note="")
        self.n_failed = 0

    def __enter__(self) -> Bar:
        """Show it."""
        self.progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take it away."""
        self.progress.stop()

    def started(self, n_cells: int, n_kept: int) -> None:
        """Begin anew, with what is to be run."""
        self.progress.reset(self.task, total=n_cells)
        if n_kept and not self.is_quiet:
            self._say(f"{n_kept} cells are finished already, {n_cells} are run")

    def done(self, cell: JobResult) -> None:
        """One further."""
        self.progress.advance(self.task)

    def failed(self, failure: Failure) -> None:
        """One further, and why it has no result."""
        self.n_failed += 1
        self.progress.update(self.task, advance=1, note=f"{self.n_failed} failed")
        if not self.is_quiet:
            self._say(f"failed: {failure.cause}")  # the line that replays it ends the command

    def noticed(self, message: str) -> None:
        """Something to know, above the bar."""
        self._say(message)

    def _say(self, message: str) -> None:
        self.progress.console.print(message, soft_wrap=True)
