"""What every rule of reputation must keep to."""

from __future__ import annotations

import re
from dataclasses import MISSING, fields
from functools import cache
from typing import Any

import numpy as np

from sim.core.draws import Draws
from sim.core.purposes import Purpose
from sim.core.units import PPM
from sim.experiment.conformance.base import require, require_equal, require_rows, require_same
from sim.experiment.conformance.forms import require_docstring, require_frozen
from sim.experiment.conformance.ratings import create_view, permute_view
from sim.ledger.rules import Reputation
from sim.policies.reputation.base import Ratings, Rule, Scores, View
from sim.policies.reputation.eigentrust import EigenTrust, EigenTrustSeeded
from sim.policies.reputation.erc8004 import DeployedMean
from sim.policies.reputation.fairness_goodness import Fairness

# what one record can drive anywhere, by design of its source
UNCLAMPED: tuple[type, ...] = (DeployedMean,)
# Rounding falls to the lowest account: a permuted network may differ by what was left over, in
# billionths of all trust, and by as much more as ten steps carry on.
TOLERANCES: dict[type, int] = {EigenTrust: 2_000, EigenTrustSeeded: 2_000}
# judges an account by the ratings it gave, not by those it got
BY_GIVEN: tuple[type, ...] = (Fairness,)
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
    """The same network with another value in one rating."""
    changed = view.ratings.value.copy()
    changed[row] = value
    return view._replace(ratings=view.ratings._replace(value=changed))


def drop_ratings(view: View, dropped: Any) -> View:
    """The same network without some ratings."""
    return view._replace(ratings=Ratings(*(column[~dropped] for column in view.ratings)))


def check_range(scores: Scores, n_accounts: int) -> None:
    """Whole numbers of each account, published ones in 0..1 000 000."""
    types = {"raw": np.int64, "score_ppm": np.int64, "known": np.bool_}
    for name, column in zip(scores._fields, scores, strict=True):
        require_equal(f"the shape of {name}", column.shape, (n_accounts,))
        require_equal(f"the type of {name}", column.dtype, np.dtype(types[name]))
    published = scores.score_ppm
    require_rows((published >= 0) & (published <= PPM), f"a score in 0..{PPM}", published)


def check_order(scores: Scores) -> None:
    """Among the known, a higher published score never has a lower raw one."""
    order = np.lexsort((scores.score_ppm[scores.known], scores.raw[scores.known]))
    steps = np.diff(scores.score_ppm[scores.known][order])
    require_rows(steps >= 0, "published scores that rise with the raw ones", steps)


def check_permuted(rule: Rule, view: View, tolerance: int) -> None:
    """Other names for the same accounts change no score by more than a tolerance."""
    new_index = np.roll(np.arange(view.n_accounts), 7)[::-1].copy()
    here, there = rule.compute(view), rule.compute(permute_view(view, new_index))
    require_same("known accounts under other names", there.known[new_index], here.known)
    change = np.abs(there.raw[new_index] - here.raw)
    expected = f"raw scores to change by {tolerance} at most under other names"
    require_rows(change <= tolerance, expected, change)


def check_newcomers(rule: Rule, view: View) -> None:
    """Who has no rating is not known, and has the score of a newcomer."""
    scores = rule.compute(view)
    unrated = scores.known[N_RATED:]
    require_rows(~unrated, "nobody to be known whom nobody rated", unrated)
    published = scores.score_ppm[~scores.known]
    expected = f"the score of a newcomer, {view.newcomer_ppm}, for who is not known"
    require_rows(published == view.newcomer_ppm, expected, published)


def check_proportion(rule: Rule, view: View) -> None:
    """One record out of range moves nobody further than the end of the range would."""
    for extreme in EXTREMES:
        scores = rule.compute(change_value(view, 5, extreme))
        held = rule.compute(change_value(view, 5, PPM if extreme > 0 else 0))
        what = f"raw scores for a rating of {extreme} as for the end of the range"
        require_same(what, scores.raw, held.raw)


def check_untouched(rule: Rule, view: View) -> None:
    """Ratings of others change nothing for an account that nobody rated."""
    lonely = 3
    without = drop_ratings(view, view.ratings.ratee == lonely)
    fewer = drop_ratings(without, without.ratings.height % 2 == 0)
    scores = rule.compute(without)
    require(not scores.known[lonely], "nobody to be known whom nobody rated", "one who is")
    for ratings, found in (("all", scores), ("half the", rule.compute(fewer))):
        what = f"the score of an account that nobody rated, with {ratings} ratings of others"
        require_equal(what, int(found.score_ppm[lonely]), view.newcomer_ppm)


def check_it_is_frozen_and_remembers_nothing(kind: Any) -> None:
    """It is frozen and remembers nothing."""
    require_frozen(kind, lambda each: each())
    require(kind() == kind(), "two of it to be equal", "a difference")


def check_it_says_what_the_transition_does(kind: Any) -> None:
    """It says what the transition does."""
    require(kind.inside in Reputation, "its `inside` to be one of `Reputation`", kind.inside)


def check_its_docstring_says_what_it_does_and_who_says_so(kind: Any) -> None:
    """Its docstring says what it does and who says so."""
    require_docstring(kind)


