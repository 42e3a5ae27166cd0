"""What a gate says of the values of two runs: paired by replication, larger turned to be worse.

A margin is decided on the mean of one difference a replication. For rates that is the difference
of joint-jackknife pseudo-values, whose mean is the difference of the rates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.experiment.gates import GateKind, PlannedGate
from sim.metrics.base import Form, NullReason, Value
from sim.metrics.outcomes import HELD_AT_ZERO
from sim.stats.intervals import compute_zero_bound
from sim.stats.limits import decide_share
from sim.stats.noninferiority import GateDecision, GateState, correct_fails, decide
from sim.stats.paired import compute_rate_differences

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Column = NDArray[np.float64]

NO_DECISION = GateDecision(GateState.ERROR, None, None, None, 0.0, 0)


class Verdict(NamedTuple):
    """What one gate came to; `old` and `new` are in the outcome's unit, none without a number."""

    gate: PlannedGate
    state: GateState
    decision: GateDecision
    old: float | None
    new: float | None
    text: str  # one line, for people


def judge(
    gate: PlannedGate, old: Sequence[Value] | None, new: Sequence[Value], level: float
) -> Verdict | None:
    """Decide one gate on the same replications of two runs; None where nothing is to be held.

    Nothing is held where no gate demands a number, and a policy lacks the mechanism or has
    nothing to count, unless the baseline had a number there.
    Units:  level in (0, 1), of each one-sided bound.
    Errors: ValueError for a margin without a baseline, or runs of different length.
    """
    means = (None if old is None else compute_value(gate, old), compute_value(gate, new))
    if means[1] is None:
        if not gate.needs_number and means[0] is None and _is_without_object(gate, new):
            return None
        hint = "" if gate.needs_number else "; name under `policies` those that have one"
        return Verdict(gate, GateState.ERROR, NO_DECISION, *means, _explain_null(new) + hint)
    if gate.kind is GateKind.ZERO:
        decision, text = _judge_zero(new)
    elif gate.kind is GateKind.LIMIT:
        decision, text = _judge_limit(gate, new, level)
    elif old is None:
        raise ValueError("a margin is held against a baseline")
    elif means[0] is None:
        return Verdict(
            gate, GateState.ERROR, NO_DECISION, *means, f"baseline: {_explain_null(old)}"
        )
    else:
        decision, text = _judge_margin(gate, old, new, level)
    return Verdict(gate, decision.state, decision, *means, text)


def correct_family(verdicts: Sequence[Verdict], level: float) -> tuple[Verdict, ...]:
    """Verdicts of one check; a fail that is not sure among all of them is inconclusive.

    The family is every margin and limit that was decided, the undecided and identical among
    them: leaving some out for what they came to would be looking before correcting. What is held
    at zero is no estimate, and an error no decision; both stay as they are.
    Units:  level in (0, 1): with this chance no gate of the check fails by accident.
    """
    family = [
        row
        for row, verdict in enumerate(verdicts)
        if verdict.gate.kind is not GateKind.ZERO and verdict.state is not GateState.ERROR
    ]
    corrected = list(verdicts)
    decisions = correct_fails([verdicts[row].decision for row in family], level)
    for row, decision in zip(family, decisions, strict=True):
        verdict = verdicts[row]
        if decision.state is not verdict.state:
            text = f"{verdict.text}: not sure among {len(family)} gates, p = {decision.p_worse:.2g}"
            corrected[row] = verdict._replace(
                state=decision.state, decision=decision, text=f"{text} after Holm's correction"
            )
    return tuple(corrected)


def compute_value(gate: PlannedGate, values: Sequence[Value]) -> float | None:
    """Mean over replications, or rate of all of them; None without a finite number."""
    num, den = _get_columns(values)
    if not (np.isfinite(num).all() and np.isfinite(den).all()) or not len(num):
        return None
    if gate.outcome.form in (Form.RATE, Form.RATIO):
        return float(num.sum() / den.sum()) if den.sum() > 0 else None
    return float(num.mean()) if all(value.reason is None for value in values) else None


def _get_columns(values: Sequence[Value]) -> tuple[Column, Column]:
    num = np.array([value.num for value in values], dtype=np.float64)
    return num, np.array([value.den for value in values], dtype=np.float64)


def _is_without_object(gate: PlannedGate, values: Sequence[Value]) -> bool:
    """Whether the policy lacks what is held, or there is nothing to count of what is rare."""
    allowed = {NullReason.NOT_APPLICABLE}
    if gate.kind is GateKind.ZERO or gate.outcome.name in HELD_AT_ZERO:
        allowed.add(NullReason.NO_DENOMINATOR)
    return all(value.reason in allowed for value in values)


def _explain_null(values: Sequence[Value]) -> str:
    """Why there is no number, and how much of it was there."""
    n = len(values)
    odd = [i for i, v in enumerate(values) if not (np.isfinite(v.num) and np.isfinite(v.den))]
    if odd:
        return f"not finite in {len(odd)} of {n} replications, first in replication {odd[0]}"
    reasons = [value.reason for value in values if value.reason is not None]
    if not reasons:
        return f"no number: nothing recorded in {n} replications"
    reason = max(reasons, key=reasons.count)
    total = sum(value.den for value in values)
    return (
        f"no number: {reason.replace('_', ' ')} in {reasons.count(reason)} of {n} replications, "
        f"denominator {total:g}"
    )


