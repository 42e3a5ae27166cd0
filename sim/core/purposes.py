"""What a draw is for: the append-only registry of purposes.

A number is never reused or renumbered, so that old results can be drawn again.
"""

from __future__ import annotations

from enum import IntEnum


class Purpose(IntEnum):
    """What a draw decides; append only: a number is never reused or renumbered."""

    ARRIVAL = 1
    TASK_TEMPLATE = 2
    THINK = 3
    PATH = 4
    ON_DENIAL = 5
    ERROR = 6
    ERROR_OPERATION = 7
    INJECTION = 8
    OBEY = 9
    GOAL_OPERATION = 10
    HARM = 11
    CROSS_ORG = 12
    OWNER = 13
    ISSUER_ERROR = 14
    ARGUMENT = 15
    DETECTION = 16
    LEAK = 17
    FORGE = 18
    TEMPTATION = 19
    FAULT_NODES = 20
    FAULT_START = 21
    FAULT_LENGTH = 22
    FRAUD = 23
    OFFER = 24
    DISCOVERY = 25
    DISCOVERY_TIME = 26
    AUDIT = 27
    SEAT = 28
    OPINION = 29
    OPINION_TIME = 30
    RECOVERY = 31
    THIRD_PARTY = 32
    SCHEME = 33

    SERVICE = 64  # reactive from here on: which of these are drawn depends on the policy
    COMMIT_LATENCY = 65
    REVIEW_TIME = 66
    REVIEW_ERROR = 67
    MESSAGE_LOSS = 68
    MESSAGE_COPY = 69
    MESSAGE_DELAY = 70
    MESSAGE_LATE = 71
    SPLIT = 72


EXOGENOUS = frozenset(purpose for purpose in Purpose if purpose < Purpose.SERVICE)
