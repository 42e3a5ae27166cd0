"""The battery every rule of reputation inherits, those of installed packages among them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from typing import Any, ClassVar

import numpy as np
import pytest

from sim.core.draws import Draws
from sim.core.purposes import Purpose
from sim.core.units import PPM
from sim.ledger.rules import Reputation
from sim.policies.reputation.base import Ratings, Rule, Scores, View, publish
from sim.policies.reputation.mean import Mean
from sim.policies.reputation.registry import load_reputation_rules
from tests.ratings_world import create_view, permute_view

RULES = load_reputation_rules()
UNCLAMPED = {"erc8004_mean"}  # what one record can drive anywhere, by design of its source
# Rounding falls to the lowest account: a permuted network may differ by what was left over, in
# billionths of all trust, and by as much more as ten steps carry on.
TOLERANCES = {"eigentrust": 2_000, "eigentrust_seeded": 2_000}
BY_GIVEN = {"fairness"}  # judges an account by the ratings it gave, not by those it got
N_RATED, N = 30, 40  # accounts from N_RATED on neither rate nor are rated
EXTREMES = (2**62, -(2**62), PPM + 1, -1)


@cache
def create_network(seed: int = 1) -> View:
    """Three hundred ratings of every size among thirty accounts of forty."""
    draws, rows = Draws(seed, "reputation", 0), np.arange(300, dtype=np.int64)
    rater = draws.get_below(Purpose.ARRIVAL, 0, rows, N_RATED)
    ratee = (rater + 1 + draws.get_below(Purpose.OWNER, 0, rows, N_RATED - 1)) % N_RATED
    value = draws.get_below(Purpose.TEMPTATION, 0, rows, PPM + 1)
    weight_ppm = 1 + draws.get_below(Purpose.GOAL_OPERATION, 0, rows, 2 * PPM)
    ratings = Ratings(rater, ratee, value, weight_ppm, rows)
    before_ppm = 100_000 + 20_000 * np.arange(N, dtype=np.int64)
    return View(ratings, N, before_ppm, np.array([0, 1, 2]), 400_000)


def change_value(view: View, row: int, value: int) -> View:
    changed = view.ratings.value.copy()
    changed[row] = value
    return view._replace(ratings=view.ratings._replace(value=changed))


def drop_ratings(view: View, dropped: Any) -> View:
    return view._replace(ratings=Ratings(*(column[~dropped] for column in view.ratings)))


def check_range(scores: Scores, n_accounts: int) -> None:
    for column in scores:
        assert column.shape == (n_accounts,)
    assert scores.raw.dtype == scores.score_ppm.dtype == np.int64
    assert scores.known.dtype == np.bool_
    assert int(scores.score_ppm.min()) >= 0
    assert int(scores.score_ppm.max()) <= PPM


def check_order(scores: Scores) -> None:
    """Among the known, a higher published score never has a lower raw one."""
    order = np.lexsort((scores.score_ppm[scores.known], scores.raw[scores.known]))
    assert (np.diff(scores.score_ppm[scores.known][order]) >= 0).all()


def check_permuted(rule: Rule, view: View, tolerance: int) -> None:
    new_index = np.roll(np.arange(view.n_accounts), 7)[::-1].copy()
    here, there = rule.compute(view), rule.compute(permute_view(view, new_index))
    assert there.known[new_index].tolist() == here.known.tolist()
    assert int(np.abs(there.raw[new_index] - here.raw).max()) <= tolerance


def check_source(kind: type) -> None:
    lines = inspect.cleandoc(kind.__doc__ or "").splitlines()
    assert lines[0].endswith(".")
    assert any(re.match(r"Source: \S", line) for line in lines)


def check_newcomers(rule: Rule, view: View) -> None:
    scores = rule.compute(view)
    assert not scores.known[N_RATED:].any()
    assert (scores.score_ppm[~scores.known] == view.newcomer_ppm).all()


def check_proportion(rule: Rule, view: View) -> None:
    """One record out of range moves nobody further than the end of the range would."""
    for extreme in EXTREMES:
        scores = rule.compute(change_value(view, 5, extreme))
        held = rule.compute(change_value(view, 5, PPM if extreme > 0 else 0))
        assert scores.raw.tolist() == held.raw.tolist()


def check_untouched(rule: Rule, view: View) -> None:
    """Ratings of others change nothing for an account that nobody rated."""
    lonely = 3
    without = drop_ratings(view, view.ratings.ratee == lonely)
    fewer = drop_ratings(without, without.ratings.height % 2 == 0)
    scores = rule.compute(without)
    assert not scores.known[lonely]
    assert scores.score_ppm[lonely] == rule.compute(fewer).score_ppm[lonely] == view.newcomer_ppm


@pytest.mark.parametrize("name", RULES)
class TestRule:
    def test_it_is_frozen_and_remembers_nothing(self, name: str) -> None:
        kind: Any = RULES[name]
        assert is_dataclass(kind)
        assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
        assert not hasattr(kind(), "__dict__")
        assert kind() == kind()

    def test_it_says_what_the_transition_does(self, name: str) -> None:
        assert RULES[name].inside in Reputation

    def test_its_docstring_says_what_it_does_and_who_says_so(self, name: str) -> None:
        check_source(RULES[name])

    def test_every_knob_is_a_whole_number_with_its_unit_and_a_default(self, name: str) -> None:
        for field in fields(RULES[name]):  # type: ignore[arg-type]
            assert field.type == "int"
            assert re.search(r"_(ppm|ratings|weight|min)$", field.name), field.name
            assert field.default is not MISSING
            if field.name.endswith("_ppm"):
                assert 0 <= field.default <= PPM

    def test_every_knob_can_be_turned_to_its_ends(self, name: str) -> None:
        for field in fields(RULES[name]):  # type: ignore[arg-type]
            for end in (0, 1, PPM):
                rule = RULES[name](**{field.name: end})
                check_range(rule.compute(create_network()), N)
                check_newcomers(rule, create_view([(0, 1, 0), (1, 0, PPM)], N))

    def test_scores_are_whole_numbers_in_range_and_in_one_order(self, name: str) -> None:
        for seed in (1, 2, 3):
            scores = RULES[name]().compute(create_network(seed))
            check_range(scores, N)
            check_order(scores)

    def test_it_is_the_same_twice_and_leaves_what_it_saw(self, name: str) -> None:
        view = create_network()
        before = [column.copy() for column in view.ratings]
        first, second = RULES[name]().compute(view), RULES[name]().compute(view)
        assert all(a.tolist() == b.tolist() for a, b in zip(first, second, strict=True))
        assert all(a.tolist() == b.tolist() for a, b in zip(before, view.ratings, strict=True))

    def test_names_do_not_matter(self, name: str) -> None:
        check_permuted(RULES[name](), create_network(), TOLERANCES.get(name, 0))

    def test_who_is_not_known_has_the_score_of_a_newcomer(self, name: str) -> None:
        check_newcomers(RULES[name](), create_network())

    def test_without_ratings_nobody_is_known(self, name: str) -> None:
        scores = RULES[name]().compute(create_view([], 5, newcomer_ppm=123_456))
        check_range(scores, 5)
        assert not scores.known.any()
        assert scores.score_ppm.tolist() == [123_456] * 5

    def test_without_accounts_there_is_nothing_to_say(self, name: str) -> None:
        assert [len(column) for column in RULES[name]().compute(create_view([], 0))] == [0] * 3

    def test_an_account_nobody_rated_is_untouched_by_what_others_say(self, name: str) -> None:
        if name not in BY_GIVEN:
            check_untouched(RULES[name](), create_network())

    def test_a_value_out_of_range_moves_nobody_out_of_proportion(self, name: str) -> None:
        if name not in UNCLAMPED:
            check_proportion(RULES[name](), create_network())

    def test_a_value_out_of_range_is_published_in_range(self, name: str) -> None:
        for extreme in EXTREMES:
            check_range(RULES[name]().compute(change_value(create_network(), 5, extreme)), N)

    def test_many_ratings_of_full_weight_overflow_nothing(self, name: str) -> None:
        rows = [(rater, 8, PPM, 4 * PPM) for rater in range(8)] * 500
        check_range(RULES[name]().compute(create_view(rows, 9)), 9)

    def test_praise_never_ranks_below_blame(self, name: str) -> None:
        if name in BY_GIVEN:
            return
        praise = [(rater, 8, PPM) for rater in range(8)]
        blame = [(rater, 9, 0) for rater in range(8)]
        scores = RULES[name]().compute(create_view(praise + blame, 10))
        assert scores.raw[8] > scores.raw[9] or not scores.known[8]


def test_an_unclamped_rule_does_move_out_of_proportion() -> None:
    for name in UNCLAMPED:
        with pytest.raises(AssertionError):
            check_proportion(RULES[name](), create_network())


@dataclass(frozen=True, slots=True)
class Defective:
    """A rule with one thing wrong."""

    spoil: Callable[[View, Scores], Scores]
    inside: ClassVar[Reputation] = Reputation.EPOCH

    def compute(self, view: View) -> Scores:
        """The mean, spoiled."""
        return self.spoil(view, Mean().compute(view))


def favour_the_first(view: View, scores: Scores) -> Scores:
    return scores._replace(raw=scores.raw + (np.arange(len(scores.raw)) == 0))


def know_everybody(view: View, scores: Scores) -> Scores:
    return scores._replace(known=np.ones(len(scores.raw), dtype=np.bool_))


def count_all(view: View, scores: Scores) -> Scores:
    shifted = scores.score_ppm + len(view.ratings.rater)
    return scores._replace(score_ppm=np.where(scores.known, scores.score_ppm, shifted))


def leave_the_range(view: View, scores: Scores) -> Scores:
    return scores._replace(score_ppm=scores.score_ppm + PPM)


def reverse_order(view: View, scores: Scores) -> Scores:
    return scores._replace(raw=-scores.raw)


def believe_anything(view: View, scores: Scores) -> Scores:
    raw = np.bincount(view.ratings.ratee, view.ratings.value, view.n_accounts).astype(np.int64)
    return publish(raw, scores.known, view.newcomer_ppm)


DEFECTS: list[tuple[Callable[[Rule], None], Callable[[View, Scores], Scores]]] = [
    (lambda rule: check_permuted(rule, create_network(), 0), favour_the_first),
    (lambda rule: check_newcomers(rule, create_network()), know_everybody),
    (lambda rule: check_newcomers(rule, create_network()), count_all),
    (lambda rule: check_untouched(rule, create_network()), count_all),
    (lambda rule: check_range(rule.compute(create_network()), N), leave_the_range),
    (lambda rule: check_order(rule.compute(create_network())), reverse_order),
    (lambda rule: check_proportion(rule, create_network()), believe_anything),
    (lambda rule: check_source(type(rule)), favour_the_first),
]


@pytest.mark.parametrize(("check", "spoil"), DEFECTS)
def test_a_check_bites(
    check: Callable[[Rule], None], spoil: Callable[[View, Scores], Scores]
) -> None:
    if check is not DEFECTS[-1][0]:
        check(Mean())
    with pytest.raises(AssertionError):
        check(Defective(spoil))
