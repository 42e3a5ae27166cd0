"""`sim check --accept`: what a scenario comes to now becomes what it is held against."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, NamedTuple

from sim.core.errors import AmbitError, InputError, InputErrors, StorageError
from sim.experiment.baseline import Arm, Baseline, Row, write_baseline
from sim.experiment.check import (
    CheckOptions,
    Problem,
    create_problem,
    find_baseline,
    find_difference,
    judge_all,
    run_again,
)
from sim.experiment.gates import GateKind, check_gates, plan_gates
from sim.experiment.judging import compute_value
from sim.experiment.progress import SILENT
from sim.scenario.policies import compute_policy_digest, create_policies
from sim.stats.noninferiority import GateState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sim.experiment.comparison import Values
    from sim.experiment.gates import PlannedGate
    from sim.experiment.judging import Verdict
    from sim.experiment.progress import Progress
    from sim.experiment.run import RunResult
    from sim.scenario.load import LoadedScenario


class Change(NamedTuple):
    """One outcome of one policy: what it was held against, and what it will be."""

    policy: str
    outcome: str
    unit: str
    old: float | None  # None without a baseline, or without a number in it
    new: float | None
    state: GateState | None  # against the old baseline, where that can be compared


@dataclass(frozen=True)
class Acceptance:
    """A baseline that was written, or why it was not."""

    scenario: str
    baseline: str  # path
    problem: Problem | None = None
    n: int = 0
    seed: int = 0
    changes: tuple[Change, ...] = ()
    failing: tuple[Verdict, ...] = ()  # gates at zero and limits that fail all the same

    @property
    def exit_code(self) -> int:
        """0 if it was written."""
        return self.problem.exit_code if self.problem else 0


def accept_scenario(
    loaded: LoadedScenario,
    path: Path,
    options: CheckOptions,
    progress: Progress = SILENT,
) -> Acceptance:
    """Run every policy of a scenario and write down what its gates are held against.

    Nothing is written if an invariant breaks, the disk refuses, or a gate demands a number that
    is not there: what stood there stands.
    Errors: InputError for unknown names.
    """
    check_gates(loaded)
    plan = plan_gates(loaded.scenario.gates, create_policies(loaded))
    try:
        n = options.replications or loaded.scenario.replications
        result = run_again(loaded, options, n, progress)
        new = create_baseline(result, plan)
        verdicts = judge_all(plan, new, result.values, new.replications)
        if null := [verdict for verdict in verdicts if verdict.state is GateState.ERROR]:
            gate = null[0].gate
            text = f"{gate.outcome.name} of {gate.policy}: {null[0].text}"
            return Acceptance(loaded.name, str(path), Problem("error", text, 1))
        changes = _list_changes(loaded, path, plan, new)
        write_baseline(path, new)
    except (InputError, InputErrors):
        raise
    except AmbitError as error:
        return Acceptance(loaded.name, str(path), create_problem(error))
    failing = [verdict for verdict in verdicts if verdict.state is GateState.FAIL]
    return Acceptance(
        loaded.name, str(path), None, new.replications, new.seed, tuple(changes), tuple(failing)
    )


def create_baseline(result: RunResult, plan: Sequence[PlannedGate]) -> Baseline:
    """The values of every outcome that is held, under each policy."""
    rows = {}
    for gate in plan:
        outcome = gate.outcome
        values = result.values[gate.policy][outcome.name]
        row = Row(outcome.unit, outcome.form.value, outcome.direction, tuple(values))
        rows[gate.policy, outcome.name] = row
    return Baseline(
        scenario=result.loaded.name,
        scenario_digest=result.loaded.digest,
        seed=result.seed,
        replications=result.replications,
        version=version("ambit-sim"),
        arms={
            name: Arm(compute_policy_digest(policy), result.digests[name])
            for name, policy in result.policies.items()
        },
        rows=rows,
    )


def _list_changes(
    loaded: LoadedScenario, path: Path, plan: Sequence[PlannedGate], new: Baseline
) -> list[Change]:
    """Every outcome that is held, before and after, once for each policy."""
    old = _read_old(path)
    options = CheckOptions(replications=new.replications, seed=new.seed)
    is_comparable = old is not None and not find_difference(loaded, old, plan, options)
    arms: dict[str, Values] = {}
    for (policy, outcome), row in new.rows.items():
        arms.setdefault(policy, {})[outcome] = list(row.values)
    verdicts = judge_all(plan, old, arms, new.replications) if is_comparable else ()
    states = {
        (verdict.gate.policy, verdict.gate.outcome.name): verdict.state
        for verdict in verdicts
        if verdict.gate.kind is GateKind.MARGIN
    }
    changes = {}
    for gate in plan:
        key = gate.policy, gate.outcome.name
        before = old.rows.get(key) if old else None
        changes[key] = Change(
            *key,
            gate.outcome.unit,
            compute_value(gate, before.values) if before else None,
            compute_value(gate, new.rows[key].values),
            states.get(key),
        )
    return list(changes.values())


def _read_old(path: Path) -> Baseline | None:
    """The baseline that is about to be replaced; none if it can no longer be read."""
    try:
        return find_baseline(path)[0]
    except StorageError:
        return None
