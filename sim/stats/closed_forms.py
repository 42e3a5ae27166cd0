"""Answers that are known without a simulation, to judge simulations by.

A queue with several servers, a gambler's ruin, an audit of a sample, a committee, a call that is
tried again. Each holds under the assumptions it names, and a simulation that shares them has to
agree.
"""

from __future__ import annotations

from math import exp, expm1, log, log1p
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence


def compute_wait_chance(n_servers: int, arrivals: float, services: float) -> float:
    """Chance that a customer of an M/M/c queue finds all servers busy and has to wait.

    Units:  arrivals and services are rates per unit of time, of the queue and of one server;
            arrivals in 0..n_servers * services, both ends out.
    Errors: ValueError if the queue has no steady state or a number is out of range.
    Source: Erlang 1917, by the recursion of Erlang's B over servers.
    """
    validate_queue(n_servers, arrivals, services)
    load = arrivals / services
    blocked = 1.0
    for server in range(1, n_servers + 1):
        blocked = load * blocked / (server + load * blocked)
    return blocked / (1.0 - load / n_servers * (1.0 - blocked))


def compute_mean_wait(n_servers: int, arrivals: float, services: float) -> float:
    """Mean time a customer of an M/M/c queue waits for a server.

    Units:  as `compute_wait_chance`. Time in the system is this and 1 / services; customers
            waiting or in the system are arrivals times either (Little 1961).
    Errors: ValueError as there.
    """
    wait_chance = compute_wait_chance(n_servers, arrivals, services)
    return wait_chance / (n_servers * services - arrivals)


def compute_sojourn_tail(n_servers: int, arrivals: float, services: float, time: float) -> float:
    """Chance that a customer of an M/M/c queue is in the system for longer than a time.

    Units:  as `compute_wait_chance`; time from 0.
    Errors: ValueError as there, or if the time is negative.
    Source: Gross and Harris, Fundamentals of Queueing Theory, M/M/c waiting times: the sum of
            an exponential service and a wait that is 0 or exponential.
    """
    if not time >= 0.0:
        raise ValueError(f"expected a time from 0, found {time}")
    wait_chance = compute_wait_chance(n_servers, arrivals, services)
    faster = n_servers * services - arrivals - services  # by how much waits end sooner
    extra = time if faster == 0.0 else -expm1(-faster * time) / faster
    return exp(-services * time) * (1.0 + wait_chance * services * extra)


def compute_ruin_chance(start: int, goal: int, win: float) -> float:
    """Chance to lose everything before reaching a goal, one unit won or lost each round.

    Units:  0 <= start <= goal, goal from 1; win is the chance to win a round, in 0..1.
    Errors: ValueError if a number is out of range.
    Source: Feller 1968, An Introduction to Probability Theory, volume 1, chapter XIV.
    """
    if not (0 <= start <= goal and goal >= 1):
        raise ValueError(f"expected 0 <= start <= goal and a goal from 1, found {start}, {goal}")
    if not 0.0 <= win <= 1.0:
        raise ValueError(f"expected a chance in 0..1, found {win}")
    if start in (0, goal):
        return 0.0 if start else 1.0
    if win in (0.0, 1.0):
        return 1.0 - win
    if win == 0.5:
        return 1.0 - start / goal
    odds = log((1.0 - win) / win)
    if odds > 0.0:  # powers of numbers below 1 only: large goals must not overflow
        return expm1(-odds * (goal - start)) / expm1(-odds * goal)
    return exp(odds * start) * expm1(odds * (goal - start)) / expm1(odds * goal)


def compute_audit_chance(n_records: int, n_bad: int, n_sampled: int) -> float:
    """Chance that a sample without replacement holds at least one bad record.

    Units:  counts from 0; neither n_bad nor n_sampled exceeds n_records.
    Return: 1 - C(n_records - n_bad, n_sampled) / C(n_records, n_sampled).
    Errors: ValueError if a count is out of range.
    Source: the hypergeometric distribution at zero, one factor for each record of the smaller
            of the two kinds.
    """
    if not (0 <= n_bad <= n_records and 0 <= n_sampled <= n_records):
        raise ValueError(f"expected counts of {n_records}, found {n_bad} and {n_sampled}")
    fewer, more = sorted((n_bad, n_sampled))
    if fewer + more > n_records:
        return 1.0
    if fewer == 0:
        return 0.0
    return -expm1(sum(log1p(-more / (n_records - drawn)) for drawn in range(fewer)))


def compute_outvoted_chance(chances: Sequence[float], n_seats: int) -> float:
    """Chance that more than half of a committee's seats vote wrong.

    The seats are consecutive judges from one drawn with equal chances on; each votes wrong by
    itself.

    Shapes: one chance for each judge, in their order.
    Units:  chances in 0..1; n_seats in 1..the number of judges.
    Errors: ValueError if a number is out of range.
    Source: Poisson 1837, the number of successes of unequal trials, by its recursion; the mean
            over first seats. With equal chances it is the binomial tail.
    """
    if not 1 <= n_seats <= len(chances) or not all(0.0 <= chance <= 1.0 for chance in chances):
        raise ValueError(f"expected chances in 0..1 of at least {n_seats} judges, and a seat")
    total = 0.0
    for first in range(len(chances)):
        counts = [1.0]  # chance of each number of wrong votes so far
        for seat in range(n_seats):
            wrong = chances[(first + seat) % len(chances)]
            kept = [count * (1.0 - wrong) for count in counts] + [0.0]
            counts = [a + b * wrong for a, b in zip(kept, [0.0, *counts], strict=True)]
        total += sum(counts[n_seats // 2 + 1 :])
    return total / len(chances)


class Attempts(NamedTuple):
    """A call that is refused and tried again: chances, each in 0..1, and how many attempts.

    A path goes round what checks with a chance; how likely an attempt passes depends on that
    alone. After a refusal comes another attempt on the same path, on a fresh one, or none.
    """

    passes: float  # on a path that is checked
    passes_round: float  # on one that is not
    first_round: float  # that the first path is not checked
    fresh_round: float  # that a fresh one is not
    retry: float
    other_path: float
    n: int


def compute_attempts_chance(attempts: Attempts) -> float:
    """Chance that some attempt passes.

    Errors: ValueError if a number is out of range.
    Source: first-step analysis, from the last attempt back to the first.
    """
    *chances, n = attempts
    if not all(0.0 <= chance <= 1.0 for chance in chances) or n < 1:
        raise ValueError(f"expected chances in 0..1 and an attempt, found {attempts}")
    later = later_round = 0.0
    for _ in range(n):
        fresh = mix(attempts.fresh_round, later_round, later)
        again = attempts.retry * later + attempts.other_path * fresh
        again_round = attempts.retry * later_round + attempts.other_path * fresh
        later = mix(attempts.passes, 1.0, again)
        later_round = mix(attempts.passes_round, 1.0, again_round)
    return mix(attempts.first_round, later_round, later)


def mix(chance: float, if_so: float, otherwise: float) -> float:
    """Chance of what depends on whether something happens."""
    return chance * if_so + (1.0 - chance) * otherwise


def validate_queue(n_servers: int, arrivals: float, services: float) -> None:
    """ValueError unless there is a server and the queue has a steady state."""
    if n_servers < 1 or not 0.0 < arrivals < n_servers * services:
        raise ValueError(
            f"expected arrivals above 0 and below what is served, found {arrivals} at "
            f"{n_servers} servers of {services}"
        )
