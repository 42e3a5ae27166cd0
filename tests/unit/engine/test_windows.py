"""Windows follow each other without a gap, and close after all else at their last moment."""

from __future__ import annotations

from collections.abc import Generator

import pytest
import simpy

from sim.engine.windows import LAST, create_last_event, run_windows


def record_windows(horizon_us: int, window_us: int) -> list[tuple[str, int, int]]:
    """What is called, at which time, with which end."""
    env = simpy.Environment()
    calls: list[tuple[str, int, int]] = []
    env.process(
        run_windows(
            env,
            horizon_us,
            window_us,
            lambda until: calls.append(("plan", int(env.now), until)),
            lambda until: calls.append(("close", int(env.now), until)),
        )
    )
    env.run()
    return calls


def test_each_window_is_planned_at_its_start_and_closed_at_its_end() -> None:
    assert record_windows(30, 10) == [
        ("plan", 0, 10),
        ("close", 10, 10),
        ("plan", 10, 20),
        ("close", 20, 20),
        ("plan", 20, 30),
        ("close", 30, 30),
    ]


def test_the_last_window_ends_at_the_horizon() -> None:
    ends = [until for what, _, until in record_windows(25, 10) if what == "close"]
    assert ends == [10, 20, 25]


@pytest.mark.parametrize("window_us", [1, 7, 25, 100])
def test_windows_cover_all_time_once(window_us: int) -> None:
    spans = [(now, until) for what, now, until in record_windows(25, window_us) if what == "plan"]
    assert [moment for first, last in spans for moment in range(first, last)] == list(range(25))


def test_a_window_closes_after_everything_else_at_its_last_moment() -> None:
    env = simpy.Environment()
    order: list[str] = []

    def work() -> Generator[simpy.Event, None, None]:
        yield env.timeout(10)
        order.append("first")
        yield env.timeout(0)
        order.append("what follows from it")

    env.process(
        run_windows(env, 10, 10, lambda _: None, lambda until: order.append(f"close {until}"))
    )
    env.process(work())
    env.run()
    assert order == ["first", "what follows from it", "close 10"]


def test_a_last_event_comes_after_the_others_of_its_moment() -> None:
    env = simpy.Environment()
    order: list[str] = []
    create_last_event(env, 5).callbacks.append(lambda _: order.append("last"))  # type: ignore[union-attr]
    env.timeout(5).callbacks.append(lambda _: order.append("normal"))  # type: ignore[union-attr]
    env.run()
    assert order == ["normal", "last"]
    assert LAST > 1  # SimPy's own are 0 and 1
