"""The outcomes that every run measures: number, name, unit, direction and meaning of each.

What an outcome adds up is in `counts`; here stands what it is called and how it is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.metrics import counts, ordering
from sim.metrics.base import (
    Chunk,
    Facts,
    Form,
    Outcome,
    Value,
    create_finish_quantile,
    create_finish_where,
    finish_count,
    finish_pair,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sim.metrics.base import Sums

    Update = Callable[[Chunk], Sums]
    Finish = Callable[[list[Sums], Facts], Value]
    Applies = Callable[[Facts], bool]


def _keeps_log(facts: Facts) -> bool:
    return not facts.is_bound


def _checks_signatures(facts: Facts) -> bool:
    return facts.checks_signatures


def _requires_approval(facts: Facts) -> bool:
    return facts.requires_approval


def _anchors(facts: Facts) -> bool:
    return facts.anchors


def _has_validators(facts: Facts) -> bool:
    return facts.has_validators


def _always(facts: Facts) -> bool:
    return True


def _create_rate(
    metric: str,
    name: str,
    meaning: str,
    update: Update,
    *,
    direction: str = "down",
    applies: Applies = _always,
) -> Outcome:
    """A share in 0..1: sum of numerators over sum of denominators."""
    finish = create_finish_where(applies, finish_pair)
    return Outcome(metric, name, "share", direction, Form.RATE, meaning, update, finish)


def _create_ratio(
    metric: str, name: str, unit: str, meaning: str, update: Update, applies: Applies = _always
) -> Outcome:
    """A ratio without an upper limit, smaller is better."""
    finish = create_finish_where(applies, finish_pair)
    return Outcome(metric, name, unit, "down", Form.RATIO, meaning, update, finish)


def _create_amount(
    metric: str, name: str, unit: str, meaning: str, update: Update, applies: Applies = _always
) -> Outcome:
    """An amount of each replication, smaller is better."""
    finish = create_finish_where(applies, finish_count)
    return Outcome(metric, name, unit, "down", Form.MEAN, meaning, update, finish)


def _create_only(
    metric: str,
    name: str,
    unit: str,
    meaning: str,
    update: Update,
    finish: Finish = ordering.finish_only,
) -> Outcome:
    """One value of each replication, of its validators; smaller is better."""
    finish = create_finish_where(_has_validators, finish)
    return Outcome(metric, name, unit, "down", Form.QUANTILE, meaning, update, finish)


def _create_quantile(
    metric: str,
    name: str,
    meaning: str,
    update: Update,
    share: float,
    applies: Applies = _always,
) -> Outcome:
    """Seconds that a share of observations does not exceed; needs 5 beyond it on average."""
    observations_min = {0.5: 20, 0.95: 100, 0.99: 500}[share]
    finish = create_finish_where(applies, create_finish_quantile(share, observations_min))
    return Outcome(metric, name, "s", "down", Form.QUANTILE, meaning, update, finish)


_LATENCY = "from submission to the final decision of a call"

_LISTED = (
    _create_rate(
        "M1",
        "unauthorized_execution_rate",
        "of the attempts nobody asked for, the share that was executed",
        counts.count_unauthorized,
    ),
    _create_rate(
        "M1",
        "unauthorized_unmediated_share",
        "of the unauthorized acts executed, the share that went round the enforcement point",
        counts.count_unmediated,
        direction="",
    ),
    _create_rate(
        "M59",
        "overscoped_execution_rate",
        "of the unauthorized attempts without the capability, the share executed",
        counts.count_overscoped,
    ),
    _create_rate(
        "M2",
        "false_denial_rate",
        "of the legitimate attempts, the share denied",
        counts.count_false_denials,
    ),
    _create_rate(
        "M4",
        "utility_under_attack",
        "tasks finished by their deadline while attackers act",
        counts.count_finished,
        direction="up",
    ),
    _create_ratio(
        "M6",
        "harm_per_1000_tasks",
        "value",
        "harm of executed acts for each 1000 finished tasks",
        counts.sum_harm,
    ),
    _create_amount(
        "M6",
        "harm_per_episode",
        "value",
        "harm of executed acts in one replication",
        counts.sum_harm_of_episode,
    ),
    _create_amount(
        "M8",
        "irreversible_unauthorized_acts",
        "acts",
        "unauthorized acts in one replication that cannot be undone",
        counts.count_irreversible,
    ),
    _create_quantile("M45", "commit_latency_p50", _LATENCY, counts.get_latencies_s, 0.5),
    _create_quantile("M45", "commit_latency_p95", _LATENCY, counts.get_latencies_s, 0.95),
    _create_quantile("M45", "commit_latency_p99", _LATENCY, counts.get_latencies_s, 0.99),
    _create_ratio(
        "M51",
        "approval_load",
        "per 100 tasks",
        "requests for approval for each 100 tasks",
        counts.count_prompts,
        _requires_approval,
    ),
    _create_quantile(
        "M51",
        "approval_wait_p95",
        "from asking a reviewer to the decision",
        counts.get_approval_waits_s,
        0.95,
        _requires_approval,
    ),
    _create_rate(
        "M52",
        "approval_false_approve_rate",
        "of the harmful requests asked, the share approved",
        counts.count_false_approvals,
        applies=_requires_approval,
    ),
    _create_rate(
        "M52",
        "approval_false_refuse_rate",
        "of the benign requests asked, the share refused or timed out",
        counts.count_false_refusals,
        applies=_requires_approval,
    ),
    _create_rate(
        "M62",
        "four_tuple_completeness",
        "executed effects whose log says truly who, with which capabilities, what and when",
        counts.count_four_tuples,
        direction="up",
        applies=_keeps_log,
    ),
    _create_ratio(
        "M31",
        "unanchored_exposure",
        "records",
        "log records that an operator could still rewrite unseen, mean over time",
        counts.sum_exposure,
        _anchors,
    ),
    Outcome(
        "M31",
        "unanchored_exposure_max",
        "records",
        "down",
        Form.QUANTILE,
        "the same, at its largest",
        counts.get_exposure,
        create_finish_where(_anchors, counts.finish_largest),
    ),
    _create_rate(
        "M53",
        "approval_bypass_rate",
        "gate: mediated irreversible acts executed without a valid approval",
        counts.count_bypasses,
        applies=_requires_approval,
    ),
    _create_rate(
        "M56",
        "forgery_acceptance_rate",
        "gate: forged and replayed calls accepted",
        counts.count_forgeries,
        applies=_checks_signatures,
    ),
    _create_rate(
        "M18",
        "wrongful_slash_share",
        "of the stake slashed, the share taken from validators that had done nothing",
        ordering.sum_slashed_wrongly,
        applies=_has_validators,
    ),
    _create_rate(
        "M19",
        "slash_recall",
        "of the validators that an honest one had proof against, the share that lost stake",
        ordering.count_slashed,
        direction="up",
        applies=_has_validators,
    ),
    _create_amount(
        "M19",
        "validators_jailed",
        "times",
        "times a validator was jailed for its absence; that costs no stake",
        ordering.count_jailed,
        _has_validators,
    ),
    _create_amount(
        "M44",
        "ledger_safety_violations",
        "pairs",
        "gate: pairs of honest validators with different blocks committed at one height",
        ordering.count_conflicts,
        _has_validators,
    ),
    _create_amount(
        "M44",
        "conflicting_transactions",
        "transactions",
        "transactions final for one honest validator in a block that another has not",
        ordering.count_conflicting_transactions,
        _has_validators,
    ),
    _create_quantile(
        "M45",
        "block_latency_p50",
        "from the proposal of a block to its first commit by an honest validator",
        ordering.get_block_latencies_s,
        0.5,
        _has_validators,
    ),
    _create_rate(
        "M46",
        "wasted_view_share",
        "views whose block is never committed, of all up to the last committed one",
        ordering.count_wasted_views,
        applies=_has_validators,
    ),
    _create_only(
        "M47",
        "heal_time",
        "s",
        "from the end of the last fault until the honest stand at one height, a new one",
        ordering.get_heal_s,
    ),
    _create_only(
        "M47", "heal_views", "views", "the same, in views proposed", ordering.get_heal_views
    ),
    _create_rate(
        "M48",
        "censorship_rate",
        f"calls of left-out agents that are not final within {ordering.CENSORED_AFTER_S} s",
        ordering.count_censored,
        applies=_has_validators,
    ),
    _create_only(
        "M48",
        "censorship_delay",
        "s",
        "mean wait of left-out agents less that of the others",
        ordering.sum_waits_us,
        ordering.finish_delay_s,
    ),
    Outcome(
        "M55",
        "task_latency",
        "s a task",
        "down",
        Form.RATIO,
        "waiting spent for each finished task, before the baseline is taken off",
        counts.create_cost(counts.sum_latency_us),
        counts.finish_seconds,
    ),
    *(
        _create_ratio(
            "M55",
            f"task_{name}",
            f"{unit} a task",
            f"{name} spent for each finished task, before the baseline is taken off",
            counts.create_cost(total),
        )
        for name, unit, total in (
            ("messages", "messages", counts.sum_messages),
            ("bytes", "bytes", counts.sum_bytes),
            ("fee", "base units", counts.sum_fees),
        )
    ),
)

OUTCOMES: dict[str, Outcome] = {outcome.name: outcome for outcome in _LISTED}

# measured on a second arm, in which attackers stay idle
CLEAN = _create_rate(
    "M4c",
    "utility_clean",
    "tasks finished by their deadline while no attacker acts",
    counts.count_finished,
    direction="up",
)

# what a policy costs above `unguarded`, from the outcome it is the difference of
OVERHEADS = {
    f"policy_overhead_{name}": f"task_{name}" for name in ("latency", "messages", "bytes", "fee")
}


def get_outcomes() -> dict[str, Outcome]:
    """Every outcome that is measured directly, in the order of tables."""
    ordered: dict[str, Outcome] = {}
    for name, outcome in OUTCOMES.items():
        ordered[name] = outcome
        if name == "utility_under_attack":
            ordered[CLEAN.name] = CLEAN
    return ordered


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
