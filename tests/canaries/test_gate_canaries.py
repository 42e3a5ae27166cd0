"""A rule broken on purpose has to be found by the safety gate, and named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sim.core.reasons import get_bit
from sim.experiment.accept import accept_scenario
from sim.experiment.check import CheckOptions, check_scenario
from sim.ledger.rules import Rules
from sim.model import genesis
from sim.policies import registry
from sim.policies.base import Check, Policy
from sim.policies.unbound import REASONS
from sim.scenario.load import load_scenario
from sim.stats.noninferiority import GateState
from tests.worlds import create_reacher, create_worker, write_scenario

SCENARIO: dict[str, Any] = {
    "horizon": "20s",
    "replications": 5,
    "agents": [create_worker(count=2), create_reacher(count=3, task_every="4s", temptation=0.9)],
    "policies": ["unguarded", "gateway", {"name": "mine", "preset": "chain"}],
    "gates": [
        {"metric": "overscoped_execution_rate", "margin": 0.05, "policies": ["gateway", "mine"]}
    ],
}


def unbind_capability(policy: Policy, rules: Rules) -> Rules:
    """A defect: checks of capabilities still leave their bit in the receipt, and refuse nothing."""
    rules.binding[:] &= ~get_bit(*REASONS[Check.CAPABILITY])
    return rules


@pytest.mark.slow
def test_a_check_that_no_longer_refuses_fails_the_gate_and_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded, path = load_scenario(write_scenario(tmp_path, **SCENARIO)), tmp_path / "held.json"
    options = CheckOptions(workers=1)
    assert accept_scenario(loaded, path, options).exit_code == 0
    assert check_scenario(loaded, path, options).exit_code == 0
    monkeypatch.setattr(registry, "compile_unbound", unbind_capability)
    monkeypatch.setattr(genesis, "_get_genesis", genesis._get_genesis.__wrapped__)  # compile anew
    broken = check_scenario(loaded, path, options)
    assert broken.exit_code == 1
    failed = [verdict for verdict in broken.verdicts if verdict.state is GateState.FAIL]
    assert [(v.gate.policy, v.gate.outcome.name, v.old, v.new) for v in failed] == [
        ("gateway", "overscoped_execution_rate", 0.0, 1.0),
        ("mine", "overscoped_execution_rate", 0.0, 1.0),
    ]
    assert all(arm.has_same_levers for arm in broken.arms.values())
    assert not broken.arms["mine"].has_same_record
