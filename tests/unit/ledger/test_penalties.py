from __future__ import annotations

from itertools import product
from math import exp

import numpy as np
import pytest

from sim.core.records import LIVENESS
from sim.core.units import PPM, SUPPLY_MAX
from sim.ledger.liveness import is_absent
from sim.ledger.penalties import (
    GWEI,
    Allocation,
    Fork,
    Reward,
    compute_allocation_slash,
    compute_correlation_penalty,
    compute_double_sign_slash,
    compute_downtime_slash,
    compute_escalated_rate,
    compute_fixed_penalty,
    compute_harm_penalty,
    compute_inactivity_score,
    compute_initial_penalty,
    compute_leak_penalty,
    compute_report_reward,
    compute_share_penalty,
    is_evidence_too_old,
    is_last_offence,
    is_leaking,
)
from tests.ledger_world import create_strict_rules

PHASE0, ALTAIR, BELLATRIX, ELECTRA = Fork
AMOUNTS = (0, 1, PPM - 1, PPM, PPM + 1, 1_234_567, 10**15 + 7, SUPPLY_MAX - 1, SUPPLY_MAX)
RATES = (0, 1, 50_000, 999_999, PPM)
MULTIPLES = (*RATES, PPM + 1, 2_500_000, 9_999_999, 10 * PPM)
ETHER_32 = 32 * GWEI
TOTAL = 500_000 * ETHER_32
BLOCKS_MAX, US_MAX = 100_000, 48 * 3_600 * 10**6


# simple schemes


@pytest.mark.parametrize(("slashable", "taken"), [(800, 800), (1_000, 1_000), (5_000, 1_000)])
def test_a_fixed_penalty_takes_what_is_there_at_most(slashable: int, taken: int) -> None:
    assert compute_fixed_penalty(slashable, 1_000) == taken


def test_a_share_of_the_stake_is_rounded_down() -> None:
    assert compute_share_penalty(1_234_567, 1_234_567, 50_000) == 61_728
    assert compute_share_penalty(1_234_567, 60_000, 50_000) == 60_000


