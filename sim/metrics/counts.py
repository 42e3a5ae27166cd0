"""What each outcome adds up, chunk by chunk: its definition as code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.core.reasons import Reason
from sim.core.records import Decision
from sim.core.units import US_PER_S
from sim.metrics.base import (
    Chunk,
    Facts,
    Value,
    create_pair,
    finish_pair,
    is_attempt,
    is_call,
    is_denied,
    is_executed,
    is_overscoped,
    is_pending,
    is_purchase,
    is_unauthorized,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.metrics.base import Flags, Sums


def _count(flags: Flags) -> float:
    return float(np.count_nonzero(flags))


def count_unauthorized(chunk: Chunk) -> Sums:
    """Unauthorized attempts executed, unauthorized attempts."""
    unauthorized = is_unauthorized(chunk)
    return create_pair(_count(unauthorized & is_executed(chunk)), _count(unauthorized))


def count_unmediated(chunk: Chunk) -> Sums:
    """Of the unauthorized attempts executed, those that went round the enforcement point."""
    through = is_unauthorized(chunk) & is_executed(chunk)
    return create_pair(_count(through & (chunk.truths["mediated"] == 0)), _count(through))


def count_overscoped(chunk: Chunk) -> Sums:
    """Over-scoped attempts executed, over-scoped attempts."""
    overscoped = is_overscoped(chunk)
    return create_pair(_count(overscoped & is_executed(chunk)), _count(overscoped))


def count_false_denials(chunk: Chunk) -> Sums:
    """Legitimate attempts denied, legitimate attempts."""
    legit = is_attempt(chunk) & (chunk.truths["legit"] == 1)
    return create_pair(_count(legit & is_denied(chunk)), _count(legit))


def count_finished(chunk: Chunk) -> Sums:
    """Tasks finished by their deadline, tasks submitted whose deadline is not past the horizon."""
    tasks = chunk.tasks
    due = tasks["deadline_us"] <= chunk.horizon_us
    in_time = (tasks["finished_us"] >= 0) & (tasks["finished_us"] <= tasks["deadline_us"])
    return create_pair(_count(due & in_time), _count(due))


def _count_tasks_done(chunk: Chunk) -> float:
    return _count(chunk.tasks["finished_us"] >= 0)


def sum_harm(chunk: Chunk) -> Sums:
    """Harm of executed acts in 1/1000 of tasks: 1000 times their harm, finished tasks."""
    return create_pair(1000.0 * _sum_harm(chunk), _count_tasks_done(chunk))


def _sum_harm(chunk: Chunk) -> float:
    """Harm of executed acts, and of acting on fraudulent signals that were sold."""
    harm = chunk.truths["harm"][is_executed(chunk) & is_call(chunk)].sum()
    return float(harm + chunk.market.sales["harm"].sum())


def sum_harm_of_episode(chunk: Chunk) -> Sums:
    """Harm of executed acts."""
    return np.array([_sum_harm(chunk)])


def count_irreversible(chunk: Chunk) -> Sums:
    """Unauthorized acts executed that cannot be undone."""
    irreversible = chunk.truths["irreversible"] == 1
    return np.array([_count(is_unauthorized(chunk) & is_executed(chunk) & irreversible)])


def sum_exposure(chunk: Chunk) -> Sums:
    """Sampled records beyond the last committed anchor, samples."""
    records = chunk.exposure["records"]
    return create_pair(float(records.sum()), float(len(records)))


def get_exposure(chunk: Chunk) -> Sums:
    """All samples of exposure."""
    return np.asarray(chunk.exposure["records"], dtype=np.float64)


def finish_largest(parts: list[Sums], facts: Facts) -> Value:
    """Largest sample; null without samples."""
    values = np.concatenate(parts) if parts else np.zeros(0)
    return finish_pair([create_pair(float(values.max()), 1.0)] if len(values) else [], facts)


def get_latencies_s(chunk: Chunk) -> Sums:
    """Seconds from submission to the final decision of calls and trades; infinite while pending."""
    calls = is_call(chunk) | is_purchase(chunk)
    final_us, submitted_us = chunk.truths["final_us"], chunk.receipts["submitted_us"]
    latency_s = (final_us - submitted_us) / US_PER_S
    return np.where(is_pending(chunk), np.inf, latency_s)[calls]


def count_prompts(chunk: Chunk) -> Sums:
    """100 times the requests for approval, tasks submitted."""
    return create_pair(100.0 * len(chunk.approvals), float(len(chunk.tasks)))


def get_approval_waits_s(chunk: Chunk) -> Sums:
    """Seconds from asking to the decision; infinite while open."""
    records = chunk.approvals
    wait_s = (records["decided_us"] - records["asked_us"]) / US_PER_S
    return np.where(records["decision"] == int(Decision.OPEN), np.inf, wait_s)


def count_false_approvals(chunk: Chunk) -> Sums:
    """Harmful requests approved, harmful requests asked."""
    harmful = chunk.approvals["harmful"] == 1
    approved = chunk.approvals["decision"] == int(Decision.APPROVED)
    return create_pair(_count(harmful & approved), _count(harmful))


def count_false_refusals(chunk: Chunk) -> Sums:
    """Benign requests refused or timed out, benign requests asked."""
    benign = chunk.approvals["harmful"] == 0
    decision = chunk.approvals["decision"]
    denied = (decision == int(Decision.REFUSED)) | (decision == int(Decision.TIMED_OUT))
    return create_pair(_count(benign & denied), _count(benign))


def count_bypasses(chunk: Chunk) -> Sums:
    """Mediated irreversible acts executed without a valid approval, all such acts executed."""
    acts = is_call(chunk) & (chunk.receipts["code"] == 0) & (chunk.truths["irreversible"] == 1)
    acts &= chunk.truths["mediated"] == 1
    missing = (chunk.receipts["violations"] >> int(Reason.APPROVAL_MISSING)) & 1 == 1
    return create_pair(_count(acts & missing), _count(acts))


def count_forgeries(chunk: Chunk) -> Sums:
    """Mediated forgeries and replays accepted, attempted."""
    forged = is_call(chunk) & (chunk.truths["forged"] == 1) & (chunk.truths["mediated"] == 1)
    return create_pair(_count(forged & (chunk.receipts["code"] == 0)), _count(forged))


def count_four_tuples(chunk: Chunk) -> Sums:
    """Executed effects whose log record is complete and true, executed effects."""
    effects = is_call(chunk) & (chunk.receipts["code"] == 0)
    complete = chunk.truths["log_complete"] == 1
    return create_pair(_count(effects & complete), _count(effects))


def create_cost(total: Callable[[Chunk], float]) -> Callable[[Chunk], Sums]:
    """Sums of a cost and of the tasks finished."""

    def sum_cost(chunk: Chunk) -> Sums:
        return create_pair(total(chunk), _count_tasks_done(chunk))

    return sum_cost


def sum_latency_us(chunk: Chunk) -> float:
    """Microseconds that decided calls waited: whole, so that sums of chunks add up exactly."""
    decided = is_call(chunk) & ~is_pending(chunk)
    return float((chunk.truths["final_us"] - chunk.receipts["submitted_us"])[decided].sum())


def finish_seconds(parts: list[Sums], facts: Facts) -> Value:
    """Microseconds over tasks, as seconds."""
    value = finish_pair(parts, facts)
    return value._replace(num=value.num / US_PER_S)


def sum_messages(chunk: Chunk) -> float:
    """Messages sent."""
    return float(chunk.truths["messages"].sum()) + chunk.messages


def sum_bytes(chunk: Chunk) -> float:
    """Bytes sent."""
    return float(chunk.truths["bytes"].sum()) + chunk.n_bytes


def sum_fees(chunk: Chunk) -> float:
    """Fees charged, in base units."""
    return float(chunk.receipts["fee"].sum())
