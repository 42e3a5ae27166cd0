from __future__ import annotations

import numpy as np
import pytest

from sim.core.units import PPM
from sim.ledger.rules import Reputation, create_rules
from sim.policies.reputation.base import (
    Rule,
    compile_reputation,
    compute_signed_ppm,
    count_by,
    divide_finely,
    publish,
    select_weighty,
    sum_by,
)
from sim.policies.reputation.beta import Beta
from sim.policies.reputation.mean import Mean
from tests.ratings_world import create_ratings


def test_a_rule_writes_its_part_of_the_transition() -> None:
    before = create_rules(fee_min=7)
    rules = compile_reputation(Beta(forgetting_ppm=7, prior_weight=3), before, 42)
    assert rules.reputation_rule == Reputation.BETA
    assert (rules.forgetting_ppm, rules.prior_weight, rules.newcomer_ppm) == (7, 3, 42)
    assert rules.fee_min == 7
    graph = compile_reputation(Mean(), before, 42)
    assert graph.reputation_rule == Reputation.EPOCH
    assert graph.forgetting_ppm == before.forgetting_ppm


@pytest.mark.parametrize(
    ("rule", "newcomer_ppm"),
    [
        (Beta(forgetting_ppm=PPM + 1), 0),
        (Beta(forgetting_ppm=-1), 0),
        (Beta(prior_weight=-1), 0),
        (Beta(prior_weight=1_000_001), 0),
        (Mean(), PPM + 1),
        (Mean(), -1),
    ],
)
def test_numbers_that_the_ledger_cannot_hold_are_refused(rule: Rule, newcomer_ppm: int) -> None:
    with pytest.raises(ValueError, match=r"in 0\.\.|weighs 0\.\."):
        compile_reputation(rule, create_rules(), newcomer_ppm)


def test_only_ratings_with_weight_count_and_all_are_held_to_their_range() -> None:
    rows = [(0, 1, 2**62, 2**40), (1, 0, -5, 7), (2, 0, 3, 0), (0, 2, 3, -1)]
    kept = select_weighty(create_ratings(rows))
    assert kept.rater.tolist() == [0, 1]
    assert kept.value.tolist() == [PPM, 0]
    assert kept.weight_ppm.tolist() == [4 * PPM, 7]


def test_praise_and_blame_of_one_size_cancel() -> None:
    ratings = create_ratings([(0, 1, 500_001, 333_333), (0, 1, 499_999, 333_333), (0, 1, PPM, 7)])
    assert compute_signed_ppm(ratings).tolist() == [0, 0, 7]
    uneven = create_ratings([(0, 1, 666_667, PPM), (0, 1, 333_333, PPM)])
    assert compute_signed_ppm(uneven).tolist() == [333_334, -333_334]


def test_long_division_is_exact() -> None:
    cases = [(1, 3), (2, 3), (0, 5), (9 * 10**15, 9 * 10**15 - 1), (7, 2), (10**15, 3)]
    num, den = (np.array(column) for column in zip(*cases, strict=True))
    assert divide_finely(num[:5], den[:5]).tolist() == [a * 10**9 // b for a, b in cases[:5]]


def test_sums_of_large_amounts_are_exact() -> None:
    amounts = np.array([2**61, 2**61, -1, 3])
    assert sum_by(np.array([0, 0, 0, 2]), amounts, 3).tolist() == [2**62 - 1, 0, 3]
    assert count_by(np.array([0, 0, 2]), 4).tolist() == [2, 0, 1, 0]


def test_what_is_published_stays_in_range_and_a_newcomer_is_one() -> None:
    raw = np.array([-5, 1_000_500, 2 * 10**9, 7])
    scores = publish(raw, np.array([True, True, True, False]), 300_000)
    assert scores.score_ppm.tolist() == [0, 1_000, PPM, 300_000]
    assert scores.raw[3] == 300_000_000
