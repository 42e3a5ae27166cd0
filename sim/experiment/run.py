"""`sim run`: every policy of a scenario, replicated, stored, and compared on the same draws."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from sim.core.errors import StorageError
from sim.experiment.cells import CHUNK, Job, JobResult, compute_code_digest
from sim.experiment.comparison import (
    Contrast,
    Estimate,
    Values,
    compute_contrasts,
    compute_estimates,
)
from sim.experiment.execute import count_cores, execute
from sim.experiment.primary import check_primary
from sim.scenario.load import LoadedScenario
from sim.scenario.policies import compute_policy_digest, create_policies
from sim.strategies.registry import find_tricks
from sim.trace.store import create_folder, seal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sim.policies.base import Policy
    from sim.scenario.schema import Scenario


@dataclass(frozen=True)
class RunOptions:
    """What a run may change of a scenario, and where it writes."""

    policies: tuple[str, ...] = ()  # all of the scenario's if empty
    replications: int | None = None
    seed: int | None = None
    workers: int | None = None  # all processors if None
    out: Path | None = None  # nothing is written if None


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

    @property
    def digest(self) -> str:
        """Digest of the whole run."""
        whole = hashlib.blake2b(digest_size=16)
        for name, digest in self.digests.items():
            whole.update(f"{name} {digest}\n".encode())
        return whole.hexdigest()


def run_scenario(
    loaded: LoadedScenario,
    options: RunOptions,
    on_done: Callable[[JobResult], None] = lambda _: None,
) -> RunResult:
    """Run a scenario and compare its policies.

    Errors: InputError for unknown names, InvariantError, StorageError.
    """
    scenario = loaded.scenario
    check_primary(loaded)
    policies = create_policies(loaded, options.policies)
    seed = scenario.seed if options.seed is None else options.seed
    replications = options.replications or scenario.replications
    folders = _create_folders(loaded, policies, seed, options.out)
    jobs = create_jobs(loaded, policies, seed, replications, folders)
    results = execute(jobs, options.workers or count_cores(), on_done)
    arms = _gather_values(policies, results)
    digests = {
        name: [digest for result in results if result.policy == name for digest in result.digests]
        for name in policies
    }
    _seal_folders(loaded, policies, seed, folders, digests)
    return create_result(
        loaded,
        policies,
        seed,
        replications,
        arms,
        digests,
        get_run_folder(loaded, options.out) if options.out else None,
    )


def create_result(
    loaded: LoadedScenario,
    policies: dict[str, Policy],
    seed: int,
    replications: int,
    arms: dict[str, Values],
    digests: dict[str, list[bytes]],
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
        contrasts=compute_contrasts(arms, baseline),
        digests={name: compute_joint_digest(listed) for name, listed in digests.items()},
        folder=folder,
    )


def get_strategies(scenario: Scenario) -> list[str]:
    """Names of the strategies of all groups."""
    return [str(getattr(group, "strategy")) for group in scenario.agents]  # noqa: B009 - created


def create_jobs(
    loaded: LoadedScenario,
    policies: dict[str, Policy],
    seed: int,
    replications: int,
    folders: dict[str, tuple[Path, Path]],
) -> list[Job]:
    """Jobs of at most `CHUNK` replications, policy by policy."""
    return [
        Job(
            scenario=str(loaded.path),
            scenario_digest=loaded.digest,
            policy=policy,
            seed=seed,
            first=first,
            last=min(first + CHUNK, replications),
            folder=str(folders[name][0]) if name in folders else "",
            settings=loaded.settings,
        )
        for name, policy in policies.items()
        for first in range(0, replications, CHUNK)
    ]


def get_run_folder(loaded: LoadedScenario, out: Path) -> Path:
    """Folder of all results of one scenario."""
    return out / f"{loaded.name}-{loaded.digest}"


def _create_folders(
    loaded: LoadedScenario, policies: dict[str, Policy], seed: int, out: Path | None
) -> dict[str, tuple[Path, Path]]:
    """For each policy, where to write first and what to call it in the end."""
    if out is None:
        return {}
    run_folder = get_run_folder(loaded, out)
    _keep_scenario(loaded, run_folder)
    code, folders = compute_code_digest(), {}
    for name, policy in policies.items():
        final = run_folder / f"{name}-{compute_policy_digest(policy)}-{seed}-{code}"
        temporary = final.with_name(final.name + ".tmp")
        create_folder(temporary)
        folders[name] = (temporary, final)
    return folders


def _keep_scenario(loaded: LoadedScenario, folder: Path) -> None:
    """Copy the scenario and the files it names, so that a result explains itself."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        named = {loaded.path.name: loaded.path, **loaded.companions}
        for text, source in named.items():
            target = folder / text
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.resolve() != target.resolve():
                shutil.copyfile(source, target)
    except OSError as error:
        raise StorageError(str(folder), f"cannot be written: {error.strerror or error}") from error


def _seal_folders(
    loaded: LoadedScenario,
    policies: dict[str, Policy],
    seed: int,
    folders: dict[str, tuple[Path, Path]],
    digests: dict[str, list[bytes]],
) -> None:
    for name, (temporary, final) in folders.items():
        seal(
            temporary,
            final,
            {
                "scenario": loaded.name,
                "scenario_digest": loaded.digest,
                "scenario_file": loaded.path.name,
                "settings": [str(setting) for setting in loaded.settings],
                "policy": name,
                "policy_digest": compute_policy_digest(policies[name]),
                "levers": {
                    key: str(getattr(policies[name], key)) for key in policies[name].__slots__
                },
                "seed": seed,
                "replications": len(digests[name]),
                "digest": compute_joint_digest(digests[name]),
                "digests": [digest.hex() for digest in digests[name]],
                "version": version("ambit-sim"),
                "code": compute_code_digest(),
            },
        )


def _gather_values(policies: dict[str, Policy], results: Sequence[JobResult]) -> dict[str, Values]:
    arms: dict[str, Values] = {name: {} for name in policies}
    for result in results:
        for outcome, values in result.values.items():
            arms[result.policy].setdefault(outcome, []).extend(values)
    return arms


def compute_joint_digest(digests: Sequence[bytes]) -> str:
    """Digest of all replications of a policy: 32 hexadecimal digits."""
    joint = hashlib.blake2b(digest_size=16)
    for digest in digests:
        joint.update(digest)
    return joint.hexdigest()
