"""`sim check`: a scenario run again and held against its baseline, replication by replication."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from sim.core.errors import InvariantError, StorageError
from sim.experiment.baseline import Baseline, FormatError, load_baseline
from sim.experiment.gates import GateKind, check_gates, plan_gates
from sim.experiment.judging import judge
from sim.experiment.run import RunOptions, run_scenario
from sim.scenario.policies import compute_policy_digest, create_policies
from sim.stats.noninferiority import GateState

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from pathlib import Path

    from sim.experiment.cells import JobResult
    from sim.experiment.comparison import Values
    from sim.experiment.gates import PlannedGate
    from sim.experiment.judging import Verdict
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
WORST_FIRST = (3, 4, 2, 1, 5, 0)


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


def get_worst(codes: Iterable[int]) -> int:
    """The worst of several exit codes; 0 of none."""
    found = tuple(codes)
    return next((code for code in WORST_FIRST if code in found), 0)


def check_scenario(
    loaded: LoadedScenario,
    path: Path,
    options: CheckOptions,
    on_done: Callable[[JobResult], None] = lambda _: None,
) -> Check:
    """Run a scenario and decide every gate it has.

    What breaks on the way is the check's problem, so that others can still be run.
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
        return _decide(loaded, path, options, plan, baseline, on_done)
    except (InvariantError, StorageError) as error:
        return Check(loaded.name, str(path), create_problem(error))


def create_problem(error: InvariantError | StorageError) -> Problem:
    """What broke, as the problem of a check."""
    kind = "invariant broke" if isinstance(error, InvariantError) else "storage"
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
    return _find_other_outcome(baseline, plan, {gate.policy for gate in plan})


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
    on_done: Callable[[JobResult], None],
) -> Check:
    """Look, and look again as long as something is undecided and the baseline has more.

    The level is shared among the looks that were declared, so that all of them together err no
    more often than one would. Source: Bonferroni.
    """
    looks = plan_looks(options, baseline.replications)
    level = 1.0 - (1.0 - LEVEL) / len(looks)
    arms: dict[str, Values] = {}
    done = 0
    for n in looks:  # never empty
        result = run_part(loaded, options, done, n, on_done)
        _extend(arms, result.values)
        verdicts = judge_all(plan, baseline, arms, n, level)
        is_first, done = done == 0, n
        if all(verdict.state is not GateState.INCONCLUSIVE for verdict in verdicts):
            break
    is_whole = is_first and done == baseline.replications
    return Check(
        loaded.name,
        str(path),
        seed=result.seed,
        n=done,
        looks=looks,
        verdicts=verdicts,
        arms={name: _note_arm(result, name, baseline, is_whole) for name in result.policies},
    )


def run_part(
    loaded: LoadedScenario,
    options: CheckOptions,
    first: int,
    n: int,
    on_done: Callable[[JobResult], None],
) -> RunResult:
    """Replications from the first up to n, under the policies asked for; nothing is kept."""
    run = RunOptions(options.policies, n, options.seed, options.workers, first=first)
    return run_scenario(loaded, run, on_done)


def _extend(arms: dict[str, Values], more: dict[str, Values]) -> None:
    for policy, values in more.items():
        arm = arms.setdefault(policy, {})
        for outcome, listed in values.items():
            arm.setdefault(outcome, []).extend(listed)


def judge_all(
    plan: Sequence[PlannedGate],
    baseline: Baseline | None,
    arms: dict[str, Values],
    n: int,
    level: float = LEVEL,
) -> tuple[Verdict, ...]:
    """Every gate that has something to hold, over the first n replications."""
    verdicts = []
    for gate in plan:
        row = baseline.rows.get((gate.policy, gate.outcome.name)) if baseline else None
        old = None if row is None else row.values[:n]
        if gate.kind is GateKind.MARGIN and old is None:
            continue
        verdict = judge(gate, old, arms[gate.policy][gate.outcome.name], level)
        if verdict is not None:
            verdicts.append(verdict)
    return tuple(verdicts)


def _note_arm(result: RunResult, name: str, baseline: Baseline, is_whole: bool) -> ArmNote:
    arm = baseline.arms[name]
    levers = compute_policy_digest(result.policies[name])
    record = result.digests[name] == arm.digest if is_whole else None
    return ArmNote(levers == arm.policy_digest, record)
