from __future__ import annotations

from fractions import Fraction
from math import ceil, inf

import numpy as np
import pytest

from sim.core.reasons import PENDING, Reason
from sim.core.records import APPROVAL_REQUEST, EXPOSURE, RECEIPT, TASK, TRUTH, Kind
from sim.metrics.base import (
    Chunk,
    Facts,
    NullReason,
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

FACTS = Facts(is_bound=False, checks_signatures=True, requires_approval=True, anchors=True)

# "Refused for a governance reason: signature, status, kill switch, capability, scope, approval,
# rate, stake, reputation", and what only the bound that reads the truth refuses for
GOVERNANCE = {
    "BAD_SIGNATURE",
    "SENDER_NOT_ACTIVE",
    "KILL_SWITCH",
    "CAPABILITY_EXPIRED",
    "CAPABILITY_DENIED",
    "SCOPE_DENIED",
    "APPROVAL_MISSING",
    "RATE_LIMITED",
    "INSUFFICIENT_STAKE",
    "INSUFFICIENT_REPUTATION",
    "ILLEGITIMATE",
}
REFUSALS = [reason for reason in Reason if reason is not Reason.APPLIED]


def create_chunk(**columns: int) -> Chunk:
    """One call of an agent, executed and wanted unless a column says otherwise."""
    receipts, truths = np.zeros(1, dtype=RECEIPT), np.zeros(1, dtype=TRUTH)
    receipts["kind"], receipts["required"], receipts["caps_effective"] = Kind.CALL, 0b10, 0b10
    truths["legit"] = 1
    truths["trader"] = -1
    for name, value in columns.items():
        table = receipts if name in (RECEIPT.names or ()) else truths
        table[name] = value
    return Chunk(
        facts=FACTS,
        horizon_us=1,
        receipts=receipts,
        truths=truths,
        tasks=np.zeros(0, dtype=TASK),
        approvals=np.zeros(0, dtype=APPROVAL_REQUEST),
        exposure=np.zeros(0, dtype=EXPOSURE),
    )


@pytest.mark.parametrize("reason", REFUSALS, ids=lambda reason: reason.name)
def test_a_refusal_is_of_governance_or_no_attempt(reason: Reason) -> None:
    chunk = create_chunk(code=int(reason))
    is_governance = reason.name in GOVERNANCE
    assert bool(is_denied(chunk)[0]) is is_governance
    assert bool(is_attempt(chunk)[0]) is is_governance
    assert not is_executed(chunk)[0]
    assert not is_pending(chunk)[0]
    assert is_call(chunk)[0]


def test_an_executed_call_is_an_attempt_and_not_denied() -> None:
    chunk = create_chunk(code=0)
    assert is_attempt(chunk)[0]
    assert is_executed(chunk)[0]
    assert not is_denied(chunk)[0]


def test_a_pending_call_is_an_attempt_neither_executed_nor_denied() -> None:
    chunk = create_chunk(code=PENDING)
    assert is_attempt(chunk)[0]
    assert is_pending(chunk)[0]
    assert not is_executed(chunk)[0]
    assert not is_denied(chunk)[0]


def test_an_effect_called_off_in_time_is_not_executed() -> None:
    chunk = create_chunk(code=0, cancelled=1)
    assert is_attempt(chunk)[0]
    assert not is_executed(chunk)[0]


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.CALL])
def test_record_keeping_is_no_call(kind: Kind) -> None:
    assert not is_call(create_chunk(kind=int(kind)))[0]


def test_a_call_of_nobody_is_no_call() -> None:
    assert not is_call(create_chunk(agent=-1))[0]


