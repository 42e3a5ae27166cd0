"""Whoever watches a run in a test: everything that it is told, in order."""

from __future__ import annotations

from pathlib import Path

from sim.experiment.cells import JobResult
from sim.experiment.progress import Failure


class Watch:
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.starts: list[tuple[int, int]] = []  # cells to be run, cells kept
        self.cells: list[JobResult] = []
        self.failures: list[Failure] = []
        self.messages: list[str] = []

    def started(self, n_cells: int, n_kept: int) -> None:
        self.starts.append((n_cells, n_kept))

    def done(self, cell: JobResult) -> None:
        self.cells.append(cell)

    def failed(self, failure: Failure) -> None:
        self.failures.append(failure)

    def noticed(self, message: str) -> None:
        self.messages.append(message)


def read_all(folder: Path) -> dict[str, bytes]:
    """Every file under a folder, by its path from there."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
