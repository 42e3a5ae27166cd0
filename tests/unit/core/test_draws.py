import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.random import Philox  # noqa: TID251 - the independent implementation

from sim.core.compiled import njit
from sim.core.draws import (
    Draws,
    compute_key,
    compute_philox,
    draw_below,
    draw_ppm,
    draw_u64,
    draw_wait_us,
    multiply_wide,
)
from sim.core.purposes import EXOGENOUS, Purpose
from sim.core.waiting import compute_negative_log

N = 2_000 if os.environ.get("NUMBA_DISABLE_JIT") else 1_000_000
DRAWS = Draws(1, "baseline", 0)
ROWS = np.arange(64)
KNOWN = [
    (
        (0, 0, 0, 0, 0, 0),
        (0x16554D9ECA36314C, 0xDB20FE9D672D0FDC, 0xD7E772CEE186176B, 0x7E68B68AEC7BA23B),
    ),
    (
        (1, 2, 3, 0, 0, 0),
        (0xA3484CEEF3376FEF, 0x86375EA3C1A87429, 0x6F1EBA458E6A5D4C, 0x05A5ABFB5D85891D),
    ),
]
DISTINCT = {
    "seed": Draws(2, "baseline", 0),
    "stream": Draws(1, "other", 0),
    "replication": Draws(1, "baseline", 1),
}


def compute_words(*words: int) -> tuple[int, ...]:
    return tuple(int(word) for word in compute_philox(*(np.uint64(word) for word in words)))


@pytest.mark.parametrize(("words", "expected"), KNOWN)
def test_philox_gives_the_known_answers(words: tuple[int, ...], expected: tuple[int, ...]) -> None:
    assert compute_words(*words) == expected


@pytest.mark.parametrize("seed", range(8))
def test_philox_equals_numpy_one_counter_on(seed: int) -> None:
    words = [int(word) for word in Philox(seed).random_raw(6)]
    counter = words[2:]
    before = (sum(word << 64 * i for i, word in enumerate(counter)) - 1) % 2**256
    reference = Philox(key=words[0] | words[1] << 64, counter=before).random_raw(4)
    assert compute_words(*words) == tuple(reference.tolist())


@pytest.mark.parametrize("excess", [-1, 0, 1])
def test_philox_equals_numpy_where_a_key_wraps(excess: int) -> None:
    key0, key1 = (2**64 - step + excess for step in (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B))
    reference = Philox(key=key0 | key1 << 64, counter=2**256 - 1).random_raw(4)
    assert compute_words(key0, key1, 0, 0, 0, 0) == tuple(reference.tolist())


@pytest.mark.parametrize("a", [0, 1, 2**32 - 1, 2**32, 2**64 - 1, 0xD2E7470EE14C6C93])
@pytest.mark.parametrize("b", [0, 1, 2**32 + 1, 2**63, 2**64 - 1])
def test_a_wide_product_is_exact(a: int, b: int) -> None:
    high, low = multiply_wide(np.uint64(a), np.uint64(b))
    assert int(high) << 64 | int(low) == a * b


def test_a_draw_is_the_first_word_at_its_counter() -> None:
    key0, key1 = compute_key(1, "baseline", 0)
    drawn = draw_u64(key0, key1, Purpose.PATH, 7, 9)
    assert int(drawn) == compute_words(int(key0), int(key1), 0, 9, Purpose.PATH, 7)[0]


def test_the_key_is_pinned() -> None:
    key0, key1 = compute_key(1, "baseline", 0)
    assert f"{key0:016x} {key1:016x}" == "c59550e53aa3387f d3d179374983ebce"


def test_a_seed_out_of_range_is_refused() -> None:
    with pytest.raises(OverflowError):
        compute_key(-1, "baseline", 0)


@pytest.mark.parametrize("part", DISTINCT)
def test_every_part_of_the_key_changes_the_draws(part: str) -> None:
    drawn = DISTINCT[part].get_ppm(Purpose.PATH, ROWS, 0)
    assert np.count_nonzero(drawn == DRAWS.get_ppm(Purpose.PATH, ROWS, 0)) < 2


def test_no_two_names_of_a_replication_share_a_word() -> None:
    words = {
        int(draw_u64(DRAWS.key0, DRAWS.key1, purpose, entity, ordinal))
        for purpose in Purpose
        for entity in range(5)
        for ordinal in range(5)
    }
    assert len(words) == len(Purpose) * 25


def test_a_draw_does_not_depend_on_the_order_of_rows() -> None:
    order = np.argsort(DRAWS.get_ppm(Purpose.THINK, ROWS, 0))
    shuffled = DRAWS.get_wait_us(Purpose.PATH, ROWS[order], 3, 1_000)
    assert np.array_equal(shuffled, DRAWS.get_wait_us(Purpose.PATH, ROWS, 3, 1_000)[order])


def test_a_row_draws_as_it_would_alone() -> None:
    together = DRAWS.get_below(Purpose.PATH, ROWS, ROWS + 1, ROWS + 2)
    alone = [DRAWS.get_below(Purpose.PATH, row, row + 1, row + 2)[0] for row in range(64)]
    assert together.tolist() == alone


def test_key_words_may_be_plain_integers() -> None:
    key0: Any = 5
    key1: Any = 6
    drawn = draw_ppm(key0, key1, Purpose.PATH, 7, 8)
    assert drawn == draw_ppm(np.uint64(5), np.uint64(6), Purpose.PATH, 7, 8)