def _judge_zero(new: Sequence[Value]) -> tuple[GateDecision, str]:
    num, n = _get_columns(new)[0], len(new)
    seen = np.flatnonzero(num)
    if seen.size:
        text = f"has to be zero; seen in {seen.size} of {n} replications, first in {seen[0]}"
        return GateDecision(GateState.FAIL, float(num.mean()), None, None, 0.0, n), text
    bound = compute_zero_bound(n).high
    text = f"none seen in {n} replications: P < {100 * (bound or 1):.2g} % that one has any"
    return GateDecision(GateState.PASS, 0.0, 0.0, bound, 0.0, n), text


def _judge_limit(gate: PlannedGate, new: Sequence[Value], level: float) -> tuple[GateDecision, str]:
    """Hold the mean itself, turned so that larger is worse."""
    num, den = _get_columns(new)
    is_share, is_up = gate.outcome.form is Form.RATE, gate.outcome.direction == "up"
    limit, mirror = gate.bound, 1.0 if is_share else 2.0 * gate.bound
    if is_share and is_up:
        num, limit = den - num, 1.0 - limit  # the share that failed
    if is_share:
        decision = decide_share(num, den, limit, level)
        if not num.any():
            return decision, _explain_unseen(decision, gate)
        return decision, _explain_limit(decision, gate, mirror if is_up else None)
    values = _compute_differences(gate, np.zeros_like(num), np.ones_like(den), num, den)
    if values is None:
        return _create_undecided(gate, len(new))
    if not num.any() and not is_up:
        return _judge_nothing(gate, len(new))
    if is_up:
        values = mirror - values  # what lies below the limit lies above it now
    decision = decide(values, limit, level)
    return decision, _explain_limit(decision, gate, mirror if is_up else None)


def _judge_nothing(gate: PlannedGate, n: int) -> tuple[GateDecision, str]:
    """An amount that was 0 throughout: how often it comes has a bound, how large it is has none."""
    bound = compute_zero_bound(n).high
    text = f"none seen in {n} replications: P < {100 * (bound or 1):.2g} % that one has any"
    decision = GateDecision(GateState.PASS, 0.0, 0.0, None, gate.bound, n)
    if gate.outcome.form is Form.RATIO:
        decision = decision._replace(state=GateState.INCONCLUSIVE)
        text += ", and nothing bounds how large it is; hold it at `zero` instead"
    return decision, f"{text}; {gate.label}"


def _judge_margin(
    gate: PlannedGate, old: Sequence[Value], new: Sequence[Value], level: float
) -> tuple[GateDecision, str]:
    before, after = _get_columns(old), _get_columns(new)
    if all(np.array_equal(a, b) for a, b in zip(before, after, strict=True)):
        decision = GateDecision(GateState.IDENTICAL, 0.0, 0.0, 0.0, gate.bound, len(new))
        return decision, f"identical in all {len(new)} replications"
    differences = _compute_differences(gate, *before, *after)
    if differences is None:
        return _create_undecided(gate, len(new))
    turned = -differences if gate.outcome.direction == "up" else differences
    decision = decide(turned, gate.bound, level)
    return decision, _explain_margin(decision, gate)


def _compute_differences(
    gate: PlannedGate, num_a: Column, den_a: Column, num_b: Column, den_b: Column
) -> Column | None:
    """New less old, one for each replication."""
    if num_a.shape != num_b.shape:
        raise ValueError(f"{num_b.size} replications against {num_a.size}")
    if gate.outcome.form in (Form.RATE, Form.RATIO):
        return compute_rate_differences(num_a, den_a, num_b, den_b)
    differences: Column = num_b - num_a
    return differences


def _create_undecided(gate: PlannedGate, n: int) -> tuple[GateDecision, str]:
    text = "only one replication has anything to count"
    return GateDecision(GateState.INCONCLUSIVE, None, None, None, gate.bound, n), text


def _explain_unseen(decision: GateDecision, gate: PlannedGate) -> str:
    what = "failure" if gate.outcome.direction == "up" else "event"
    text = f"no {what} in {decision.n} replications: P < {100 * (decision.high or 1):.2g} %"
    return f"{text}; {gate.label}{_explain_need(decision)}"


def _explain_margin(decision: GateDecision, gate: PlannedGate) -> str:
    """By how much it is worse, and surely at least or at most."""
    text = _say_change(decision.mean)
    if decision.state is GateState.FAIL:
        text += f", worse by at least {_show(decision.low)}"
    elif decision.high is not None and decision.high >= 0:
        text += f", worse by at most {_show(decision.high)}"
    elif decision.high is not None:
        text += f", better by at least {_show(-decision.high)}"
    return f"{text}; {gate.label}{_explain_need(decision)}"


def _explain_limit(decision: GateDecision, gate: PlannedGate, mirror: float | None) -> str:
    """What it is, and surely no better or no worse than."""
    mean, low, high = (
        end if end is None or mirror is None else mirror - end
        for end in (decision.mean, decision.low, decision.high)
    )
    text = f"is {_show(mean)}"
    if decision.state is GateState.FAIL:
        text += f", no better than {_show(low)}"
    elif high is not None:
        text += f", no worse than {_show(high)}"
    return f"{text}; {gate.label}{_explain_need(decision)}"


def _explain_need(decision: GateDecision) -> str:
    """What it would take, where nothing is decided."""
    if decision.state is not GateState.INCONCLUSIVE:
        return ""
    if decision.low is None:
        return ": one replication has no spread, run more"
    if decision.n_required is None:
        return ": not reachable, no number of replications would do"
    return f": needs n = {decision.n_required}"


def _say_change(mean: float | None) -> str:
    if mean is None:
        return "no mean"
    return f"better by {_show(-mean)}" if mean < 0 else f"worse by {_show(mean)}"


def _show(number: float | None) -> str:
    return "-" if number is None else f"{number:.4g}"
