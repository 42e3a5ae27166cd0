"""What a policy compiles to: plain numbers and masks. Holds no policy names."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np

from sim.core.reasons import ALWAYS_BINDING
from sim.core.records import Ints, Posture

N_SITUATIONS = 2 * len(Posture) * len(Posture) * 2
DEPTH_MAX = 8  # links in a chain of grants
INSIDE, ACROSS = 0, 1


class Source(IntEnum):
    """Whose word an enforcement point takes for what a caller holds."""

    TRUTH = 0  # the ledger's own records
    CLAIM = 1  # what the caller's side says
    CLIENT = 2  # what the owner keeps for that client org
    TOKEN = 3  # an attenuated token checked offline: true, but revocations arrive late


class Rules(NamedTuple):
    """The numbers a transition runs under.

    Shapes: `binding` and `source` are int64 (N_SITUATIONS,), one entry for each
            (boundary, caller posture, owner posture, mediated).
    """

    binding: Ints  # checks that bind: mask over reason codes
    source: Ints  # Source
    revocation_lag_us: int = 0
    chain_id: int = 1
    fee_min: int = 0
    killed_kinds: int = 0  # mask over Kind
    approval_effects: int = 0  # mask over Effect: calls that need a human's approval
    rate_cap_ppm: int = 0  # token bucket, in millionths of a call; 0: no limit
    rate_refill_ppm: int = 0  # a second
    stake_min: int = 0
    reputation_ppm_min: int = 0


def get_situation(boundary: int, caller: int, owner: int, mediated: int) -> int:
    """Row of `Rules.binding` for one call."""
    return ((boundary * len(Posture) + caller) * len(Posture) + owner) * 2 + mediated


def get_caller_postures(situations: Ints) -> Ints:
    """Posture of the caller's side in each situation."""
    return situations // 2 // len(Posture) % len(Posture)


def create_rules(**numbers: int) -> Rules:
    """Rules under which only what keeps the state meaningful binds."""
    return Rules(
        binding=np.full(N_SITUATIONS, ALWAYS_BINDING, dtype=np.int64),
        source=np.zeros(N_SITUATIONS, dtype=np.int64),
        **numbers,
    )
