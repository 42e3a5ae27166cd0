from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from sim.core.reasons import PENDING
from sim.core.records import APPROVAL_REQUEST, EXPOSURE, RECEIPT, TASK, TRUTH, Kind
from sim.metrics import ordering
from sim.metrics.base import Chunk, Facts, NullReason, Value
from sim.metrics.ordering import CENSORED_AFTER_S
from sim.trace.ordering import COMMIT, VIEW, FaultRecord, Ordering, Penalties

if TYPE_CHECKING:
    from collections.abc import Sequence

S = 1_000_000
FACTS = Facts(
    is_bound=False,
    checks_signatures=True,
    requires_approval=False,
    anchors=False,
    has_validators=True,
)
NOTHING = Value(0, 0, 0, NullReason.NO_DENOMINATOR)
NEVER = Value(0, 0, 1, NullReason.BEYOND_HORIZON)


def create_ordering(
    views: Sequence[tuple[int, int]] = (),
    commits: Sequence[tuple[int, int, int, int]] = (),
    ends_us: Sequence[int] = (),
    dishonest: Sequence[int] = (),
    **others: Any,
) -> Ordering:
    """Views as (proposed, committed) from view 1 on; commits as (time, node, height, block)."""
    view_table = np.full(len(views), -1, dtype=VIEW)
    view_table["view"] = np.arange(1, len(views) + 1)
    for row, (proposed_us, committed_us) in zip(view_table, views, strict=True):
        row["proposed_us"], row["committed_us"] = proposed_us, committed_us
    commit_table = np.zeros(len(commits), dtype=COMMIT)
    for row, (at_us, node, height, block) in zip(commit_table, commits, strict=True):
        row["committed_us"], row["node"], row["height"], row["block"] = at_us, node, height, block
        row["honest"] = node not in dishonest
        row["n_transactions"] = 10 * block
    faults = tuple(FaultRecord("crash", (0,), 0, end_us, is_byzantine=False) for end_us in ends_us)
    given: dict[str, Any] = {"is_observed": True, "n_byzantine": len(dishonest), "n_validators": 4}
    return Ordering(view_table, commit_table, faults, **(given | others))


def create_chunk(
    order: Ordering | None = None, calls: Sequence[dict[str, int]] = (), horizon_us: int = 60 * S
) -> Chunk:
    """A replication: its ordering, and calls that wait for the chain unless a column says more."""
    receipts, truths = np.zeros(len(calls), dtype=RECEIPT), np.zeros(len(calls), dtype=TRUTH)
    receipts["kind"], truths["mediated"] = Kind.CALL, 1
    for index, call in enumerate(calls):
        for name, value in call.items():
            (receipts if name in (RECEIPT.names or ()) else truths)[index][name] = value
    return Chunk(
        facts=FACTS,
        horizon_us=horizon_us,
        receipts=receipts,
        truths=truths,
        tasks=np.zeros(0, dtype=TASK),
        approvals=np.zeros(0, dtype=APPROVAL_REQUEST),
        exposure=np.zeros(0, dtype=EXPOSURE),
        ordering=create_ordering() if order is None else order,
    )


# conflicts


@pytest.mark.parametrize(
    ("commits", "pairs", "transactions"),
    [
        ([], 0, 0),
        ([(1, node, 1, 7) for node in range(4)], 0, 0),
        ([(1, 0, 1, 7), (2, 0, 2, 8), (3, 1, 1, 7), (4, 1, 2, 8)], 0, 0),  # one is behind
        ([(1, 0, 1, 7), (2, 1, 1, 8)], 1, 80),
        ([(1, 0, 1, 7), (2, 1, 1, 7), (3, 2, 1, 8), (4, 3, 1, 8)], 4, 80),  # two against two
        ([(1, 0, 1, 7), (2, 1, 1, 8), (3, 2, 1, 8), (4, 3, 1, 8)], 3, 80),
        ([(1, 0, 1, 7), (2, 1, 1, 8), (3, 2, 1, 9)], 3, 170),  # three ways
        ([(1, 0, 1, 7), (2, 1, 1, 8), (3, 0, 2, 5), (4, 1, 2, 6)], 2, 140),  # at two heights
        ([(1, 0, 1, 7), (2, 1, 2, 8)], 0, 0),  # different heights are no conflict
    ],
)
def test_a_fork_is_counted_in_pairs_of_validators_and_in_transactions(
    commits: list[tuple[int, int, int, int]], pairs: int, transactions: int
) -> None:
    """What was final somewhere in a second block is in conflict; the first one stands."""
    chunk = create_chunk(create_ordering(commits=commits))
    assert ordering.count_conflicts(chunk).tolist() == [pairs]
    assert ordering.count_conflicting_transactions(chunk).tolist() == [transactions]


def test_what_liars_commit_conflicts_with_nobody() -> None:
    commits = [(1, 0, 1, 7), (2, 1, 1, 7), (3, 2, 1, 8), (4, 3, 1, 9)]
    chunk = create_chunk(create_ordering(commits=commits, dishonest=[2, 3]))
    assert ordering.count_conflicts(chunk).tolist() == [0]
    assert ordering.count_conflicting_transactions(chunk).tolist() == [0]


