"""Cells: replications of one policy, run in this process or another, written where they ran."""

from __future__ import annotations

import hashlib
import shlex
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sim.core.compiled import PACKAGE
from sim.core.errors import InputError, InvariantError, Position
from sim.metrics.base import Chunk, Facts, NullReason, Value
from sim.metrics.disputes import get_stake_of_attackers
from sim.metrics.outcomes import CLEAN, OUTCOMES, PLAIN, get_outcomes, measure
from sim.model.run import run_replication
from sim.model.world import Arm, World, create_world
from sim.policies.base import Policy
from sim.scenario.load import load_scenario
from sim.scenario.settings import Setting
from sim.trace.records import Trace
from sim.trace.store import write_table, write_traces

CHUNK = 64  # replications in one job, and in one file: the same however many workers there are


@dataclass(frozen=True, slots=True)
class Job:
    """A few replications of one policy; everything a worker needs, by value."""

    scenario: str  # path
    scenario_digest: str
    policy: Policy
    seed: int
    first: int
    last: int  # past the end
    folder: str  # where to write; empty: nowhere
    settings: tuple[Setting, ...] = ()  # what is changed in the scenario


class JobResult(NamedTuple):
    """What a job measured: values by outcome, one for each replication."""

    policy: str
    first: int
    values: dict[str, list[Value]]
    digests: list[bytes]


def run_job(job: Job) -> JobResult:
    """Run the replications of a job, every arm, and write them down.

    Errors: InvariantError with the line that replays it.
    """
    world = get_world(job.scenario, job.scenario_digest, job.settings, arm=Arm.ATTACK)
    values: dict[str, list[Value]] = {name: [] for name in get_outcomes()}
    traces, digests = [], []
    for replication in range(job.first, job.last):
        try:
            trace = run_replication(world, job.policy, job.seed, replication)
            others = _measure_other_arms(job, replication, world, trace)
        except InvariantError as error:
            raise error.create_replayable(format_replay(job, replication)) from error
        measured = measure([create_chunk(trace, job.policy)], OUTCOMES.values())
        for name, value in (measured | others).items():
            values[name].append(value)
        digests.append(trace.compute_digest())
        if job.folder:
            traces.append(trace)
    if job.folder:
        folder = Path(job.folder)
        write_traces(folder, job.first, traces)
        write_values(folder / f"outcomes-{job.first:06d}.parquet", job.first, values)
    return JobResult(job.policy.name, job.first, values, digests)


def _measure_other_arms(job: Job, replication: int, world: World, trace: Trace) -> dict[str, Value]:
    """What is measured while attackers stay idle, and while they do without tricks of names.

    Errors: InvariantError if attackers do without tricks on another stake.
    """
    idle = get_world(job.scenario, job.scenario_digest, job.settings, arm=Arm.IDLE)
    chunk = create_chunk(run_replication(idle, job.policy, job.seed, replication), job.policy)
    measured = measure([chunk], [CLEAN])
    if not world.has_plain_arm:
        return measured | {PLAIN.name: Value(0.0, 0.0, 0, NullReason.NOT_APPLICABLE)}
    plain = get_world(job.scenario, job.scenario_digest, job.settings, arm=Arm.PLAIN)
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


@lru_cache(maxsize=4)
def get_world(path: str, digest: str, settings: tuple[Setting, ...] = (), *, arm: str) -> World:
    """World of a scenario file that has not changed since its digest was taken.

    Arms: attack; idle, in which attackers do nothing; plain, in which they have one name each.
    Errors: InputError if the file changed.
    """
    loaded = load_scenario(Path(path), settings)
    if loaded.digest != digest:
        raise InputError(Position(path), "", "changed while it was being run")
    return create_world(loaded, arm=arm)


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


def write_values(path: Path, first: int, values: dict[str, list[Value]]) -> None:
    """One row for each outcome and replication."""
    rows = [
        (name, first + index, value)
        for name, listed in values.items()
        for index, value in enumerate(listed)
    ]
    write_table(
        path,
        {
            "name": [name for name, _, _ in rows],
            "replication": np.array([replication for _, replication, _ in rows], dtype=np.int64),
            "num": np.array([value.num for _, _, value in rows]),
            "den": np.array([value.den for _, _, value in rows]),
            "n_obs": np.array([value.n_obs for _, _, value in rows], dtype=np.int64),
            "null_reason": [value.reason.value if value.reason else "" for _, _, value in rows],
        },
    )


def compute_code_digest() -> str:
    """Digest of every source file of the package: 16 hexadecimal digits."""
    digest = hashlib.blake2b(digest_size=8)
    for path in sorted(PACKAGE.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
