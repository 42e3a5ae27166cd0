"""What a run tells whoever watches it: one small interface, whatever shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from sim.core.errors import AmbitError
    from sim.experiment.cells import Job, JobResult


class Failure(NamedTuple):
    """A cell that has no result, and why."""

    job: Job
    error: AmbitError

    @property
    def cause(self) -> str:
        """What went wrong, in one line."""
        return str(self.error).partition("\nreplay: ")[0].replace("\n", "; ")

    @property
    def replay(self) -> str:
        """The line that runs it again."""
        return str(getattr(self.error, "replay", ""))


class Progress(Protocol):
    """Whoever watches. Every call comes from the process and thread that called the run."""

    def started(self, n_cells: int, n_kept: int) -> None:
        """So many cells are to be run; so many more were found finished. May come again."""

    def done(self, cell: JobResult) -> None:
        """A cell was run and, if it is to be, written."""

    def failed(self, failure: Failure) -> None:
        """A cell has no result; the others go on."""

    def noticed(self, message: str) -> None:
        """Something that a person should know, and that stops nothing."""


class Silent:
    """Nobody watches."""

    def started(self, n_cells: int, n_kept: int) -> None:
        """Nothing."""

    def done(self, cell: JobResult) -> None:
        """Nothing."""

    def failed(self, failure: Failure) -> None:
        """Nothing."""

    def noticed(self, message: str) -> None:
        """Nothing."""


SILENT = Silent()
