"""Cells: a few replications of one policy, run in any process and written where they ran."""

from __future__ import annotations

import hashlib
import shlex
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from sim.core.compiled import PACKAGE
from sim.core.errors import InputError, InvariantError, Position, WorkerError
from sim.experiment.cell_store import write_cell
from sim.metrics.base import Chunk, Facts, NullReason, Value
from sim.metrics.disputes import get_stake_of_attackers
from sim.metrics.outcomes import CLEAN, OUTCOMES, PLAIN, get_outcomes, measure
from sim.model.run import run_replication
from sim.model.world import Arm, World, create_world
from sim.policies.base import Policy
from sim.scenario.load import LoadedScenario, load_scenario, read_scenario
from sim.scenario.policies import compute_policy_digest
from sim.scenario.settings import Setting, is_of_policy
from sim.trace.records import Trace

CHUNK = 10  # replications in one cell: the same however many workers there are


@dataclass(frozen=True, slots=True)
class Job:
    """A cell to run: a few replications of one policy, and everything a worker needs, by value."""

    scenario: str  # path
    scenario_digest: str  # with what is set; empty where only the base is known
    policy: Policy
    seed: int
    first: int
    last: int  # past the end
    folder: str  # of the policy's cells, where this one is written; empty: nowhere
    settings: tuple[Setting, ...] = ()  # what is changed in the scenario
    base_digest: str = ""  # of the scenario before it is changed, where a sweep changes it
    keeps_traces: bool = True  # else only what was measured is written


class JobResult(NamedTuple):
    """What a cell came to: values, one of each replication; once written, only primary ones."""

    policy: str
    first: int
    values: dict[str, list[Value]]
    digests: list[bytes]
    exogenous: list[bytes]  # digests of what came upon everybody, whatever the policy


def run_job(job: Job) -> JobResult:
    """Run the replications of a cell, every arm, and write them down.

    Errors: InvariantError and WorkerError with the line that replays it; StorageError.
    """
    world = _get_arm(job, Arm.ATTACK)
    values: dict[str, list[Value]] = {name: [] for name in get_outcomes()}
    traces, digests, exogenous = [], [], []
    for replication in range(job.first, job.last):
        try:
            trace = run_replication(world, job.policy, job.seed, replication)
            others = _measure_other_arms(job, replication, world, trace)
        except InvariantError as error:
            raise error.create_replayable(format_replay(job, replication)) from error
        except MemoryError as error:
            raise WorkerError("ran out of memory", format_replay(job, replication)) from error
        measured = measure([create_chunk(trace, job.policy)], OUTCOMES.values())
        for name, value in (measured | others).items():
            values[name].append(value)
        digests.append(trace.compute_digest())
        exogenous.append(trace.exogenous)
        if job.folder and job.keeps_traces:
            traces.append(trace)
    if not job.folder:
        return JobResult(job.policy.name, job.first, values, digests, exogenous)
    write_cell(
        Path(job.folder),
        create_facts(job, digests, exogenous, world.loaded),
        values,
        traces if job.keeps_traces else None,
    )
    shown = {name: values[name] for name in world.loaded.scenario.primary if name in values}
    return JobResult(job.policy.name, job.first, shown, digests, exogenous)


def create_facts(
    job: Job, digests: list[bytes], exogenous: list[bytes], loaded: LoadedScenario
) -> dict[str, Any]:
    """Everything that made a cell what it is, and what it came to."""
    return {
        "scenario": loaded.name,
        "scenario_digest": loaded.digest,
        "scenario_file": loaded.path.name,
        "settings": [str(setting) for setting in job.settings],
        "policy": job.policy.name,
        "policy_digest": compute_policy_digest(job.policy),
        "levers": {key: str(getattr(job.policy, key)) for key in job.policy.__slots__},
        "seed": job.seed,
        "first": job.first,
        "last": job.last,
        "digests": [digest.hex() for digest in digests],
        "exogenous": [digest.hex() for digest in exogenous],
        "version": version("ambit-sim"),
        "code": compute_code_digest(),
    }


