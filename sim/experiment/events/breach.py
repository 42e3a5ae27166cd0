"""An irreversible act that no task asked for is executed, and not called off.

Covered: one agent that is misled (`injected`, one task), tempted (`over_scoper`, one step of a
task) or scripted, its task's grants, paths round the enforcement point, the checks of the ledgers
it meets, a reviewer who errs or does not come to it, further attempts after a refusal, and the
delay of an irreversible act. Whether the caller's grants cover the act is for the ledger to say.
Not covered: a slip of an issuer, which only takes capabilities away; fatigue and waiting of
reviewers, who here have nothing else to do; grants that run out before the attack; forks, faults
and queues; stolen keys; several attacks at a time.
"""

from __future__ import annotations

from dataclasses import replace
from math import exp, prod
from typing import TYPE_CHECKING, NamedTuple

from sim.core.errors import InputError, Position
from sim.core.reasons import PROSE, Reason
from sim.core.units import PPM
from sim.experiment.events.base import Event
from sim.model.breach import NO_CHANCE, Aim, Attack, Breach, get_lures
from sim.model.layout import ATTEMPTS_MAX, PATH_DIRECT
from sim.model.world import World, create_world
from sim.stats.closed_forms import Attempts, compute_attempts_chance

if TYPE_CHECKING:
    from sim.policies.base import Policy
    from sim.scenario.load import LoadedScenario

PATIENT_US = 2**62
NOT_COVERED = (
    "not covered: issuers' slips, reviewers' fatigue and queues, grants that run out, stolen keys, "
    "faults, several attacks at a time"
)


class Passage(NamedTuple):
    """What the ledgers say to a call, whatever is drawn."""

    code: int  # without an approval
    code_approved: int  # with one, if a reviewer is asked


def prepare_breach(loaded: LoadedScenario, policy: Policy) -> Event[Attack]:
    """A breach by the group of attackers that is likeliest to come to it.

    Errors: InputError for a scenario without attackers of a known kind.
    """
    scenario = loaded.scenario.model_copy(update={"issuer_error": 0})
    world = create_world(loaded._replace(scenario=scenario))
    processes = [
        process
        for cohort in world.cohorts
        if get_lures(cohort.strategy) is not None
        and (process := Breach(world, policy, cohort)).aims
    ]
    if not processes:
        problem = "nobody attacks in a way that is covered: name a group with strategy injected, "
        problem += "over_scoper or scripted"
        raise InputError(Position(str(loaded.path)), "agents", problem)
    chances = [compute_breach_chance(process) for process in processes]
    exact = max(chances)
    process = processes[chances.index(exact)]
    name = process.cohort.name
    return Event(
        process,
        process.n_levels,
        exact,
        f"in one {process.unit} of {name}, an irreversible act that no task asked for is executed",
        explain(process) if exact in (0.0, 1.0) else "",
        "steps past what stands in between",
        "steps",
        f"{process.unit}s",
        [describe_levers(process), NOT_COVERED],
        {"group": name} | get_levers(process),
    )


def compute_breach_chance(process: Breach) -> float:
    """Chance of a breach: what the ledgers say, known, and the chances of all else.

    Source: lures, aim, attempts and detection are drawn independently; an act that waits is
            called off by an exponential time, rounded to microseconds, below the wait.
    """
    lured = prod(chance_ppm / PPM for _, chance_ppm in process.lures)
    executed = sum(
        share * compute_executed_chance(process, aim)
        for share, aim in process.aims
        if process.is_irreversible(aim)
    )
    delay_us = process.policy.commit_delay_us
    loss_us = process.world.scenario.detection.loss
    return lured * executed * (exp((0.5 - delay_us) / loss_us) if delay_us else 1.0)


