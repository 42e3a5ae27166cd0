"""An agent that may follow planted instructions."""

from __future__ import annotations

import numpy as np
from scipy.stats import binomtest

from sim.core.draws import Draws
from sim.core.records import Goal
from sim.strategies.injected import Injected
from tests.worlds import create_seen

DRAWS = Draws(1, "injected", 0)
N, STEPS = 2000, 4


def get_obeying(strategy: Injected, **columns: object) -> np.ndarray:
    """For each agent and step of one task, whether it obeys: shape (N, STEPS)."""
    obeying = []
    for step in range(STEPS):
        seen = create_seen(N, step=step, n_steps=STEPS, **columns)
        obeying.append(strategy.act(seen, DRAWS)["goal"] == Goal.ATTACK)
    return np.stack(obeying, axis=1)


def test_it_obeys_at_one_step_of_a_task_at_most() -> None:
    obeying = get_obeying(Injected(("a",), injection_ppm=1_000_000, obey_ppm=1_000_000))
    assert (obeying.sum(axis=1) == 1).all()
    assert obeying.any(axis=0).all()


def test_planted_text_and_obedience_multiply() -> None:
    obeying = get_obeying(Injected(("a",), injection_ppm=500_000, obey_ppm=400_000)).any(axis=1)
    assert binomtest(int(obeying.sum()), N, 0.2).pvalue > 1e-4


def test_what_is_not_planted_is_not_obeyed() -> None:
    assert not get_obeying(Injected(("a",), injection_ppm=0, obey_ppm=1_000_000)).any()


def test_it_obeys_once() -> None:
    eager = Injected(("a",), injection_ppm=1_000_000, obey_ppm=1_000_000)
    assert not get_obeying(eager, acted=1).any()


def test_its_obedience_is_the_published_share() -> None:
    assert Injected(("a",)).obey_ppm == 476_900
