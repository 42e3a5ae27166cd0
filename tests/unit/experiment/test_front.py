from __future__ import annotations

import pytest

from sim.experiment.front import dominates, find_front

POINTS = {
    "cheap": [1.0, 5.0],
    "dear": [5.0, 1.0],
    "between": [3.0, 3.0],
    "beaten": [3.0, 4.0],
    "worst": [6.0, 6.0],
}


def test_the_front_is_what_nobody_undercuts() -> None:
    assert find_front(POINTS) == {"cheap", "dear", "between"}


def test_equals_share_the_front() -> None:
    assert find_front({"a": [1.0, 2.0], "b": [1.0, 2.0], "c": [1.0, 3.0]}) == {"a", "b"}


def test_one_alone_is_the_front() -> None:
    assert find_front({"a": [9.0]}) == {"a"}
    assert find_front({}) == frozenset()


def test_a_third_cost_saves_who_was_beaten_in_two() -> None:
    points = {name: [*costs, float(name != "worst")] for name, costs in POINTS.items()}
    assert find_front(points) == {"cheap", "dear", "between", "worst"}


@pytest.mark.parametrize(
    ("better", "worse", "expected"),
    [([1, 1], [1, 2], True), ([1, 1], [1, 1], False), ([0, 3], [1, 2], False)],
)
def test_domination_needs_one_that_is_smaller_and_none_greater(
    better: list[float], worse: list[float], expected: bool
) -> None:
    assert dominates(better, worse) is expected
