"""The outcomes that every run measures: number, name, unit, direction and meaning of each.

What an outcome adds up is in `counts`; here stands what it is called and how it is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sim.core.market import Trick
from sim.metrics import counts, disputes, ordering
from sim.metrics.base import Chunk, Form, Outcome, Value, create_finish_where
from sim.metrics.forms import (
    anchors,
    checks_signatures,
    create_amount,
    create_market,
    create_only,
    create_quantile,
    create_rate,
    create_ratio,
    has_validators,
    keeps_log,
    requires_approval,
    slashes_anybody,
)
from sim.metrics.market_outcomes import JUSTICE, REPUTATION, TRADE

if TYPE_CHECKING:
    from collections.abc import Iterable

_LATENCY = "from submission to the final decision of a call"

_LISTED = (
    create_rate(
        "M1",
        "unauthorized_execution_rate",
        "of the attempts nobody asked for, the share that was executed",
        counts.count_unauthorized,
    ),
    create_rate(
        "M1",
        "unauthorized_unmediated_share",
        "of the unauthorized acts executed, the share that went round the enforcement point",
        counts.count_unmediated,
        direction="",
    ),
    create_rate(
        "M59",
        "overscoped_execution_rate",
        "of the unauthorized attempts without the capability, the share executed",
        counts.count_overscoped,
    ),
    create_rate(
        "M2",
        "false_denial_rate",
        "of the legitimate attempts, the share denied",
        counts.count_false_denials,
    ),
    create_rate(
        "M4",
        "utility_under_attack",
        "tasks finished by their deadline while attackers act",
        counts.count_finished,
        direction="up",
    ),
    create_ratio(
        "M6",
        "harm_per_1000_tasks",
        "value",
        "harm of executed acts for each 1000 finished tasks",
        counts.sum_harm,
    ),
    create_amount(
        "M6",
        "harm_per_episode",
        "value",
        "harm of executed acts in one replication",
        counts.sum_harm_of_episode,
    ),
    create_amount(
        "M8",
        "irreversible_unauthorized_acts",
        "acts",
        "unauthorized acts in one replication that cannot be undone",
        counts.count_irreversible,
    ),
    create_quantile("M45", "commit_latency_p50", _LATENCY, counts.get_latencies_s, 0.5),
    create_quantile("M45", "commit_latency_p95", _LATENCY, counts.get_latencies_s, 0.95),
    create_quantile("M45", "commit_latency_p99", _LATENCY, counts.get_latencies_s, 0.99),
    create_ratio(
        "M51",
        "approval_load",
        "per 100 tasks",
        "requests for approval for each 100 tasks",
        counts.count_prompts,
        requires_approval,
    ),
    create_quantile(
        "M51",
        "approval_wait_p95",
        "from asking a reviewer to the decision",
        counts.get_approval_waits_s,
        0.95,
        requires_approval,
    ),
    create_rate(
        "M52",
        "approval_false_approve_rate",
        "of the harmful requests asked, the share approved",
        counts.count_false_approvals,
        applies=requires_approval,
    ),
    create_rate(
        "M52",
        "approval_false_refuse_rate",
        "of the benign requests asked, the share refused or timed out",
        counts.count_false_refusals,
        applies=requires_approval,
    ),
    create_rate(
        "M62",
        "four_tuple_completeness",
        "executed effects whose log says truly who, with which capabilities, what and when",
        counts.count_four_tuples,
        direction="up",
        applies=keeps_log,
    ),
    create_ratio(
        "M31",
        "unanchored_exposure",
        "records",
        "log records that an operator could still rewrite unseen, mean over time",
        counts.sum_exposure,
        anchors,
    ),
    Outcome(
        "M31",
        "unanchored_exposure_max",
        "records",
        "down",
        Form.QUANTILE,
        "log records that an operator could still rewrite unseen, at their most",
        counts.get_exposure,
        create_finish_where(anchors, counts.finish_largest),
    ),
    create_rate(
        "M53",
        "approval_bypass_rate",
        "gate: mediated irreversible acts executed without a valid approval",
        counts.count_bypasses,
        applies=requires_approval,
    ),
    create_rate(
        "M56",
        "forgery_acceptance_rate",
        "gate: forged and replayed calls accepted",
        counts.count_forgeries,
        applies=checks_signatures,
    ),
    create_rate(
        "M18",
        "wrongful_slash_share",
        "of the stake slashed, the share taken from who had done nothing",
        disputes.sum_wrongful,
        applies=slashes_anybody,
    ),
    Outcome(
        "M19",
        "slash_recall",
        "share",
        "up",
        Form.RATE,
        "of the provable offences, those that cost stake: of validators that an honest one had "
        "proof against, and of fraudulent signals sold whose window is over",
        disputes.keep_offences,
        create_finish_where(slashes_anybody, disputes.finish_recall),
    ),
    create_amount(
        "M19",
        "validators_jailed",
        "times",
        "times a validator was jailed for its absence; that costs no stake",
        ordering.count_jailed,
        has_validators,
    ),
    create_amount(
        "M44",
        "ledger_safety_violations",
        "pairs",
        "gate: pairs of honest validators with different blocks committed at one height",
        ordering.count_conflicts,
        has_validators,
    ),
    create_amount(
        "M44",
        "conflicting_transactions",
        "transactions",
        "transactions final for one honest validator in a block that another has not",
        ordering.count_conflicting_transactions,
        has_validators,
    ),
    create_quantile(
        "M45",
        "block_latency_p50",
        "from the proposal of a block to its first commit by an honest validator",
        ordering.get_block_latencies_s,
        0.5,
        has_validators,
    ),
    create_rate(
        "M46",
        "wasted_view_share",
        "views whose block is never committed, of all up to the last committed one",
        ordering.count_wasted_views,
        applies=has_validators,
    ),
    create_only(
        "M47",
        "heal_time",
        "s",
        "from the end of the last fault until the honest stand at one height, a new one",
        ordering.get_heal_s,
    ),
    create_only(
        "M47", "heal_views", "views", "heal_time in views proposed", ordering.get_heal_views
    ),
    create_rate(
        "M48",
        "censorship_rate",
        f"calls of left-out agents that are not final within {ordering.CENSORED_AFTER_S} s",
        ordering.count_censored,
        applies=has_validators,
    ),
    create_only(
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
        create_ratio(
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
    *TRADE,
    *JUSTICE,
    *REPUTATION,
)

OUTCOMES: dict[str, Outcome] = {outcome.name: outcome for outcome in _LISTED}

# measured on a second arm, in which attackers stay idle
CLEAN = create_rate(
    "M4c",
    "utility_clean",
    "tasks finished by their deadline while no attacker acts",
    counts.count_finished,
    direction="up",
)

# measured on a third arm, in which attackers have one identity each and keep it
PLAIN = create_market(
    "M36",
    "attacker_payoff_plain",
    "base units",
    "",
    Form.MEAN,
    "attacker_payoff where every attacker has one name and keeps it, on the same stake",
    ("traders",),
    disputes.sum_payoff,
)

# what a policy costs above `unguarded`, from the outcome it is the difference of
OVERHEADS = {
    f"policy_overhead_{name}": f"task_{name}" for name in ("latency", "messages", "bytes", "fee")
}


class Gain(NamedTuple):
    """What names bought an attacker: its payoff with them beside that on the plain arm."""

    metric: str
    name: str
    unit: str
    trick: Trick
    is_ratio: bool
    meaning: str


GAINS = {
    gain.name: gain
    for gain in (
        Gain(
            "M36",
            "sybil_gain",
            "ratio",
            Trick.SYBIL,
            True,
            "payoff of attackers with all their identities to that with one (1: they buy "
            "nothing); null unless the latter is surely above 0",
        ),
        Gain(
            "M36",
            "sybil_gain_difference",
            "base units",
            Trick.SYBIL,
            False,
            "payoff of attackers with all their identities less that with one",
        ),
        Gain(
            "M37",
            "whitewash_gain",
            "base units",
            Trick.WHITEWASH,
            False,
            "payoff of attackers that begin anew under another name less that of those that keep "
            "theirs",
        ),
    )
}

# outcomes that can be below zero
SIGNED = frozenset(
    {
        *OVERHEADS,
        *GAINS,
        PLAIN.name,
        "attacker_payoff",
        "attacker_return",
        "censorship_delay",
        "collusion_inflation",
        "honest_surplus",
        "market_welfare",
    }
)


HELD_AT_ZERO = (  # one is too many, under any policy that has such a thing
    "ledger_safety_violations",
    "approval_bypass_rate",
    "forgery_acceptance_rate",
    "wrongful_slash_share",
)


def get_outcomes() -> dict[str, Outcome]:
    """Every outcome that is measured directly, in the order of tables."""
    ordered: dict[str, Outcome] = {}
    for name, outcome in OUTCOMES.items():
        ordered[name] = outcome
        if name == "utility_under_attack":
            ordered[CLEAN.name] = CLEAN
        if name == "attacker_payoff":
            ordered[PLAIN.name] = PLAIN
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
