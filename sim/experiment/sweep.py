"""`sim sweep`: a design over a scenario, its cells kept one by one, its table made from them."""

from __future__ import annotations

import hashlib
import json
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sim.core.errors import InputError, Position, StorageError
from sim.experiment.cell_store import (
    Span,
    check_cell,
    find_cells,
    plan_spans,
    read_values,
    remove_cell,
)
from sim.experiment.cells import CHUNK, Job, compute_code_digest
from sim.experiment.comparison import compute_estimates
from sim.experiment.design import Design, Point, create_design
from sim.experiment.execute import Execution, load_rules, open_executor, run_cells
from sim.experiment.failures import FAILURES, write_failures
from sim.experiment.locking import lock_folder
from sim.experiment.primary import check_primary
from sim.experiment.progress import SILENT, Failure, Progress
from sim.experiment.run import get_strategies, keep_scenario
from sim.experiment.sensitivity import (
    Sensitivity,
    compute_sensitivity,
    encode_sensitivity,
)
from sim.experiment.sweep_table import Surfaces, TableWriter
from sim.metrics.outcomes import get_outcomes
from sim.scenario.policies import change_policies, compute_policy_digest, create_policies
from sim.scenario.settings import is_of_policy
from sim.strategies.registry import find_tricks
from sim.trace.store import (
    create_folder,
    create_manifest,
    describe_content,
    remove_leftovers,
    replace_file,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sim.experiment.comparison import Estimate, Values
    from sim.policies.base import Policy
    from sim.scenario.load import LoadedScenario
    from sim.scenario.sweep import Spread

CELLS_MAX = 100_000  # unless told otherwise: an hour or a day, not a year
SWEEP = "sweep.json"


@dataclass(frozen=True)
class SweepOptions:
    """What is varied, how often it is run, and where it goes."""

    factors: Mapping[str, tuple[str, ...] | Spread] = field(default_factory=dict)
    design: str | None = None  # as the scenario says, else a grid
    points: int | None = None
    policies: tuple[str, ...] = ()  # all of the scenario's if empty
    replications: int | None = None
    seed: int | None = None
    execution: Execution = field(default_factory=Execution)
    out: Path = Path("results")
    cells_max: int = CELLS_MAX


@dataclass(frozen=True)
class SweepResult:
    """What a sweep came to; the table itself stays on the disk."""

    loaded: LoadedScenario
    design: Design
    policies: list[str]
    seed: int
    replications: int
    folder: Path  # of this design: `table.parquet`, `table.csv` and what else there is
    n_points: int  # that differ
    n_cells: int
    n_kept: int  # cells that were finished before
    sensitivity: list[Sensitivity]
    failures: list[Failure]

    @property
    def failures_file(self) -> Path:
        """Where they are listed, if there are any."""
        return self.folder / FAILURES


class Family(NamedTuple):
    """The cells of one policy at one point: a folder, and the policy with its levers there."""

    folder: Path
    policy: Policy
    point: Point


class Sweep:
    """A scenario, a design over it, and the folder where its cells are."""

    def __init__(self, loaded: LoadedScenario, options: SweepOptions, progress: Progress) -> None:
        self.loaded, self.options, self.progress = loaded, options, progress
        self.seed = loaded.scenario.seed if options.seed is None else options.seed
        self.replications = options.replications or loaded.scenario.replications
        self.policies = create_policies(loaded, options.policies)
        self.design = create_design(
            loaded, options.factors, options.design, options.points, self.seed
        )
        self.folder = options.out / f"{loaded.name}-{loaded.digest}-sweep"
        self._check_size()

    def _check_size(self) -> None:
        """Refuse more cells than there may be, before any of them is made.

        Errors: InputError with the estimate.
        """
        n_rows = self.design.count_rows()
        n_cells = n_rows * len(self.policies) * -(-self.replications // CHUNK)
        if n_cells > self.options.cells_max:
            problem = (
                f"{n_rows} points x {len(self.policies)} policies x {self.replications} "
                f"replications are {n_cells} cells, more than {self.options.cells_max}: "
                "take fewer, or raise --max-cells"
            )
            raise InputError(Position(str(self.loaded.path)), "sweep", problem)

    def list_points(self) -> list[Point]:
        """Points that differ, in the order of the design."""
        return list(dict.fromkeys(self.design.create_points()))

    def create_families(self, point: Point) -> list[Family]:
        """Where the cells of a point are, policy by policy."""
        levers = [setting for setting in point.settings if is_of_policy(setting)]
        policies = self.policies
        if levers:
            policies = change_policies(self.loaded, levers, self.options.policies)
        world, code = point.compute_world_digest(self.loaded.digest), compute_code_digest()
        return [
            Family(
                self.folder
                / "cells"
                / f"{world}-{name}-{compute_policy_digest(policy)}-{self.seed}-{code}",
                policy,
                point,
            )
            for name, policy in policies.items()
        ]

    def find_missing(self, points: list[Point]) -> tuple[list[Job], int]:
        """Cells that are still to be run, and how many are finished.

        Damaged ones are named, dropped, and run again.
        """
        jobs: dict[tuple[Path, Span], Job] = {}
        kept: set[tuple[Path, Span]] = set()
        for point in points:
            for family in self.create_families(point):
                sound = self._find_sound(family.folder)
                for span in plan_spans(sound, self.replications, CHUNK):
                    key = family.folder, span
                    if span in sound:
                        kept.add(key)
                    elif key not in jobs:
                        jobs[key] = self._create_job(family, span)
        return list(jobs.values()), len(kept)

    def _find_sound(self, folder: Path) -> list[Span]:
        sound = []
        for cell in find_cells(folder).values():
            if cell.span.first >= self.replications:
                continue
            try:
                check_cell(cell)
            except StorageError as error:
                self.progress.noticed(f"{error}; this cell is run again")
                remove_cell(cell)
                continue
            sound.append(cell.span)
        return sound

    def _create_job(self, family: Family, span: Span) -> Job:
        return Job(
            scenario=str(self.loaded.path),
            scenario_digest="",
            policy=family.policy,
            seed=self.seed,
            first=span.first,
            last=span.last,
            folder=str(family.folder),
            settings=family.point.settings,
            base_digest=self.loaded.digest,
            keeps_traces=False,
        )

    def read_point(self, point: Point) -> dict[str, Values | None]:
        """Values of each policy at a point; None where a cell has no result."""
        names = list(get_outcomes())
        found: dict[str, Values | None] = {}
        for family in self.create_families(point):
            cells = {cell.span: cell.path for cell in find_cells(family.folder).values()}
            spans = plan_spans(cells, self.replications, CHUNK)
            found[family.policy.name] = (
                read_values([cells[span] for span in spans], self.replications, names)
                if all(span in cells for span in spans)
                else None
            )
        return found

    def compute_digest(self) -> str:
        """Digest of the design and of what it is run with: 16 hexadecimal digits."""
        what = self.describe()
        text = json.dumps({key: what[key] for key in sorted(what) if key != "version"})
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    def describe(self) -> dict[str, Any]:
        """Everything that made the table."""
        return {
            **self.design.describe(),
            "scenario": self.loaded.name,
            "scenario_digest": self.loaded.digest,
            "policies": {
                name: compute_policy_digest(policy) for name, policy in self.policies.items()
            },
            "replications": self.replications,
            "run_seed": self.seed,
            "code": compute_code_digest(),
        }


def run_sweep(
    loaded: LoadedScenario, options: SweepOptions, progress: Progress = SILENT
) -> SweepResult:
    """Run what is missing of a sweep, then make its table from all of its cells.

    Cells that fail are in the result and in `failures.csv`; the others are run all the same.
    Errors: InputError, InputErrors before anything runs; StorageError.
    """
    check_primary(loaded)
    sweep = Sweep(loaded, options, progress)
    points = sweep.list_points()
    with ExitStack() as stack:
        stack.enter_context(lock_folder(sweep.folder))
        keep_scenario(loaded, sweep.folder)
        for folder in sorted((sweep.folder / "cells").glob("*")):
            remove_leftovers(folder)
        jobs, n_kept = sweep.find_missing(points)
        progress.started(len(jobs), n_kept)
        executor = stack.enter_context(open_executor(options.execution, len(jobs)))
        load_rules(jobs[: len(sweep.policies)], executor)
        failures = run_cells(executor, jobs, progress).failures
        folder = sweep.folder / f"{sweep.design.name}-{sweep.compute_digest()}"
        if not folder.is_dir():
            create_folder(folder)
        remove_leftovers(folder)
        surfaces = _write_table(sweep, points, folder)
        sensitivity = compute_sensitivity(
            sweep.design, points, surfaces.means, surfaces.error_variances
        )
        _write_rest(sweep, folder, sensitivity, failures)
    return SweepResult(
        loaded=loaded,
        design=sweep.design,
        policies=list(sweep.policies),
        seed=sweep.seed,
        replications=sweep.replications,
        folder=folder,
        n_points=len(points),
        n_cells=len(jobs) + n_kept,
        n_kept=n_kept,
        sensitivity=sensitivity,
        failures=failures,
    )


def _write_table(sweep: Sweep, points: list[Point], folder: Path) -> Surfaces:
    """The table, point by point: only one of them is in memory at a time."""
    surfaces = Surfaces()
    tricks = find_tricks(get_strategies(sweep.loaded.scenario))
    with TableWriter(folder, sweep.design) as table:
        for point in points:
            found = sweep.read_point(point)
            arms = {name: values for name, values in found.items() if values is not None}
            estimated = compute_estimates(arms, tricks)
            digest = point.compute_digest(sweep.loaded.digest)
            for name in found:
                estimates: dict[str, Estimate | None] = dict(
                    estimated.get(name, dict.fromkeys(get_outcomes()))
                )
                table.add(point, digest, name, estimates)
                if sweep.design.is_sampled:
                    surfaces.add(name, estimates, arms.get(name))
    return surfaces


def _write_rest(
    sweep: Sweep, folder: Path, sensitivity: list[Sensitivity], failures: list[Failure]
) -> None:
    """What stands beside the table, and last of all the list of it with its digests.

    Errors: StorageError if the disk refuses.
    """
    if sensitivity:
        replace_file(folder / "sensitivity.csv", encode_sensitivity(sensitivity))
    else:
        (folder / "sensitivity.csv").unlink(missing_ok=True)
    write_failures(folder, failures)
    files = sorted(path for path in folder.iterdir() if path.name != SWEEP)
    listed = {path.name: describe_content(path.read_bytes()) for path in files}
    replace_file(folder / SWEEP, create_manifest({**sweep.describe(), "files": listed}))
