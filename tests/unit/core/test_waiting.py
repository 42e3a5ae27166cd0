import math
from decimal import Decimal, localcontext
from typing import Any

import numpy as np

from sim.core.waiting import CELLS, NEGATIVE_LOGS, SCALE_BITS, compute_negative_log

N = 4_096
WORDS = [((2 * i + 1) << 63) // N for i in range(N)]  # midpoints of equal parts of the interval


def compute_logs(words: list[int]) -> list[float]:
    return [compute_negative_log(np.uint64(word)) / 2**SCALE_BITS for word in words]


def test_the_table_is_what_exact_decimals_give() -> None:
    with localcontext() as context:
        context.prec = 50
        knots = [-(Decimal(CELLS + cell) / (2 * CELLS)).ln() for cell in range(CELLS + 1)]
        expected = [int((knot * 2**SCALE_BITS).to_integral_value()) for knot in knots]
    assert list(NEGATIVE_LOGS) == expected


def test_every_value_is_near_the_logarithm() -> None:
    errors = [
        abs(found + math.log(word / 2**64))
        for found, word in zip(compute_logs(WORDS), WORDS, strict=True)
    ]
    assert max(errors) < 2e-6


def test_the_mean_is_one() -> None:
    assert abs(sum(compute_logs(WORDS)) / N - 1) < 2e-4


def test_the_second_moment_is_two() -> None:
    assert abs(sum(value**2 for value in compute_logs(WORDS)) / N - 2) < 4e-3


def test_halving_a_word_adds_exactly_the_logarithm_of_two() -> None:
    word = 0xABCDEF01_23456700
    steps = [compute_negative_log(np.uint64(word >> k)) for k in range(8)]
    assert np.diff(steps).tolist() == [NEGATIVE_LOGS[0]] * 7


def test_the_smallest_words_give_the_longest_wait() -> None:
    longest = 63 * NEGATIVE_LOGS[0] + NEGATIVE_LOGS[0]
    assert [compute_negative_log(np.uint64(word)) for word in (0, 1)] == [longest, longest]


def test_a_plain_integer_is_taken_as_a_word() -> None:
    plain: Any = 12_345
    assert compute_negative_log(plain) == compute_negative_log(np.uint64(plain))


def test_the_largest_word_gives_almost_no_wait() -> None:
    assert 0 <= compute_negative_log(np.uint64(2**64 - 1)) <= 1


def test_a_larger_word_never_waits_longer() -> None:
    assert np.all(np.diff(compute_logs(WORDS)) <= 0)
