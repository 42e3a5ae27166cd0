"""An agent that reaches for more than it was given."""

from __future__ import annotations

from scipy.stats import binomtest

from sim.core.draws import Draws
from sim.core.records import Goal
from sim.strategies.over_scoper import OverScoper
from tests.worlds import create_seen

DRAWS = Draws(1, "over_scoper", 0)
GOALS = ("a", "b")
N = 4000


def test_it_is_tempted_as_often_as_it_is_told() -> None:
    reaching = OverScoper(GOALS, temptation_ppm=300_000).act(create_seen(N), DRAWS)["goal"]
    assert binomtest(int((reaching == Goal.ATTACK).sum()), N, 0.3).pvalue > 1e-4


def test_it_wants_each_of_its_goals_alike() -> None:
    seen = create_seen(N, offered_first=20, goals=[3, 5])
    wanted = OverScoper(GOALS, temptation_ppm=1_000_000).act(seen, DRAWS)["operation"]
    assert set(wanted.tolist()) == {23, 25}
    assert binomtest(int((wanted == 23).sum()), N, 0.5).pvalue > 1e-4


def test_it_reaches_at_most_once_before_a_step() -> None:
    intents = OverScoper(GOALS, temptation_ppm=1_000_000).act(create_seen(5, acted=1), DRAWS)
    assert not intents["goal"].any()


def test_it_wants_the_same_when_it_tries_again() -> None:
    strategy, seen = OverScoper(GOALS, temptation_ppm=500_000), create_seen(50)
    later = seen._replace(time_us=seen.time_us + 9)
    first, second = strategy.act(seen, DRAWS), strategy.act(later, DRAWS)
    assert first["operation"].tolist() == second["operation"].tolist()
