"""Progress on stderr: cells done, how fast, and how long it will still take."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
)
from rich.text import Text

if TYPE_CHECKING:
    from types import TracebackType

    from sim.experiment.cells import JobResult
    from sim.experiment.progress import Failure

WORDS_WIDTH = 55  # what stands beside the bar: cells, pace, time left, how many failed


class PaceColumn(ProgressColumn):
    """How fast it goes, and how long it will still take: by all cells that have ended.

    Not by the last few: several workers end theirs at once, and then nobody for a while.
    """

    def render(self, task: Task) -> Text:
        """Nothing before the first cell has ended."""
        if not task.completed or not task.total or task.elapsed is None:
            return Text("")
        each_s = task.fields["ended_s"] / task.completed
        left_s = max(0, round(task.total * each_s - task.elapsed))
        pace = f"{each_s:.1f} s each" if each_s > 1 else f"{1 / max(each_s, 1e-3):.1f}/s"
        return Text(f"{pace}, {timedelta(seconds=left_s)} left", no_wrap=True)


class Bar:
    """A bar on a terminal; elsewhere only what a person has to know."""

    def __init__(self, *, is_quiet: bool) -> None:
        self.is_quiet = is_quiet
        console = Console(stderr=True, markup=False, highlight=False, emoji=False)
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(max(5, min(40, console.width - WORDS_WIDTH))),
            MofNCompleteColumn(),
            PaceColumn(),
            TextColumn("{task.fields[note]}"),
            console=console,
            disable=is_quiet or not sys.stderr.isatty(),
            transient=True,
        )
        self.task = self.progress.add_task("cells", total=None, note="", ended_s=0.0)
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

    @property
    def note(self) -> str:
        """How many cells failed so far, over all rounds of a run."""
        return f"{self.n_failed} failed" if self.n_failed else ""

    def started(self, n_cells: int, n_kept: int) -> None:
        """Begin anew, with what is to be run."""
        self.progress.reset(self.task, total=n_cells, ended_s=0.0, note=self.note)
        if n_kept and not self.is_quiet:
            self._say(f"{n_kept} cells are finished already, {n_cells} are run")

    def done(self, cell: JobResult) -> None:
        """One further."""
        self._advance()

    def failed(self, failure: Failure) -> None:
        """One further, and why it has no result."""
        self.n_failed += 1
        self._advance()
        if not self.is_quiet:
            self._say(f"failed: {failure.cause}")  # the line that replays it ends the command

    def noticed(self, message: str) -> None:
        """Something to know, above the bar."""
        self._say(message)

    def _advance(self) -> None:
        elapsed_s = self.progress.tasks[0].elapsed or 0.0
        self.progress.update(self.task, advance=1, ended_s=elapsed_s, note=self.note)

    def _say(self, message: str) -> None:
        self.progress.console.print(message, soft_wrap=True)