def compute_executed_chance(process: Breach, aim: Aim) -> float:
    """Chance that one of the attempts at an aim is executed."""
    group, mediation_ppm = process.group, process.policy.mediation_ppm
    fresh_round = 1.0 - mediation_ppm / PPM
    retry_ppm = int(group["retry_ppm"])
    attempts = Attempts(
        passes=compute_passage_chance(process, aim, 0),
        passes_round=compute_passage_chance(process, aim, PATH_DIRECT),
        first_round=fresh_round if aim.path < 0 else float(aim.path >= mediation_ppm),
        fresh_round=fresh_round,
        retry=retry_ppm / PPM,
        other_path=(PPM - int(group["give_up_ppm"]) - retry_ppm) / PPM,
        n=ATTEMPTS_MAX,
    )
    return compute_attempts_chance(attempts)


def compute_passage_chance(process: Breach, aim: Aim, path: int) -> float:
    """Chance that one attempt by a path of this rank is executed."""
    passage = find_passage(process, aim, path)
    if passage.code == 0:
        return 1.0
    return compute_wave_chance(process.world) if passage.code_approved == 0 else 0.0


def compute_wave_chance(world: World) -> float:
    """Chance that a reviewer with an empty desk comes to a harmful request and approves it."""
    people = world.scenario.reviewers
    in_time = 1.0 - exp(-(people.patience + 0.5) / people.review)
    return in_time * people.false_approve / PPM


def find_passage(process: Breach, aim: Aim, path: int) -> Passage:
    """What the ledgers answer, of reviewers who refuse everything and who approve everything."""
    codes = []
    for approves_ppm in (0, PPM):
        sure = create_sure_reviewers(process, approves_ppm)
        call = sure.create_call(aim._replace(path=path), 0, 0, NO_CHANCE)
        codes.append(sure.judge(sure.open_ledgers(aim.template), call, NO_CHANCE))
    return Passage(*codes)


def create_sure_reviewers(process: Breach, approves_ppm: int) -> Breach:
    """The same attack, before reviewers whose answer is not drawn and always in time."""
    scenario = process.world.scenario
    changes = {"false_approve": approves_ppm, "fatigue": 0, "patience": PATIENT_US}
    people = scenario.reviewers.model_copy(update=changes)
    loaded = process.world.loaded
    sure = loaded._replace(scenario=scenario.model_copy(update={"reviewers": people}))
    return Breach(replace(process.world, loaded=sure), process.policy, process.cohort)


# in words


def explain(process: Breach) -> str:
    """Why there is nothing to estimate, if there is not."""
    name = process.cohort.name
    if not all(chance_ppm for _, chance_ppm in process.lures):
        return f"nothing makes {name} act"
    aims = [aim for _, aim in process.aims if process.is_irreversible(aim)]
    if not aims:
        return f"nothing that {name} is after is irreversible"
    code = find_passage(process, aims[0], 0).code_approved
    if code == 0:
        return "nothing that is checked forbids it, and nothing of it is drawn"
    answer = f"{Reason(code).name}, {PROSE[Reason(code)]}"
    if process.policy.mediation_ppm == PPM:
        return f"every path is checked, and the ledger answers {answer}"
    if aims[0].path >= process.policy.mediation_ppm:
        return "the path goes round what is checked"
    return f"by this path the ledger answers {answer}"


def get_levers(process: Breach) -> dict[str, float]:
    """Chances between an attacker and its act, by name; those of people only if they are asked."""
    policy, scenario = process.policy, process.world.scenario
    levers = {purpose.name.lower(): chance / PPM for purpose, chance in process.lures}
    levers["irreversible_aim"] = sum(
        share for share, aim in process.aims if process.is_irreversible(aim)
    )
    levers["unchecked_paths"] = 1.0 - policy.mediation_ppm / PPM
    if policy.requires_approval:
        levers["reviewer_approves"] = compute_wave_chance(process.world)
    levers["tries_again"] = 1.0 - int(process.group["give_up_ppm"]) / PPM
    if policy.commit_delay_us:
        levers["not_called_off"] = exp((0.5 - policy.commit_delay_us) / scenario.detection.loss)
    return levers


def describe_levers(process: Breach) -> str:
    """The same as a line."""
    levers = [
        f"{name.replace('_', ' ')} {value:.4g}" for name, value in get_levers(process).items()
    ]
    return "chances in between: " + ", ".join(levers)
