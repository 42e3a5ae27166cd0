"""Errors that reach a person, with the exit code each one ends the program with.

AmbitError
├── InputError        2   a scenario, recording or option is wrong
├── InvariantError    3   a promise of the model broke: a bug, never the user's fault
├── StorageError      4   disk, permissions, a folder in use
├── WorkerError       4   a process died, hung, or ran out of memory
└── CellsFailedError      several cells failed: the worst of them decides

Exit 0 is success, 1 a failed safety gate, 5 an inconclusive gate, 130 an interrupt.
Every class hands all its fields to `super().__init__`: worker processes pickle errors.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


SEVERITY = (3, 4, 2, 1, 5, 0)  # exit codes, the worst first


class Position(NamedTuple):
    """A place in a file; line and column count from 1, 0 means the file as a whole."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        if not self.line:
            return self.file
        return (
            f"{self.file}:{self.line}:{self.column}" if self.column else f"{self.file}:{self.line}"
        )


class AmbitError(Exception):
    """Base of every error that is shown without a traceback."""

    exit_code = 1


class InputError(AmbitError):
    """Something a person wrote cannot be used: where, which key, what was expected."""

    exit_code = 2

    def __init__(self, where: Position, key: str, problem: str, nearest: str = "") -> None:
        super().__init__(where, key, problem, nearest)
        self.where, self.key, self.problem, self.nearest = where, key, problem, nearest

    def __str__(self) -> str:
        hint = f"; did you mean {self.nearest!r}?" if self.nearest else ""
        key = f"{self.key}: " if self.key else ""
        return f"{self.where}: {key}{self.problem}{hint}"


class InputErrors(AmbitError):  # noqa: N818 - several of them
    """Several things a person wrote cannot be used; all are shown at once, in file order."""

    exit_code = 2

    def __init__(self, errors: tuple[InputError, ...]) -> None:
        super().__init__(errors)
        self.errors = errors

    def __str__(self) -> str:
        return "\n".join(str(error) for error in self.errors)


class InvariantError(AmbitError):
    """A promise of the model broke; `replay` is the line that says how to see it again."""

    exit_code = 3

    def __init__(
        self, invariant: str, height: int, expected: str, found: str, replay: str = ""
    ) -> None:
        super().__init__(invariant, height, expected, found, replay)
        self.invariant, self.height = invariant, height
        self.expected, self.found, self.replay = expected, found, replay

    def __str__(self) -> str:
        text = (
            f"{self.invariant} broke at height {self.height}: "
            f"expected {self.expected}, found {self.found}"
        )
        return f"{text}\n{self.replay}" if self.replay else text

    def create_replayable(self, replay: str) -> InvariantError:
        """The same error, and how to see it again."""
        return InvariantError(self.invariant, self.height, self.expected, self.found, replay)


class StorageError(AmbitError):
    """A file or folder could not be read or written."""

    exit_code = 4

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(path, problem)
        self.path, self.problem = path, problem

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}"


class WorkerError(AmbitError):
    """A cell could not be finished: its process died, hung, or ran out of memory."""

    exit_code = 4

    def __init__(self, cause: str, replay: str = "") -> None:
        super().__init__(cause, replay)
        self.cause, self.replay = cause, replay

    def __str__(self) -> str:
        return f"{self.cause}\n{self.replay}" if self.replay else self.cause


class CellsFailedError(AmbitError):
    """Some cells failed while the others finished; the worst failure gives the exit code.

    `listed` is the file that names all of them, empty if there is none.
    """

    def __init__(self, problem: str, exit_codes: tuple[int, ...], listed: str = "") -> None:
        super().__init__(problem, exit_codes, listed)
        self.problem, self.exit_codes, self.listed = problem, exit_codes, listed
        self.exit_code = get_worst(exit_codes)

    def __str__(self) -> str:
        if not self.listed:
            return self.problem
        return f"{self.problem}\nall of them, each with the line that replays it: {self.listed}"


def get_worst(exit_codes: Iterable[int]) -> int:
    """Exit code of several things that ended: the one that `SEVERITY` names first."""
    return min(exit_codes, key=SEVERITY.index, default=0)


def find_nearest(name: str, known: Iterable[str]) -> str:
    """Closest known name to a mistyped one, or an empty string."""
    return next(iter(get_close_matches(name, sorted(known), n=1, cutoff=0.6)), "")