def test_columns_equal_the_scalar_functions() -> None:
    name = DRAWS.key0, DRAWS.key1, Purpose.ERROR
    ppm = [draw_ppm(*name, row, 5) for row in range(64)]
    below = [draw_below(*name, row, 5, 10) for row in range(64)]
    waits = [draw_wait_us(*name, row, 5, 1_000) for row in range(64)]
    assert DRAWS.get_ppm(Purpose.ERROR, ROWS, 5).tolist() == ppm
    assert DRAWS.get_below(Purpose.ERROR, ROWS, 5, 10).tolist() == below
    assert DRAWS.get_wait_us(Purpose.ERROR, ROWS, 5, 1_000).tolist() == waits


def test_a_compiled_rule_may_name_the_purpose() -> None:
    @njit
    def draw(key0: np.uint64, key1: np.uint64, entity: int) -> int:
        return draw_ppm(key0, key1, Purpose.HARM, entity, 2)

    assert draw(DRAWS.key0, DRAWS.key1, 5) == DRAWS.get_ppm(Purpose.HARM, 5, 2)[0]


def test_a_strided_column_draws_as_a_contiguous_one() -> None:
    strided = np.stack([ROWS, ROWS], axis=1)[:, 0]
    drawn = DRAWS.get_ppm(Purpose.PATH, strided, 0)
    assert np.array_equal(drawn, DRAWS.get_ppm(Purpose.PATH, ROWS, 0))


def test_no_rows_draw_nothing() -> None:
    assert DRAWS.get_ppm(Purpose.PATH, ROWS[:0], 0).size == 0


def test_columns_of_unequal_length_are_refused() -> None:
    with pytest.raises(ValueError, match="differ in length"):
        DRAWS.get_ppm(Purpose.PATH, ROWS, ROWS[:3])


def test_drawing_from_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="n is below 1"):
        DRAWS.get_below(Purpose.PATH, ROWS, 0, 0)


def test_a_negative_mean_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        DRAWS.get_wait_us(Purpose.PATH, ROWS, 0, -1)


def test_ppm_stays_in_range_and_is_uniform() -> None:
    drawn = DRAWS.get_ppm(Purpose.PATH, np.arange(N), 0)
    counts = np.bincount(drawn // 100_000, minlength=10)
    chi_square = float(((counts - N / 10) ** 2 / (N / 10)).sum())
    assert len(counts) == 10
    assert drawn.min() >= 0
    assert chi_square < 33.7  # one in ten thousand, 9 degrees of freedom


def test_every_integer_below_n_is_drawn() -> None:
    assert set(DRAWS.get_below(Purpose.PATH, np.arange(1_000), 0, 7).tolist()) == set(range(7))


def test_the_largest_n_stays_in_range() -> None:
    drawn = DRAWS.get_below(Purpose.PATH, ROWS, 0, 2**63 - 1)
    assert 0 <= drawn.min() < drawn.max() < 2**63 - 1


def test_waits_have_the_mean_and_variance_of_an_exponential() -> None:
    waits = DRAWS.get_wait_us(Purpose.ARRIVAL, np.arange(N), 0, 10**6) / 10**6
    assert abs(waits.mean() - 1) < 4 / N**0.5
    assert abs(waits.var() - 1) < 4 * (8 / N) ** 0.5


def test_a_wait_is_rounded_to_the_nearest_microsecond() -> None:
    words = [draw_u64(DRAWS.key0, DRAWS.key1, Purpose.ARRIVAL, row, 0) for row in range(64)]
    expected = [(compute_negative_log(np.uint64(word)) * 10 + 2**31) >> 32 for word in words]
    assert DRAWS.get_wait_us(Purpose.ARRIVAL, ROWS, 0, 10).tolist() == expected


def test_a_short_mean_is_not_rounded_away() -> None:
    waits = DRAWS.get_wait_us(Purpose.ARRIVAL, np.arange(N), 0, 10)
    assert abs(waits.mean() - 10) < 40 / N**0.5


def test_a_mean_of_zero_never_waits() -> None:
    assert not DRAWS.get_wait_us(Purpose.ARRIVAL, ROWS, 0, 0).any()


def test_a_long_mean_does_not_overflow() -> None:
    unit, scaled = (DRAWS.get_wait_us(Purpose.ARRIVAL, ROWS, 0, 2**bits) for bits in (32, 56))
    assert np.array_equal(unit << 24, scaled)


def test_numbers_of_purposes_never_change() -> None:
    numbers = [purpose.value for purpose in Purpose]
    assert numbers == [*range(1, 34), *range(64, 73)]


@pytest.mark.parametrize(
    ("purpose", "is_exogenous"), [(Purpose.TEMPTATION, True), (Purpose.SERVICE, False)]
)
def test_exogenous_purposes_end_where_reactive_ones_begin(
    purpose: Purpose, is_exogenous: bool
) -> None:
    assert (purpose in EXOGENOUS) is is_exogenous


@pytest.mark.parametrize("draw", [draw_u64, draw_ppm], ids=["u64", "ppm"])
def test_the_same_name_always_draws_the_same(draw: Callable[..., int]) -> None:
    assert len({int(draw(DRAWS.key0, DRAWS.key1, 1, 2, 3)) for _ in range(3)}) == 1
