from __future__ import annotations

import pytest

from sim.scenario.regions import REGIONS, ROUND_TRIPS_US, find_region, get_link_delays_us


def test_every_region_has_a_round_trip_to_every_region() -> None:
    assert len(set(REGIONS)) == len(REGIONS) == len(ROUND_TRIPS_US)
    for row in ROUND_TRIPS_US:
        assert len(row) == len(REGIONS)
        assert all(isinstance(each, int) and each > 0 for each in row)


def test_nothing_is_nearer_to_a_region_than_itself() -> None:
    for place, row in enumerate(ROUND_TRIPS_US):
        assert min(row) == row[place]


def test_the_two_ends_of_a_link_measure_nearly_the_same() -> None:
    for source, row in enumerate(ROUND_TRIPS_US):
        for target, there in enumerate(row):
            assert abs(there - ROUND_TRIPS_US[target][source]) <= 3_000


def test_a_link_takes_half_the_round_trip_rounded_up() -> None:
    delays_us = get_link_delays_us(["eu-central-1", "us-west-1", "eu-central-1", "us-east-1"])
    assert delays_us == [
        [2_021, 76_506, 2_021, 46_325],
        [76_626, 1_409, 76_626, 31_972],
        [2_021, 76_506, 2_021, 46_325],
        [46_580, 32_080, 46_580, 2_753],
    ]


def test_processing_is_added_to_every_link() -> None:
    regions = ["us-east-1", "eu-west-1"]
    without = get_link_delays_us(regions)
    assert get_link_delays_us(regions, 100) == [[each + 100 for each in row] for row in without]


def test_nobody_anywhere_has_no_links() -> None:
    assert get_link_delays_us([]) == []


def test_an_unknown_region_is_refused_by_name() -> None:
    assert find_region("us-east-1") == 0
    with pytest.raises(ValueError, match=r"unknown region 'us-east-9'; known are us-east-1, us-"):
        get_link_delays_us(["us-east-1", "us-east-9"])
