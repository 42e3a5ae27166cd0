"""Integer arithmetic that cannot overflow within its stated bounds.

Compiled int64 products wrap silently, so a product of two amounts goes through here.
"""

from __future__ import annotations

from sim.core.compiled import njit
from sim.core.units import PPM


@njit
def mul_ppm(amount: int, rate_ppm: int) -> int:
    """Share of an amount, rounded down.

    Units:  amount in 0..SUPPLY_MAX, rate_ppm in 0..1_000_000.
    Return: floor(amount * rate_ppm / 1_000_000), in 0..amount, without overflow.
    """
    return (amount // PPM) * rate_ppm + (amount % PPM) * rate_ppm // PPM


@njit
def muldiv(a: int, b: int, c: int) -> int:
    """Exact floor(a * b / c) with a 128-bit intermediate product.

    Units:  a and b in 0..SUPPLY_MAX, c in 1..SUPPLY_MAX; the result must fit in 63 bits.
    Return: the quotient; the caller bounds it (a <= c or b <= c is enough).
    Source: schoolbook binary multiplication and division, one bit at a time.
    """
    quotient = 0
    remainder = 0
    for bit in range(62, -1, -1):  # double what stands so far, then add a where b has this bit
        quotient, remainder = _add_scaled(quotient, remainder, quotient, remainder, c)
        if (b >> bit) & 1:
            quotient, remainder = _add_scaled(quotient, remainder, a // c, a % c, c)
    return quotient


@njit
def _add_scaled(q1: int, r1: int, q2: int, r2: int, c: int) -> tuple[int, int]:
    """Sum of two numbers written as quotient and remainder by c (c at most 2**62)."""
    remainder = r1 + r2
    if remainder >= c:
        return q1 + q2 + 1, remainder - c
    return q1 + q2, remainder
