"""Progress of a run in a notebook: one output of a cell that rewrites itself."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sim.core.compiled import has_compiled_rules
from sim.experiment.progress import SILENT, Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sim.experiment.cells import JobResult
    from sim.experiment.progress import Failure


@contextmanager
def watch(*, show: bool) -> Iterator[Progress]:
    """Who watches a run from a notebook; nobody elsewhere, or where it is not to be shown."""
    display = find_display() if show else None
    if display is None:
        yield SILENT
        return
    line = NotebookLine(display)
    try:
        yield line
    finally:
        line.clear()


def find_display() -> Callable[..., Any] | None:
    """`IPython.display.display` in a notebook's kernel; None anywhere else.

    Nothing is imported for it: in a notebook it is there already.
    """
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None or type(shell).__name__ != "ZMQInteractiveShell":
        return None
    display: Callable[..., Any] = sys.modules["IPython.display"].display
    return display


class NotebookLine:
    """Cells done of all, as a bar that needs no widget; what a person should know stays below."""

    def __init__(self, display: Callable[..., Any]) -> None:
        self.display = display
        self.n_cells = self.n_done = self.n_failed = 0
        self.handle = display({"text/plain": "", "text/html": ""}, raw=True, display_id=True)

    def started(self, n_cells: int, n_kept: int) -> None:
        """Begin anew, with what is to be run."""
        self.n_cells, self.n_done = n_cells, 0
        self._show()

    def done(self, cell: JobResult) -> None:
        """One further."""
        self.n_done += 1
        self._show()

    def failed(self, failure: Failure) -> None:
        """One further that has no result."""
        self.n_failed += 1
        self.n_done += 1
        self._show()
        self.noticed(f"failed: {failure.cause}")

    def noticed(self, message: str) -> None:
        """Leave a line that stays."""
        self.display({"text/plain": message}, raw=True)

    def clear(self) -> None:
        """Leave nothing of the bar behind."""
        self.handle.update({"text/plain": "", "text/html": ""}, raw=True)

    def _show(self) -> None:
        failed = f", {self.n_failed} failed" if self.n_failed else ""
        text = f"{self.n_done} of {self.n_cells} cells{failed}"
        if not (self.n_done or has_compiled_rules()):
            text += "; compiling the rules, once for this version: about a minute"
        bar = f'<progress value="{self.n_done}" max="{self.n_cells}"></progress>'
        self.handle.update({"text/plain": text, "text/html": f"{bar} {text}"}, raw=True)