# views and blocks


@pytest.mark.parametrize(
    ("views", "pair"),
    [
        ([], (0, 0)),
        ([(1, -1), (2, -1)], (0, 0)),  # nothing was ever committed: nothing to compare with
        ([(1, 4), (2, 5), (3, 6)], (0, 3)),
        ([(1, 4), (-1, -1), (3, 6)], (1, 3)),
        ([(-1, -1), (2, -1), (3, 6)], (2, 3)),
        ([(1, 4), (2, -1), (-1, -1)], (0, 1)),  # the last ones may still be
    ],
)
def test_a_view_is_wasted_if_its_block_is_passed_over(
    views: list[tuple[int, int]], pair: tuple[int, int]
) -> None:
    chunk = create_chunk(create_ordering(views))
    assert tuple(ordering.count_wasted_views(chunk).tolist()) == pair


def test_a_block_takes_from_its_proposal_to_its_first_commit() -> None:
    views = [(1 * S, 3 * S), (2 * S, -1), (-1, -1), (4 * S, 4 * S + S // 2)]
    chunk = create_chunk(create_ordering(views))
    assert ordering.get_block_latencies_s(chunk).tolist() == [2.0, 0.5]
    assert ordering.get_block_latencies_s(create_chunk()).tolist() == []


# healing


def finish_heal(order: Ordering, horizon_us: int = 60 * S) -> tuple[Value, Value]:
    chunk = create_chunk(order, horizon_us=horizon_us)
    return (
        ordering.finish_only([ordering.get_heal_s(chunk)], FACTS),
        ordering.finish_only([ordering.get_heal_views(chunk)], FACTS),
    )


def commit_all(at_us: int, height: int, nodes: Sequence[int] = range(4)) -> list[tuple[int, ...]]:
    """These nodes commit a height, a microsecond after each other."""
    return [(at_us + rank, node, height, height) for rank, node in enumerate(nodes)]


def heal(commits: list[tuple[Any, ...]], **others: Any) -> tuple[Value, Value]:
    views = [(each * S, -1) for each in range(1, 60)]
    ends_us = others.pop("ends_us", [20 * S])
    return finish_heal(create_ordering(views, commits, ends_us, **others))


def test_healing_takes_until_all_stand_at_one_new_height() -> None:
    commits = [*commit_all(10 * S, 5), *commit_all(23 * S, 6)]
    assert heal(commits) == (Value(3.000003, 1, 1), Value(3, 1, 1))


def test_a_height_from_before_is_no_sign_of_healing() -> None:
    """Who was cut off learns of it; that anything is agreed on again, is another matter."""
    commits = [*commit_all(10 * S, 5, [0, 1, 2]), (22 * S, 3, 5, 5), *commit_all(30 * S, 6)]
    assert heal(commits)[0] == Value(10.000003, 1, 1)
    assert heal(commits[:4]) == (NEVER, NEVER)


def test_heights_are_compared_at_one_time() -> None:
    """One of them is always a height ahead, until the last."""
    commits = [*commit_all(21 * S, 6, [0, 1, 2]), *commit_all(22 * S, 7, [0]), (23 * S, 3, 6, 6)]
    assert heal(commits) == (NEVER, NEVER)
    commits += commit_all(24 * S, 7, [1, 2, 3])
    assert heal(commits)[0] == Value(4.000002, 1, 1)


def test_an_honest_validator_that_stays_behind_is_never_healed() -> None:
    stuck = [row for at_s in range(21, 59) for row in commit_all(at_s * S, at_s, [0, 1, 2])]
    assert heal(stuck) == (NEVER, NEVER)
    assert heal([(5 * S, 3, 1, 1), *stuck]) == (NEVER, NEVER)


def test_nothing_is_ever_committed_again() -> None:
    assert heal(commit_all(10 * S, 5)) == (NEVER, NEVER)
    assert heal([]) == (NEVER, NEVER)


def test_liars_are_not_waited_for() -> None:
    commits = commit_all(25 * S, 6, [0, 1, 2])
    assert heal(commits, dishonest=[3])[0] == Value(5.000002, 1, 1)
    # nor does it count what they commit, or a twin of theirs
    assert heal([*commits[:2], (26 * S, 3, 6, 6)], dishonest=[3])[0] == NEVER


def test_the_last_fault_that_ends_is_the_one_to_heal_from() -> None:
    commits = [*commit_all(21 * S, 6), *commit_all(33 * S, 7)]
    assert heal(commits, ends_us=[20 * S, 30 * S, 5 * S])[0] == Value(3.000003, 1, 1)


@pytest.mark.parametrize("ends_us", [[], [-1], [60 * S], [61 * S, -1]])
def test_a_fault_that_does_not_end_is_nothing_to_heal_from(ends_us: list[int]) -> None:
    assert heal(commit_all(25 * S, 6), ends_us=ends_us) == (NOTHING, NOTHING)


def test_healing_is_counted_in_views_that_were_proposed() -> None:
    views = [(18 * S, -1), (-1, -1), (19 * S, -1), (-1, -1), (22 * S, -1), (24 * S, 25 * S)]
    healed = finish_heal(create_ordering(views, commit_all(25 * S, 6), [20 * S]))
    assert healed[1] == Value(3, 1, 1)  # from view 3 to view 6
    before = finish_heal(create_ordering(views, commit_all(23 * S, 6), [20 * S]))
    assert before[1] == Value(2, 1, 1)


def test_a_fault_that_ends_at_once_is_healed_in_no_view() -> None:
    views = [(1 * S, 2 * S)]
    assert finish_heal(create_ordering(views, commit_all(2 * S, 1), [S]))[1] == Value(0, 1, 1)


# who is left out


def create_call(submitted_s: float, wait_s: float | None, **others: int) -> dict[str, int]:
    """A call and how long it waited; None: it still does."""
    submitted_us = int(submitted_s * S)
    if wait_s is None:
        return {"submitted_us": submitted_us, "final_us": -1, "code": PENDING} | others
    return {"submitted_us": submitted_us, "final_us": submitted_us + int(wait_s * S)} | others


OUT = {"censored": 1}


@pytest.mark.parametrize(
    ("calls", "pair"),
    [
        ([], (0, 0)),
        ([create_call(1, 9)], (0, 0)),  # nobody meant to leave it out
        ([create_call(1, CENSORED_AFTER_S, **OUT)], (0, 1)),
        ([create_call(1, CENSORED_AFTER_S + 1e-6, **OUT)], (1, 1)),
        ([create_call(1, None, **OUT), create_call(2, 1, **OUT)], (1, 2)),
        ([create_call(55, None, **OUT)], (0, 1)),  # it waits for just so long
        ([create_call(55.1, None, **OUT)], (0, 0)),  # too late to tell
        ([create_call(1, None, mediated=0, **OUT)], (0, 0)),  # it went round the chain
        ([create_call(1, None, agent=-1, **OUT)], (0, 0)),
        ([create_call(1, None, kind=int(Kind.GRANT), **OUT)], (0, 0)),
        ([create_call(1, 9, code=14, **OUT)], (1, 1)),  # a refusal is a decision as well
    ],
)
def test_a_call_is_kept_out_if_it_is_not_final_in_time(
    calls: list[dict[str, int]], pair: tuple[int, int]
) -> None:
    assert tuple(ordering.count_censored(create_chunk(calls=calls)).tolist()) == pair


def finish_delay(*chunks: Chunk) -> Value:
    return ordering.finish_delay_s([ordering.sum_waits_us(chunk) for chunk in chunks], FACTS)


def test_the_delay_is_the_difference_of_two_means() -> None:
    calls = [create_call(1, 4, **OUT), create_call(2, 8, **OUT), create_call(3, 1)]
    assert finish_delay(create_chunk(calls=calls)) == Value(5, 1, 1)
    calls = [create_call(1, 1, **OUT), create_call(3, 3)]
    assert finish_delay(create_chunk(calls=calls)) == Value(-2, 1, 1)  # luck


def test_a_call_that_is_not_in_yet_has_waited_until_the_horizon() -> None:
    calls = [create_call(40, None, **OUT), create_call(50, 1)]
    assert finish_delay(create_chunk(calls=calls)) == Value(19, 1, 1)


def test_without_a_call_of_either_kind_there_is_no_delay() -> None:
    assert finish_delay(create_chunk(calls=[create_call(1, 1, **OUT)])) == NOTHING
    assert finish_delay(create_chunk(calls=[create_call(1, 1)])) == NOTHING
    assert finish_delay(create_chunk()) == NOTHING


def test_a_delay_over_several_chunks_is_that_over_all_calls() -> None:
    calls = [
        *(create_call(1, wait, **OUT) for wait in (1, 2, 9)),
        *(create_call(2, wait) for wait in (1, 5)),
    ]
    whole = finish_delay(create_chunk(calls=calls))
    assert whole == Value(1, 1, 1)
    assert finish_delay(*(create_chunk(calls=[call]) for call in calls)) == whole
    assert finish_delay(create_chunk(calls=calls[:1]), create_chunk(calls=calls[1:])) == whole


# what became of proof


def test_penalties_are_added_up_as_they_are() -> None:
    penalties = Penalties(n_accused=3, n_slashed=2, slashed=700, slashed_wrongly=50, n_jailed=4)
    chunk = create_chunk(create_ordering(penalties=penalties))
    assert ordering.count_slashed(chunk).tolist() == [2, 3]
    assert ordering.sum_slashed_wrongly(chunk).tolist() == [50, 700]
    assert ordering.count_jailed(chunk).tolist() == [4]


# one value of a replication


def test_one_value_is_found_among_empty_chunks() -> None:
    parts = [np.zeros(0), np.array([2.5]), np.zeros(0)]
    assert ordering.finish_only(parts, FACTS) == Value(2.5, 1, 1)
    assert ordering.finish_only([], FACTS) == NOTHING
    assert ordering.finish_only([np.zeros(0)], FACTS) == NOTHING
    assert ordering.finish_only([np.array([np.inf])], FACTS) == NEVER