@pytest.mark.parametrize(
    ("required", "held", "legit", "is_over"),
    [
        (0b100, 0b011, 0, True),
        (0b110, 0b010, 0, True),  # one of two bits is missing
        (0b010, 0b011, 0, False),  # held, but nobody asked: misused
        (0b100, 0b011, 1, False),  # over-scoped attempts are a part of the unauthorized ones
        (1 << 62, (1 << 62) - 1, 0, True),
        (0, 0, 0, False),
    ],
)
def test_an_attempt_is_overscoped_by_the_bits_that_count_at_the_decision(
    required: int, held: int, legit: int, is_over: bool
) -> None:
    chunk = create_chunk(required=required, caps_effective=held, caps_static=required, legit=legit)
    assert bool(is_overscoped(chunk)[0]) is is_over
    assert bool(is_unauthorized(chunk)[0]) is (legit == 0)


def test_pairs_add_up_over_chunks() -> None:
    assert finish_pair([create_pair(1, 2), create_pair(2, 5)], FACTS) == Value(3, 7, 7)


@pytest.mark.parametrize("parts", [[], [create_pair(0, 0)], [create_pair(0, 0)] * 3])
def test_a_rate_of_nothing_is_null_with_its_reason(parts: list[np.ndarray]) -> None:
    value = finish_pair(parts, FACTS)
    assert value.reason is NullReason.NO_DENOMINATOR
    assert (value.num, value.den) == (0, 0)


def test_a_rate_of_something_that_never_happened_is_a_number() -> None:
    assert finish_pair([create_pair(0, 3)], FACTS) == Value(0, 3, 3)


def test_a_count_is_never_null() -> None:
    assert finish_count([], FACTS).reason is None
    assert finish_count([np.array([2.0]), np.array([3.0])], FACTS).num == 5


def test_a_policy_without_the_mechanism_has_no_value() -> None:
    finish = create_finish_where(lambda facts: facts.anchors, finish_pair)
    parts = [create_pair(1, 2)]
    assert finish(parts, FACTS) == Value(1, 2, 2)
    assert finish(parts, FACTS._replace(anchors=False)).reason is NullReason.NOT_APPLICABLE


@pytest.mark.parametrize(("share", "least"), [(0.5, 20), (0.95, 100), (0.99, 500)])
def test_a_quantile_needs_its_observations(share: float, least: int) -> None:
    finish = create_finish_quantile(share, least)
    few = finish([np.arange(least - 1, dtype=float)], FACTS)
    assert (few.reason, few.n_obs) == (NullReason.FEW_OBSERVATIONS, least - 1)
    enough = finish([np.arange(least - 5, dtype=float), np.full(5, 1e9)], FACTS)
    assert (enough.reason, enough.n_obs) == (None, least)
    assert finish([], FACTS).reason is NullReason.FEW_OBSERVATIONS


@pytest.mark.parametrize("percent", [50, 95, 99])
def test_a_quantile_is_the_smallest_value_not_exceeded_by_its_share(percent: int) -> None:
    finish = create_finish_quantile(percent / 100, 1)
    for n in range(1, 2_000):
        values = np.arange(1, n + 1, dtype=float)
        assert finish([values], FACTS).num == ceil(Fraction(percent * n, 100))


def test_a_quantile_does_not_depend_on_order_or_on_chunks() -> None:
    finish = create_finish_quantile(0.95, 100)
    values = np.arange(200, dtype=float)
    shuffled = values[(np.arange(200) * 77) % 200]
    parts = [shuffled[:3], shuffled[3:3], shuffled[3:150], shuffled[150:]]
    assert finish(parts, FACTS) == finish([values], FACTS) == Value(189.0, 1.0, 200)


def test_a_quantile_among_the_undecided_is_beyond_the_horizon() -> None:
    finish = create_finish_quantile(0.95, 100)
    assert finish([np.arange(95.0), np.full(5, inf)], FACTS) == Value(94.0, 1.0, 100)
    beyond = finish([np.arange(94.0), np.full(6, inf)], FACTS)
    assert (beyond.reason, beyond.n_obs) == (NullReason.BEYOND_HORIZON, 100)
