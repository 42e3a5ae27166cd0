"""The cells of one run: found finished, or run, then read back and gathered."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from sim.core.errors import StorageError
from sim.experiment.cell_store import (
    Span,
    check_cell,
    find_cells,
    plan_spans,
    read_values,
    remove_cell,
)
from sim.experiment.cells import CHUNK, Job, JobResult
from sim.experiment.execute import load_rules, raise_failures, run_cells
from sim.experiment.failures import Row, write_failures
from sim.experiment.pairing import check_synchronised
from sim.metrics.outcomes import get_outcomes
from sim.trace.store import (
    MANIFEST,
    create_manifest,
    describe_content,
    remove_leftovers,
    replace_file,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sim.experiment.comparison import Values
    from sim.experiment.execute import Executor
    from sim.experiment.progress import Failure, Progress
    from sim.policies.base import Policy
    from sim.scenario.load import LoadedScenario

OF_ONE_CELL = {"first", "last", "files", "manifest"}  # facts that a policy's result does not share


class RunCells:
    """The cells of every policy; more replications keep the earlier ones.

    `folders` says where the cells of each policy are kept; it is empty if they are not.
    """

    def __init__(
        self,
        loaded: LoadedScenario,
        policies: dict[str, Policy],
        seed: int,
        folders: dict[str, Path],
        progress: Progress,
    ) -> None:
        self.loaded, self.policies, self.seed = loaded, policies, seed
        self.folders, self.progress = folders, progress
        self.ended: dict[str, dict[Span, JobResult]] = {name: {} for name in policies}

    def run(
        self, executor: Executor, replications: int
    ) -> tuple[dict[str, Values], dict[str, list[bytes]]]:
        """Values and digests of every policy, for so many replications.

        Errors: of the cells that failed, once all others are finished and written;
        InvariantError if policies did not face the same world.
        """
        for name in self.folders:
            self._find_stored(name, replications)
        plan = {name: plan_spans(self.ended[name], replications, CHUNK) for name in self.policies}
        jobs = self._create_jobs(plan)
        load_rules(jobs, executor)
        self.progress.started(len(jobs), sum(map(len, plan.values())) - len(jobs))
        failures = run_cells(executor, jobs, self.progress, self._keep).failures
        listed = self._list_failures(failures, replications)
        broken = {failure.job.policy.name for failure in failures}
        digests = {
            name: self._get_digests(name, spans, replications)
            for name, spans in plan.items()
            if name not in broken
        }
        exogenous = {name: self._get_exogenous(name, plan[name], replications) for name in digests}
        check_synchronised(exogenous, self.seed)
        for name in digests if self.folders else ():
            seal_policy(self.folders[name], plan[name], digests[name], exogenous[name])
        raise_failures(failures, listed)
        arms = {name: self._gather(name, plan[name], replications) for name in self.policies}
        return arms, digests

    def _find_stored(self, policy: str, replications: int) -> None:
        """Take what is finished already; name what is damaged and drop it."""
        remove_leftovers(self.folders[policy])
        for cell in find_cells(self.folders[policy]).values():
            if cell.span in self.ended[policy] or cell.span.first >= replications:
                continue
            try:
                facts = check_cell(cell)
            except StorageError as error:
                self.progress.noticed(f"{error}; this cell is run again")
                remove_cell(cell)
                continue
            digests, exogenous = (
                [bytes.fromhex(text) for text in facts[name]] for name in ("digests", "exogenous")
            )
            self.ended[policy][cell.span] = JobResult(
                policy, cell.span.first, {}, digests, exogenous
            )

    def _create_jobs(self, plan: dict[str, list[Span]]) -> list[Job]:
        """Cells that are still to be run, in turn for all policies.

        So estimates of a run that goes on, or was broken off, are of the same replications.
        """
        return [
            Job(
                scenario=str(self.loaded.path),
                scenario_digest=self.loaded.digest,
                policy=self.policies[name],
                seed=self.seed,
                first=span.first,
                last=span.last,
                folder=str(self.folders[name]) if self.folders else "",
                settings=self.loaded.settings,
            )
            for span in sorted({span for spans in plan.values() for span in spans})
            for name, spans in plan.items()
            if span in spans and span not in self.ended[name]
        ]

    def _list_failures(self, failures: Sequence[Failure], replications: int) -> Path | None:
        """Write what failed above the results of all policies; None if nothing is left to list.

        Cells of another policy or seed, and those after the last replication, were not tried.
        """

        def is_untried(row: Row) -> bool:
            is_mine = row["policy"] in self.policies and int(row["seed"]) == self.seed
            return not is_mine or int(row["first"]) >= replications

        if not self.folders:
            return None
        folder = next(iter(self.folders.values())).parent
        return write_failures(folder, failures, is_untried)

    def _keep(self, cell: JobResult) -> None:
        span = Span(cell.first, cell.first + len(cell.digests))
        self.ended[cell.policy][span] = cell

    def _get_digests(self, policy: str, spans: list[Span], replications: int) -> list[bytes]:
        cells = [self.ended[policy][span] for span in spans]
        return [digest for cell in cells for digest in cell.digests][:replications]

    def _get_exogenous(self, policy: str, spans: list[Span], replications: int) -> list[bytes]:
        cells = [self.ended[policy][span] for span in spans]
        return [digest for cell in cells for digest in cell.exogenous][:replications]

    def _gather(self, policy: str, spans: list[Span], replications: int) -> Values:
        """Values of each outcome: of cells in memory, or read from where they were written."""
        names = list(get_outcomes())
        if self.folders:
            paths = [self.folders[policy] / str(span) for span in spans]
            return read_values(paths, replications, names)
        cells = [self.ended[policy][span].values for span in spans]
        return {
            name: [value for cell in cells for value in cell[name]][:replications] for name in names
        }


def seal_policy(
    folder: Path, spans: Sequence[Span], digests: Sequence[bytes], exogenous: Sequence[bytes]
) -> None:
    """Write which cells a policy's result consists of, and what they come to together.

    Errors: StorageError if the disk refuses; the manifest then says what it said before.
    """
    manifests = {f"{span}/{MANIFEST}": folder / str(span) / MANIFEST for span in spans}
    try:
        contents = {name: path.read_bytes() for name, path in manifests.items()}
    except OSError as error:
        problem = f"cannot be read: {error.strerror or error}"
        raise StorageError(str(error.filename), problem) from error
    cell = json.loads(contents[f"{spans[0]}/{MANIFEST}"])
    facts = {key: value for key, value in cell.items() if key not in OF_ONE_CELL}
    facts |= {
        "replications": len(digests),
        "digest": compute_joint_digest(digests),
        "digests": [digest.hex() for digest in digests],
        "exogenous": [digest.hex() for digest in exogenous],
        "files": {name: describe_content(content) for name, content in contents.items()},
    }
    content = create_manifest(facts)
    target = folder / MANIFEST
    if not target.is_file() or target.read_bytes() != content:
        replace_file(target, content)


def compute_joint_digest(digests: Sequence[bytes]) -> str:
    """Digest of all replications of a policy: 32 hexadecimal digits."""
    joint = hashlib.blake2b(digest_size=16)
    for digest in digests:
        joint.update(digest)
    return joint.hexdigest()
