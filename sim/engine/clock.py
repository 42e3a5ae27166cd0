"""SimPy's clock, counting whole microseconds."""

from __future__ import annotations

from operator import attrgetter

import simpy


class Clock(simpy.Environment):
    """An environment whose time is an integer, as long as every delay is one."""

    # a property in C, without a call: the time is asked for with every message
    now: int = property(attrgetter("_now"))  # type: ignore[assignment]
