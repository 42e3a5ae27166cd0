"""The battery every rule of reputation inherits, those of installed packages among them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from sim.core.units import PPM
from sim.experiment.conformance.base import Check, ConformanceError, describe_check
from sim.experiment.conformance.forms import require_docstring
from sim.experiment.conformance.reputation import (
    CHECKS,
    UNCLAMPED,
    N,
    check_newcomers,
    check_order,
    check_permuted,
    check_proportion,
    check_range,
    check_untouched,
    create_network,
)
from sim.ledger.rules import Reputation
from sim.policies.reputation.base import Rule, Scores, View, publish
from sim.policies.reputation.mean import Mean
from sim.policies.reputation.registry import load_reputation_rules

RULES = load_reputation_rules()


@pytest.mark.parametrize("check", CHECKS, ids=describe_check)
@pytest.mark.parametrize("name", RULES)
def test_it_does_what_all_of_its_kind_must(name: str, check: Check) -> None:
    check(RULES[name])


def test_an_unclamped_rule_does_move_out_of_proportion() -> None:
    for kind in UNCLAMPED:
        with pytest.raises(ConformanceError):
            check_proportion(kind(), create_network())


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
    (lambda rule: require_docstring(type(rule)), favour_the_first),
]


@pytest.mark.parametrize(("check", "spoil"), DEFECTS)
def test_a_check_bites(
    check: Callable[[Rule], None], spoil: Callable[[View, Scores], Scores]
) -> None:
    if check is not DEFECTS[-1][0]:
        check(Mean())
    with pytest.raises(ConformanceError):
        check(Defective(spoil))
