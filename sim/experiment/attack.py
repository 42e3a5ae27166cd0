"""`sim attack`: the attacker that hurts a policy most, found by search and judged on fresh draws.

Decision: what the search found is measured again on the draws of another seed, and only that is
an estimate; its score in the search is printed as what it is.
Instead of: reporting the best score.
Because: the best of 200 attackers that are all alike scores half a standard deviation above
their mean by luck alone (30 replications each), and an interval around it does not know that.
Undo when: a correction for the search is as sure as draws nobody has searched on.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from sim.core.errors import InputError, InputErrors, Position, find_nearest
from sim.experiment.attack_factors import check_factors, find_default_factors, parse_factor
from sim.experiment.attack_search import Search, Trial, choose_samplers, search
from sim.experiment.attack_trials import Trials, compute_holdout_seed
from sim.experiment.comparison import Estimate, compute_contrast, compute_estimate
from sim.experiment.execute import count_cores
from sim.metrics.outcomes import OUTCOMES
from sim.scenario.load import LoadedScenario, load_scenario
from sim.scenario.policies import create_policies

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sim.experiment.attack_factors import Factor
    from sim.experiment.attack_search import Score, Settings
    from sim.metrics.base import Outcome, Value
    from sim.policies.base import Policy
    from sim.stats.paired import Difference

DEFAULT = "default"  # the attackers as the scenario has them


@dataclass(frozen=True)
class AttackOptions:
    """How hard to search for what, and how surely to judge it."""

    policies: tuple[str, ...]  # all of the scenario's that are no bounds, if empty
    outcome: str = ""  # the first primary one with a direction, if empty
    factors: tuple[str, ...] = ()  # as typed; the attackers' own knobs, if empty
    trials: int = 200
    replications: int = 30  # of each trial, all on the same draws
    holdout: int = 200  # replications on fresh draws
    seed: int | None = None  # the scenario's if None
    workers: int | None = None  # all processors if None


class Plan(NamedTuple):
    """What a search will do, said before it starts."""

    loaded: LoadedScenario
    policies: dict[str, Policy]
    outcome: Outcome
    factors: list[Factor]
    seed: int
    holdout_seed: int
    trials: int
    replications: int
    holdout: int
    workers: int

    @property
    def sign(self) -> float:
        """What turns the outcome so that larger hurts more."""
        return 1.0 if self.outcome.direction == "down" else -1.0


class Judged(NamedTuple):
    """An attacker on the draws of the holdout, beside the scenario's own on the same draws."""

    trial: Trial
    values: list[Value]
    estimate: Estimate
    gap: Difference | None  # this attacker less the scenario's own, paired


class PolicyAttack(NamedTuple):
    """What was found against one policy."""

    policy: str
    searches: list[Search]
    default: Judged
    worst: dict[str, Judged]  # best trial of each sampler, by sampler; the first one counts

    @property
    def found(self) -> Judged:
        """The worst attacker found, by the sampler that learns."""
        return next(iter(self.worst.values()))


class AttackResult(NamedTuple):
    """What was found against each policy."""

    plan: Plan
    attacks: dict[str, PolicyAttack]


def create_plan(loaded: LoadedScenario, options: AttackOptions) -> Plan:
    """Fill in what was not said.

    Errors: InputError or InputErrors for a policy, outcome or factor that there is not, and where
    the attackers have nothing to search.
    """
    seed = loaded.scenario.seed if options.seed is None else options.seed
    policies = create_policies(loaded, options.policies)
    if not options.policies:
        policies = {name: policy for name, policy in policies.items() if not policy.is_bound}
    outcome = find_outcome(loaded, options.outcome)
    factors = [parse_factor(text) for text in options.factors] or find_default_factors(loaded)
    if not factors:
        problem = "its attackers have no knobs to search; name some with --factor PATH=LOW..HIGH"
        raise InputError(Position(str(loaded.path)), "agents", problem)
    return Plan(
        loaded,
        policies,
        outcome,
        check_factors(loaded, factors),
        seed,
        compute_holdout_seed(seed),
        options.trials,
        options.replications,
        options.holdout,
        options.workers or count_cores(),
    )


