"""A desk with clerks and impatient visitors."""

from __future__ import annotations

from dataclasses import dataclass

import simpy

from sim.engine.desk import visit_desk


@dataclass
class Visitor:
    asked_us: int
    service_us: int
    decided_us: int = -1
    timed_out: bool = False
    waiting_before: int = -1


def visit_all(visitors: list[Visitor], clerks: int, patience_us: int) -> list[Visitor]:
    """Run the desk; return the visitors in the order in which they left."""
    env = simpy.Environment()
    desk = simpy.PriorityResource(env, capacity=clerks)
    left: list[Visitor] = []
    for visitor in visitors:
        env.process(visit_desk(env, desk, visitor, patience_us, left.append))  # type: ignore[arg-type]
    env.run()
    assert desk.count == 0
    assert not desk.queue
    return left


def test_a_visitor_is_served_at_once_where_a_clerk_is_free() -> None:
    visitor = Visitor(asked_us=100, service_us=30)
    assert visit_all([visitor], clerks=1, patience_us=1000) == [visitor]
    assert (visitor.decided_us, visitor.timed_out, visitor.waiting_before) == (130, False, 0)


def test_visitors_are_served_in_order_of_arrival() -> None:
    visitors = [Visitor(10, 50), Visitor(0, 100), Visitor(20, 5)]
    left = visit_all(visitors, clerks=1, patience_us=1000)
    assert [visitor.decided_us for visitor in left] == [100, 150, 155]
    assert [visitor.asked_us for visitor in left] == [0, 10, 20]


def test_as_many_are_served_at_once_as_there_are_clerks() -> None:
    visitors = [Visitor(0, 100) for _ in range(5)]
    visit_all(visitors, clerks=2, patience_us=1000)
    assert [visitor.decided_us for visitor in visitors] == [100, 100, 200, 200, 300]


def test_who_is_there_before_is_counted_served_or_not() -> None:
    visitors = [Visitor(moment, 100) for moment in range(4)]
    visit_all(visitors, clerks=2, patience_us=1000)
    assert [visitor.waiting_before for visitor in visitors] == [0, 1, 2, 3]


def test_a_review_that_is_broken_off_frees_the_clerk() -> None:
    visitors = [Visitor(0, 100), Visitor(10, 1), Visitor(20, 1)]
    visit_all(visitors, clerks=1, patience_us=85)
    assert [visitor.timed_out for visitor in visitors] == [True, False, False]
    assert [visitor.decided_us for visitor in visitors] == [85, 86, 87]


def test_who_waits_longer_than_patience_is_never_served() -> None:
    visitors = [Visitor(0, 50), Visitor(0, 50), Visitor(0, 50)]
    visit_all(visitors, clerks=1, patience_us=60)
    assert [visitor.timed_out for visitor in visitors] == [False, True, True]
    assert [visitor.decided_us for visitor in visitors] == [50, 60, 60]


def test_patience_ends_a_review_that_takes_too_long() -> None:
    visitors = [Visitor(0, 500), Visitor(1, 10)]
    visit_all(visitors, clerks=1, patience_us=60)
    assert [visitor.timed_out for visitor in visitors] == [True, True]
    assert visitors[0].decided_us == 60


def test_a_review_that_ends_with_patience_is_in_time() -> None:
    visitor = Visitor(0, 60)
    visit_all([visitor], clerks=1, patience_us=60)
    assert (visitor.decided_us, visitor.timed_out) == (60, False)
