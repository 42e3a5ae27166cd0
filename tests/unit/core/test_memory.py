"""Keeping memory: what was freed costs nothing when it is used again."""

from __future__ import annotations

import subprocess
import sys

import pytest

COUNT_FAULTS = """
import resource, sys
import numpy as np
from sim.core.memory import keep_memory

def count_faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones(100_000_000, dtype=np.int8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

print(keep_memory() if sys.argv[1] == "keep" else False)
print(count_faults(), count_faults())
"""


def count_faults(how: str) -> tuple[bool, int, int]:
    """Whether anything was set, and page faults of filling 100 MB for the first and second time."""
    ended = subprocess.run(
        [sys.executable, "-c", COUNT_FAULTS, how], capture_output=True, text=True, check=True
    )
    is_set, faults = ended.stdout.splitlines()
    first, second = map(int, faults.split())
    return is_set == "True", first, second


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only glibc has the setting")
def test_memory_that_is_kept_is_not_asked_for_again() -> None:
    is_set, first, second = count_faults("keep")
    if not is_set:
        pytest.skip("this C library has no mallopt")
    assert first > 40  # pages of 2 MB at most
    assert second < 3
    _, first, second = count_faults("leave")
    assert second > 40  # else the setting would be good for nothing
