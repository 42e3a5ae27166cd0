"""The rules inside the transition, against the vectors of their definitions."""

from __future__ import annotations

import numpy as np
import pytest

from sim.core.records import ACCOUNT, Records
from sim.core.units import PPM
from sim.ledger.reputation import (
    EVIDENCE_MAX_PPM,
    NOVAI_STEP_PPM,
    WEIGHT_MAX_PPM,
    compute_beta_score,
    compute_novai_score,
    convict_account,
    decay_and_add,
    pow_ppm,
    rate_account,
    rate_accounts,
)
from sim.ledger.rules import Reputation, Rules, create_rules

GOOD_THEN_BAD = [PPM] * 8 + [0] * 2
COLUMNS = ["positive", "negative", "reputation_ppm"]


def create_accounts(n: int = 1, **columns: int) -> Records:
    accounts = np.zeros(n, dtype=ACCOUNT)
    accounts["reputation_ppm"] = 500_000
    for name, value in columns.items():
        accounts[name] = value
    return accounts


def get_columns(accounts: Records, index: int = 0) -> tuple[int, ...]:
    return tuple(int(accounts[index][name]) for name in COLUMNS)


def create_beta(**numbers: int) -> Rules:
    return create_rules(reputation_rule=int(Reputation.BETA), **numbers)


NOVAI = create_rules(reputation_rule=int(Reputation.NOVAI))


@pytest.mark.parametrize(
    ("forgetting_ppm", "positive", "negative", "score_ppm"),
    [
        (PPM, 8_000_000, 2_000_000, 750_000),
        (900_000, 4_613_214, 1_900_000, 659_353),
        (950_000, 6_075_258, 1_950_000, 705_743),
        (990_000, 7_571_791, 1_990_000, 741_389),
    ],
)
def test_eight_good_ratings_and_two_bad(
    forgetting_ppm: int, positive: int, negative: int, score_ppm: int
) -> None:
    accounts = create_accounts()
    for value_ppm in GOOD_THEN_BAD:
        rate_account(create_beta(forgetting_ppm=forgetting_ppm), accounts[0], value_ppm, PPM)
    assert get_columns(accounts) == (positive, negative, score_ppm)


def test_a_rating_is_split_by_its_value_and_its_rounding_never_flatters() -> None:
    evidence = decay_and_add(8_000_000, 2_000_000, 333_333, 2_500_000, 950_000)
    assert evidence == (8_433_332, 3_566_668)
    assert compute_beta_score(*evidence, 2, 500_000) == 673_809


def test_decay_by_blocks() -> None:
    factor_ppm = pow_ppm(999_000, 1_000)
    assert factor_ppm == 367_533
    evidence = decay_and_add(8_000_000, 2_000_000, 0, 0, factor_ppm)
    assert evidence == (2_940_264, 735_066)
    assert compute_beta_score(*evidence, 2, 500_000) == 694_279
    assert pow_ppm(123, 0) == pow_ppm(PPM, 10**9) == PPM


@pytest.mark.parametrize(
    ("forgetting_ppm", "cap_ppm", "n_bad", "n_good"),
    [(900_000, 916_666, 7, 13), (950_000, 954_545, 14, 22), (990_000, 990_196, 69, 95)],
)
def test_saturation_and_the_way_down_and_up_again(
    forgetting_ppm: int, cap_ppm: int, n_bad: int, n_good: int
) -> None:
    rules, accounts = create_beta(forgetting_ppm=forgetting_ppm), create_accounts()
    for _ in range(3_000):
        rate_account(rules, accounts[0], PPM, PPM)
    assert abs(int(accounts[0]["reputation_ppm"]) - cap_ppm) <= 1
    assert count_until(rules, accounts, 0, lambda score: score < 500_000) == n_bad
    assert count_until(rules, accounts, PPM, lambda score: score >= 800_000) == n_good


def count_until(rules: Rules, accounts: Records, value_ppm: int, is_reached: object) -> int:
    n = 0
    while not is_reached(accounts[0]["reputation_ppm"]):  # type: ignore[operator]
        rate_account(rules, accounts[0], value_ppm, PPM)
        n += 1
    return n


