"""Worlds whose answer is known without a simulation, through the whole simulator.

Each is compared with its closed form at alpha = 1e-4 under a fixed seed, and once more with a
bias of 20 % planted in the world, which the same comparison then has to see.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from scipy.stats import binomtest, chi2, ttest_1samp

from sim.core.draws import Draws
from sim.core.purposes import Purpose
from sim.core.records import ATTACK_CALL_FIRST, Decision, Effect, Goal
from sim.core.units import PPM, US_PER_S
from sim.model.world import World
from sim.policies.base import Policy, Scope
from sim.stats.closed_forms import (
    compute_audit_chance,
    compute_mean_wait,
    compute_sojourn_tail,
    compute_wait_chance,
)
from tests.worlds import POLICIES, SEED, create_reacher, create_worker, get_calls, load_world, run

ALPHA = 1e-4
BIAS = 1.2


def is_likely(successes: int, trials: int, share: float) -> bool:
    return bool(binomtest(successes, trials, share).pvalue > ALPHA)


def is_mean(values: list[float], expected: float) -> bool:
    return bool(ttest_1samp(values, expected).pvalue > ALPHA)


# --- violations: each step of an over-scoper is one trial

N_REACHERS, N_STEPS = 200, 100
N_TRIALS = N_REACHERS * N_STEPS
TEMPTATION, MEDIATION = 0.1, 0.6
HALF_GOVERNED = replace(POLICIES["gateway"], scope=Scope.ROLE, mediation_ppm=round(MEDIATION * PPM))


class Trials(NamedTuple):
    """The first steps of every agent; both bool (N_REACHERS, N_STEPS)."""

    tempted: np.ndarray
    executed: np.ndarray  # what it was tempted to do


def run_reachers(folder: Path, policy: Policy, temptation: float = TEMPTATION) -> Trials:
    """Agents that never rest; how many steps of each are looked at does not depend on chance."""
    reacher = create_reacher(count=N_REACHERS, temptation=temptation, think="2s", task_every="1s")
    tasks = {"report": {"calls": ["look"] * 10, "deadline": "400s"}}
    world = load_world(folder, agents=[reacher], tasks=tasks, horizon="300s")
    truths = (calls := get_calls(run(world, policy))).truths
    step = truths["call"] % ATTACK_CALL_FIRST
    attacks = truths["goal"] == Goal.ATTACK
    rows = []
    for agent in range(N_REACHERS):
        own = truths["agent"] == agent
        steps = truths["task"][own] * ATTACK_CALL_FIRST + step[own]
        first = np.unique(steps)[:N_STEPS]
        assert len(first) == N_STEPS
        rows.append(
            (
                np.isin(first, steps[attacks[own]]),
                np.isin(first, steps[attacks[own] & (calls.code[own] == 0)]),
            )
        )
    tempted, executed = zip(*rows, strict=True)
    return Trials(np.array(tempted), np.array(executed))


def test_violations_are_binomial(tmp_path: Path) -> None:
    trials = run_reachers(tmp_path, POLICIES["unguarded"])
    assert is_likely(int(trials.tempted.sum()), N_TRIALS, TEMPTATION)
    assert 65 <= trials.tempted[:, :5].sum() <= 139  # of 1 000; too few to see a bias of 20 %
    assert (trials.executed == trials.tempted).all()


def test_agents_are_tempted_apart_from_each_other(tmp_path: Path) -> None:
    """Counts by agent and counts by step both spread as binomial ones do."""
    tempted = run_reachers(tmp_path, POLICIES["unguarded"]).tempted
    for axis in (0, 1):
        n, counts = tempted.shape[axis], tempted.sum(axis=axis)
        variance = n * TEMPTATION * (1.0 - TEMPTATION)
        low, high = chi2.ppf([ALPHA / 2, 1.0 - ALPHA / 2], len(counts) - 1)
        assert low < counts.var() * len(counts) / variance < high


def test_violations_that_get_through_are_binomial(tmp_path: Path) -> None:
    trials = run_reachers(tmp_path, HALF_GOVERNED)
    assert is_likely(int(trials.tempted.sum()), N_TRIALS, TEMPTATION)
    executed = int(trials.executed.sum())
    assert is_likely(executed, N_TRIALS, TEMPTATION * (1.0 - MEDIATION))


@pytest.mark.parametrize("policy", [POLICIES["unguarded"], HALF_GOVERNED], ids=["all", "through"])
def test_a_fifth_more_violations_would_be_seen(tmp_path: Path, policy: Policy) -> None:
    trials = run_reachers(tmp_path, policy, TEMPTATION * BIAS)
    through = 1.0 if policy is not HALF_GOVERNED else 1.0 - MEDIATION
    assert not is_likely(int(trials.executed.sum()), N_TRIALS, TEMPTATION * through)


# --- approvals: many agents that seldom act, at a desk of a few reviewers

N_REVIEWERS, REVIEW_S, LOAD = 3, 2.0, 0.7
ARRIVALS_PER_S = LOAD * N_REVIEWERS / REVIEW_S
N_ASKING = 4_000  # so rare are the tasks of one agent that hardly any comes before the last is done
HORIZON_S, WARM_UP_S, TAIL_S = 6_000, 500, 200
LONG_S = 6.0
APPROVING = replace(POLICIES["gateway"], approval=(Effect.WRITE,), scope=Scope.ROLE)


class Desk(NamedTuple):
    """What one replication says of its desk."""

    arrivals: float  # a second
    wait_chance: float
    wait: float  # mean, seconds
    tail: float  # share of requests that take longer than `LONG_S`


KNOWN = Desk(
    ARRIVALS_PER_S,
    compute_wait_chance(N_REVIEWERS, ARRIVALS_PER_S, 1.0 / REVIEW_S),
    compute_mean_wait(N_REVIEWERS, ARRIVALS_PER_S, 1.0 / REVIEW_S),
    compute_sojourn_tail(N_REVIEWERS, ARRIVALS_PER_S, 1.0 / REVIEW_S, LONG_S),
)


def load_desk(folder: Path, review_s: float = REVIEW_S) -> World:
    """Agents that need an approval for all they do, of reviewers with no end of patience."""
    asking = create_worker(
        count=N_ASKING, task_every=f"{round(N_ASKING / ARRIVALS_PER_S)}s", think="10s"
    )
    return load_world(
        folder,
        orgs=[{"name": "firm"}],
        tasks={"report": {"calls": ["send"], "deadline": "400s"}},
        agents=[asking],
        reviewers={
            "count": N_REVIEWERS,
            "review": f"{round(review_s * 1_000)}ms",
            "patience": "100000s",
        },
        horizon=f"{HORIZON_S}s",
        window="10s",
        think_min="10s",
    )


def measure_desk(world: World, replication: int) -> Desk:
    """Requests made between the warm-up and an end that leaves time to decide on them."""
    asked = run(world, APPROVING, replication).approvals
    asked_s = asked["asked_us"] / US_PER_S
    asked = asked[(asked_s >= WARM_UP_S) & (asked_s < HORIZON_S - TAIL_S)]
    assert not np.isin(asked["decision"], [Decision.OPEN, Decision.TIMED_OUT]).any()
    service_us = Draws(SEED, world.loaded.stream, replication).get_wait_us(
        Purpose.REVIEW_TIME,
        world.agents["entity"][asked["agent"]],
        (asked["task"] * 128 + asked["call"]) * 8 + asked["attempt"],
        world.scenario.reviewers.review,
    )
    sojourn_us = asked["decided_us"] - asked["asked_us"]
    wait_us = sojourn_us - service_us
    assert wait_us.min() == 0  # to the microsecond, so these are the draws that were made
    return Desk(
        len(asked) / (HORIZON_S - TAIL_S - WARM_UP_S),
        float((wait_us > 0).mean()),
        float(wait_us.mean()) / US_PER_S,
        float((sojourn_us > LONG_S * US_PER_S).mean()),
    )


@pytest.mark.slow
def test_a_desk_of_reviewers_is_a_queue_with_several_servers(tmp_path: Path) -> None:
    world = load_desk(tmp_path)
    found = Desk(*zip(*(measure_desk(world, number) for number in range(20)), strict=True))
    for name, values, known in zip(Desk._fields, found, KNOWN, strict=True):
        assert is_mean(values, known), (name, np.mean(values), known)
        assert not is_mean(values, known * BIAS), name
        assert not is_mean(values, known / BIAS), name


@pytest.mark.slow
def test_reviews_that_take_a_fifth_longer_would_be_seen(tmp_path: Path) -> None:
    world = load_desk(tmp_path, REVIEW_S * BIAS)
    found = Desk(*zip(*(measure_desk(world, number) for number in range(8)), strict=True))
    assert is_mean(found.arrivals, KNOWN.arrivals)  # when agents ask has not changed
    for name in ("wait_chance", "wait", "tail"):
        assert not is_mean(getattr(found, name), getattr(KNOWN, name)), name


# --- audits: a sample of a log, by the simulator's own draws

N_RECORDS, N_BAD, N_SAMPLED, N_AUDITS = 1_000, 10, 100, 4_000


def count_found(n_sampled: int) -> int:
    """Audits that find a bad record; a sample is the records with the lowest ranks."""
    audits, records = np.divmod(np.arange(N_AUDITS * N_RECORDS), N_RECORDS)
    ranks = Draws(SEED, "audit", 0).get_below(Purpose.DETECTION, audits, records, 2**62)
    ranks = ranks.reshape(N_AUDITS, N_RECORDS)
    last = np.partition(ranks, n_sampled - 1, axis=1)[:, n_sampled - 1]
    return int((ranks[:, :N_BAD].min(axis=1) <= last).sum())


def test_a_sampled_audit_finds_as_often_as_it_should() -> None:
    chance = compute_audit_chance(N_RECORDS, N_BAD, N_SAMPLED)
    assert is_likely(count_found(N_SAMPLED), N_AUDITS, chance)
    assert not is_likely(count_found(round(N_SAMPLED * BIAS)), N_AUDITS, chance)
