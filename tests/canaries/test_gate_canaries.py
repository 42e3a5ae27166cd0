"""A rule broken on purpose has to be found by the safety gate, and named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sim.experiment.accept import accept_scenario
from sim.experiment.check import CheckOptions, check_scenario
from sim.ledger import transition
from sim.model import domains
from sim.scenario.load import load_scenario
from sim.stats.noninferiority import GateState
from tests.canaries.planting import always, interpret, plant
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


@pytest.mark.slow
def test_a_rule_that_lets_calls_through_fails_the_gate_or_breaks_an_invariant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded, path = load_scenario(write_scenario(tmp_path, **SCENARIO)), tmp_path / "held.json"
    options = CheckOptions(workers=1)
    assert accept_scenario(loaded, path, options).exit_code == 0
    interpret(monkeypatch)
    monkeypatch.setattr(domains, "apply_blocks", transition.apply_blocks)
    sound = check_scenario(loaded, path, options)
    assert sound.exit_code == 0
    assert all(arm.has_same_record for arm in sound.arms.values())  # interpreted or compiled

    with monkeypatch.context() as patch:  # every call is taken for one that nobody judges
        plant(patch, {"is_mediated": always(False)})
        broken = check_scenario(loaded, path, options)
    assert broken.exit_code == 1
    failed = [verdict for verdict in broken.verdicts if verdict.state is GateState.FAIL]
    assert [(v.gate.policy, v.gate.outcome.name, v.old, v.new) for v in failed] == [
        ("gateway", "overscoped_execution_rate", 0.0, 1.0),
        ("mine", "overscoped_execution_rate", 0.0, 1.0),
    ]
    assert all(arm.has_same_levers for arm in broken.arms.values())

    plant(monkeypatch, {"compute_capability_violations": always(0)})  # nothing is refused
    broken = check_scenario(loaded, path, options)
    assert broken.exit_code == 3
    assert broken.problem is not None
    assert "replay: sim run" in broken.problem.text
