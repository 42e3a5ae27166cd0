"""What is kept of ordering: views, commits of single validators, faults as they were drawn.

Every number is int64; -1 means never or none. A block is named by the first 63 bits of its digest.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


def _int64s(*names: str) -> np.dtype[np.void]:
    return np.dtype([(name, np.int64) for name in names])


VIEW = _int64s(
    "view",
    "leader",
    "height",  # of its block
    "block",
    "proposed_us",
    "certified_us",  # first time an honest validator knew its certificate
    "committed_us",  # first time an honest validator committed it
    "n_transactions",
)

COMMIT = _int64s(
    "node",  # a validator's number, or above them a twin's
    "honest",
    "height",
    "block",
    "view",
    "committed_us",
    "n_transactions",
)


class FaultRecord(NamedTuple):
    """One fault as it happened: where, from when until when (-1: to the end)."""

    name: str
    validators: tuple[int, ...]
    from_us: int
    until_us: int
    is_byzantine: bool


class Penalties(NamedTuple):
    """What came of proof against validators, and of their absence."""

    n_accused: int = 0  # validators that some honest one had proof against
    n_slashed: int = 0  # of these, those that lost stake
    slashed: int = 0  # base units, of all
    slashed_wrongly: int = 0  # base units, of those that were no culprits
    n_jailed: int = 0  # times a validator was jailed for its absence


class Ordering(NamedTuple):
    """How blocks came about."""

    views: np.ndarray  # VIEW
    commits: np.ndarray  # COMMIT
    faults: tuple[FaultRecord, ...]
    is_observed: bool  # False where an ideal sequencer stood in for validators
    n_byzantine: int
    n_validators: int
    penalties: Penalties = Penalties()


NO_ORDERING = Ordering(np.zeros(0, dtype=VIEW), np.zeros(0, dtype=COMMIT), (), False, 0, 0)
