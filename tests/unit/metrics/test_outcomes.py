from __future__ import annotations

import random
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from sim.cli.listing import list_metrics
from sim.core.reasons import GOVERNANCE, PENDING, Reason
from sim.core.records import (
    APPROVAL_REQUEST,
    EXPOSURE,
    RECEIPT,
    TASK,
    TRUTH,
    Decision,
    Kind,
    Records,
)
from sim.metrics.base import Chunk, Facts, Form, NullReason, Value
from sim.metrics.market_outcomes import JUSTICE, REPUTATION, TRADE
from sim.metrics.outcomes import CLEAN, GAINS, OUTCOMES, OVERHEADS, PLAIN, measure
from sim.trace.ordering import COMMIT, NO_ORDERING, VIEW, FaultRecord, Ordering, Penalties
from tests.markets import LAYOUTS, create_random_market

if TYPE_CHECKING:
    from collections.abc import Sequence

Row = dict[str, int]

FACTS = Facts(
    is_bound=False,
    checks_signatures=True,
    requires_approval=True,
    anchors=True,
    has_validators=True,
    slashes=True,
    shares_scores=True,
    settles_disputes=True,
)
EVERY = [*OUTCOMES.values(), CLEAN, PLAIN]
HELD, OTHER = 0b01, 0b10
BUSINESS = [r for r in Reason if r is not Reason.APPLIED and r not in GOVERNANCE]
S = 1_000_000

FLAGS = ("legit", "irreversible", "mediated", "forged", "cancelled", "log_complete", "censored")

LEGIT: Row = {"legit": 1, "required": HELD}
MISUSED: Row = {"legit": 0, "required": HELD}
OVERSCOPED: Row = {"legit": 0, "required": OTHER}
EXECUTED: Row = {"code": 0}
DENIED: Row = {"code": int(Reason.CAPABILITY_DENIED)}
WAITING: Row = {"code": PENDING, "final_us": -1}

# The names, numbers and directions of the metric reference; companions under their metric.
REFERENCE = {
    "unauthorized_execution_rate": ("M1", "down"),
    "unauthorized_unmediated_share": ("M1", ""),
    "overscoped_execution_rate": ("M59", "down"),
    "false_denial_rate": ("M2", "down"),
    "utility_under_attack": ("M4", "up"),
    "utility_clean": ("M4c", "up"),
    "harm_per_1000_tasks": ("M6", "down"),
    "harm_per_episode": ("M6", "down"),
    "irreversible_unauthorized_acts": ("M8", "down"),
    "commit_latency_p50": ("M45", "down"),
    "commit_latency_p95": ("M45", "down"),
    "commit_latency_p99": ("M45", "down"),
    "wrongful_slash_share": ("M18", "down"),
    "slash_recall": ("M19", "up"),
    "validators_jailed": ("M19", "down"),
    "ledger_safety_violations": ("M44", "down"),
    "conflicting_transactions": ("M44", "down"),
    "block_latency_p50": ("M45", "down"),
    "wasted_view_share": ("M46", "down"),
    "heal_time": ("M47", "down"),
    "heal_views": ("M47", "down"),
    "censorship_rate": ("M48", "down"),
    "censorship_delay": ("M48", "down"),
    "approval_load": ("M51", "down"),
    "approval_wait_p95": ("M51", "down"),
    "approval_false_approve_rate": ("M52", "down"),
    "approval_false_refuse_rate": ("M52", "down"),
    "approval_bypass_rate": ("M53", "down"),
    "forgery_acceptance_rate": ("M56", "down"),
    "four_tuple_completeness": ("M62", "up"),
    "unanchored_exposure": ("M31", "down"),
    "unanchored_exposure_max": ("M31", "down"),
    "task_latency": ("M55", "down"),
    "task_messages": ("M55", "down"),
    "task_bytes": ("M55", "down"),
    "task_fee": ("M55", "down"),
    "unpaid_signal_rate": ("M60", "down"),
    "unpaid_value": ("M60", "down"),
    "purchases_unfunded": ("M60", ""),
    "fraud_loss_rate": ("M61", "down"),
    "market_volume": ("M61", "up"),
    "signals_sold": ("M61", "up"),
    "market_welfare": ("M61", "up"),
    "honest_surplus": ("M61", "up"),
    "attacker_return": ("M21", "down"),
    "attacker_payoff": ("M21", "down"),
    "attacker_payoff_plain": ("M36", ""),
    "attribution_accuracy": ("M16", "up"),
    "false_accusation_rate": ("M17", "down"),
    "restitution_ratio": ("M20", "up"),
    "dispute_correctness": ("M40", "up"),
    "unchallenged_fraud_rate": ("M41", "down"),
    "dispute_resolution_time_p50": ("M42", "down"),
    "dispute_resolution_time_p95": ("M42", "down"),
    "dispute_capital_locked": ("M42", "down"),
    "verifier_participation": ("M43", "up"),
    "reputation_auc": ("M33", "up"),
    "reputation_auc_mean": ("M33", ""),
    "reputation_brier": ("M34", "down"),
    "reputation_base_rate": ("M34", ""),
    "time_to_demote": ("M35", "down"),
    "frauds_before_demotion": ("M35", "down"),
    "newcomer_parity": ("M38", ""),
    "collusion_inflation": ("M39", "down"),
}
OF_MARKETS = {PLAIN, *TRADE, *JUSTICE, *REPUTATION}


