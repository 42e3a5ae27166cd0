from __future__ import annotations

from random import Random

import pytest

from sim.core.arithmetic import mul_ppm, muldiv
from sim.core.units import PPM, SUPPLY_MAX

EDGES = [0, 1, 2, PPM - 1, PPM, PPM + 1, 2**31 - 1, 2**31, 2**32, SUPPLY_MAX - 1, SUPPLY_MAX]


def draw(rng: Random) -> int:
    """Numbers of every length."""
    return rng.getrandbits(rng.randrange(1, 63))


@pytest.mark.parametrize(
    ("amount", "rate_ppm", "share"),
    [
        (1_234_567, 50_000, 61_728),
        (10_000, 50_000, 500),
        (1, 999_999, 0),
        (SUPPLY_MAX, PPM, SUPPLY_MAX),
        (SUPPLY_MAX, PPM - 1, SUPPLY_MAX - 2**62 // PPM - 1),
    ],
)
def test_a_share_is_rounded_down(amount: int, rate_ppm: int, share: int) -> None:
    assert mul_ppm(amount, rate_ppm) == share


def test_a_share_of_any_amount_is_exact() -> None:
    rng = Random("mul_ppm")
    amounts = EDGES + [draw(rng) for _ in range(500)]
    for amount in amounts:
        for rate_ppm in (0, 1, 333_333, PPM - 1, PPM, rng.randrange(PPM)):
            assert mul_ppm(amount, rate_ppm) == amount * rate_ppm // PPM


def test_a_quotient_of_a_product_is_exact() -> None:
    rng = Random("muldiv")
    cases = [(a, b, c) for a in EDGES for b in EDGES for c in EDGES if c > 0]
    cases += [(draw(rng), draw(rng), draw(rng) + 1) for _ in range(500)]
    fitting = [(a, b, c) for a, b, c in cases if a * b // c < 2**63]
    assert len(fitting) > 500
    for a, b, c in fitting:
        assert muldiv(a, b, c) == a * b // c


def test_a_product_far_beyond_64_bits_is_exact() -> None:
    assert muldiv(SUPPLY_MAX, SUPPLY_MAX - 1, SUPPLY_MAX) == SUPPLY_MAX - 1
    assert muldiv(3_333_334, PPM, 10_000_000) == 333_333
