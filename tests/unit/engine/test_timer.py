"""A timer goes off once, at its last deadline, however often it was armed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sim.engine.clock import Clock
from sim.engine.timer import Timer


def create_timer() -> tuple[Clock, Timer, list[int]]:
    clock = Clock()
    rung: list[int] = []
    return clock, Timer(clock, lambda: rung.append(clock.now)), rung


def test_it_goes_off_once() -> None:
    clock, timer, rung = create_timer()
    timer.arm(50)
    clock.run()
    assert rung == [50]


def test_a_later_deadline_takes_the_place_of_an_earlier_one() -> None:
    clock, timer, rung = create_timer()
    timer.arm(50)
    clock.run(until=40)
    timer.arm(100)
    clock.run()
    assert rung == [140]


def test_an_earlier_deadline_takes_the_place_of_a_later_one() -> None:
    clock, timer, rung = create_timer()
    timer.arm(500)
    timer.arm(20)
    clock.run()
    assert rung == [20]


def test_a_disarmed_timer_is_silent_until_it_is_armed_again() -> None:
    clock, timer, rung = create_timer()
    timer.arm(50)
    timer.disarm()
    clock.run(until=60)
    assert rung == []
    timer.arm(5)
    clock.run()
    assert rung == [65]


def test_it_may_be_armed_again_while_it_goes_off() -> None:
    clock = Clock()
    rung: list[int] = []

    def on_deadline() -> None:
        rung.append(clock.now)
        if len(rung) < 4:
            timer.arm(10 * (len(rung) % 2))

    timer = Timer(clock, on_deadline)
    timer.arm(10)
    clock.run()
    assert rung == [10, 20, 20, 30]


def test_moving_a_deadline_on_costs_no_event() -> None:
    clock, timer, _ = create_timer()
    for _ in range(100):
        timer.arm(1000)
    assert len(clock._queue) == 1


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(-1, 60)), max_size=20))
def test_it_does_what_a_timer_made_afresh_each_time_would_do(steps: list[tuple[int, int]]) -> None:
    clock, timer, rung = create_timer()
    expected: list[int] = []
    deadline_us = -1
    for wait_us, delay_us in [*steps, (100, -1)]:
        now_us = clock.now + wait_us
        if 0 <= deadline_us < now_us:
            expected.append(deadline_us)
            deadline_us = -1
        if wait_us:
            clock.run(until=now_us)
        if delay_us < 0:
            timer.disarm()
            deadline_us = -1
        else:
            timer.arm(delay_us)
            deadline_us = now_us + delay_us
    assert rung == expected
