from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sim.core.errors import InputErrors
from sim.experiment.gates import GateKind, check_gates, plan_gates
from sim.metrics.outcomes import HELD_AT_ZERO, get_outcomes
from sim.report.rows import ROWS
from sim.scenario.gates import Gate
from sim.scenario.load import load_scenario
from tests.worlds import write_scenario

REFUSED: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "an unknown outcome": (
        {"metric": "harm_per_episod", "margin": 1},
        "gates[0].metric", "unknown outcome 'harm_per_episod'", "harm_per_episode",
    ),
    "an outcome made of several arms": (
        {"metric": "policy_overhead_latency", "margin": 1},
        "gates[0].metric", "unknown outcome 'policy_overhead_latency'", "",
    ),
    "an outcome without a better side": (
        {"metric": "newcomer_parity", "margin": 1},
        "gates[0].metric", "neither less nor more of 'newcomer_parity' is better", "",
    ),
    "nothing of what is good": (
        {"metric": "utility_clean", "zero": True},
        "gates[0].zero", "none of 'utility_clean' is not what is wanted", "",
    ),
    "a gate lifted that is not there": (
        {"metric": "harm_per_episode", "zero": False, "because": "No."},
        "gates[0].zero", "nothing to lift", "",
    ),
    "a limit that any share keeps": (
        {"metric": "utility_clean", "limit": 1}, "gates[0].limit", "expected a limit below 1", "",
    ),
    "a margin in percent": (
        {"metric": "utility_clean", "margin": 2}, "gates[0].margin", "a margin below 1", "",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("gate", "key", "problem", "nearest"), REFUSED.values(), ids=REFUSED)
def test_a_gate_of_no_such_outcome_is_refused(
    gate: dict[str, Any], key: str, problem: str, nearest: str, tmp_path: Path
) -> None:
    loaded = load_scenario(write_scenario(tmp_path, gates=[gate]))
    with pytest.raises(InputErrors) as caught:
        check_gates(loaded)
    (error,) = caught.value.errors
    assert (error.key, error.nearest) == (key, nearest)
    assert problem in error.problem
    assert error.where.line > 1


def plan(*gates: Gate, policies: tuple[str, ...] = ("gateway", "chain")) -> set[tuple[str, str]]:
    """Policy and outcome of what is held at zero."""
    planned = plan_gates(gates, policies)
    return {(gate.policy, gate.outcome.name) for gate in planned if gate.kind is GateKind.ZERO}


def test_what_is_a_gate_by_nature_is_held_everywhere() -> None:
    everywhere = {(policy, name) for policy in ("gateway", "chain") for name in HELD_AT_ZERO}
    assert plan() == everywhere
    assert set(HELD_AT_ZERO) == {row[0] for row in ROWS if row and row[1].startswith("gate:")}
    assert set(HELD_AT_ZERO) <= set(get_outcomes())


def test_a_gate_by_nature_is_lifted_for_those_it_names_alone() -> None:
    name = "ledger_safety_violations"
    lifted = Gate(metric=name, zero=False, policies=("chain",), because="Two of four lie.")
    assert plan() - plan(lifted) == {("chain", name)}


def test_a_margin_does_not_lift_a_gate_by_nature() -> None:
    gate = Gate(metric="ledger_safety_violations", margin=1)
    assert plan(gate) == plan()
    assert len(plan_gates([gate], ["chain"])) == 1 + len(HELD_AT_ZERO)


def test_only_gates_that_name_their_policies_demand_a_number() -> None:
    named = Gate(metric="harm_per_episode", margin=1, limit=2, policies=("chain",))
    general = Gate(metric="utility_clean", margin=0.1)
    first = [gate for gate in plan_gates([named, general], ["chain"])][:3]
    assert [gate.label for gate in first] == ["margin 1", "limit 2", "margin 0.1"]
    assert [gate.needs_number for gate in first] == [True, True, False]
