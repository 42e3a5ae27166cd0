"""The outcomes that every run measures, each with its definition beside its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.core.reasons import Reason
from sim.core.records import Decision
from sim.core.units import US_PER_S
from sim.metrics.base import (
    Chunk,
    Facts,
    Form,
    Outcome,
    Value,
    create_finish_quantile,
    create_finish_where,
    create_pair,
    finish_count,
    finish_pair,
    is_attempt,
    is_call,
    is_denied,
    is_executed,
    is_overscoped,
    is_pending,
    is_unauthorized,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

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
    harm = chunk.truths["harm"][is_executed(chunk) & is_call(chunk)].sum()
    return create_pair(1000.0 * float(harm), _count_tasks_done(chunk))


def sum_harm_of_episode(chunk: Chunk) -> Sums:
    """Harm of executed acts."""
    return np.array([chunk.truths["harm"][is_executed(chunk) & is_call(chunk)].sum()], float)


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
    """Seconds from submission to the final decision of every call; infinite while pending."""
    calls = is_call(chunk)
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
    """Harmful requests approved, harmful requests decided."""
    decided = chunk.approvals["decision"] != int(Decision.OPEN)
    harmful = decided & (chunk.approvals["harmful"] == 1)
    approved = chunk.approvals["decision"] == int(Decision.APPROVED)
    return create_pair(_count(harmful & approved), _count(harmful))


def count_false_refusals(chunk: Chunk) -> Sums:
    """Benign requests refused or timed out, benign requests decided."""
    decided = chunk.approvals["decision"] != int(Decision.OPEN)
    benign = decided & (chunk.approvals["harmful"] == 0)
    approved = chunk.approvals["decision"] == int(Decision.APPROVED)
    return create_pair(_count(benign & ~approved), _count(benign))


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


def _create_cost(total: Callable[[Chunk], float]) -> Callable[[Chunk], Sums]:
    """Sums of a cost and of the tasks finished."""

    def sum_cost(chunk: Chunk) -> Sums:
        return create_pair(total(chunk), _count_tasks_done(chunk))

    return sum_cost


def _sum_latency_s(chunk: Chunk) -> float:
    latencies = get_latencies_s(chunk)
    return float(latencies[np.isfinite(latencies)].sum())


def _sum_messages(chunk: Chunk) -> float:
    return float(chunk.truths["messages"].sum()) + chunk.messages


def _sum_bytes(chunk: Chunk) -> float:
    return float(chunk.truths["bytes"].sum()) + chunk.n_bytes


def _sum_fees(chunk: Chunk) -> float:
    return float(chunk.receipts["fee"].sum())


def _keeps_log(facts: Facts) -> bool:
    return not facts.is_bound


def _checks_signatures(facts: Facts) -> bool:
    return facts.checks_signatures


def _requires_approval(facts: Facts) -> bool:
    return facts.requires_approval


def _anchors(facts: Facts) -> bool:
    return facts.anchors


def _create_outcomes() -> Iterable[Outcome]:
    yield Outcome(
        "M1",
        "unauthorized_execution_rate",
        "share",
        "down",
        Form.RATE,
        "of the attempts nobody asked for, the share that was executed",
        count_unauthorized,
        finish_pair,
    )
    yield Outcome(
        "M1",
        "unauthorized_unmediated_share",
        "share",
        "",
        Form.RATE,
        "of the unauthorized acts executed, the share that went round the enforcement point",
        count_unmediated,
        finish_pair,
    )
    yield Outcome(
        "M59",
        "overscoped_execution_rate",
        "share",
        "down",
        Form.RATE,
        "of the unauthorized attempts without the capability, the share executed",
        count_overscoped,
        finish_pair,
    )
    yield Outcome(
        "M2",
        "false_denial_rate",
        "share",
        "down",
        Form.RATE,
        "of the legitimate attempts, the share denied",
        count_false_denials,
        finish_pair,
    )
    yield Outcome(
        "M4",
        "utility_under_attack",
        "share",
        "up",
        Form.RATE,
        "tasks finished by their deadline while attackers act",
        count_finished,
        finish_pair,
    )
    yield Outcome(
        "M6",
        "harm_per_1000_tasks",
        "value",
        "down",
        Form.RATIO,
        "harm of executed acts for each 1000 finished tasks",
        sum_harm,
        finish_pair,
    )
    yield Outcome(
        "M6",
        "harm_per_episode",
        "value",
        "down",
        Form.MEAN,
        "harm of executed acts in one replication",
        sum_harm_of_episode,
        finish_count,
    )
    yield Outcome(
        "M8",
        "irreversible_unauthorized_acts",
        "acts",
        "down",
        Form.MEAN,
        "unauthorized acts in one replication that cannot be undone",
        count_irreversible,
        finish_count,
    )
    for share, least in ((50, 20), (95, 100), (99, 500)):
        yield Outcome(
            "M45",
            f"commit_latency_p{share}",
            "s",
            "down",
            Form.QUANTILE,
            "from submission to the final decision of a call",
            get_latencies_s,
            create_finish_quantile(share / 100, least),
        )
    yield Outcome(
        "M51",
        "approval_load",
        "per 100 tasks",
        "down",
        Form.RATIO,
        "requests for approval for each 100 tasks",
        count_prompts,
        create_finish_where(_requires_approval, finish_pair),
    )
    yield Outcome(
        "M51",
        "approval_wait_p95",
        "s",
        "down",
        Form.QUANTILE,
        "from asking a reviewer to the decision",
        get_approval_waits_s,
        create_finish_where(_requires_approval, create_finish_quantile(0.95, 100)),
    )
    yield Outcome(
        "M52",
        "approval_false_approve_rate",
        "share",
        "down",
        Form.RATE,
        "of the harmful requests decided, the share approved",
        count_false_approvals,
        create_finish_where(_requires_approval, finish_pair),
    )
    yield Outcome(
        "M52",
        "approval_false_refuse_rate",
        "share",
        "down",
        Form.RATE,
        "of the benign requests decided, the share refused or timed out",
        count_false_refusals,
        create_finish_where(_requires_approval, finish_pair),
    )
    yield Outcome(
        "M62",
        "four_tuple_completeness",
        "share",
        "up",
        Form.RATE,
        "executed effects whose log says truly who, with which capabilities, what and when",
        count_four_tuples,
        create_finish_where(_keeps_log, finish_pair),
    )
    yield Outcome(
        "M31",
        "unanchored_exposure",
        "records",
        "down",
        Form.RATIO,
        "log records that an operator could still rewrite unseen, mean over time",
        sum_exposure,
        create_finish_where(_anchors, finish_pair),
    )
    yield Outcome(
        "M31",
        "unanchored_exposure_max",
        "records",
        "down",
        Form.QUANTILE,
        "the same, at its largest",
        get_exposure,
        create_finish_where(_anchors, finish_largest),
    )
    yield Outcome(
        "M53",
        "approval_bypass_rate",
        "share",
        "down",
        Form.RATE,
        "gate: mediated irreversible acts executed without a valid approval",
        count_bypasses,
        create_finish_where(_requires_approval, finish_pair),
    )
    yield Outcome(
        "M56",
        "forgery_acceptance_rate",
        "share",
        "down",
        Form.RATE,
        "gate: forged and replayed calls accepted",
        count_forgeries,
        create_finish_where(_checks_signatures, finish_pair),
    )
    for name, unit, total in (
        ("latency", "s", _sum_latency_s),
        ("messages", "messages", _sum_messages),
        ("bytes", "bytes", _sum_bytes),
        ("fee", "base units", _sum_fees),
    ):
        yield Outcome(
            "M55",
            f"task_{name}",
            f"{unit} a task",
            "down",
            Form.RATIO,
            f"{name} spent for each finished task, before the baseline is taken off",
            _create_cost(total),
            finish_pair,
        )


OUTCOMES: dict[str, Outcome] = {outcome.name: outcome for outcome in _create_outcomes()}

# measured on a second arm, in which attackers stay idle
CLEAN = Outcome(
    "M4c",
    "utility_clean",
    "share",
    "up",
    Form.RATE,
    "tasks finished by their deadline while no attacker acts",
    count_finished,
    finish_pair,
)

# what a policy costs above `unguarded`, from the outcome it is the difference of
OVERHEADS = {
    f"policy_overhead_{name}": f"task_{name}" for name in ("latency", "messages", "bytes", "fee")
}
GATES = ("approval_bypass_rate", "forgery_acceptance_rate")


def measure(chunks: Iterable[Chunk], outcomes: Iterable[Outcome]) -> dict[str, Value]:
    """Every outcome of one replication.

    Errors: ValueError if there is no chunk.
    """
    listed = list(chunks)
    if not listed:
        raise ValueError("nothing was recorded")
    facts = listed[0].facts
    return {
        outcome.name: outcome.finish([outcome.update(chunk) for chunk in listed], facts)
        for outcome in outcomes
    }
