from __future__ import annotations

import pytest

from sim.core.units import PPM
from sim.experiment.registry_shift import (
    PUBLISHED_PERCENT,
    append_records,
    compute_shifts,
    find_moved,
)
from tests.ratings_world import create_view

STEADY, TORN, SELDOM, HATED = 5, 6, 7, 8
ROWS = [
    *((rater, STEADY, value) for rater, value in enumerate([800_000, 900_000, 700_000, 900_000])),
    *((rater, TORN, value) for rater, value in enumerate([0, 100_000, PPM, PPM])),
    *((rater, SELDOM, 10_000) for rater in range(2)),
    *((rater, HATED, 0) for rater in range(3)),
]
VIEW = create_view(ROWS, 9)


def test_agents_with_three_records_are_counted_and_judged_by_hand() -> None:
    moved = {name: find_moved(VIEW, name) for name in PUBLISHED_PERCENT}
    answers = {name: None if each is None else each.tolist() for name, each in moved.items()}
    # steady, torn, hated; the mean of the torn goes from 0.525 to 0.62, the median from .1 to 1,
    # and that of the hated stays 0, which counts as moved by definition
    assert answers == {
        "erc8004_mean": [True, True, True],
        "per tag": None,
        "erc8004_clamped": [False, False, True],
        "erc8004_median": [False, True, True],
        "erc8004_one_per_rater": [False, True, True],
        "trimmed mean": None,
    }


def test_what_cannot_be_recomputed_is_published_alone() -> None:
    shifts = {shift.rule: shift for shift in compute_shifts(VIEW)}
    assert shifts["per tag"][1:] == (100.0, None, None)
    assert shifts["trimmed mean"][1:] == (28.17, None, None)
    assert shifts["erc8004_clamped"].moved_percent == pytest.approx(100 / 3)
    assert shifts["erc8004_median"].agents == 3


def test_without_agents_of_three_records_there_is_no_share() -> None:
    shifts = compute_shifts(create_view(ROWS[8:10], 9))
    assert {shift.moved_percent for shift in shifts} == {None}


def test_each_agent_gets_one_record_by_a_stranger() -> None:
    after = append_records(VIEW, VIEW.ratings.ratee[:1])
    assert after.n_accounts == 10
    assert [column[-1] for column in after.ratings][:3] == [9, STEADY, 2**62]


def test_an_agent_unknown_to_the_robust_rule_is_left_out() -> None:
    rows = [*ROWS, *((0, 4, PPM) for _ in range(5))]
    view = create_view(rows, 9)
    counts = {shift.rule: shift.agents for shift in compute_shifts(view)}
    assert counts["erc8004_median"] == 4
    assert counts["erc8004_one_per_rater"] == 3


@pytest.mark.parametrize(("value_ppm", "is_moved"), [(333_333, True), (334_000, False)])
def test_half_of_the_score_is_where_an_agent_counts_as_moved(
    value_ppm: int, is_moved: bool
) -> None:
    # three records of 1/3 have a mean of 1/3; with a fourth of 1 it is 1/2: half as much again
    view = create_view([(rater, 3, value_ppm) for rater in range(3)], 4)
    moved = find_moved(view, "erc8004_clamped")
    assert moved is not None
    assert moved.tolist() == [is_moved]
