"""The compiled queue against SimPy call by call, and against what queueing theory says."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, NamedTuple

import numba
import numpy as np
import pytest
import simpy
from scipy.stats import t as student

from sim.core.draws import Draws
from sim.core.purposes import Purpose
from sim.core.records import Ints
from sim.engine.queues import serve

ALPHA = 1e-4
MEAN_US = 1_000_000  # of a service: the unit of time of all closed forms


def create_customers(
    seed: int, n: int, interval_us: int, n_queues: int = 1
) -> tuple[Ints, Ints, Ints]:
    """Queue, arrival and service time of random customers."""
    draws, rows = Draws(seed, "queues", 0), np.arange(n)
    arrival_us = np.cumsum(draws.get_wait_us(Purpose.ARRIVAL, 0, rows, interval_us))
    service_us = draws.get_wait_us(Purpose.SERVICE, 0, rows, MEAN_US)
    queue = draws.get_below(Purpose.OWNER, 0, rows, n_queues)
    return queue, arrival_us, service_us


def compute_departures(queue: Ints, arrival_us: Ints, service_us: Ints, shape: Any) -> Ints:
    departure_us = np.full(len(arrival_us), -1, dtype=np.int64)
    serve(queue, arrival_us, service_us, np.zeros(shape, dtype=np.int64), departure_us)
    return departure_us


def simulate_departures(queue: Ints, arrival_us: Ints, service_us: Ints, shape: Any) -> list[int]:
    """The same queues, one SimPy process a customer."""
    env = simpy.Environment()
    desks = [simpy.Resource(env, capacity=shape[1]) for _ in range(shape[0])]
    departure_us = [-1] * len(arrival_us)

    def visit(row: int) -> Generator[simpy.Event, None, None]:
        yield env.timeout(int(arrival_us[row]))
        if queue[row] >= 0:
            with desks[queue[row]].request() as turn:
                yield turn
                yield env.timeout(int(service_us[row]))
        departure_us[row] = int(env.now)

    for row in range(len(arrival_us)):
        env.process(visit(row))
    env.run()
    return departure_us


@pytest.mark.parametrize("n_servers", [1, 2, 3, 4])
@pytest.mark.parametrize("interval_us", [150_000, 600_000, 3_000_000])
def test_every_customer_leaves_when_simpy_says(n_servers: int, interval_us: int) -> None:
    customers = create_customers(n_servers, 400, interval_us)
    shape = (1, n_servers)
    expected = simulate_departures(*customers, shape)
    assert compute_departures(*customers, shape).tolist() == expected


@pytest.mark.parametrize("n_servers", [1, 3])
def test_queues_do_not_mix(n_servers: int) -> None:
    queue, arrival_us, service_us = create_customers(7, 600, 300_000, n_queues=4)
    queue -= 1  # the first of them is no queue at all
    shape = (3, n_servers)
    departure_us = compute_departures(queue, arrival_us, service_us, shape)
    assert departure_us.tolist() == simulate_departures(queue, arrival_us, service_us, shape)
    assert np.array_equal(departure_us[queue < 0], arrival_us[queue < 0])


def test_arrivals_at_one_moment_keep_their_order() -> None:
    arrival_us = np.zeros(6, dtype=np.int64)
    service_us = np.array([5, 1, 1, 1, 1, 1])
    departure_us = compute_departures(np.zeros_like(arrival_us), arrival_us, service_us, (1, 2))
    assert departure_us.tolist() == [5, 1, 2, 3, 4, 5]


def test_servers_stay_busy_from_one_batch_to_the_next() -> None:
    queue, arrival_us, service_us = create_customers(3, 300, 500_000)
    whole = compute_departures(queue, arrival_us, service_us, (1, 2))
    free_us = np.zeros((1, 2), dtype=np.int64)
    parts = [np.zeros(count, dtype=np.int64) for count in (0, 100, 200)]
    first = 0
    for part in parts:
        rows = slice(first, first + len(part))
        serve(queue[rows], arrival_us[rows], service_us[rows], free_us, part)
        first += len(part)
    assert np.array_equal(np.concatenate(parts), whole)


class Load(NamedTuple):
    """A queue of theory, with what it must come to in units of the mean service time."""

    n_servers: int
    arrival_rate: float  # each unit of time
    expected: dict[str, float]


# M/M/1 and M/M/c with service rate 1: Erlang's C; L by Little's law
LOADS = [
    Load(1, 0.8, {"wait": 4.0, "stay": 5.0, "inside": 4.0, "p95": 14.979, "waiting": 0.8}),
    Load(2, 1.6, {"wait": 1.77778, "waiting": 0.71111}),
    Load(3, 2.4, {"wait": 1.07865, "waiting": 0.64719}),
]
REPLICATIONS, CUSTOMERS, WARM_UP = 60, 40_000, 4_000
LOADED = pytest.mark.parametrize("load", LOADS, ids=["M/M/1", "M/M/2", "M/M/3"])
COMPILED = pytest.mark.skipif(
    bool(numba.config.DISABLE_JIT),  # type: ignore[attr-defined] # set at import
    reason="millions of customers take minutes uncompiled",
)


def measure(load: Load, seed: int, slower: float = 1.0) -> dict[str, float]:
    """Means of one long run, past its empty start."""
    queue, arrival_us, service_us = create_customers(
        seed, CUSTOMERS, round(MEAN_US / load.arrival_rate)
    )
    departure_us = compute_departures(queue, arrival_us, service_us, (1, load.n_servers))
    kept = slice(WARM_UP, None)
    stay = slower * (departure_us - arrival_us)[kept] / MEAN_US
    wait = slower * (departure_us - service_us - arrival_us)[kept] / MEAN_US
    duration = (arrival_us[-1] - arrival_us[WARM_UP]) / MEAN_US
    return {
        "wait": float(wait.mean()),
        "stay": float(stay.mean()),
        "inside": float(stay.sum() / duration),
        "p95": float(np.quantile(stay, 0.95)),
        "waiting": slower * float((wait > 0).mean()),
    }


def find_deviations(load: Load, slower: float = 1.0) -> list[str]:
    """Measures whose mean over independent runs is not what theory says, at alpha."""
    runs = [measure(load, seed, slower) for seed in range(REPLICATIONS)]
    deviating = []
    for name, expected in load.expected.items():
        values = np.array([each[name] for each in runs])
        error = values.std(ddof=1) / np.sqrt(REPLICATIONS)
        limit = student.ppf(1 - ALPHA / 2, REPLICATIONS - 1)
        if abs(values.mean() - expected) > limit * error:
            deviating.append(name)
    return deviating


@LOADED
@COMPILED
def test_the_queue_is_as_long_as_theory_says(load: Load) -> None:
    assert find_deviations(load) == []


@LOADED
@COMPILED
def test_a_planted_bias_of_a_fifth_is_noticed(load: Load) -> None:
    assert find_deviations(load, slower=1.2) == list(load.expected)
