"""SimPy's clock, counting whole microseconds."""

from __future__ import annotations

from typing import cast

import simpy


class Clock(simpy.Environment):
    """An environment whose time is an integer as long as every delay is one."""

    @property
    def now(self) -> int:
        """Microseconds since the beginning."""
        return cast("int", self._now)
