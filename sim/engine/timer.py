"""A timer that is armed again far more often than it goes off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simpy import Timeout

if TYPE_CHECKING:
    from collections.abc import Callable

    from simpy import Event

    from sim.engine.clock import Clock


class Timer:
    """Calls back once its deadline is reached; arming it again only moves the deadline.

    The event of an earlier deadline is left to come: it then waits for what is left. So a view
    that ends in time costs one assignment.
    """

    def __init__(self, env: Clock, on_deadline: Callable[[], None]) -> None:
        self.env, self.on_deadline = env, on_deadline
        self.deadline_us = -1  # -1: not armed
        self.waking_us = -1  # of the earliest event that is under way

    def arm(self, delay_us: int) -> None:
        """Go off after a delay, and not before."""
        now_us = self.env.now
        self.deadline_us = deadline_us = now_us + delay_us
        if not now_us <= self.waking_us <= deadline_us:
            self.wake_at(deadline_us)

    def disarm(self) -> None:
        """Do not go off."""
        self.deadline_us = -1

    def wake_at(self, at_us: int) -> None:
        """Look at the deadline at a time."""
        self.waking_us = at_us
        Timeout(self.env, at_us - self.env.now).callbacks.append(self.on_event)

    def on_event(self, event: Event) -> None:
        """Go off, or wait for the rest."""
        now_us = self.env.now
        if now_us != self.waking_us:
            return  # an earlier event was set after this one, and looks after the deadline
        self.waking_us = -1
        if self.deadline_us < 0:
            return
        if self.deadline_us > now_us:
            self.wake_at(self.deadline_us)
        else:
            self.deadline_us = -1
            self.on_deadline()
