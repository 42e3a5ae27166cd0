"""`njit`, with a cache that an edit in any room with compiled code makes stale.

Decision: the cache folder is named by the digest of every source file of those rooms.
Instead of: numba's own cache, which serves the old rule after a callee in another file changed.
Because: a stale rule gives wrong results silently; hashing the sources costs a few ms.
Undo when: numba tracks dependencies across files.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numba

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., Any]")

PACKAGE = Path(__file__).resolve().parent.parent
COMPILED_ROOMS = ("core", "engine", "ledger", "model")  # a test holds that no other room compiles


def compute_source_digest() -> str:
    """Digest of the Python sources that are compiled or compiled in: 16 hexadecimal digits."""
    digest = hashlib.blake2b(digest_size=8)
    for path in sorted(path for room in COMPILED_ROOMS for path in (PACKAGE / room).rglob("*.py")):
        digest.update(str(path.relative_to(PACKAGE)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def find_cache_folder(digest: str) -> Path | None:
    """First writable place for compiled rules, or None where there is none."""
    for root in (PACKAGE / "__pycache__", Path.home() / ".cache" / "ambit-sim"):
        folder = root / f"rules-{digest}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / ".writable").touch()
        except OSError:
            continue
        return folder
    return None


SOURCE_DIGEST = compute_source_digest()
CACHE_FOLDER = find_cache_folder(SOURCE_DIGEST)
if CACHE_FOLDER is not None:
    numba.config.CACHE_DIR = str(CACHE_FOLDER)  # type: ignore[attr-defined] # set at import


def has_compiled_rules() -> bool:
    """Whether an earlier run left compiled rules for exactly these sources."""
    return CACHE_FOLDER is not None and any(CACHE_FOLDER.rglob("*.nbi"))


def njit(function: F) -> F:
    """Compile a function to machine code, cached on disk where a cache is possible."""
    compile_ = numba.njit(cache=CACHE_FOLDER is not None)  # noqa: TID251 - the one place
    return cast("F", compile_(function))


def inlined(function: F) -> F:
    """Compile a function into each of its callers: for short ones on the hot path."""
    compile_ = numba.njit(inline="always", cache=CACHE_FOLDER is not None)  # noqa: TID251
    return cast("F", compile_(function))
