"""The clock counts whole microseconds."""

from __future__ import annotations

from sim.engine.clock import Clock


def test_time_stays_whole_while_every_delay_is() -> None:
    clock = Clock()
    clock.timeout(7)
    clock.timeout(10**15)
    clock.run()
    assert clock.now == 10**15
    assert isinstance(clock.now, int)


def test_what_happens_at_the_last_moment_is_for_the_next_run() -> None:
    clock = Clock()
    seen: list[int] = []
    for delay_us in (5, 10):
        clock.timeout(delay_us).callbacks.append(lambda _: seen.append(clock.now))
    clock.run(until=10)
    assert (seen, clock.now) == ([5], 10)
    clock.run(until=11)
    assert seen == [5, 10]
