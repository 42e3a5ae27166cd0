"""Links between nodes: what is sent arrives after a delay, unless something acts on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from simpy import Timeout

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from simpy import Event

    from sim.engine.clock import Clock


class Disturbance(Protocol):
    """Something on the way: loses, copies or delays what is sent."""

    def carry(
        self, source: int, target: int, message: Any, ordinal: int, delays_us: list[int]
    ) -> list[int]:
        """Delays after which copies of a message arrive; empty if it is lost.

        `ordinal` counts the messages of a link, so that what is drawn for one does not depend on
        the others.
        """


class Network:
    """Delivers messages between numbered nodes.

    Messages that arrive at one moment are delivered in the order in which they were sent.
    Shapes: `delays_us[source][target]`, whole microseconds.
    """

    def __init__(
        self,
        env: Clock,
        delays_us: Sequence[Sequence[int]],
        deliver: Callable[[int, int, Any], None],
    ) -> None:
        self.env, self.delays_us, self.deliver = env, delays_us, deliver
        self.disturbances: list[Disturbance] = []
        self.due: dict[int, list[tuple[int, int, Any]]] = {}  # by time of arrival
        self.sent: dict[tuple[int, int], int] = {}  # messages of a link, while disturbed
        self.n_sent = 0
        self.n_lost = 0

    def send(self, source: int, target: int, message: Any) -> None:
        """Send one message."""
        self.n_sent += 1
        delay_us = self.delays_us[source][target]
        if self.disturbances:
            self.send_disturbed(source, target, message, delay_us)
        else:
            self.put(delay_us, source, target, message)

    def broadcast(self, source: int, message: Any) -> None:
        """Send one message to every other node."""
        delays_us = self.delays_us[source]
        if self.disturbances:
            for target in range(len(delays_us)):
                if target != source:
                    self.send(source, target, message)
            return
        now_us, due = self.env.now, self.due
        for target, delay_us in enumerate(delays_us):
            if target == source:
                continue
            arriving = due.get(now_us + delay_us)
            if arriving is None:
                self.put(delay_us, source, target, message)
            else:
                arriving.append((source, target, message))
        self.n_sent += len(delays_us) - 1

    def put(self, delay_us: int, source: int, target: int, message: Any) -> None:
        """Let a message arrive after a delay; one event serves all that arrive at a moment."""
        at_us = self.env.now + delay_us
        arriving = self.due.get(at_us)
        if arriving is None:
            self.due[at_us] = arriving = []
            Timeout(self.env, delay_us).callbacks.append(self.arrive)
        arriving.append((source, target, message))

    def arrive(self, event: Event) -> None:
        """Deliver what is due now."""
        deliver = self.deliver
        for source, target, message in self.due.pop(self.env.now):
            deliver(source, target, message)

    def send_disturbed(self, source: int, target: int, message: Any, delay_us: int) -> None:
        """Ask everything on the way, in order, what arrives and when."""
        ordinal = self.sent.get((source, target), 0)
        self.sent[source, target] = ordinal + 1
        delays_us = [delay_us]
        for disturbance in self.disturbances:
            delays_us = disturbance.carry(source, target, message, ordinal, delays_us)
        if not delays_us:
            self.n_lost += 1
        for each_us in delays_us:
            self.put(each_us, source, target, message)