def check_every_knob_is_a_whole_number_with_its_unit_and_a_default(kind: Any) -> None:
    """Every knob is a whole number with its unit and a default."""
    for field in fields(kind):
        name = field.name
        require_equal(f"the type of {name}", field.type, "int")
        has_unit = re.search(r"_(ppm|ratings|weight|min)$", name)
        require(has_unit, "a knob that ends with its unit (_ppm, _ratings, _weight, _min)", name)
        require(field.default is not MISSING, f"a default of {name}", "none")
        if name.endswith("_ppm"):
            is_share = field.default in range(PPM + 1)
            require(is_share, f"a default of {name} in 0..{PPM}", field.default)


def check_every_knob_can_be_turned_to_its_ends(kind: Any) -> None:
    """Every knob can be turned to its ends."""
    for field in fields(kind):
        for end in (0, 1, PPM):
            rule = kind(**{field.name: end})
            check_range(rule.compute(create_network()), N)
            check_newcomers(rule, create_view([(0, 1, 0), (1, 0, PPM)], N))


def check_scores_are_whole_numbers_in_range_and_in_one_order(kind: Any) -> None:
    """Scores are whole numbers in range and in one order."""
    for seed in (1, 2, 3):
        scores = kind().compute(create_network(seed))
        check_range(scores, N)
        check_order(scores)


def check_it_is_the_same_twice_and_leaves_what_it_saw(kind: Any) -> None:
    """It is the same twice and leaves what it saw."""
    view = create_network()
    before = [column.copy() for column in view.ratings]
    first, second = kind().compute(view), kind().compute(view)
    for name, a, b in zip(first._fields, first, second, strict=True):
        require_same(f"{name} a second time", b, a)
    for name, a, b in zip(view.ratings._fields, before, view.ratings, strict=True):
        require_same(f"{name} of the ratings as before it saw them", b, a)


def check_names_do_not_matter(kind: Any) -> None:
    """Names do not matter."""
    check_permuted(kind(), create_network(), TOLERANCES.get(kind, 0))


def check_who_is_not_known_has_the_score_of_a_newcomer(kind: Any) -> None:
    """Who is not known has the score of a newcomer."""
    check_newcomers(kind(), create_network())


def check_without_ratings_nobody_is_known(kind: Any) -> None:
    """Without ratings nobody is known."""
    scores = kind().compute(create_view([], 5, newcomer_ppm=123_456))
    check_range(scores, 5)
    require_rows(~scores.known, "nobody to be known without ratings", scores.known)
    published = scores.score_ppm
    require_rows(published == 123_456, "the score of a newcomer, 123456", published)


def check_without_accounts_there_is_nothing_to_say(kind: Any) -> None:
    """Without accounts there is nothing to say."""
    scores = kind().compute(create_view([], 0))
    require_equal("scores of no accounts", [len(column) for column in scores], [0] * 3)


def check_an_account_nobody_rated_is_untouched_by_what_others_say(kind: Any) -> None:
    """An account nobody rated is untouched by what others say."""
    if kind not in BY_GIVEN:
        check_untouched(kind(), create_network())


def check_a_value_out_of_range_moves_nobody_out_of_proportion(kind: Any) -> None:
    """A value out of range moves nobody out of proportion."""
    if kind not in UNCLAMPED:
        check_proportion(kind(), create_network())


def check_a_value_out_of_range_is_published_in_range(kind: Any) -> None:
    """A value out of range is published in range."""
    for extreme in EXTREMES:
        check_range(kind().compute(change_value(create_network(), 5, extreme)), N)


def check_many_ratings_of_full_weight_overflow_nothing(kind: Any) -> None:
    """Many ratings of full weight overflow nothing."""
    rows = [(rater, 8, PPM, 4 * PPM) for rater in range(8)] * 500
    check_range(kind().compute(create_view(rows, 9)), 9)


def check_praise_never_ranks_below_blame(kind: Any) -> None:
    """Praise never ranks below blame."""
    if kind in BY_GIVEN:
        return
    praise = [(rater, 8, PPM) for rater in range(8)]
    blame = [(rater, 9, 0) for rater in range(8)]
    scores = kind().compute(create_view(praise + blame, 10))
    expected = "a higher raw score for eight of the best ratings than for eight of the worst"
    is_higher = scores.raw[8] > scores.raw[9] or not scores.known[8]
    require(is_higher, expected, f"{scores.raw[8]} against {scores.raw[9]}")


CHECKS = (
    check_it_is_frozen_and_remembers_nothing,
    check_it_says_what_the_transition_does,
    check_its_docstring_says_what_it_does_and_who_says_so,
    check_every_knob_is_a_whole_number_with_its_unit_and_a_default,
    check_every_knob_can_be_turned_to_its_ends,
    check_scores_are_whole_numbers_in_range_and_in_one_order,
    check_it_is_the_same_twice_and_leaves_what_it_saw,
    check_names_do_not_matter,
    check_who_is_not_known_has_the_score_of_a_newcomer,
    check_without_ratings_nobody_is_known,
    check_without_accounts_there_is_nothing_to_say,
    check_an_account_nobody_rated_is_untouched_by_what_others_say,
    check_a_value_out_of_range_moves_nobody_out_of_proportion,
    check_a_value_out_of_range_is_published_in_range,
    check_many_ratings_of_full_weight_overflow_nothing,
    check_praise_never_ranks_below_blame,
)
