"""Links deliver in order of sending, and what is on the way acts on each message once."""

from __future__ import annotations

from typing import Any

import pytest

from sim.engine.clock import Clock
from sim.engine.network import Network

Delivery = tuple[int, int, int, Any]


class Shift:
    """Delays every copy, and remembers what it saw."""

    def __init__(self, *more_us: int) -> None:
        self.more_us = more_us
        self.seen: list[tuple[int, int, Any, int]] = []

    def carry(
        self, source: int, target: int, message: Any, ordinal: int, delays_us: list[int]
    ) -> list[int]:
        self.seen.append((source, target, message, ordinal))
        return [delay_us + each for delay_us in delays_us for each in self.more_us]


def create_network(delays_us: list[list[int]]) -> tuple[Clock, Network, list[Delivery]]:
    clock = Clock()
    delivered: list[Delivery] = []
    network = Network(
        clock, delays_us, lambda source, to, said: delivered.append((clock.now, source, to, said))
    )
    return clock, network, delivered


def test_a_message_arrives_after_the_delay_of_its_link() -> None:
    clock, network, delivered = create_network([[0, 30], [70, 0]])
    network.send(0, 1, "there")
    network.send(1, 0, "back")
    clock.run()
    assert delivered == [(30, 0, 1, "there"), (70, 1, 0, "back")]
    assert (network.n_sent, network.n_lost) == (2, 0)


def test_messages_of_one_moment_arrive_in_the_order_of_sending() -> None:
    clock, network, delivered = create_network([[0, 10], [10, 0]])
    for number in range(5):
        network.send(number % 2, 1 - number % 2, number)
    clock.run()
    assert [said for *_, said in delivered] == [0, 1, 2, 3, 4]


def test_an_answer_without_delay_arrives_in_the_same_moment() -> None:
    clock = Clock()
    heard: list[tuple[int, Any]] = []

    def deliver(source: int, target: int, message: Any) -> None:
        heard.append((clock.now, message))
        if message:
            network.send(target, source, message - 1)

    network = Network(clock, [[0, 0], [0, 0]], deliver)
    network.send(0, 1, 3)
    clock.run()
    assert heard == [(0, 3), (0, 2), (0, 1), (0, 0)]
    assert network.due == {}


def test_whatever_is_on_the_way_acts_in_order() -> None:
    clock, network, delivered = create_network([[0, 10], [10, 0]])
    network.disturbances += [Shift(0, 5), Shift(100)]
    network.send(0, 1, "twice")
    clock.run()
    assert [at_us for at_us, *_ in delivered] == [110, 115]


def test_a_lost_message_is_counted_and_never_arrives() -> None:
    clock, network, delivered = create_network([[0, 10], [10, 0]])
    network.disturbances.append(Shift())
    network.send(0, 1, "lost")
    clock.run()
    assert delivered == []
    assert (network.n_sent, network.n_lost) == (1, 1)


def test_messages_are_numbered_by_link_while_something_is_on_the_way() -> None:
    _, network, _ = create_network([[0, 10], [10, 0]])
    network.send(0, 1, "free")
    shift = Shift(0)
    network.disturbances.append(shift)
    for source in (0, 1, 0):
        network.send(source, 1 - source, "disturbed")
    assert [(source, ordinal) for source, _, _, ordinal in shift.seen] == [(0, 0), (1, 0), (0, 1)]


@pytest.mark.parametrize("more_us", [(), (0, 0)], ids=["free", "copied on the way"])
def test_a_broadcast_is_a_message_to_every_other_node(more_us: tuple[int, ...]) -> None:
    clock, network, delivered = create_network([[0, 5, 7], [5, 0, 7], [7, 7, 0]])
    if more_us:
        network.disturbances.append(Shift(*more_us))
    network.broadcast(0, "all")
    network.broadcast(1, "all")
    assert network.n_sent == 4
    clock.run()
    once = [(5, 0, 1, "all"), (5, 1, 0, "all"), (7, 0, 2, "all"), (7, 1, 2, "all")]
    assert delivered == [each for each in once for _ in range(len(more_us) or 1)]
