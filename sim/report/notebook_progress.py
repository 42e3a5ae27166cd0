"""Progress of a run: a line in a notebook that rewrites itself, a bar in a terminal."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sim.experiment.cells import JobResult
    from sim.experiment.run import RunOptions
    from sim.scenario.load import LoadedScenario


@contextmanager
def watch(
    loaded: LoadedScenario, options: RunOptions, *, show: bool
) -> Iterator[Callable[[JobResult], None]]:
    """What hears of each job that ends, and shows how far the run has come."""
    n_policies = len(options.policies) or len(loaded.scenario.policies)
    total = n_policies * (options.replications or loaded.scenario.replications)
    if show and (display := find_display()):
        with _NotebookLine(display, total) as line:
            yield lambda done: line.advance(len(done.digests))
        return
    with _create_bar(show=show and sys.stderr.isatty()) as bar:
        task = bar.add_task("replications", total=total)
        yield lambda done: bar.update(task, advance=len(done.digests))


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


class _NotebookLine:
    """One output of a cell, rewritten in place and empty in the end: no widget is needed."""

    def __init__(self, display: Callable[..., Any], total: int) -> None:
        self.display, self.total, self.n_done = display, total, 0

    def __enter__(self) -> _NotebookLine:
        self.handle = self.display(self._render(), raw=True, display_id=True)
        return self

    def advance(self, n: int) -> None:
        self.n_done += n
        self.handle.update(self._render(), raw=True)

    def __exit__(self, *_: object) -> None:
        self.handle.update({"text/plain": "", "text/html": ""}, raw=True)

    def _render(self) -> dict[str, str]:
        text = f"{self.n_done} of {self.total} replications"
        bar = f'<progress value="{self.n_done}" max="{self.total}"></progress>'
        return {"text/plain": text, "text/html": f"{bar} {text}"}


def _create_bar(*, show: bool) -> Progress:
    return Progress(
        "{task.description}",
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not show,
        transient=True,
    )
