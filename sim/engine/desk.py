"""A desk with a few clerks and impatient visitors: one SimPy process a visit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from simpy import Environment, PriorityResource
    from simpy.events import Event


class Visit(Protocol):
    """One visit to the desk; the desk fills in the times."""

    asked_us: int
    service_us: int
    decided_us: int
    timed_out: bool
    waiting_before: int


V = TypeVar("V", bound=Visit)


def visit_desk(
    env: Environment,
    desk: PriorityResource,
    visit: V,
    patience_us: int,
    on_decided: Callable[[V], None],
) -> Generator[Event, None, None]:
    """Come at `asked_us`, wait in order of arrival, be served, or give up waiting.

    Units: the clock of `env` runs in microseconds.
    """
    yield env.timeout(visit.asked_us - env.now)
    visit.waiting_before = len(desk.queue) + desk.count
    with desk.request() as turn:
        deadline = env.timeout(patience_us)
        yield turn | deadline
        if turn.triggered:
            remaining_us = visit.asked_us + patience_us - env.now
            yield env.timeout(min(visit.service_us, remaining_us))
            visit.timed_out = visit.service_us > remaining_us
        else:
            visit.timed_out = True
    visit.decided_us = int(env.now)
    on_decided(visit)
