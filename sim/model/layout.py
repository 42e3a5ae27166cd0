"""Columns of the world that a replication reads and of the population that it moves.

All are int64; times are microseconds, -1 means none.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.core.records import Records

if TYPE_CHECKING:
    from sim.core.records import Ints
    from sim.strategies.base import Strategy


class Life(IntEnum):
    """How a group of agents comes by its calls."""

    TASKED = 0  # tasks arrive, drawn from weighted templates
    SCRIPTED = 1  # one task, at written times
    REPLAYED = 2  # recorded runs, one after another
    OUTSIDE = 3  # no tasks: acts with somebody else's key


class Phase(IntEnum):
    """Where an agent stands."""

    WAITING = 0  # for its next task
    WORKING = 1
    IN_FLIGHT = 2  # a call of it is not decided yet
    DONE = 3  # nothing more to do


def _int64s(*names: str) -> np.dtype[np.void]:
    return np.dtype([(name, np.int64) for name in names])


GROUP = _int64s(
    "life",
    "arrival_us",  # mean time between tasks or acts
    "think_us",  # mean time between calls, beyond think_min
    "cross_org_ppm",
    "give_up_ppm",
    "retry_ppm",
    "weights_from",  # range of `World.weights`
    "weights_to",
)

TEMPLATE = _int64s(
    "steps_from",
    "steps_to",
    "deadline_us",
    "scope_mask",  # what the task needs
    "namespace",
    "named_from",  # range of the arguments its principal named, sorted
    "named_to",
)

STEP = _int64s(
    "offset",  # operation, counted from the owner org's first
    "goal",
    "account",  # -1: the agent's own
    "path",  # rank of the path, -1: as drawn
    "at_us",  # -1: when thought through
    "arguments_from",
    "arguments_to",
)

AGENT = _int64s(
    "entity",
    "account",
    "org",
    "group",
    "offered_first",  # first operation of its org in its catalogue
    "n_offered",
    "phase",
    "next_us",
    "arrival_us",  # of the current or next task
    "task",
    "template",
    "template_last",  # replayed: first template past its own
    "task_row",  # in the table of tasks
    "step",
    "acted",  # 1: the extra act of this step is done
    "attempt",
    "path_attempt",  # attempt whose path is used
    "key_version",  # the key an outsider has, CURRENT_KEY: whatever is current
    "starts_us",  # no act before
)


AGENT_BALANCE = 10**6


class Holder(NamedTuple):
    """An account to be registered: what it may do under broad and under narrow grants."""

    name: str
    entity: int
    org: int
    namespace: int
    role: int  # mask as broad as its role
    purpose: int  # mask that stands under narrow grants
    quiet_reads: int  # mask added where quiet reads are free
    funds: int = AGENT_BALANCE  # base units it starts with, beside its stake
    stake: int = 0
    trades: bool = False  # on the market; it makes no calls
    is_spare: bool = False  # not registered before somebody begins anew with it


class Cohort(NamedTuple):
    """Agents that share a strategy: a range of the population."""

    name: str
    strategy: Strategy
    first: int
    last: int
    goals: Ints


HARM_PPM_MIN = 500_000  # harm is 0.5 to 1.5 times the value at risk
ATTEMPTS_MAX = 3
CURRENT_KEY = -2  # version of a sender that always has the current key
TASK_STRIDE = 128  # ordinals of one task
PATH_DIRECT = 999_999  # closed only by complete mediation


def create_table(rows: list[tuple[int, ...]], dtype: np.dtype[np.void]) -> Records:
    """A structured array from rows; empty if there are none."""
    return np.array(rows, dtype=dtype) if rows else np.zeros(0, dtype=dtype)
