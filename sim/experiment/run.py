"""`sim run`: every policy of a scenario, replicated, stored, and compared on the same draws."""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sim.core.errors import StorageError
from sim.experiment.cells import CHUNK, compute_code_digest
from sim.experiment.comparison import (
    Contrast,
    Estimate,
    Values,
    compute_contrasts,
    compute_estimates,
)
from sim.experiment.execute import Execution, open_executor
from sim.experiment.gates import check_gates
from sim.experiment.locking import lock_folder
from sim.experiment.primary import check_primary
from sim.experiment.progress import SILENT, Progress
from sim.experiment.run_cells import RunCells, compute_joint_digest
from sim.experiment.stopping import REPLICATIONS_FIRST, Stop, Until, judge
from sim.scenario.load import LoadedScenario
from sim.scenario.policies import compute_policy_digest, create_policies
from sim.strategies.registry import find_tricks
from sim.trace.store import create_manifest, describe_content, replace_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from sim.policies.base import Policy
    from sim.scenario.schema import Scenario


SOURCES = "sources.json"  # lists the scenario and its companions beside the results of it


@dataclass(frozen=True)
class RunOptions:
    """What a run may change of a scenario, and where it writes."""

    policies: tuple[str, ...] = ()  # all of the scenario's if empty
    replications: int | None = None  # with `until` the most there may be
    seed: int | None = None
    workers: int | None = None  # all processors if None
    out: Path | None = None  # nothing is written if None
    scheduler: str = ""  # of Dask, see `Execution`
    cell_timeout_s: float | None = None
    until: Until | None = None  # how narrow intervals shall be

    @property
    def execution(self) -> Execution:
        """Where its cells run."""
        return Execution(self.workers, self.scheduler, self.cell_timeout_s)


@dataclass(frozen=True)
class RunResult:
    """What a run measured."""

    loaded: LoadedScenario
    policies: dict[str, Policy]
    baseline: str
    seed: int
    replications: int
    values: dict[str, Values]  # by policy and outcome, one of each replication
    estimates: dict[str, dict[str, Estimate]]
    contrasts: list[Contrast]
    digests: dict[str, str]  # of all replications of a policy
    folder: Path | None
    stop: Stop | None = None  # why it ended where it did, if that was left to the intervals

    @property
    def digest(self) -> str:
        """Digest of the whole run."""
        whole = hashlib.blake2b(digest_size=16)
        for name, digest in self.digests.items():
            whole.update(f"{name} {digest}\n".encode())
        return whole.hexdigest()


def run_scenario(
    loaded: LoadedScenario, options: RunOptions, progress: Progress = SILENT
) -> RunResult:
    """Run a scenario and compare its policies; what a folder has already is not run again.

    Errors: InputError for unknown names, InvariantError, WorkerError, CellsFailedError,
    StorageError; cells that did not fail are kept.
    """
    check_primary(loaded)
    check_gates(loaded)
    policies = create_policies(loaded, options.policies)
    seed = loaded.scenario.seed if options.seed is None else options.seed
    replications = options.replications or loaded.scenario.replications
    if options.until is not None:
        replications = min(REPLICATIONS_FIRST, options.replications or REPLICATIONS_FIRST)
    with ExitStack() as stack:
        run_folder = get_run_folder(loaded, options.out) if options.out else None
        folders = _open_folders(loaded, policies, seed, run_folder, stack)
        cells = RunCells(loaded, policies, seed, folders, progress)
        n_jobs = len(policies) * (-(-replications // CHUNK))
        executor = stack.enter_context(open_executor(options.execution, n_jobs))
        while True:
            arms, digests = cells.run(executor, replications)
            result = create_result(loaded, policies, seed, replications, arms, digests, run_folder)
            if options.until is None:
                return result
            stop = judge(
                result.estimates,
                loaded.scenario.primary,
                replications,
                options.until,
                options.replications,
            )
            if stop.is_over:
                return replace(result, stop=stop)
            replications = stop.n_next


def create_result(
    loaded: LoadedScenario,
    policies: dict[str, Policy],
    seed: int,
    replications: int,
    arms: dict[str, Values],
    digests: Mapping[str, Sequence[bytes]],
    folder: Path | None,
) -> RunResult:
    """Estimates and comparisons of what replications measured, policy by policy."""
    scenario = loaded.scenario
    baseline = scenario.baseline if scenario.baseline in policies else next(iter(policies))
    return RunResult(
        loaded=loaded,
        policies=policies,
        baseline=baseline,
        seed=seed,
        replications=replications,
        values=arms,
        estimates=compute_estimates(arms, find_tricks(get_strategies(scenario))),
        contrasts=compute_contrasts(arms, baseline, scenario.primary),
        digests={name: compute_joint_digest(listed) for name, listed in digests.items()},
        folder=folder,
    )


def get_strategies(scenario: Scenario) -> list[str]:
    """Names of the strategies of all groups."""
    return [str(getattr(group, "strategy")) for group in scenario.agents]  # noqa: B009 - created


def get_run_folder(loaded: LoadedScenario, out: Path) -> Path:
    """Folder of all results of one scenario."""
    return out / f"{loaded.name}-{loaded.digest}"


def _open_folders(
    loaded: LoadedScenario,
    policies: dict[str, Policy],
    seed: int,
    run_folder: Path | None,
    stack: ExitStack,
) -> dict[str, Path]:
    """Where the cells of each policy go; nobody else writes there until the stack is left.

    Errors: StorageError if another run does, or the disk refuses.
    """
    if run_folder is None:
        return {}
    stack.enter_context(lock_folder(run_folder))
    keep_scenario(loaded, run_folder)
    code = compute_code_digest()
    return {
        name: run_folder / f"{name}-{compute_policy_digest(policy)}-{seed}-{code}"
        for name, policy in policies.items()
    }


def keep_scenario(loaded: LoadedScenario, folder: Path) -> None:
    """Copy the scenario and the files it names, so that a result explains itself.

    What was copied is listed by digest in `SOURCES`, which is written last.
    Errors: StorageError if the disk refuses.
    """
    listed = {}
    for text, source in {loaded.path.name: loaded.path, **loaded.companions}.items():
        target = folder / text
        try:
            content = source.read_bytes()
            listed[text] = describe_content(content)
            if target.is_file() and target.read_bytes() == content:
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            problem = f"cannot be kept: {error.strerror or error}"
            raise StorageError(str(target), problem) from error
        replace_file(target, content)
    _replace_changed(folder / SOURCES, create_manifest({"files": listed}))


def _replace_changed(path: Path, content: bytes) -> None:
    if not path.is_file() or path.read_bytes() != content:
        replace_file(path, content)
