"""`sim check`: a scenario run again and held against its baseline, replication by replication."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from sim.core.errors import (
    AmbitError,
    CellsFailedError,
    InputError,
    InputErrors,
    InvariantError,
    Position,
    get_worst,
)
from sim.experiment.baseline import Baseline, FormatError, load_baseline
from sim.experiment.gates import GateKind, check_gates, plan_gates
from sim.experiment.judging import NO_DECISION, Verdict, correct_family, judge
from sim.experiment.progress import SILENT
from sim.experiment.run import RunOptions, run_scenario
from sim.scenario.policies import compute_policy_digest, create_policies
from sim.stats.noninferiority import GateState

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sim.experiment.comparison import Values
    from sim.experiment.gates import PlannedGate
    from sim.experiment.progress import Progress
    from sim.experiment.run import RunResult
    from sim.scenario.load import LoadedScenario

LEVEL = 0.95  # of each one-sided bound, over all looks together
STEP = 10  # replications from one look to the next
FIRST_LOOK = 30  # replications, if nothing is said
EXIT_CODES = {
    GateState.IDENTICAL: 0,
    GateState.PASS: 0,
    GateState.FAIL: 1,
    GateState.ERROR: 1,
    GateState.INCONCLUSIVE: 5,
}


@dataclass(frozen=True)
class CheckOptions:
    """What a check may change, and whether it looks again."""

    policies: tuple[str, ...] = ()
    replications: int | None = None
    seed: int | None = None
    workers: int | None = None
    is_extending: bool = False


class Problem(NamedTuple):
    """Why nothing was decided; never a pass."""

    kind: str  # a few words
    text: str
    exit_code: int


class ArmNote(NamedTuple):
    """How a policy stands to the one that was accepted."""

    has_same_levers: bool
    has_same_record: bool | None  # None where fewer replications were run than accepted


@dataclass(frozen=True)
class Check:
    """What a check of one scenario came to."""

    scenario: str
    baseline: str  # path
    problem: Problem | None = None
    seed: int = 0
    n: int = 0  # replications
    looks: tuple[int, ...] = ()  # at how many replications it was to be decided
    verdicts: tuple[Verdict, ...] = ()
    arms: dict[str, ArmNote] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """Exit code of this scenario alone."""
        if self.problem:
            return self.problem.exit_code
        return get_worst(EXIT_CODES[verdict.state] for verdict in self.verdicts)


def find_paths(names: Sequence[str], baseline: Path) -> list[Path]:
    """The baseline of each scenario: one file, or one in a folder by the scenario's name.

    Errors: InputError if several scenarios would share one.
    """
    is_file = baseline.suffix == ".json" and not baseline.is_dir()
    paths = [baseline if is_file else baseline / f"{name}.json" for name in names]
    for index, path in enumerate(paths):
        if path in paths[:index]:
            problem = f"{path} would be that of two scenarios: give a folder, and other names"
            raise InputError(Position("sim check"), "--baseline", problem)
    return paths


def check_scenario(
    loaded: LoadedScenario,
    path: Path,
    options: CheckOptions,
    progress: Progress = SILENT,
) -> Check:
    """Run a scenario and decide every gate it has.

    `path` is the baseline's. What breaks on the way is the check's problem, so that other
    scenarios can still be run.
    Errors: InputError for unknown names.
    """
    check_gates(loaded)
    plan = plan_gates(loaded.scenario.gates, create_policies(loaded, options.policies))
    try:
        baseline, problem = find_baseline(path)
        if baseline is not None:
            problem = find_difference(loaded, baseline, plan, options)
        if problem or baseline is None:
            return Check(loaded.name, str(path), Problem("not comparable", problem, 2))
        return _decide(loaded, path, options, plan, baseline, progress)
    except (InputError, InputErrors):
        raise
    except AmbitError as error:
        return Check(loaded.name, str(path), create_problem(error))


def create_problem(error: AmbitError) -> Problem:
    """What broke, as the problem of a check."""
    kind = "invariant broke" if error.exit_code == InvariantError.exit_code else "environment"
    return Problem(kind, str(error), error.exit_code)


def find_baseline(path: Path) -> tuple[Baseline | None, str]:
    """The baseline, or why there is none.

    Errors: StorageError if it cannot be read or was changed.
    """
    try:
        return load_baseline(path), ""
    except FileNotFoundError:
        return None, "there is no baseline yet: make one with --accept"
    except FormatError as error:
        return None, f"the baseline has {error}: make one anew with --accept"


def find_difference(
    loaded: LoadedScenario, baseline: Baseline, plan: Sequence[PlannedGate], options: CheckOptions
) -> str:
    """Why a run would not be comparable with a baseline; empty if it would."""
    seed = loaded.scenario.seed if options.seed is None else options.seed
    anew = "accept it anew with --accept"
    for what, now, then in (
        ("scenario", loaded.name, baseline.scenario),
        ("scenario digest", loaded.digest, baseline.scenario_digest),
        ("seed", seed, baseline.seed),
    ):
        if now != then:
            return f"{what} {now}, baseline has {then}: {anew}"
    if options.replications is not None and options.replications > baseline.replications:
        return (
            f"{options.replications} replications asked, baseline has {baseline.replications}: "
            f"make a larger one with --accept --replications {options.replications}"
        )
    policies = tuple(create_policies(loaded, options.policies))
    for name in policies:
        if name not in baseline.arms:
            return f"policy {name} is not in the baseline: {anew}"
    return _find_other_outcome(baseline, plan, policies)


def _find_other_outcome(
    baseline: Baseline, plan: Sequence[PlannedGate], policies: Collection[str]
) -> str:
    """The first outcome that only one side holds, or that is measured otherwise now."""
    for gate in plan:
        row = baseline.rows.get((gate.policy, gate.outcome.name))
        name = f"{gate.outcome.name} of {gate.policy}"
        if row is None:
            return f"{name} is held now and not in the baseline: accept it anew with --accept"
        now = (gate.outcome.unit, gate.outcome.form.value, gate.outcome.direction)
        if now != (row.unit, row.form, row.direction):
            return f"{name} is measured otherwise than in the baseline: accept it anew"
    held = {(gate.policy, gate.outcome.name) for gate in plan}
    for policy, outcome in baseline.rows:
        if policy in policies and (policy, outcome) not in held:
            return f"{outcome} of {policy} is in the baseline and no longer held: accept it anew"
    return ""


def plan_looks(options: CheckOptions, held: int) -> tuple[int, ...]:
    """At how many replications to decide; the last look is the only one unless it extends.

    A baseline that holds more replications than the first look needs is what can be added.
    """
    if not options.is_extending:
        return (options.replications or held,)
    first = min(options.replications or FIRST_LOOK, held)
    return tuple(dict.fromkeys((*range(first, held, STEP), held)))


def _decide(
    loaded: LoadedScenario,
    path: Path,
    options: CheckOptions,
    plan: Sequence[PlannedGate],
    baseline: Baseline,
    progress: Progress,
) -> Check:
    """Look, and look again as long as something is undecided and the baseline has more.

    The level is shared among the looks that were declared, so that all of them together err no
    more often than one would. Source: Bonferroni.
    """
    looks = plan_looks(options, baseline.replications)
    level = 1.0 - (1.0 - LEVEL) / len(looks)
    with TemporaryDirectory(prefix="ambit-") as kept:
        for n in looks:  # never empty; what an earlier look ran is not run again
            out = Path(kept) if len(looks) > 1 else None
            result = run_again(loaded, options, n, progress, out)
            verdicts = judge_all(plan, baseline, result.values, n, level)
            if all(verdict.state is not GateState.INCONCLUSIVE for verdict in verdicts):
                break
    if not options.policies:
        verdicts += find_idle(plan, verdicts)
    is_whole = n == baseline.replications
    return Check(
        loaded.name,
        str(path),
        seed=result.seed,
        n=n,
        looks=looks,
        verdicts=verdicts,
        arms={name: _note_arm(result, name, baseline, is_whole) for name in result.policies},
    )


def run_again(
    loaded: LoadedScenario,
    options: CheckOptions,
    n: int,
    progress: Progress,
    out: Path | None = None,
) -> RunResult:
    """The first n replications, under the policies asked for."""
    run = RunOptions(options.policies, n, options.seed, options.workers, out)
    try:
        return run_scenario(loaded, run, progress)
    except CellsFailedError as error:  # their list goes with the folder, at the end of the check
        raise CellsFailedError(error.problem, error.exit_codes) from error


def judge_all(
    plan: Sequence[PlannedGate],
    baseline: Baseline | None,
    arms: Mapping[str, Values],
    n: int,
    level: float = LEVEL,
) -> tuple[Verdict, ...]:
    """Every gate that has something to hold, over the first n replications, as one family."""
    verdicts = []
    for gate in plan:
        row = baseline.rows.get((gate.policy, gate.outcome.name)) if baseline else None
        old = None if row is None else row.values[:n]
        if gate.kind is GateKind.MARGIN and old is None:
            continue
        verdict = judge(gate, old, arms[gate.policy][gate.outcome.name], level)
        if verdict is not None:
            verdicts.append(verdict)
    return correct_family(verdicts, level)


def find_idle(plan: Sequence[PlannedGate], verdicts: Sequence[Verdict]) -> tuple[Verdict, ...]:
    """An error for each gate a scenario declares that no policy has a number for."""
    judged = [(verdict.gate.outcome.name, verdict.gate.kind) for verdict in verdicts]
    idle = {
        (gate.outcome.name, gate.kind): gate
        for gate in plan
        if gate.is_declared and (gate.outcome.name, gate.kind) not in judged
    }
    text = "no policy has such a number, so nothing is held"
    return tuple(
        Verdict(gate, GateState.ERROR, NO_DECISION, None, None, text) for gate in idle.values()
    )


def _note_arm(result: RunResult, name: str, baseline: Baseline, is_whole: bool) -> ArmNote:
    arm = baseline.arms[name]
    levers = compute_policy_digest(result.policies[name])
    record = result.digests[name] == arm.digest if is_whole else None
    return ArmNote(levers == arm.policy_digest, record)