def find_outcome(loaded: LoadedScenario, name: str) -> Outcome:
    """The outcome to make worse: the one named, or the first primary one that has a direction.

    Errors: InputError if it does not exist, has no direction, or is not of attackers at work.
    """
    if not name:
        directed = (OUTCOMES.get(primary) for primary in loaded.scenario.primary)
        if found := next((outcome for outcome in directed if outcome and outcome.direction), None):
            return found
        problem = "no primary outcome has a direction; name one with --outcome"
        raise InputError(Position(str(loaded.path)), "primary", problem)
    if name not in OUTCOMES:
        problem = f"unknown outcome {name!r}"
        raise InputError(Position("--outcome"), "", problem, find_nearest(name, OUTCOMES))
    if not OUTCOMES[name].direction:
        problem = f"{name!r} is neither better when larger nor when smaller"
        raise InputError(Position("--outcome"), "", problem)
    return OUTCOMES[name]


def run_attack(
    plan: Plan, on_trial: Callable[[str, Trial], None] = lambda *_: None
) -> AttackResult:
    """Search against each policy by itself, and judge what was found.

    Errors: StorageError without optuna or if a process dies, InvariantError.
    """
    with Trials(plan.workers) as trials:
        attacks = {}
        for name, policy in plan.policies.items():

            def measure(
                settings: Settings, seed: int, replications: int, policy: Policy = policy
            ) -> list[Value]:
                changed = (*plan.loaded.settings, *settings)
                loaded = load_scenario(plan.loaded.path, changed)
                return trials.measure(loaded, policy, plan.outcome.name, seed, replications)

            attacks[name] = attack_policy(name, plan, measure, on_trial)
    return AttackResult(plan, attacks)


def attack_policy(
    policy: str,
    plan: Plan,
    measure: Callable[[Settings, int, int], list[Value]],
    on_trial: Callable[[str, Trial], None] = lambda *_: None,
) -> PolicyAttack:
    """Search on the draws of one seed, judge on those of another.

    `measure` says what an attacker comes to: the outcome of so many replications of a seed.
    """

    @cache  # samplers begin alike, and may come back to an attacker
    def score(settings: Settings) -> Score:
        try:
            values = measure(settings, plan.seed, plan.replications)
        except InputErrors:
            return None  # each value is allowed, these together are not
        return compute_score(plan, values)

    samplers = choose_samplers(plan.factors, plan.trials)
    searches = [
        search(
            sampler,
            plan.factors,
            plan.seed,
            plan.trials,
            score,
            lambda trial: on_trial(policy, trial),
        )
        for sampler in samplers
    ]
    own = searches[0].trials[0]
    base = measure((), plan.holdout_seed, plan.holdout)
    worst = {
        found.sampler.value: judge(
            plan, found.best, base, measure(found.best.settings, plan.holdout_seed, plan.holdout)
        )
        for found in searches
    }
    return PolicyAttack(policy, searches, judge(plan, own, base, base), worst)


def compute_score(plan: Plan, values: Sequence[Value]) -> Score:
    """How much an attacker hurts by its replications; None where the outcome has no number."""
    interval = compute_estimate(plan.outcome, values).interval
    return None if interval is None else plan.sign * interval.mean


def judge(plan: Plan, trial: Trial, base: list[Value], values: list[Value]) -> Judged:
    """An attacker beside the scenario's own, replication by replication on the same draws."""
    name = plan.outcome.name
    arms = {DEFAULT: {name: base}, "found": {name: values}}
    contrast = compute_contrast(plan.outcome, "found", DEFAULT, arms)
    return Judged(trial, values, compute_estimate(plan.outcome, values), contrast.difference)