def create_table(dtype: np.dtype[np.void], rows: Sequence[Row]) -> Records:
    table = np.zeros(len(rows), dtype=dtype)
    for record, row in zip(table, rows, strict=True):
        for name, value in row.items():
            record[name] = value
    return table


def create_chunk(
    calls: Sequence[Row] = (),
    tasks: Sequence[Row] = (),
    approvals: Sequence[Row] = (),
    exposure: Sequence[Row] = (),
    **others: Any,
) -> Chunk:
    """Calls of an agent that holds `HELD`, through the enforcement point; other tables as told."""
    receipts, truths = np.zeros(len(calls), dtype=RECEIPT), np.zeros(len(calls), dtype=TRUTH)
    receipts["kind"], receipts["caps_effective"] = Kind.CALL, HELD
    truths["mediated"] = 1
    for index, row in enumerate(calls):
        for name, value in row.items():
            (receipts if name in (RECEIPT.names or ()) else truths)[index][name] = value
    chunk = Chunk(
        facts=FACTS,
        horizon_us=60 * S,
        receipts=receipts,
        truths=truths,
        tasks=create_table(TASK, tasks),
        approvals=create_table(APPROVAL_REQUEST, approvals),
        exposure=create_table(EXPOSURE, exposure),
    )
    return chunk._replace(**others)


def create_task(finished_s: int, deadline_s: int = 50) -> Row:
    finished_us = -1 if finished_s < 0 else finished_s * S
    return {"deadline_us": deadline_s * S, "finished_us": finished_us}


def create_request(decision: Decision, *, harmful: bool, wait_s: int = 1) -> Row:
    decided_us = -1 if decision is Decision.OPEN else wait_s * S
    return {"decision": int(decision), "harmful": int(harmful), "decided_us": decided_us}


def get_value(name: str, *chunks: Chunk) -> Value:
    return measure(chunks, EVERY)[name]


def get_pair(name: str, chunk: Chunk) -> tuple[float, float]:
    value = get_value(name, chunk)
    assert value.reason is None
    return value.num, value.den


# The twelve calls of the reference's worked vector; the twelfth is never delivered, so no
# decision and no receipt exists.
VECTOR = create_chunk(
    [
        LEGIT | EXECUTED,
        LEGIT | EXECUTED,
        LEGIT | DENIED,
        LEGIT | EXECUTED,
        LEGIT | EXECUTED,
        LEGIT | {"code": int(Reason.APPROVAL_MISSING)},  # nobody decided in time
        OVERSCOPED | DENIED | {"harm": 20},
        OVERSCOPED | EXECUTED | {"harm": 40, "irreversible": 1},
        OVERSCOPED | DENIED | {"harm": 20},
        MISUSED | EXECUTED | {"harm": 10},
        MISUSED | DENIED | {"harm": 10},
    ],
    [create_task(10)] * 4 + [create_task(-1)] * 2,
)