def test_evidence_is_capped_where_its_product_still_fits() -> None:
    assert decay_and_add(EVIDENCE_MAX_PPM, 0, PPM, PPM, PPM) == (EVIDENCE_MAX_PPM, 0)
    assert decay_and_add(0, EVIDENCE_MAX_PPM, 0, PPM, PPM) == (0, EVIDENCE_MAX_PPM)
    assert compute_beta_score(EVIDENCE_MAX_PPM, 0, 10**6, PPM) == PPM
    assert compute_beta_score(EVIDENCE_MAX_PPM, EVIDENCE_MAX_PPM, 10**6, 0) == 444_444


def test_an_account_without_evidence_has_the_score_of_a_newcomer() -> None:
    assert compute_beta_score(0, 0, 2, 123_456) == 123_456


@pytest.mark.parametrize(
    ("given", "held"),
    [
        ((2**62, PPM), (PPM, PPM)),
        ((-(2**62), PPM), (0, PPM)),
        ((PPM, 2**62), (PPM, WEIGHT_MAX_PPM)),
    ],
)
def test_values_and_weights_are_held_to_their_range(
    given: tuple[int, int], held: tuple[int, int]
) -> None:
    wild, tame = create_accounts(), create_accounts()
    rate_account(create_beta(), wild[0], *given)
    rate_account(create_beta(), tame[0], *held)
    assert get_columns(wild) == get_columns(tame) != get_columns(create_accounts())


@pytest.mark.parametrize("weight_ppm", [0, -1])
def test_a_rating_without_weight_changes_nothing(weight_ppm: int) -> None:
    accounts = create_accounts(positive=8 * PPM, negative=PPM)
    before = get_columns(accounts)
    for rules in (create_beta(), NOVAI):
        rate_account(rules, accounts[0], PPM, weight_ppm)
    assert get_columns(accounts) == before


@pytest.mark.parametrize("rule", [Reputation.NONE, Reputation.EPOCH])
def test_rules_without_a_word_inside_the_transition(rule: Reputation) -> None:
    rules, accounts = create_rules(reputation_rule=int(rule)), create_accounts(positive=3)
    before = get_columns(accounts)
    rate_account(rules, accounts[0], 0, PPM)
    convict_account(rules, accounts[0], 10 * PPM)
    assert get_columns(accounts) == before


def test_a_conviction_weighs_as_many_bad_ratings() -> None:
    accounts = create_accounts(positive=8 * PPM)
    convict_account(create_beta(), accounts[0], 10 * PPM)
    assert get_columns(accounts) == (8 * PPM, 10 * PPM, 450_000)  # (8 + 1) / (18 + 2)
    convict_account(create_beta(), accounts[0], 2**62)
    assert accounts[0]["negative"] == EVIDENCE_MAX_PPM


@pytest.mark.parametrize(("proofs", "score"), [(16, 98), (17, 100), (30, 100)])
def test_verified_proofs_reach_the_top_of_the_scale(proofs: int, score: int) -> None:
    score_ppm = 500_000
    for _ in range(proofs):
        score_ppm = compute_novai_score(score_ppm, 3)
    assert score_ppm == score * NOVAI_STEP_PPM


def test_three_failed_payments_with_a_breach_on_the_third() -> None:
    accounts = create_accounts()
    for _ in range(2):
        rate_account(NOVAI, accounts[0], 0, PPM)
    convict_account(NOVAI, accounts[0], 10 * PPM)
    assert get_columns(accounts) == (0, 3 * PPM, 360_000)


def test_delivered_jobs_rise_by_one_and_stop_at_the_ends() -> None:
    accounts = create_accounts()
    rate_account(NOVAI, accounts[0], 500_000, PPM)
    assert get_columns(accounts) == (PPM, 0, 510_000)
    rate_account(NOVAI, accounts[0], 499_999, PPM)
    assert get_columns(accounts) == (PPM, PPM, 480_000)
    assert compute_novai_score(0, -3) == 0
    assert compute_novai_score(PPM, 2**15) == PPM


def test_many_ratings_are_those_ratings_one_after_another() -> None:
    ratee = np.array([0, 1, 0, 1, 1])
    value_ppm = np.array([PPM, 0, 0, 700_000, 2**62])
    weight_ppm = np.array([PPM, PPM, 250_000, 4 * PPM, 2**40])
    together, alone = create_accounts(3), create_accounts(3)
    rate_accounts(create_beta(), together, ratee, value_ppm, weight_ppm)
    for row in range(5):
        values = int(value_ppm[row]), int(weight_ppm[row])
        rate_account(create_beta(), alone[ratee[row]], *values)
    assert together.tolist() == alone.tolist()
    assert get_columns(together, 0) != get_columns(together, 1) != get_columns(together, 2)
