"""`sim verify`: whether a result is what was written, and the run comes out so again.

Files are compared with the manifests that list them. Whoever can write can seal a changed table
anew, so each cell is also run again, from the stored scenario and on a fresh ledger, and every
table, outcome and digest is compared with what is stored.
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import closing
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sim.core.errors import (
    AmbitError,
    InputError,
    InputErrors,
    InvariantError,
    Position,
    find_nearest,
)
from sim.experiment.cell_store import check_cell, find_cells
from sim.experiment.cells import Job, JobResult, compute_code_digest
from sim.experiment.differences import Difference, compare_files
from sim.experiment.execute import Execution, load_rules, open_executor
from sim.experiment.integrity import Family, IntactCell, take_inventory
from sim.experiment.progress import SILENT, Progress
from sim.experiment.run_cells import compute_joint_digest
from sim.experiment.stored import NEEDED, get_settings
from sim.scenario.load import load_scenario
from sim.scenario.policies import compute_policy_digest, create_policies
from sim.trace.store import MANIFEST

if TYPE_CHECKING:
    from collections.abc import Iterator

OF_EACH_REPLICATION = ("digests", "exogenous")  # facts that are lists of digests
# facts that may differ although the run is the same, or that are compared in a way of their own
NOT_COMPARED = {"files", "manifest", "version", "code", "last", *OF_EACH_REPLICATION}


class Kind(Enum):
    """What is wrong, with the exit code it ends the command with."""

    DIFFERS = 3  # the run is not what is stored
    DAMAGED = 4  # a file is not what was written
    UNDECIDED = 5  # this code cannot tell


class Finding(NamedTuple):
    """One thing that is wrong with a result."""

    kind: Kind
    where: str  # file or folder
    problem: str
    policy: str = ""
    seed: int | None = None
    difference: Difference | None = None


@dataclass
class Verdict:
    """What became of one result."""

    folder: Path
    n_files: int = 0
    n_replications: int = 0  # that were run again
    findings: list[Finding] = field(default_factory=list)
    other_code: list[str] = field(default_factory=list)  # digests of code that is not this

    @property
    def exit_codes(self) -> set[int]:
        """One for each kind of thing that is wrong; 0 if nothing is."""
        return {finding.kind.value for finding in self.findings} or {0}


@dataclass(frozen=True)
class VerifyOptions:
    """How much is run again, and where."""

    replications: int | None = None  # of each policy, the first ones; all if None
    is_quick: bool = False  # files only
    policies: tuple[str, ...] = ()
    workers: int | None = None


class Check(NamedTuple):
    """A stored cell, and the job that makes it again."""

    cell: IntactCell
    job: Job


def verify(
    folder: Path, options: VerifyOptions | None = None, progress: Progress = SILENT
) -> Verdict:
    """Check a result's files, then run it again; what is damaged is not run again.

    Errors: InputError for a folder that is no result or a policy without one; WorkerError,
    StorageError if this machine cannot run it.
    """
    options = options or VerifyOptions()
    inventory = take_inventory(folder)
    verdict = Verdict(folder, inventory.n_files)
    verdict.findings += [
        Finding(Kind.DAMAGED, error.path, error.problem) for error in inventory.damaged
    ]
    if verdict.findings or options.is_quick:
        return verdict
    families = _choose(folder, inventory.families, options.policies)
    for family in families:
        verdict.findings += _check_manifest(family)
    with tempfile.TemporaryDirectory(prefix="ambit-verify-") as scratch:
        checks = list(_plan(verdict, families, options, Path(scratch)))
        _run_again(verdict, checks, options, progress)
    return verdict


def _choose(folder: Path, families: list[Family], names: tuple[str, ...]) -> list[Family]:
    known = {_get_policy(family) for family in families}
    for name in names:
        if name not in known:
            where, nearest = Position(str(folder)), find_nearest(name, known)
            raise InputError(where, "--policy", f"no result of {name!r} here", nearest)
    return [family for family in families if not names or _get_policy(family) in names]


def _get_policy(family: Family) -> str:
    return str(family.cells[0].facts["policy"]) if family.cells else ""


def _check_manifest(family: Family) -> Iterator[Finding]:
    """A policy's manifest has to say what its cells say."""
    if not family.facts:
        return
    names = {name.partition("/")[0] for name in family.facts["files"]}
    cells = [cell for cell in family.cells if cell.stored.path.name in names]
    told = {
        key: [text for cell in cells for text in cell.facts[key]][: family.facts["replications"]]
        for key in OF_EACH_REPLICATION
    }
    expected: dict[str, Any] = {
        **{key: cells[0].facts[key] for key in NEEDED if key in cells[0].facts},
        **told,
        "replications": len(told["digests"]),
        "digest": compute_joint_digest([bytes.fromhex(text) for text in told["digests"]]),
    }
    for key, value in expected.items():
        if family.facts.get(key) != value:
            difference = Difference(MANIFEST, None, key, family.facts.get(key), value)
            yield _judge(cells[0], difference)


