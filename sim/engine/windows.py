"""The window scheduler: work is planned at the start of each window and closed at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from simpy import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from simpy import Environment
    from simpy.events import EventPriority

# after SimPy's URGENT and NORMAL: a window closes after all else at its last moment
LAST = cast("EventPriority", 2)


def run_windows(
    env: Environment,
    horizon_us: int,
    window_us: int,
    plan: Callable[[int], None],
    close: Callable[[int], None],
) -> Generator[Event, None, None]:
    """Window after window, up to the horizon; both callbacks get the time the window ends."""
    while env.now < horizon_us:
        until_us = min(int(env.now) + window_us, horizon_us)
        plan(until_us)
        yield create_last_event(env, until_us - int(env.now))
        close(until_us)


def create_last_event(env: Environment, delay_us: int) -> Event:
    """An event that comes after every other one of its moment."""
    event = Event(env)
    event._ok = True
    event._value = None
    env.schedule(event, priority=LAST, delay=delay_us)
    return event
