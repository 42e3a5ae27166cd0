"""A sweep as a notebook works with it: its table and its indices, as data frames."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from sim.experiment.execute import Execution, raise_failures
from sim.experiment.sweep import SweepOptions, SweepResult, run_sweep
from sim.report.notebook_progress import watch
from sim.scenario.load import load_scenario
from sim.scenario.settings import write_value
from sim.scenario.sweep import Spread

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

INDEX_COLUMNS = ("policy", "outcome", "factor", "index", "value", "conf", "noise_share", "n_rows")


@dataclass(frozen=True, repr=False)
class Sweep:
    """A scenario over a design of settings: what each point came to, and which factors matter."""

    result: SweepResult

    @property
    def folder(self) -> Path:
        """Where its table lies: `table.parquet`, `table.csv`, and what else there is."""
        return self.result.folder

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row for each point, policy and outcome, with every factor in it."""
        return pd.read_parquet(self.folder / "table.parquet")

    @cached_property
    def sensitivity(self) -> pd.DataFrame:
        """One row for each index of each factor, for each policy and outcome.

        Columns: policy, outcome, factor, index (S1, ST; mu, mu_star, sigma), value, conf (half
        of its 95 % interval), noise_share (of the variance between rows, at most), n_rows. Empty
        for a grid or a Latin hypercube, which have no indices.
        """
        rows = [
            (
                row.policy,
                row.outcome,
                row.figure.factor,
                row.figure.name,
                row.figure.value,
                row.figure.conf,
                row.noise_share,
                row.n_rows,
            )
            for row in self.result.sensitivity
        ]
        frame = pd.DataFrame(rows, columns=list(INDEX_COLUMNS))
        numbers = {"value": "float64", "conf": "float64", "noise_share": "float64"}
        return frame.astype(numbers)

    def __repr__(self) -> str:
        result = self.result
        return (
            f"Sweep of {result.loaded.name}: {result.n_points} points under "
            f"{', '.join(result.policies)}, {result.replications} replications each"
        )

    def _repr_html_(self) -> str:
        factors = ", ".join(f"<code>{escape(f.path)}</code>" for f in self.result.design.factors)
        return (
            f"<div><strong>{escape(repr(self))}</strong><br>Factors: {factors}<br>"
            "<code>.table</code> and <code>.sensitivity</code> are data frames.</div>"
        )


def sweep(
    scenario: str | Path,
    factors: Mapping[str, Sequence[Any] | tuple[Any, Any]] | None = None,
    *,
    design: str | None = None,
    points: int | None = None,
    policies: Sequence[str] = (),
    replications: int | None = None,
    seed: int | None = None,
    workers: int | None = None,
    scheduler: str = "",
    out: str | Path = "results",
    progress: bool = True,
) -> Sweep:
    """Run a scenario over values of its keys, and those of policies; what is there is kept.

    `factors` maps dotted paths to a list of values, or to `sim.span(low, high)` for a range.
    Without them the scenario's own `sweep` section holds. Designs: grid, latin_hypercube, sobol,
    morris. Cells that fail are told once all the others are finished.
    Errors: as of `sim.run`; CellsFailedError.
    """
    loaded = load_scenario(Path(scenario))
    options = SweepOptions(
        factors={path: _create_values(values) for path, values in (factors or {}).items()},
        design=design,
        points=points,
        policies=tuple(policies),
        replications=replications,
        seed=seed,
        execution=Execution(workers, scheduler),
        out=Path(out),
    )
    with watch(show=progress) as watching:
        result = run_sweep(loaded, options, watching)
    raise_failures(result.failures, result.failures_file)
    return Sweep(result)


def span(low: object, high: object, scale: str = "linear") -> Spread:
    """A range of numbers, shares or durations: `span(0.5, 1)`, `span("1s", "60s", "log")`."""
    return Spread.model_validate(
        {"from": write_value(low), "to": write_value(high), "scale": scale}
    )


def _create_values(values: Sequence[Any] | Spread) -> tuple[str, ...] | Spread:
    if isinstance(values, Spread):
        return values
    return tuple(write_value(value) for value in values)