def _plan(
    verdict: Verdict, families: list[Family], options: VerifyOptions, scratch: Path
) -> Iterator[Check]:
    """Jobs that make the stored cells again, each into a folder of its own."""
    cells = [cell for family in families for cell in family.cells]
    for index, cell in enumerate(cells):
        code = str(cell.facts["code"])
        if code != compute_code_digest() and code not in verdict.other_code:
            verdict.other_code.append(code)
        first, last = cell.stored.span
        last = last if options.replications is None else min(last, options.replications)
        if first >= last:
            continue
        try:
            job = create_job(verdict.folder, cell, last, scratch / str(index))
        except (InputError, InputErrors) as error:
            verdict.findings.append(_find(Kind.UNDECIDED, cell, f"cannot be run again: {error}"))
            continue
        except DiffersError as error:
            verdict.findings.append(_judge(cell, error.difference))
            continue
        yield Check(cell, job)


class DiffersError(Exception):
    """What a cell says it was made of is not what is stored beside it."""

    def __init__(self, difference: Difference) -> None:
        super().__init__(difference)
        self.difference = difference


def create_job(folder: Path, cell: IntactCell, last: int, target: Path) -> Job:
    """The job of a stored cell, written elsewhere.

    Errors: InputError if the stored scenario has no such policy any more, or other levers for it;
    DiffersError if the stored scenario is another world.
    """
    facts = cell.facts
    settings = get_settings(facts)
    path = folder / str(facts["scenario_file"])
    loaded = load_scenario(path, settings)
    if loaded.digest != facts["scenario_digest"]:
        world = Difference(path.name, None, "digest", loaded.digest, facts["scenario_digest"])
        raise DiffersError(world)
    name = str(facts["policy"])
    policy = create_policies(loaded, [name])[name]
    if compute_policy_digest(policy) != facts["policy_digest"]:
        raise InputError(Position(str(path)), name, "has other levers in the scenario stored last")
    return Job(
        scenario=str(path),
        scenario_digest=loaded.digest,
        policy=policy,
        seed=int(facts["seed"]),
        first=cell.stored.span.first,
        last=last,
        folder=str(target),
        settings=tuple(settings),
        keeps_traces=cell.stored.path.is_dir(),
    )


def _run_again(
    verdict: Verdict, checks: list[Check], options: VerifyOptions, progress: Progress
) -> None:
    """Run each cell, compare it, and forget it, so that only a few are on the disk at a time."""
    cells = {check.job: check.cell for check in checks}
    progress.started(len(cells), 0)
    with open_executor(Execution(options.workers), len(cells)) as executor:
        load_rules(list(cells), executor)
        with closing(executor.run(cells)) as outcomes:
            for job, outcome in outcomes:
                verdict.findings += _compare_outcome(cells[job], job, outcome)
                if isinstance(outcome, JobResult):
                    verdict.n_replications += len(outcome.digests)
                    progress.done(outcome)


def _compare_outcome(
    cell: IntactCell, job: Job, outcome: JobResult | AmbitError
) -> Iterator[Finding]:
    """What is wrong with a cell, now that it was run again.

    Errors: whatever kept it from being run, except a promise that broke: that is an answer.
    """
    if isinstance(outcome, InvariantError):
        kind = Kind.DIFFERS if _is_of_this_code(cell) else Kind.UNDECIDED
        yield _find(kind, cell, f"breaks a promise when it is run again: {outcome}")
        return
    if isinstance(outcome, AmbitError):
        raise outcome
    fresh = find_cells(Path(job.folder))[job.first]
    for difference in _compare_cells(cell, IntactCell(fresh, check_cell(fresh)), job.last):
        yield _judge(cell, difference)
    shutil.rmtree(job.folder)


def _compare_cells(stored: IntactCell, fresh: IntactCell, last: int) -> Iterator[Difference]:
    """The first difference of each table, then what the manifest says otherwise."""
    here, there = stored.stored.path, fresh.stored.path
    if here.is_dir():
        for name in sorted({*stored.facts["files"], *fresh.facts["files"]}, key=_get_order):
            if difference := compare_files(here / name, there / name, last):
                yield difference
    elif difference := compare_files(here, there, last):
        yield difference
    for key, value in fresh.facts.items():
        if key not in NOT_COMPARED and stored.facts.get(key) != value:
            yield Difference(MANIFEST, None, key, stored.facts.get(key), value)
    for key in OF_EACH_REPLICATION:
        pairs = zip(stored.facts[key], fresh.facts[key], strict=False)
        for replication, (told, found) in enumerate(pairs, start=stored.stored.span.first):
            if told != found:
                yield Difference(MANIFEST, None, key, told, found, replication)


def _get_order(name: str) -> tuple[bool, str]:
    """What was decided comes before what was measured of it."""
    return not name.startswith("transactions-"), name


def _is_of_this_code(cell: IntactCell) -> bool:
    return cell.facts["code"] == compute_code_digest()


def _judge(cell: IntactCell, difference: Difference) -> Finding:
    """A difference, which says nothing of a result that other code made."""
    kind = Kind.DIFFERS if _is_of_this_code(cell) else Kind.UNDECIDED
    return _find(kind, cell, str(difference), difference)


def _find(
    kind: Kind, cell: IntactCell, problem: str, difference: Difference | None = None
) -> Finding:
    facts = cell.facts
    where = str(cell.stored.path)
    return Finding(kind, where, problem, str(facts["policy"]), int(facts["seed"]), difference)