@pytest.mark.parametrize(
    ("name", "num", "den"),
    [
        ("overscoped_execution_rate", 1, 3),
        ("unauthorized_execution_rate", 2, 5),
        ("false_denial_rate", 2, 6),
        ("utility_under_attack", 4, 6),
        ("utility_clean", 4, 6),
        ("harm_per_1000_tasks", 50_000, 4),
        ("harm_per_episode", 50, 1),
        ("irreversible_unauthorized_acts", 1, 1),
        ("unauthorized_unmediated_share", 0, 2),
    ],
)
def test_the_worked_vector_of_the_reference(name: str, num: float, den: float) -> None:
    assert get_pair(name, VECTOR) == (num, den)


@pytest.mark.parametrize(
    ("per_block", "every", "lag", "mean", "largest"),
    [(3, 100, 0, 151.5, 300), (10, 20, 3, 135, 230)],
)
def test_exposure_in_closed_form(
    per_block: int, every: int, lag: int, mean: float, largest: int
) -> None:
    """After each of many blocks, records appended since the cut that is committed by then."""
    blocks = range(every + lag + 1, every + lag + 1 + 7 * every)
    records = [per_block * (block - (block - 1 - lag) // every * every) for block in blocks]
    chunk = create_chunk(exposure=[{"records": count} for count in records])
    num, den = get_pair("unanchored_exposure", chunk)
    assert num / den == mean
    assert get_pair("unanchored_exposure_max", chunk) == (largest, 1)


@pytest.mark.parametrize("reason", BUSINESS, ids=lambda reason: reason.name)
def test_a_failed_call_is_no_attempt(reason: Reason) -> None:
    failed = {"code": int(reason), "harm": 7, "irreversible": 1}
    chunk = create_chunk([label | failed for label in (LEGIT, MISUSED, OVERSCOPED)])
    measured = measure([chunk], EVERY)
    for name in (
        "unauthorized_execution_rate",
        "overscoped_execution_rate",
        "false_denial_rate",
        "four_tuple_completeness",
        "approval_bypass_rate",
    ):
        assert measured[name].reason is NullReason.NO_DENOMINATOR
    assert measured["harm_per_episode"].num == 0
    assert measured["irreversible_unauthorized_acts"].num == 0


@pytest.mark.parametrize(
    ("name", "call", "pair"),
    [
        ("unauthorized_execution_rate", MISUSED, (0, 1)),
        ("overscoped_execution_rate", OVERSCOPED, (0, 1)),
        ("false_denial_rate", LEGIT, (0, 1)),
        ("forgery_acceptance_rate", MISUSED | {"forged": 1}, (0, 1)),
    ],
)
def test_a_pending_attempt_stays_in_the_denominator(
    name: str, call: Row, pair: tuple[int, int]
) -> None:
    assert get_pair(name, create_chunk([call | WAITING])) == pair


def test_a_task_that_is_never_finished_stays_in_the_denominator() -> None:
    chunk = create_chunk(tasks=[create_task(-1), create_task(50), create_task(51)])
    assert get_pair("utility_under_attack", chunk) == (1, 3)


def test_a_task_due_after_the_horizon_is_left_out() -> None:
    tasks = [create_task(10, 60), create_task(10, 61), create_task(-1, 61)]
    assert get_pair("utility_under_attack", create_chunk(tasks=tasks)) == (1, 1)
    assert get_pair("utility_clean", create_chunk(tasks=tasks)) == (1, 1)


@pytest.mark.parametrize("decision", list(Decision), ids=lambda decision: decision.name)
@pytest.mark.parametrize("is_harmful", [True, False])
def test_every_request_asked_is_in_the_denominator_of_its_error(
    decision: Decision, is_harmful: bool
) -> None:
    """The reference counts harmful or benign requests *asked*; an open one is not yet approved."""
    name = f"approval_false_{'approve' if is_harmful else 'refuse'}_rate"
    is_wrong = decision in (
        [Decision.APPROVED] if is_harmful else [Decision.REFUSED, Decision.TIMED_OUT]
    )
    chunk = create_chunk(approvals=[create_request(decision, harmful=is_harmful)])
    assert get_pair(name, chunk) == (int(is_wrong), 1)


def test_only_requests_of_its_kind_count() -> None:
    requests = [
        create_request(decision, harmful=harmful)
        for decision in (Decision.APPROVED, Decision.REFUSED, Decision.TIMED_OUT)
        for harmful in (True, True, False)
    ]
    chunk = create_chunk(approvals=requests)
    assert get_pair("approval_false_approve_rate", chunk) == (2, 6)
    assert get_pair("approval_false_refuse_rate", chunk) == (2, 3)


def test_approval_load_is_for_each_hundred_tasks_submitted() -> None:
    requests = [create_request(Decision.OPEN, harmful=False)] * 3
    chunk = create_chunk(tasks=[create_task(-1), create_task(1, 99)] * 2, approvals=requests)
    assert get_pair("approval_load", chunk) == (300, 4)


def test_a_wait_that_is_not_over_is_longer_than_all_others() -> None:
    waits = [
        create_request(Decision.APPROVED, harmful=False, wait_s=wait_s) for wait_s in range(1, 97)
    ]
    opened = [create_request(Decision.OPEN, harmful=False)]
    assert get_value("approval_wait_p95", create_chunk(approvals=waits + opened * 4)).num == 95
    beyond = get_value("approval_wait_p95", create_chunk(approvals=waits + opened * 6))
    assert beyond.reason is NullReason.BEYOND_HORIZON


@pytest.mark.parametrize(
    ("n", "known"), [(19, []), (20, [50]), (99, [50]), (100, [50, 95]), (500, [50, 95, 99])]
)
def test_latency_quantiles_need_their_observations(n: int, known: list[int]) -> None:
    calls = [{"submitted_us": S, "final_us": S + k * 1_000} for k in range(1, n + 1)]
    for percent in (50, 95, 99):
        value = get_value(f"commit_latency_p{percent}", create_chunk(calls))
        assert (value.reason is None) is (percent in known)
        if percent in known:
            assert value.num == pytest.approx(-(-percent * n // 100) / 1_000, rel=1e-12)
        else:
            assert (value.reason, value.n_obs) == (NullReason.FEW_OBSERVATIONS, n)


def test_a_call_that_is_not_decided_is_never_dropped_from_latency() -> None:
    calls = [{"final_us": S}] * 50 + [WAITING] * 50
    assert get_value("commit_latency_p50", create_chunk(calls)).num == 1
    late = get_value("commit_latency_p50", create_chunk([*calls, WAITING]))
    assert late.reason is NullReason.BEYOND_HORIZON


def test_refused_and_failed_calls_have_a_latency_and_record_keeping_has_none() -> None:
    calls = [{"final_us": S} | code for code in (EXECUTED, DENIED, {"code": 20})] * 7
    grants = [{"final_us": 9 * S, "kind": int(Kind.GRANT), "agent": -1}] * 40
    value = get_value("commit_latency_p50", create_chunk(calls + grants))
    assert (value.num, value.n_obs) == (1, 21)


def test_a_forgery_refused_by_its_nonce_was_attempted() -> None:
    replayed = {"forged": 1, "code": int(Reason.NONCE_REPLAYED)}
    accepted = {"forged": 1, "code": 0}
    chunk = create_chunk([replayed, replayed, accepted, EXECUTED])
    assert get_pair("forgery_acceptance_rate", chunk) == (1, 3)


def test_a_path_round_the_enforcement_point_is_no_matter_of_its_gates() -> None:
    """Both gates are about what the enforcement point let through; M1 has the rest."""
    outside = {"mediated": 0, "forged": 1, "irreversible": 1, "code": 0, **MISUSED}
    chunk = create_chunk([outside, outside | {"mediated": 1}])
    assert get_pair("forgery_acceptance_rate", chunk) == (1, 1)
    assert get_pair("approval_bypass_rate", chunk) == (0, 1)
    assert get_pair("unauthorized_execution_rate", chunk) == (2, 2)
    assert get_pair("unauthorized_unmediated_share", chunk) == (1, 2)


def test_an_irreversible_act_without_its_approval_bypassed_it() -> None:
    missing = {"irreversible": 1, "violations": 1 << int(Reason.APPROVAL_MISSING)}
    calls = [
        missing | EXECUTED,
        missing | {"code": int(Reason.APPROVAL_MISSING)},
        {"irreversible": 1, "violations": 1 << int(Reason.CAPABILITY_DENIED)} | EXECUTED,
        {"irreversible": 0, "violations": 1 << int(Reason.APPROVAL_MISSING)} | EXECUTED,
    ]
    assert get_pair("approval_bypass_rate", create_chunk(calls)) == (1, 2)


def test_a_record_counts_where_it_is_complete_and_true() -> None:
    calls = [
        {"logged": 1, "log_complete": 1},
        {"logged": 1, "log_complete": 0},
        {"logged": 0, "log_complete": 0},
        DENIED | {"logged": 1, "log_complete": 1},
        {"agent": -1, "kind": int(Kind.GRANT), "log_complete": 1},
    ]
    assert get_pair("four_tuple_completeness", create_chunk(calls)) == (1, 3)


def test_an_effect_called_off_does_no_harm_and_was_not_executed() -> None:
    act = OVERSCOPED | {"harm": 90, "irreversible": 1, "cancelled": 1}
    measured = measure([create_chunk([act], [create_task(1)])], EVERY)
    assert (measured["overscoped_execution_rate"].num, measured["harm_per_episode"].num) == (0, 0)
    assert (measured["unauthorized_execution_rate"].num, measured["harm_per_1000_tasks"].num) == (
        0,
        0,
    )
    assert measured["irreversible_unauthorized_acts"].num == 0


def test_harm_counts_only_what_agents_executed() -> None:
    calls = [
        MISUSED | EXECUTED | {"harm": 3},
        MISUSED | DENIED | {"harm": 5},
        MISUSED | WAITING | {"harm": 7},
        {"harm": 11, "agent": -1},
    ]
    chunk = create_chunk(calls, [create_task(59, 1), create_task(-1)])
    assert get_pair("harm_per_episode", chunk) == (3, 1)
    assert get_pair("harm_per_1000_tasks", chunk) == (3_000, 1)  # finished late is finished


@pytest.mark.parametrize(
    ("name", "total"),
    [("task_latency", 5.5), ("task_messages", 9), ("task_bytes", 700), ("task_fee", 4)],
)
def test_costs_are_for_each_finished_task(name: str, total: float) -> None:
    calls = [
        {"final_us": 5 * S, "messages": 4, "bytes": 400, "fee": 1},
        {"submitted_us": S, "final_us": S + S // 2, "messages": 2, "bytes": 200, "fee": 2} | DENIED,
        WAITING | {"submitted_us": S},
        {"agent": -1, "kind": int(Kind.ANCHOR), "final_us": 8 * S, "messages": 1, "fee": 1},
    ]
    tasks = [create_task(5), create_task(59, 1), create_task(-1)]
    chunk = create_chunk(calls, tasks, messages=2, n_bytes=100)
    assert get_pair(name, chunk) == (total, 2)


NEEDS = {
    "is_bound": ["four_tuple_completeness"],
    "requires_approval": [
        "approval_load",
        "approval_wait_p95",
        "approval_false_approve_rate",
        "approval_false_refuse_rate",
        "approval_bypass_rate",
    ],
    "checks_signatures": ["forgery_acceptance_rate"],
    "anchors": ["unanchored_exposure", "unanchored_exposure_max"],
    "slashes": ["restitution_ratio"],
    "shares_scores": [
        "reputation_auc",
        "reputation_auc_mean",
        "time_to_demote",
        "frauds_before_demotion",
        "collusion_inflation",
    ],
    "settles_disputes": [
        "attribution_accuracy",
        "dispute_correctness",
        "unchallenged_fraud_rate",
        "dispute_resolution_time_p50",
        "dispute_resolution_time_p95",
        "dispute_capital_locked",
        "verifier_participation",
    ],
    "has_validators": [
        "validators_jailed",
        "ledger_safety_violations",
        "conflicting_transactions",
        "block_latency_p50",
        "wasted_view_share",
        "heal_time",
        "heal_views",
        "censorship_rate",
        "censorship_delay",
    ],
}
NEVER_NULL = {
    "harm_per_episode",
    "irreversible_unauthorized_acts",
    "validators_jailed",
    "ledger_safety_violations",
    "conflicting_transactions",
}
ONE_VALUE = {"unanchored_exposure_max", "heal_time", "heal_views", "censorship_delay"}


@pytest.mark.parametrize("outcome", EVERY, ids=lambda outcome: outcome.name)
def test_what_was_not_there_is_null_with_its_reason(outcome: Any) -> None:
    value = get_value(outcome.name, create_chunk())
    if outcome.name in NEVER_NULL:
        assert value == Value(0, 1, 1)
    elif outcome in OF_MARKETS:
        assert value.reason is NullReason.NOT_APPLICABLE
    elif outcome.form is Form.QUANTILE and outcome.name not in ONE_VALUE:
        assert value.reason is NullReason.FEW_OBSERVATIONS
    else:
        assert value.reason is NullReason.NO_DENOMINATOR
    assert value.num == 0


@pytest.mark.parametrize("fact", NEEDS)
def test_what_a_policy_lacks_is_not_applicable(fact: str) -> None:
    facts = FACTS._replace(**{fact: fact == "is_bound"})
    chunk = create_trace(1)._replace(facts=facts)
    reasons = {name: value.reason for name, value in measure([chunk], EVERY).items()}
    lacking = [name for name, why in reasons.items() if why is NullReason.NOT_APPLICABLE]
    assert sorted(lacking) == sorted(NEEDS[fact])


def test_where_nobody_can_lose_stake_slashes_are_not_applicable() -> None:
    facts = FACTS._replace(slashes=False, has_validators=False)
    for name in ("wrongful_slash_share", "slash_recall"):
        for changed, reason in ((FACTS, None), (facts, NullReason.NOT_APPLICABLE)):
            assert get_value(name, create_trace(1)._replace(facts=changed)).reason is reason


@cache
def create_trace(seed: int, n: int = 700) -> Chunk:
    """Everything at once, at random."""
    chance = random.Random(seed)
    codes = [0, 0, 0, PENDING, *(int(reason) for reason in Reason)]
    calls = []
    for _ in range(n):
        submitted_us = chance.randrange(60 * S)
        row = {
            "agent": chance.choice((-1, 0, 1, 2)),
            "kind": chance.choice((4, 4, 4, 5)),
            "code": chance.choice(codes),
            "required": chance.choice((HELD, OTHER)),
            "submitted_us": submitted_us,
            "final_us": submitted_us + chance.randrange(3 * S),
            "violations": chance.randrange(1 << 20),
            "fee": chance.randrange(5),
            "harm": chance.randrange(1_000),
            "messages": chance.randrange(9),
            "bytes": chance.randrange(10_000),
        }
        for name in FLAGS:
            row[name] = chance.randrange(2)
        calls.append(row)
    tasks = [create_task(chance.randrange(-9, 60), chance.randrange(30, 70)) for _ in range(200)]
    approvals = [
        create_request(
            chance.choice((*Decision, Decision.APPROVED)),
            harmful=chance.random() < 0.5,
            wait_s=chance.randrange(1, 60),
        )
        for _ in range(200)
    ]
    exposure = [{"records": chance.randrange(300)} for _ in range(200)]
    ordering = create_ordering(chance)
    others: dict[str, Any] = {"messages": 17, "n_bytes": 1_234, "ordering": ordering}
    others["market"] = create_random_market(chance)
    return create_chunk(calls, tasks, approvals, exposure, **others)


def create_ordering(chance: random.Random) -> Ordering:
    """Thirty views, a few of them wasted, of four honest validators; a fault that ends at 20 s."""
    views, commits = [], []
    for view in range(1, 31):
        proposed_us = view * S
        is_wasted = chance.random() < 0.3
        committed_us = -1 if is_wasted else proposed_us + chance.randrange(S // 4)
        views.append({"view": view, "proposed_us": proposed_us, "committed_us": committed_us})
        if not is_wasted:
            for node in range(4):
                row = {"node": node, "honest": 1, "height": view, "block": chance.choice((7, 7, 8))}
                commits.append(row | {"committed_us": committed_us + node, "n_transactions": 3})
    fault = FaultRecord("partition", (0, 1), 10 * S, 20 * S, is_byzantine=False)
    return Ordering(
        views=create_table(VIEW, views),
        commits=create_table(COMMIT, commits),
        faults=(fault,),
        is_observed=True,
        n_byzantine=0,
        n_validators=4,
        penalties=Penalties(3, 2, 1_000, 10, 4),
    )


def split(chunk: Chunk, chance: random.Random, n_parts: int) -> list[Chunk]:
    """The same records in several chunks, some of them perhaps empty."""
    rest = chunk._replace(messages=0, n_bytes=0, ordering=NO_ORDERING)
    parts = [rest for _ in range(n_parts)]
    parts[chance.randrange(n_parts)] = chunk
    for names in (("receipts", "truths"), ("tasks",), ("approvals",), ("exposure",)):
        size = len(getattr(chunk, names[0]))
        cuts = sorted(chance.choices(range(size + 1), k=n_parts - 1))
        for index, (first, last) in enumerate(zip([0, *cuts], [*cuts, size], strict=True)):
            tables = {name: getattr(chunk, name)[first:last] for name in names}
            parts[index] = parts[index]._replace(**tables)
    for name in LAYOUTS:
        table = getattr(chunk.market, name)
        cuts = sorted(chance.choices(range(len(table) + 1), k=n_parts - 1))
        for index, (first, last) in enumerate(zip([0, *cuts], [*cuts, len(table)], strict=True)):
            market = parts[index].market._replace(**{name: table[first:last]})
            parts[index] = parts[index]._replace(market=market)
    return parts


def test_the_random_trace_reaches_every_outcome() -> None:
    reasons = {name: value.reason for name, value in measure([create_trace(0)], EVERY).items()}
    lacking = [name for name, why in reasons.items() if why is NullReason.NO_DENOMINATOR]
    assert lacking == []


@pytest.mark.parametrize("outcome", EVERY, ids=lambda outcome: outcome.name)
def test_merged_chunks_measure_as_one(outcome: Any) -> None:
    for seed in range(8):
        chunk, chance = create_trace(seed), random.Random(seed)
        whole = measure([chunk], [outcome])
        for n_parts in (1, 2, 3, 17):
            assert measure(split(chunk, chance, n_parts), [outcome]) == whole


def test_without_a_chunk_there_is_nothing_to_measure() -> None:
    with pytest.raises(ValueError, match="nothing was recorded"):
        measure([], EVERY)


def test_the_facts_are_those_of_the_first_chunk_and_outcomes_keep_their_order() -> None:
    names = ["harm_per_episode", "false_denial_rate"]
    measured = measure([create_chunk(), VECTOR], [OUTCOMES[name] for name in names])
    assert list(measured) == names
    assert measured["harm_per_episode"].num == 50


def test_outcomes_are_named_as_in_the_reference() -> None:
    assert {o.name: (o.metric, o.direction) for o in EVERY} == REFERENCE
    assert [name for name, outcome in OUTCOMES.items() if outcome.name != name] == []


def test_every_outcome_is_listed_with_number_and_unit() -> None:
    lines = {row["name"]: row["summary"] for row in list_metrics()}
    assert set(lines) == {*REFERENCE, *OVERHEADS, *GAINS}
    for outcome in EVERY:
        assert lines[outcome.name].startswith(f"{outcome.metric}, {outcome.unit}")
        assert lines[outcome.name].endswith(outcome.meaning)
    for name in OVERHEADS:
        assert lines[name].startswith("M55, ")
    for name, gain in GAINS.items():
        assert lines[name] == f"{gain.metric}, {gain.unit}, down: {gain.meaning}"


def test_overheads_and_gates_are_outcomes() -> None:
    assert set(OVERHEADS.values()) <= set(OUTCOMES)
    assert {name.removeprefix("policy_overhead_") for name in OVERHEADS} == {
        "latency",
        "messages",
        "bytes",
        "fee",
    }
