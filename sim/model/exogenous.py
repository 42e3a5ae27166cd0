"""What a world brought upon everybody: the same under every policy, or policies are not paired."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sim.core.draws import Draws
    from sim.core.records import Ints, Records

EXOGENOUS_COLUMNS = ("agent", "task", "template", "submitted_us", "deadline_us")


def compute_exogenous_digest(
    draws: Draws, entities: Iterable[Ints], tasks: Records, horizon_us: int
) -> bytes:
    """Digest of what chance decided before any policy had a say: 16 bytes.

    It covers the key of all draws, the names they are made for, and every task that came before
    the horizon with its template, time and deadline, picked up or not. What a policy makes of
    them (when a task was started, what was refused) is left out.

    Shapes: entities int64 (any,) each; tasks TASK, in any order.
    """
    digest = hashlib.blake2b(digest_size=16, person=b"AMBIT-EXOGENOUS")
    for word in (draws.key0, draws.key1):
        digest.update(int(word).to_bytes(8, "little"))
    for column in entities:
        digest.update(len(column).to_bytes(8, "little"))
        digest.update(np.ascontiguousarray(column).tobytes())
    came = tasks[tasks["submitted_us"] < horizon_us]
    order = np.lexsort((came["task"], came["agent"]))
    for name in EXOGENOUS_COLUMNS:
        digest.update(came[name][order].tobytes())
    return digest.digest()
