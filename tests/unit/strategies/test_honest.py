"""An agent that works, and sometimes errs."""

from __future__ import annotations

from scipy.stats import binomtest

from sim.core.draws import Draws
from sim.core.records import Goal
from sim.strategies.base import create_work
from sim.strategies.honest import Honest
from tests.worlds import create_seen

DRAWS = Draws(1, "honest", 0)
N = 4000


def test_without_error_it_only_works() -> None:
    seen = create_seen(N)
    assert Honest().act(seen, DRAWS).tolist() == create_work(seen).tolist()


def test_it_errs_as_often_as_it_is_told() -> None:
    errors = Honest(error_ppm=100_000).act(create_seen(N), DRAWS)["goal"] == Goal.ERROR
    assert binomtest(int(errors.sum()), N, 0.1).pvalue > 1e-4


def test_a_mistake_is_another_operation_of_the_same_org() -> None:
    seen = create_seen(N, operation=12, offered_first=10, n_offered=4)
    operation = Honest(error_ppm=1_000_000).act(seen, DRAWS)["operation"]
    assert set(operation.tolist()) == {10, 11, 13}


def test_it_errs_at_most_once_before_a_step() -> None:
    intents = Honest(error_ppm=1_000_000).act(create_seen(5, acted=1), DRAWS)
    assert not intents["goal"].any()


def test_where_there_is_one_operation_it_cannot_be_mistaken() -> None:
    intents = Honest(error_ppm=1_000_000).act(create_seen(5, n_offered=1), DRAWS)
    assert not intents["goal"].any()