def _measure_other_arms(job: Job, replication: int, world: World, trace: Trace) -> dict[str, Value]:
    """What is measured while attackers stay idle, and while they do without tricks of names.

    Errors: InvariantError if attackers do without tricks on another stake.
    """
    idle = _get_arm(job, Arm.IDLE)
    chunk = create_chunk(run_replication(idle, job.policy, job.seed, replication), job.policy)
    measured = measure([chunk], [CLEAN])
    if not world.has_plain_arm:
        return measured | {PLAIN.name: Value(0.0, 0.0, 0, NullReason.NOT_APPLICABLE)}
    plain = _get_arm(job, Arm.PLAIN)
    other = run_replication(plain, job.policy, job.seed, replication)
    check_equal_stake(trace, other)
    return measured | measure([create_chunk(other, job.policy)], [PLAIN])


def check_equal_stake(trace: Trace, plain: Trace) -> None:
    """The gain of a trick is not the gain of more money.

    Errors: InvariantError.
    """
    stakes = [get_stake_of_attackers(arm.market.traders) for arm in (trace, plain)]
    if stakes[0] != stakes[1]:
        raise InvariantError(
            "equal stake of attackers with and without tricks", 0, *map(str, stakes)
        )


def format_replay(job: Job, replication: int) -> str:
    """One line that says how to run a replication again, of which world and by which code."""
    name = shlex.quote(job.policy.name)
    changes = "".join(f"--set {shlex.quote(str(setting))} " for setting in job.settings)
    return (
        f"replay: sim run {shlex.quote(job.scenario)} {changes}--policy {name} --seed {job.seed} "
        f"--replications {replication + 1} # replication {replication}, scenario "
        f"{job.scenario_digest}, ambit {version('ambit-sim')}, code {compute_code_digest()}"
    )


def _get_arm(job: Job, arm: str) -> World:
    """The world of a cell, with one arm of its attackers.

    A sweep hands its policies over ready made, so that points which differ in them share a world.
    """
    if job.base_digest:
        settings = tuple(setting for setting in job.settings if not is_of_policy(setting))
        return get_changed_world(job.scenario, job.base_digest, settings, arm=arm)
    return get_world(job.scenario, job.scenario_digest, job.settings, arm=arm)


@lru_cache(maxsize=4)
def get_world(path: str, digest: str, settings: tuple[Setting, ...] = (), *, arm: str) -> World:
    """World of a scenario file that has not changed since its digest was taken.

    Arms: attack; idle, in which attackers do nothing; plain, in which they have one name each.
    Errors: InputError if the file changed.
    """
    return create_world(_load_unchanged(path, digest, settings), arm=arm)


@lru_cache(maxsize=4)
def get_changed_world(
    path: str, base_digest: str, settings: tuple[Setting, ...], *, arm: str
) -> World:
    """World of a scenario with settings, where the digest is of the scenario without them.

    Errors: InputError if the file changed; InputErrors if what is set cannot be.
    """
    base = get_base(path, base_digest)
    return create_world(read_scenario(base.path, base.tree, settings), arm=arm)


@lru_cache(maxsize=2)
def get_base(path: str, digest: str) -> LoadedScenario:
    """A scenario file that a sweep changes, read once by each process."""
    return _load_unchanged(path, digest, ())


def _load_unchanged(path: str, digest: str, settings: tuple[Setting, ...]) -> LoadedScenario:
    loaded = load_scenario(Path(path), settings)
    if loaded.digest != digest:
        raise InputError(Position(path), "", "changed while it was being run")
    return loaded


def create_chunk(trace: Trace, policy: Policy) -> Chunk:
    """A whole replication as one chunk."""
    return Chunk(
        facts=Facts(
            is_bound=policy.is_bound,
            checks_signatures=policy.checks_signatures,
            requires_approval=policy.requires_approval,
            anchors=policy.anchors,
            has_validators=policy.has_validators,
            slashes=policy.slashes_fraud,
            shares_scores=policy.shares_scores,
            settles_disputes=policy.settles_disputes,
        ),
        horizon_us=trace.horizon_us,
        receipts=trace.receipts,
        truths=trace.truths,
        tasks=trace.tasks,
        approvals=trace.approvals,
        exposure=trace.exposure,
        messages=trace.messages,
        n_bytes=trace.n_bytes,
        ordering=trace.ordering,
        market=trace.market,
    )


@lru_cache(maxsize=1)
def compute_code_digest() -> str:
    """Digest of every source file of the package: 16 hexadecimal digits."""
    digest = hashlib.blake2b(digest_size=8)
    for path in sorted(PACKAGE.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
