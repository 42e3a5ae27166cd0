"""Which outcome of which policy is held to what: gates a scenario declares, and gates by nature."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from sim.core.errors import InputError, InputErrors, find_nearest
from sim.metrics.base import Form
from sim.metrics.outcomes import HELD_AT_ZERO, get_outcomes
from sim.scenario.notes import find_position, format_place

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sim.metrics.base import Outcome
    from sim.scenario.gates import Gate
    from sim.scenario.load import LoadedScenario


class GateKind(StrEnum):
    """What an outcome is held to."""

    MARGIN = "margin"  # no worse than the baseline by more than this
    LIMIT = "limit"  # no worse than this, whatever the baseline
    ZERO = "zero"  # nothing at all, in any replication


class PlannedGate(NamedTuple):
    """One thing to decide; the bound is in the outcome's unit."""

    policy: str
    outcome: Outcome
    kind: GateKind
    bound: float
    needs_number: bool  # else it holds only where there is something to count
    is_declared: bool = True  # by the scenario, not by nature

    @property
    def label(self) -> str:
        """As it would be written: `margin 10`."""
        return "zero" if self.kind is GateKind.ZERO else f"{self.kind} {self.bound:g}"


def check_gates(loaded: LoadedScenario) -> None:
    """Refuse gates of outcomes that do not exist, or that cannot be held to what they say.

    Errors: InputErrors, each with the nearest name.
    """
    errors = []
    for index, gate in enumerate(loaded.scenario.gates):
        for key, problem, nearest in _find_faults(gate):
            place = ("gates", index, key)
            where = find_position(loaded.tree, place)
            errors.append(InputError(where, format_place(place), problem, nearest))
    if errors:
        raise InputErrors(tuple(errors))


def _find_faults(gate: Gate) -> Iterator[tuple[str, str, str]]:
    """Key, problem and nearest name of all that is wrong with one gate."""
    known = get_outcomes()
    outcome = known.get(gate.metric)
    if outcome is None:
        yield "metric", f"unknown outcome {gate.metric!r}", find_nearest(gate.metric, known)
        return
    if not outcome.direction and (gate.margin is not None or gate.limit is not None):
        yield "metric", f"neither less nor more of {gate.metric!r} is better", ""
    if gate.zero and outcome.direction != "down":
        yield "zero", f"none of {gate.metric!r} is not what is wanted", ""
    if gate.zero is False and gate.metric not in HELD_AT_ZERO:
        held = ", ".join(HELD_AT_ZERO)
        yield "zero", f"nothing to lift: by nature only {held} are held at zero", ""
    if gate.limit is not None and outcome.form is Form.RATE and gate.limit >= 1:
        yield "limit", f"{gate.metric!r} is a share: expected a limit below 1", ""
    if gate.margin is not None and outcome.form is Form.RATE and gate.margin >= 1:
        yield "margin", f"{gate.metric!r} is a share: expected a margin below 1", ""


def plan_gates(gates: Iterable[Gate], policies: Iterable[str]) -> list[PlannedGate]:
    """Every gate of every policy, in the order of policies and then of the scenario.

    What is held at zero by nature comes last; a gate with `zero: false` lifts it.
    """
    declared, known = tuple(gates), get_outcomes()
    planned: list[PlannedGate] = []
    for policy in policies:
        about = [gate for gate in declared if gate.covers(policy)]
        for gate in about:
            planned += _expand(gate, policy, known[gate.metric])
        settled = {gate.metric for gate in about if gate.zero is not None}
        planned += [
            PlannedGate(policy, known[name], GateKind.ZERO, 0.0, False, False)
            for name in HELD_AT_ZERO
            if name not in settled
        ]
    return planned


def _expand(gate: Gate, policy: str, outcome: Outcome) -> Iterator[PlannedGate]:
    is_named = bool(gate.policies)
    if gate.margin is not None:
        yield PlannedGate(policy, outcome, GateKind.MARGIN, gate.margin, is_named)
    if gate.limit is not None:
        yield PlannedGate(policy, outcome, GateKind.LIMIT, gate.limit, is_named)
    if gate.zero:
        yield PlannedGate(policy, outcome, GateKind.ZERO, 0.0, is_named)
