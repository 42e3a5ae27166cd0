from __future__ import annotations

import numpy as np
import pytest

from sim.core.records import TRANSACTION, TRUTH
from sim.ledger.rules import INSIDE, get_situation
from sim.model.batches import (
    Batch,
    create_batch,
    join_batches,
    sort_by,
    split_at,
)


def create_rows(*ready_us: int) -> Batch:
    """Rows ready at these times, numbered in the order given."""
    batch = create_batch(len(ready_us))
    batch.truths["ready_us"] = ready_us
    batch.transactions["amount"] = np.arange(len(ready_us))
    return batch


def get_numbers(batch: Batch) -> list[int]:
    numbers: list[int] = batch.transactions["amount"].tolist()
    return numbers


def test_a_fresh_row_is_an_orgs_own_record_keeping() -> None:
    transactions, truths = create_batch(2)
    assert (transactions.dtype, truths.dtype) == (TRANSACTION, TRUTH)
    assert set(truths["agent"].tolist()) == {-1}
    assert set(truths["operation"].tolist()) == {-1}
    assert set(truths["mediated"].tolist()) == {1}
    assert set(transactions["chain_id"].tolist()) == {1}
    assert set(transactions["parent"].tolist()) == {-1}
    assert set(transactions["situation"].tolist()) == {get_situation(INSIDE, 0, 0, 1)}
    assert len(create_batch(0)) == 0


@pytest.mark.parametrize(
    ("rows", "numbers"),
    [
        (np.array([2, 0]), [2, 0]),
        (np.array([True, False, True]), [0, 2]),
        (slice(1, None), [1, 2]),
        (np.zeros(0, dtype=np.int64), []),
    ],
    ids=["indices", "flags", "slice", "nothing"],
)
def test_rows_are_taken_in_the_order_asked_for(
    rows: np.ndarray | slice, numbers: list[int]
) -> None:
    taken = create_rows(5, 6, 7).take(rows)
    assert get_numbers(taken) == numbers
    assert taken.truths["ready_us"].tolist() == [5 + number for number in numbers]


def test_a_copy_is_changed_on_its_own() -> None:
    batch = create_rows(5, 6)
    other = batch.copy()
    other.transactions["amount"] = 9
    other.truths["ready_us"] = 9
    assert get_numbers(batch) == [0, 1]
    assert batch.truths["ready_us"].tolist() == [5, 6]


def test_batches_are_joined_one_after_another() -> None:
    joined = join_batches([create_rows(5, 6), create_batch(0), create_rows(7)])
    assert get_numbers(joined) == [0, 1, 0]
    assert joined.truths["ready_us"].tolist() == [5, 6, 7]
    assert len(join_batches([])) == 0
    assert join_batches([]).transactions.dtype == TRANSACTION


def test_rows_are_sorted_and_ties_keep_their_order() -> None:
    assert get_numbers(sort_by(create_rows(7, 5, 7, 5, 6), "ready_us")) == [1, 3, 4, 0, 2]
    assert get_numbers(sort_by(create_rows(), "ready_us")) == []


def test_what_is_sorted_already_is_left_as_it_is() -> None:
    batch = create_rows(5, 5, 7)
    assert sort_by(batch, "ready_us") is batch


@pytest.mark.parametrize(
    ("until_us", "early", "late"),
    [
        (5, [], [1, 2, 0]),  # what happens at that very time is for later
        (6, [1], [2, 0]),
        (7, [1, 2], [0]),
        (8, [1, 2, 0], []),
    ],
)
def test_a_batch_is_split_at_a_time(until_us: int, early: list[int], late: list[int]) -> None:
    before, rest = split_at(create_rows(7, 5, 6), "ready_us", until_us)
    assert get_numbers(before) == early
    assert get_numbers(join_batches(rest)) == late
    assert len(rest) == bool(late)


def test_nothing_is_split_into_nothing() -> None:
    before, rest = split_at(create_batch(0), "ready_us", 7)
    assert (len(before), rest) == (0, [])
