from __future__ import annotations

import sys

import pytest

from sim.core.errors import StorageError
from sim.experiment.attack_factors import Factor, Kind, parse_factor
from sim.experiment.attack_search import Sampler, Score, Settings, Trial, choose_samplers, search

FACTORS = [Factor("a", Kind.SHARE, 0, 1_000_000), Factor("b", Kind.WHOLE, 1, 300)]


def hurt(settings: Settings) -> float:
    """Most at a = 0.3 and b = 250; the scenario's own attacker hurts least."""
    if not settings:
        return -10.0
    a, b = (float(setting.text) for setting in settings)
    return -((a - 0.3) ** 2) - ((b - 250) / 300) ** 2


@pytest.mark.parametrize("sampler", [Sampler.TPE, Sampler.RANDOM])
def test_a_seed_and_a_budget_give_the_same_search(sampler: Sampler) -> None:
    first = search(sampler, FACTORS, 7, 30, hurt)
    assert search(sampler, FACTORS, 7, 30, hurt) == first
    assert search(sampler, FACTORS, 8, 30, hurt).best != first.best


def test_the_sampler_that_learns_comes_closer_than_the_one_that_does_not() -> None:
    learned, drawn = (search(s, FACTORS, 7, 60, hurt) for s in (Sampler.TPE, Sampler.RANDOM))
    assert (learned.best.score or 0.0) > (drawn.best.score or 0.0)
    assert abs(float(learned.best.settings[0].text) - 0.3) < 0.1


def test_a_budget_is_spent_and_heard_of_trial_by_trial() -> None:
    heard: list[Trial] = []
    found = search(Sampler.RANDOM, FACTORS, 7, 12, hurt, heard.append)
    assert heard == found.trials
    assert [trial.number for trial in heard] == list(range(-1, 12))


def test_the_scenarios_own_attacker_stands_where_nothing_is_worse() -> None:
    found = search(Sampler.TPE, FACTORS, 7, 12, lambda settings: 0.0 if settings else 1.0)
    assert found.best.settings == ()
    assert found.best.number == -1
    equal = search(Sampler.TPE, FACTORS, 7, 12, lambda _: 1.0)
    assert equal.best.number == -1


def test_an_outcome_without_a_number_is_no_worst_case() -> None:
    def score(settings: Settings) -> Score:
        return None if not settings or float(settings[0].text) > 0.5 else hurt(settings)

    found = search(Sampler.TPE, FACTORS, 7, 20, score)
    assert float(found.best.settings[0].text) <= 0.5
    assert any(trial.score is None for trial in found.trials[1:])
    nothing = search(Sampler.TPE, FACTORS, 7, 3, lambda _: None)
    assert nothing.best == nothing.trials[0]


def test_a_small_space_is_tried_point_by_point() -> None:
    factors = [parse_factor("a=0,0.3,1"), parse_factor("b=249..251")]
    assert choose_samplers(factors, 9) == (Sampler.EVERY,)
    assert choose_samplers(factors, 8) == (Sampler.TPE, Sampler.RANDOM)
    found = search(Sampler.EVERY, factors, 7, 100, hurt)
    tried = [trial.settings for trial in found.trials[1:]]
    assert len(tried) == len(set(tried)) == 9
    assert [setting.text for setting in found.best.settings] == ["0.3", "250"]


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(StorageError, match=r"ambit-sim\[search\]"):
        search(Sampler.TPE, FACTORS, 7, 3, hurt)
