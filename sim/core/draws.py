"""Chance: every draw is a function of its name, never of what was drawn before it.

A name is (seed, stream, replication) in the key and (ordinal, purpose, entity) in the counter of
Philox4x64-10. The policy is never part of it, so two policies face the same world.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from sim.core.compiled import njit
from sim.core.purposes import Purpose
from sim.core.units import PPM
from sim.core.waiting import compute_negative_log

if TYPE_CHECKING:
    from sim.core.records import Ints

Block: TypeAlias = tuple[np.uint64, np.uint64, np.uint64, np.uint64]

_ZERO, _ONE = np.uint64(0), np.uint64(1)
_HALF_BITS, _HALF_MASK = np.uint64(32), np.uint64(2**32 - 1)
_MULTIPLIER0, _MULTIPLIER1 = np.uint64(0xD2E7470EE14C6C93), np.uint64(0xCA5A826395121157)
_STEP0, _STEP1 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBB67AE8584CAA73B)
_ROUNDS = 10
_PPM_COLUMN = np.array([PPM], dtype=np.int64)


@njit
def multiply_wide(a: np.uint64, b: np.uint64) -> tuple[np.uint64, np.uint64]:
    """High and low word of a 128-bit product, by halves, so that no partial sum overflows."""
    a_high, a_low = a >> _HALF_BITS, a & _HALF_MASK
    b_high, b_low = b >> _HALF_BITS, b & _HALF_MASK
    low, cross = a_low * b_low, a_high * b_low
    middle = (low >> _HALF_BITS) + (cross & _HALF_MASK) + a_low * b_high
    high = a_high * b_high + (cross >> _HALF_BITS) + (middle >> _HALF_BITS)
    return high, (middle << _HALF_BITS) | (low & _HALF_MASK)


@njit
def _add_wrapped(a: np.uint64, b: np.uint64) -> np.uint64:
    """Sum modulo 2**64 without overflow, which uncompiled code would warn about."""
    room = ~b
    return a + b if a <= room else a - room - _ONE


@njit
def compute_philox(
    key0: np.uint64, key1: np.uint64, c0: np.uint64, c1: np.uint64, c2: np.uint64, c3: np.uint64
) -> Block:
    """Four random words from a key of two words and a counter of four.

    Source: Salmon et al. 2011, Parallel Random Numbers: As Easy as 1, 2, 3 (Philox4x64-10).
    """
    for _ in range(_ROUNDS):
        high0, low0 = multiply_wide(_MULTIPLIER0, c0)
        high1, low1 = multiply_wide(_MULTIPLIER1, c2)
        c0, c1, c2, c3 = high1 ^ c1 ^ key0, low1, high0 ^ c3 ^ key1, low0
        key0, key1 = _add_wrapped(key0, _STEP0), _add_wrapped(key1, _STEP1)
    return c0, c1, c2, c3


@njit
def draw_u64(
    key0: np.uint64, key1: np.uint64, purpose: int, entity: int, ordinal: int
) -> np.uint64:
    """Uniform word of one name.

    Units:  entity and ordinal in 0..2**63 - 1; the ordinal is the index of the thing drawn for.
    Return: 0..2**64 - 1, the first word of the block at counter (0, ordinal, purpose, entity);
            called from Python the compiled function returns it as a plain int.
    Errors: none.
    """
    counter = np.uint64(ordinal), np.uint64(purpose), np.uint64(entity)
    return compute_philox(np.uint64(key0), np.uint64(key1), _ZERO, *counter)[0]


@njit
def draw_below(
    key0: np.uint64, key1: np.uint64, purpose: int, entity: int, ordinal: int, n: int
) -> int:
    """Uniform integer in 0..n - 1; n in 1..2**63 - 1, unequal by at most n / 2**64."""
    word = draw_u64(key0, key1, purpose, entity, ordinal)
    return int(np.int64(multiply_wide(word, np.uint64(n))[0]))


@njit
def draw_ppm(key0: np.uint64, key1: np.uint64, purpose: int, entity: int, ordinal: int) -> int:
    """Uniform integer in 0..999_999: an event of rate r happens where this is below r."""
    return draw_below(key0, key1, purpose, entity, ordinal, PPM)


@njit
def draw_wait_us(
    key0: np.uint64, key1: np.uint64, purpose: int, entity: int, ordinal: int, mean_us: int
) -> int:
    """Exponential waiting time, rounded to the nearest microsecond.

    Units:  mean_us in 0..2**56.
    Return: 0..45 * mean_us; the same on every platform.
    Errors: none.
    """
    scaled = compute_negative_log(draw_u64(key0, key1, purpose, entity, ordinal))
    high, low = multiply_wide(np.uint64(scaled), np.uint64(mean_us))
    rounded = ((low >> np.uint64(31)) + _ONE) >> _ONE
    return int(np.int64((high << _HALF_BITS) + rounded))


@njit
def _count_rows(entities: Ints, ordinals: Ints, scales: Ints) -> int:
    """Length of the result: a column of one value holds for every row."""
    n = 1
    for size in (entities.size, ordinals.size, scales.size):
        if size != 1:
            if n not in (1, size):
                raise ValueError("entity, ordinal and scale differ in length")
            n = size
    return n


@njit
def _get_row(column: Ints, row: int) -> int:
    return column[row] if column.size > 1 else column[0]


@njit
def _create_integers(
    key0: np.uint64, key1: np.uint64, purpose: int, entities: Ints, ordinals: Ints, limits: Ints
) -> Ints:
    drawn = np.empty(_count_rows(entities, ordinals, limits), np.int64)
    for row in range(drawn.size):
        entity, ordinal = _get_row(entities, row), _get_row(ordinals, row)
        limit = _get_row(limits, row)
        if limit < 1:
            raise ValueError("nothing to draw from: n is below 1")
        drawn[row] = draw_below(key0, key1, purpose, entity, ordinal, limit)
    return drawn


@njit
def _create_waits(
    key0: np.uint64, key1: np.uint64, purpose: int, entities: Ints, ordinals: Ints, means_us: Ints
) -> Ints:
    drawn = np.empty(_count_rows(entities, ordinals, means_us), np.int64)
    for row in range(drawn.size):
        entity, ordinal = _get_row(entities, row), _get_row(ordinals, row)
        mean_us = _get_row(means_us, row)
        if mean_us < 0:
            raise ValueError("a mean waiting time is negative")
        drawn[row] = draw_wait_us(key0, key1, purpose, entity, ordinal, mean_us)
    return drawn


def compute_key(seed: int, stream: str, replication: int) -> tuple[np.uint64, np.uint64]:
    """Key of one replication.

    Units:  seed and replication in 0..2**63 - 1; stream is the scenario's declared name.
    Return: BLAKE2b-128 of both numbers (8 bytes, little endian) and the name, as two words.
    Errors: OverflowError if a number is out of range.
    """
    name = seed.to_bytes(8, "little") + replication.to_bytes(8, "little") + stream.encode()
    digest = hashlib.blake2b(name, digest_size=16, person=b"AMBIT-DRAWS-V1").digest()
    return (
        np.uint64(int.from_bytes(digest[:8], "little")),
        np.uint64(int.from_bytes(digest[8:], "little")),
    )


def _as_column(values: int | Ints) -> Ints:
    """Contiguous int64 column; a scalar becomes a column of one."""
    return np.array(values, dtype=np.int64, copy=None, order="C", ndmin=1)


class Draws:
    """All chance of one replication, over columns of names.

    Every method takes entity and ordinal as int64 columns (n,) or as scalars that hold for every
    row, and returns int64 (n,), or (1,) from scalars alone. Columns of unequal length raise
    ValueError. `key0` and `key1` are what the scalar functions of this module take.
    """

    __slots__ = ("key0", "key1")

    def __init__(self, seed: int, stream: str, replication: int) -> None:
        self.key0, self.key1 = compute_key(seed, stream, replication)

    def get_ppm(self, purpose: Purpose, entity: int | Ints, ordinal: int | Ints) -> Ints:
        """Uniform integers in 0..999_999: an event of rate r happens where this is below r."""
        columns = _as_column(entity), _as_column(ordinal), _PPM_COLUMN
        return _create_integers(self.key0, self.key1, int(purpose), *columns)

    def get_below(
        self, purpose: Purpose, entity: int | Ints, ordinal: int | Ints, n: int | Ints
    ) -> Ints:
        """Uniform integers in 0..n - 1, with one n or one a row; ValueError if an n is below 1."""
        columns = _as_column(entity), _as_column(ordinal), _as_column(n)
        return _create_integers(self.key0, self.key1, int(purpose), *columns)

    def get_wait_us(
        self, purpose: Purpose, entity: int | Ints, ordinal: int | Ints, mean_us: int | Ints
    ) -> Ints:
        """Exponential waiting times of mean mean_us, 0..2**56; ValueError if one is negative."""
        columns = _as_column(entity), _as_column(ordinal), _as_column(mean_us)
        return _create_waits(self.key0, self.key1, int(purpose), *columns)
