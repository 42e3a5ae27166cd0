from __future__ import annotations

from math import isclose
from typing import Any

import pytest

from sim.core.market import Role
from sim.metrics.base import NullReason, Value
from tests.markets import HORIZON_S, S, get_pair, get_value

PPM = 1_000_000


def create_scores(*points: tuple[int, int], time_s: int = 50) -> list[dict[str, int]]:
    """Tenths of a score and frauds until then, of traders from 0 on."""
    return [
        {"time_us": time_s * S, "trader": k, "score_ppm": tenths * PPM // 10, "n_frauds": n_frauds}
        for k, (tenths, n_frauds) in enumerate(points)
    ]


# The worked vector of the metric reference.
VECTOR = create_scores((9, 0), (8, 0), (7, 0), (6, 0), (6, 1), (2, 3))


def test_the_worked_vector_of_the_reference() -> None:
    num, den = get_pair("reputation_auc", scores=VECTOR)
    assert (num, den, num / den) == (7.5, 8, 0.9375)


def test_only_the_last_scores_count() -> None:
    earlier = create_scores((0, 0), (0, 0), (9, 1), time_s=40)
    assert get_pair("reputation_auc", scores=[*VECTOR, *earlier]) == (7.5, 8)


@pytest.mark.parametrize("n_frauds", [0, 1])
def test_scores_of_one_kind_of_seller_tell_nothing(n_frauds: int) -> None:
    value = get_value("reputation_auc", scores=create_scores((9, n_frauds), (1, n_frauds)))
    assert value == Value(0, 0, 0, NullReason.NO_DENOMINATOR)


def test_the_plain_mean_puts_the_unrated_in_the_middle() -> None:
    """Means: seller 0 has 2/3, 1 none, 2 has 2/3 as well, 3 has 0: pairs 0.5, 1, 0, 1."""
    scores = create_scores((0, 0), (0, 0), (0, 1), (0, 1))
    ratings = [(0, 0), (0, PPM), (0, PPM), (2, PPM), (2, PPM), (2, 0), (3, 0), (1, -1)]
    sales = [{"seller": seller, "value": value} for seller, value in ratings]
    sales.append({"seller": 3, "value": PPM, "bought_us": 51 * S})  # after the last scores
    assert get_pair("reputation_auc_mean", scores=scores, sales=sales) == (2.5, 4)


# calibration


def test_the_error_of_a_score_is_its_squared_distance_from_what_came() -> None:
    sales = [
        {"known": 1, "score_ppm": 750_000},
        {"known": 1, "score_ppm": 500_000, "fraudulent": 1},
        {"known": 1, "score_ppm": 0},
        {"known": 1, "score_ppm": PPM},
        {"known": 0, "score_ppm": 1, "fraudulent": 1},
    ]
    assert get_pair("reputation_brier", sales=sales) == (0.0625 + 0.25 + 1, 4)
    assert get_pair("reputation_base_rate", sales=sales) == (3, 4)


# demotion


def create_offences(*scores: tuple[int, int, int, int], **changes: int) -> dict[str, Any]:
    """Three cheats that began at 10 s; scores as (seconds, cheat, tenths, frauds until then)."""
    return {
        "traders": [{"n_frauds": 5, "first_fraud_us": 10 * S} | changes for _ in range(3)],
        "scores": [
            {"time_us": at * S, "trader": who, "score_ppm": tenths * PPM // 10, "n_frauds": n}
            for at, who, tenths, n in scores
        ],
        "demotion_ppm": 400_000,
    }


DEMOTED = create_offences(
    *((5, 0, 1, 0), (20, 0, 4, 2), (30, 0, 3, 3), (40, 0, 1, 4)),  # at 30 s, not before its fraud
    *((10, 1, 3, 1), (20, 1, 9, 2)),  # at once
    *((20, 2, 8, 2), (50, 2, 7, 4)),  # never
)


def test_a_cheat_is_demoted_by_the_first_low_score_after_its_first_fraud() -> None:
    assert get_value("time_to_demote", **DEMOTED) == Value(20, 1, 3)
    assert get_pair("frauds_before_demotion", **DEMOTED) == (3 + 1 + 5, 3)


def test_where_most_cheats_never_are_there_is_no_median() -> None:
    offences = create_offences((10, 1, 3, 1), (20, 0, 4, 2))
    value = get_value("time_to_demote", **offences)
    assert value == Value(0, 0, 3, NullReason.BEYOND_HORIZON)
    assert get_pair("frauds_before_demotion", **offences) == (5 + 1 + 5, 3)


def test_who_sold_no_fraud_has_nothing_to_be_demoted_for() -> None:
    offences = create_offences((20, 0, 1, 0), n_frauds=0)
    for name in ("time_to_demote", "frauds_before_demotion"):
        assert get_value(name, **offences).reason is NullReason.NO_DENOMINATOR


# newcomers

INCUMBENTS: list[dict[str, int]] = [{}, {}]
PARITY: dict[str, Any] = {"parity_us": 10 * S}


def create_sales(*pairs: tuple[int, int]) -> list[dict[str, int]]:
    return [{"seller": seller, "bought_us": at_s * S} for seller, at_s in pairs]


def test_newcomers_are_held_against_incumbents_over_the_same_spans() -> None:
    """Of 20..30 s: 2 sales against 3 of two incumbents; of 40..50 s: none against 1."""
    traders = [*INCUMBENTS, {"joined_us": 20 * S}, {"joined_us": 40 * S}]
    sales = create_sales(
        *((2, 20), (2, 29), (2, 30), (3, 51)),
        *((0, 20), (0, 25), (1, 29), (0, 30), (1, 19), (1, 45), (0, 50)),
    )
    value = get_value("newcomer_parity", traders=traders, sales=sales, **PARITY)
    assert value == Value(2, 2, 2)


@pytest.mark.parametrize(
    ("changed", "counts"),
    [
        ({}, True),
        ({"joined_us": (HORIZON_S - 10) * S + 1}, False),  # its time is not over
        ({"is_adversary": 1}, False),
        ({"n_frauds": 1}, False),
        ({"role": int(Role.BUYER)}, False),
    ],
)
def test_only_honest_sellers_whose_first_time_is_over_are_newcomers(
    changed: dict[str, int], counts: bool
) -> None:
    traders = [*INCUMBENTS, {"joined_us": (HORIZON_S - 10) * S} | changed]
    sales = create_sales((0, 50), (0, 51), (1, 55), (1, 56), (2, 59))
    value = get_value("newcomer_parity", traders=traders, sales=sales, **PARITY)
    assert value == (Value(1, 2, 1) if counts else Value(0, 0, 0, NullReason.NO_DENOMINATOR))


def test_without_incumbents_there_is_no_parity() -> None:
    traders, sales = [{"joined_us": 20 * S}], create_sales((0, 21))
    value = get_value("newcomer_parity", traders=traders, sales=sales, **PARITY)
    assert value.reason is NullReason.NO_DENOMINATOR


# collusion

# Two honest sellers of quality 1 and 1/2 with scores .8 and .4; an adversary of quality 0 with
# score .9, and one that sold nothing.
RING: dict[str, Any] = {
    "traders": [{}, {}, {"is_adversary": 1}, {"is_adversary": 1}],
    "signals": [
        {"seller": 0, "n_sales": 2},
        {"seller": 1, "n_sales": 1},
        {"seller": 1, "n_sales": 1, "fraudulent": 1},
        {"seller": 2, "n_sales": 1, "fraudulent": 1},
        {"seller": 2},
        {"seller": 3},
    ],
    "scores": create_scores((8, 0), (4, 1), (9, 1), (9, 0)),
}


def test_inflation_is_what_adversaries_have_beyond_their_quality_and_others_have_not() -> None:
    value = get_value("collusion_inflation", **RING)
    assert isclose(value.num, 0.9 - (-0.2 - 0.1) / 2)
    assert (value.den, value.n_obs, value.reason) == (1, 3, None)


@pytest.mark.parametrize("is_adversary", [0, 1])
def test_without_both_kinds_of_sellers_there_is_no_inflation(is_adversary: int) -> None:
    traders = [{"is_adversary": is_adversary}] * 4
    value = get_value("collusion_inflation", **(RING | {"traders": traders}))
    assert value.reason is NullReason.NO_DENOMINATOR