@pytest.mark.parametrize("base", AMOUNTS)
def test_a_share_is_exact_up_to_the_supply(base: int) -> None:
    for slashable, rate_ppm in product(AMOUNTS, RATES):
        exact = min(slashable, base * rate_ppm // PPM)
        assert compute_share_penalty(base, slashable, rate_ppm) == exact


@pytest.mark.parametrize(
    ("multiple_ppm", "taken"), [(0, 0), (500_000, 3_500), (PPM, 7_001), (4 * PPM, 28_004)]
)
def test_a_penalty_is_a_multiple_of_the_harm(multiple_ppm: int, taken: int) -> None:
    assert compute_harm_penalty(7_001, 10**6, multiple_ppm) == taken
    assert compute_harm_penalty(7_001, 3_000, multiple_ppm) == min(taken, 3_000)


@pytest.mark.parametrize("harm", AMOUNTS)
def test_a_multiple_is_exact_up_to_the_supply(harm: int) -> None:
    for slashable, multiple_ppm in product(AMOUNTS, MULTIPLES):
        exact = min(slashable, harm * multiple_ppm // PPM)
        assert compute_harm_penalty(harm, slashable, multiple_ppm) == exact


def test_a_rate_doubles_with_each_conviction_up_to_the_whole() -> None:
    rates = [compute_escalated_rate(50_000, n_earlier) for n_earlier in range(7)]
    assert rates == [50_000, 100_000, 200_000, 400_000, 800_000, PPM, PPM]


@pytest.mark.parametrize("n_earlier", [19, 20, 21, 63, 64, 10**9])
def test_no_number_of_convictions_overflows(n_earlier: int) -> None:
    assert compute_escalated_rate(0, n_earlier) == 0
    assert compute_escalated_rate(1, n_earlier) == min(PPM, 2 ** min(n_earlier, 20))
    assert compute_escalated_rate(PPM, n_earlier) == PPM


def test_the_last_offence_is_the_one_that_fills_the_count() -> None:
    assert [is_last_offence(n_earlier, 3) for n_earlier in range(5)] == [0, 0, 1, 1, 1]


# Ethereum


@pytest.mark.parametrize(
    ("fork", "penalty"),
    [(PHASE0, 250_000_000), (ALTAIR, 500_000_000), (BELLATRIX, GWEI), (ELECTRA, 7_812_500)],
)
def test_the_initial_penalty_is_that_of_its_fork(fork: Fork, penalty: int) -> None:
    assert compute_initial_penalty(int(fork), ETHER_32) == penalty


def test_the_reward_of_a_report_is_split_and_nothing_is_lost() -> None:
    assert compute_report_reward(int(ELECTRA), ETHER_32) == Reward(6_835_938, 976_562)
    for fork in (PHASE0, ALTAIR, BELLATRIX):
        assert compute_report_reward(int(fork), ETHER_32) == Reward(54_687_500, 7_812_500)


@pytest.mark.parametrize(
    ("fork", "n_slashed", "penalty"),
    [
        (PHASE0, 15_625, GWEI),
        (PHASE0, 50_000, 3 * GWEI),
        (ALTAIR, 5_209, 0),
        (ALTAIR, 166_667, 21 * GWEI),
        (BELLATRIX, 1, 0),
        (BELLATRIX, 5_000, 0),
        (BELLATRIX, 5_208, 0),
        (BELLATRIX, 5_209, GWEI),
        (BELLATRIX, 50_000, 9 * GWEI),
        (BELLATRIX, 166_666, 31 * GWEI),
        (BELLATRIX, 166_667, 32 * GWEI),
        (ELECTRA, 1, 192_000),
        (ELECTRA, 5_000, 960_000_000),
        (ELECTRA, 5_209, 1_000_128_000),
        (ELECTRA, 50_000, 9_600_000_000),
        (ELECTRA, 166_667, ETHER_32),
        (ELECTRA, 200_000, ETHER_32),
    ],
)
def test_correlated_offenders_lose_more(fork: Fork, n_slashed: int, penalty: int) -> None:
    slashed = n_slashed * ETHER_32
    assert compute_correlation_penalty(int(fork), ETHER_32, slashed, TOTAL) == penalty


@pytest.mark.parametrize("total", [GWEI, 2 * GWEI - 1, TOTAL, SUPPLY_MAX])
@pytest.mark.parametrize(("fork", "multiplier"), list(zip(Fork, (1, 2, 3, 3), strict=True)))
def test_correlation_is_exact_up_to_the_supply(fork: Fork, multiplier: int, total: int) -> None:
    amounts = (0, 1, GWEI - 1, GWEI, total // 3, total // 3 + 1, total // 2, total)
    for effective, slashed in product(amounts, amounts):
        units, adjusted = effective // GWEI, min(multiplier * slashed, total)
        if fork is ELECTRA:
            exact = adjusted // (total // GWEI) * units
        else:
            exact = units * adjusted // total * GWEI
        found = compute_correlation_penalty(int(fork), effective, slashed, total)
        assert found == exact <= total


@pytest.mark.parametrize("fork", Fork)
def test_no_stake_at_all_counts_as_one_ether(fork: Fork) -> None:
    assert compute_correlation_penalty(int(fork), 0, 0, 0) == 0
    assert compute_correlation_penalty(int(fork), GWEI, GWEI, GWEI - 1) == GWEI


def test_a_leak_is_on_after_more_than_four_epochs() -> None:
    assert [is_leaking(delay) for delay in (0, 4, 5)] == [False, False, True]


def test_a_score_rises_by_four_and_falls_by_one_in_a_leak() -> None:
    score = 0
    for _ in range(10):
        score = compute_inactivity_score(score, True, True)
    for _ in range(3):
        score = compute_inactivity_score(score, False, True)
    assert score == 37
    assert compute_inactivity_score(score, False, False) == 20


def test_a_score_never_falls_below_nothing() -> None:
    assert compute_inactivity_score(0, False, True) == 0
    assert compute_inactivity_score(0, False, False) == 0
    assert compute_inactivity_score(9, False, False) == 0
    assert compute_inactivity_score(3, True, False) == 0


def run_leak() -> dict[int, int]:
    """Balance after each of 4_096 missed epochs; the effective balance follows it."""
    balance, score = ETHER_32, 0
    balances = {}
    for epoch in range(1, 4_097):
        score = compute_inactivity_score(score, True, is_leaking(epoch + 4))
        balance -= compute_leak_penalty(balance, score)
        balances[epoch] = balance
    return balances


def test_a_leak_leaves_the_published_balances() -> None:
    balances = run_leak()
    assert [balances[epoch] for epoch in (100, 1_024, 2_048, 4_096)] == [
        31_990_369_368,
        31_014_497_751,
        28_238_034_500,
        19_405_823_439,
    ]
    assert balances[2_048] / ETHER_32 == pytest.approx(0.88244, abs=5e-6)
    assert balances[4_096] / ETHER_32 == pytest.approx(0.60643, abs=5e-6)
    for epoch, balance in balances.items():
        assert balance / ETHER_32 == pytest.approx(exp(-(epoch**2) / 2**25), abs=2e-4)


@pytest.mark.parametrize("score", [0, 1, 4_096, 2**26 - 1, 2**26])
def test_a_leak_is_exact_up_to_the_supply(score: int) -> None:
    for effective in AMOUNTS:
        assert compute_leak_penalty(effective, score) == effective * score // 2**26


# Cosmos SDK


@pytest.mark.parametrize(("missed", "lost"), [(50, 0), (51, 10_000)])
def test_the_first_block_too_many_costs_a_hundredth(missed: int, lost: int) -> None:
    rules = create_strict_rules()._replace(
        liveness_window_blocks=100, liveness_signed_min_ppm=500_000
    )
    watched = np.zeros(1, dtype=LIVENESS)[0]
    watched["missed"] = missed
    power = 1_000_000 if is_absent(watched, rules, 101) else 0
    assert compute_downtime_slash(power, 1_000_000, 10_000) == lost


def test_a_double_signature_costs_a_twentieth_once() -> None:
    assert compute_double_sign_slash(1_000_000, 1_000_000, 50_000, False) == 50_000
    assert compute_double_sign_slash(1_000_000, 950_000, 50_000, True) == 0


def test_a_slash_by_earlier_power_takes_what_is_left_at_most() -> None:
    assert compute_double_sign_slash(1_000_000, 40_000, 50_000, False) == 40_000
    assert compute_downtime_slash(1_000_000, 4_000, 10_000) == 4_000


@pytest.mark.parametrize(
    ("age_blocks", "age_us", "is_late"),
    [
        (BLOCKS_MAX, US_MAX, False),
        (BLOCKS_MAX + 1, US_MAX, False),
        (BLOCKS_MAX, US_MAX + 1, False),
        (BLOCKS_MAX + 1, US_MAX + 1, True),
    ],
)
def test_evidence_is_late_only_by_both_clocks(age_blocks: int, age_us: int, is_late: bool) -> None:
    assert is_evidence_too_old(age_blocks, age_us, BLOCKS_MAX, US_MAX) == is_late


# EigenLayer


def test_a_set_slashes_its_allocation_only() -> None:
    expected = Allocation(900_000_000, 100_000_000, 1_000)
    assert compute_allocation_slash(10**9, 200_000_000, 10_000, 500_000) == expected


def test_other_sets_keep_their_tokens() -> None:
    first = compute_allocation_slash(10**9, 200_000_000, 10_000, 500_000)
    other = 800_000_000  # what the second set may slash, of the magnitude before and after
    assert other * (10_000 - first.lost) // first.magnitude == other * 10_000 // 10**9


@pytest.mark.parametrize("stake", AMOUNTS)
def test_a_slash_of_everything_leaves_nothing(stake: int) -> None:
    assert compute_allocation_slash(SUPPLY_MAX, SUPPLY_MAX, stake, PPM) == Allocation(0, 0, stake)
    assert compute_allocation_slash(0, 0, stake, PPM) == Allocation(0, 0, 0)
