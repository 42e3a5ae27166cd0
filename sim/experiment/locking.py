"""One writer a folder: a lock that the system releases when its holder dies, however it dies."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from sim.core.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOCK = ".lock"
PATIENCE_S = 2.0  # workers of a run that was killed need a moment to end
PAUSE_S = 0.05


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Hold a folder, made if need be, while nobody else does.

    The empty file of the lock stays: to remove it would let two hold the folder at once.
    Errors: StorageError if another run holds it, or it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / LOCK).open("ab")
    except OSError as error:
        raise StorageError(str(folder), f"cannot be written: {error.strerror or error}") from error
    with file:
        deadline = time.monotonic() + PATIENCE_S
        while not _try_lock(file):
            if time.monotonic() > deadline:
                problem = "another run writes into this folder: wait for it, or choose --out"
                raise StorageError(str(folder), problem)
            time.sleep(PAUSE_S)
        yield


if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: IO[bytes]) -> bool:
        try:
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(file: IO[bytes]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
