"""Seconds an epoch of each rule of reputation, over 100 000 accounts and a million ratings."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest

from sim.core.draws import Draws
from sim.core.purposes import Purpose
from sim.core.units import PPM
from sim.policies.reputation.base import Ratings, View
from sim.policies.reputation.registry import load_reputation_rules

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

N_ACCOUNTS, N_RATINGS = 100_000, 1_000_000
GOALS_S = {"eigentrust": 1.0, "eigentrust_seeded": 1.0}
RULES = ("eigentrust", "eigentrust_seeded", "fairness_goodness", "peertrust_tvm", "peertrust_psm")


@cache
def create_market() -> View:
    """Ratings at random, nine of ten good, a few accounts far more popular than the rest."""
    draws, rows = Draws(1, "benchmark", 0), np.arange(N_RATINGS, dtype=np.int64)
    rater = draws.get_below(Purpose.ARRIVAL, 0, rows, N_ACCOUNTS)
    reach = draws.get_below(Purpose.OWNER, 0, rows, 1_000)
    ratee = draws.get_below(Purpose.GOAL_OPERATION, 0, rows, N_ACCOUNTS) * reach // 1_000
    ratee = np.where(ratee == rater, (ratee + 1) % N_ACCOUNTS, ratee)
    value = np.where(draws.get_ppm(Purpose.TEMPTATION, 0, rows) < 900_000, PPM, 0)
    weight_ppm = (1 + reach % 10) * (PPM // 10)
    ratings = Ratings(rater, ratee, value, weight_ppm, rows)
    before_ppm = np.full(N_ACCOUNTS, 500_000, dtype=np.int64)
    return View(ratings, N_ACCOUNTS, before_ppm, np.arange(10), 500_000)


@pytest.mark.parametrize("name", RULES)
def test_an_epoch(benchmark: BenchmarkFixture, name: str) -> None:
    rule, view = load_reputation_rules()[name](), create_market()
    scores = benchmark.pedantic(rule.compute, args=(view,), rounds=3, warmup_rounds=1)
    assert len(scores.raw) == N_ACCOUNTS
    fastest_s = benchmark.stats["min"]
    goal = f", goal {GOALS_S[name]:g} s" if name in GOALS_S else ""
    print(f"\n{name}: {fastest_s:.2f} s an epoch{goal}")
    assert fastest_s <= GOALS_S.get(name, float("inf"))
