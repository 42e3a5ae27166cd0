"""How a process of our own deals with the memory it was given."""

from __future__ import annotations

import ctypes
import sys

# names and numbers of malloc.h
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4
NEVER = -1
TOP_PAD_BYTES = 64 << 20


def keep_memory() -> bool:
    """Let this process keep what it has freed, for the next replication to use.

    Every replication fills tables of the same sizes. By default the C library gives large ones
    back at once, and the system clears each page again when it is next touched; on a virtual
    machine that is a third of the time of a large market. The price is that a process stays as
    large as it once was. Only for processes that are ours: those of the command line and its
    workers.

    Return: whether there was something to set; only glibc has it.
    Source: mallopt(3).
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    settings = {M_MMAP_MAX: 0, M_TRIM_THRESHOLD: NEVER, M_TOP_PAD: TOP_PAD_BYTES}
    return all([mallopt(name, value) == 1 for name, value in settings.items()])
