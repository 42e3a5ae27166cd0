"""What a notebook works with: results as small objects that hold data frames and show themselves.

import sim
result = sim.run("scenarios/nine_seconds.yaml", replications=30)
result              # the primary outcomes, each with its interval
result.outcomes     # every outcome of every policy, as a data frame
result.comparisons  # every paired difference from the baseline
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from sim.core.errors import InputError, Position, find_nearest
from sim.experiment.proof import RecordProof, prove_record
from sim.experiment.ratings import Options, build_document, compute_study
from sim.experiment.run import RunOptions, RunResult, run_scenario
from sim.experiment.stored import find_manifests, find_table_files, list_tables, load_run
from sim.experiment.tables import find_tables
from sim.importers.ratings import load_labels, load_network
from sim.report.figures import create_figure, draw, list_figures
from sim.report.notebook_html import render_comparison, render_result
from sim.report.notebook_progress import watch
from sim.report.page import create_page
from sim.scenario.load import load_scenario
from sim.scenario.settings import parse_setting, write_value
from sim.trace.store import replace_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.figure import Figure

    from sim.scenario.settings import Setting


Place = str | Path


@dataclass(frozen=True, repr=False)
class Result:
    """One scenario under its policies: what was measured, and where it lies on the disk."""

    run: RunResult

    @property
    def scenario(self) -> str:
        """Name of the scenario, with what was set in it."""
        loaded = self.run.loaded
        changes = ", ".join(str(setting) for setting in loaded.settings)
        return f"{loaded.name} ({changes})" if changes else loaded.name

    @property
    def folder(self) -> Path | None:
        """Where the records of all replications lie; None if nothing was written."""
        return self.run.folder

    @cached_property
    def outcomes(self) -> pd.DataFrame:
        """Every outcome under every policy: one row each, with interval, n and unit.

        Columns: scenario, policy, outcome, primary (bool), mean, low, high (float64, NaN where
        there is none), n (int64, replications), unit, interval (its name), zero_bound (float64:
        upper bound on the share of replications with an event, where none was seen), reason (why
        there is no number).
        """
        primary = self.run.loaded.scenario.primary
        rows = []
        for policy, estimates in self.run.estimates.items():
            for name, estimate in estimates.items():
                interval = estimate.interval
                rows.append(
                    {
                        "scenario": self.scenario,
                        "policy": policy,
                        "outcome": name,
                        "primary": name in primary,
                        "mean": interval and interval.mean,
                        "low": interval and interval.low,
                        "high": interval and interval.high,
                        "n": estimate.n,
                        "unit": estimate.unit,
                        "interval": interval.method.value if interval else "",
                        "zero_bound": estimate.zero_bound,
                        "reason": estimate.reason.value if estimate.reason else "",
                    }
                )
        return _create_frame(rows, ("mean", "low", "high", "zero_bound"))

    @cached_property
    def comparisons(self) -> pd.DataFrame:
        """Every paired difference, policy less baseline: one row each.

        Columns: scenario, policy, baseline, outcome, primary (bool), difference, low, high
        (float64), n (int64, pairs), interval (its name), rho and variance_ratio (float64: what
        the common draws achieved; NaN where an arm has no variance).
        """
        primary = self.run.loaded.scenario.primary
        rows = []
        for contrast in self.run.contrasts:
            if contrast.difference is None:
                continue
            interval, pairing = contrast.difference.interval, contrast.difference.pairing
            rows.append(
                {
                    "scenario": self.scenario,
                    "policy": contrast.policy,
                    "baseline": contrast.baseline,
                    "outcome": contrast.metric,
                    "primary": contrast.metric in primary,
                    "difference": interval.mean,
                    "low": interval.low,
                    "high": interval.high,
                    "n": contrast.n,
                    "interval": interval.method.value,
                    "rho": pairing and pairing.rho,
                    "variance_ratio": pairing and pairing.variance_ratio,
                }
            )
        return _create_frame(rows, ("difference", "low", "high", "rho", "variance_ratio"))

    @cached_property
    def replications(self) -> pd.DataFrame:
        """What each replication came to: one row for each policy, outcome and replication.

        Columns: policy, outcome, replication (int64), num, den (float64: a rate is num / den, a
        mean is num), n_obs (int64), reason (why there is no number).
        """
        rows = [
            {
                "policy": policy,
                "outcome": name,
                "replication": replication,
                "num": value.num,
                "den": value.den,
                "n_obs": value.n_obs,
                "reason": value.reason.value if value.reason else "",
            }
            for policy, values in self.run.values.items()
            for name, listed in values.items()
            for replication, value in enumerate(listed)
        ]
        return _create_frame(rows, ("num", "den"))

    def read(self, table: str, policy: str) -> pd.DataFrame:
        """One recorded table of a policy, all replications: `transactions`, `views`, `sales`, ...

        Errors: InputError if nothing was written, or for an unknown table or policy.
        """
        if self.folder is None:
            raise InputError(Position("result"), "", "was not written: give `out` a folder")
        found = {str(facts["policy"]): facts for facts in find_manifests(self.folder)}
        folder = found[_choose(policy, found, "policy")]["folder"]
        name = _choose(table, list_tables(folder), "table")
        parts = [pd.read_parquet(path) for path in find_table_files(folder, name)]
        frame = pd.concat(parts, ignore_index=True)
        return frame[frame["replication"] < self.run.replications]

    def figure(self, name: str, width: Literal["one", "two"] = "two") -> Figure:
        """A picture of this result, as `sim figure` draws it: `effects`, `timeline`, ...

        `width` is that of one column of a page or of two.
        Errors: InputError if nothing was written, or there is no such picture of this result.
        """
        stored = find_tables(self.run)
        data = create_figure(stored, _choose(name, list_figures(stored), "figure"))
        return draw(data, width=width, theme="paper")

    def write_report(self, path: Place) -> Path:
        """Write the page that `sim report` writes, whole or not at all; where it stands.

        Errors: InputError if the result was not written; StorageError.
        """
        target = Path(path)
        replace_file(target, create_page([find_tables(self.run)]).encode())
        return target

    def prove(self, policy: str, number: int, replication: int = 0) -> RecordProof:
        """Proof that a record stands in the log of a policy's chain; see `RecordProof.holds`.

        Errors: InputError if nothing was written, or there is no such record.
        """
        if self.folder is None:
            raise InputError(Position("result"), "", "was not written: give `out` a folder")
        return prove_record(self.folder, policy, replication, number)

    def __repr__(self) -> str:
        policies = ", ".join(self.run.policies)
        n = self.run.replications
        return f"Result of {self.scenario}: {n} replications under {policies}"

    def _repr_html_(self) -> str:
        return render_result(self.run)


@dataclass(frozen=True, repr=False)
class Comparison:
    """Several results side by side."""

    results: tuple[Result, ...]

    @cached_property
    def outcomes(self) -> pd.DataFrame:
        """Every outcome of every result; columns as of one result."""
        return pd.concat([result.outcomes for result in self.results], ignore_index=True)

    @cached_property
    def comparisons(self) -> pd.DataFrame:
        """Every paired difference of every result; columns as of one result."""
        return pd.concat([result.comparisons for result in self.results], ignore_index=True)

    def table(self, outcome: str) -> pd.DataFrame:
        """Means of one outcome: scenarios in rows, policies in columns.

        Errors: InputError for an unknown outcome.
        """
        name = _choose(outcome, list(self.outcomes["outcome"].unique()), "outcome")
        rows = self.outcomes[self.outcomes["outcome"] == name]
        return rows.pivot(index="scenario", columns="policy", values="mean")[
            list(dict.fromkeys(rows["policy"]))
        ]

    def __repr__(self) -> str:
        return "Comparison of " + ", ".join(result.scenario for result in self.results)

    def _repr_html_(self) -> str:
        return render_comparison([result.run for result in self.results])


def run(
    scenario: Place,
    *,
    policies: Sequence[str] = (),
    replications: int | None = None,
    seed: int | None = None,
    settings: Mapping[str, Any] | None = None,
    workers: int | None = None,
    out: Place | None = "results",
    progress: bool = True,
) -> Result:
    """Run a scenario under its policies, or under those named, on the same draws.

    `settings` changes single values by dotted path, as `--set` does: `{"agents.staff.count": 9}`.
    `out` is the folder for results; None writes nothing.
    Errors: InputError, InvariantError, StorageError, each with a message for people.
    """
    loaded = load_scenario(Path(scenario), create_settings(settings or {}))
    where = None if out is None else Path(out)
    options = RunOptions(tuple(policies), replications, seed, workers, where)
    with watch(show=progress) as watching:
        return Result(run_scenario(loaded, options, watching))


def load(folder: Place, *, policies: Sequence[str] = (), seed: int | None = None) -> Result:
    """A result from the folder that `sim.run` or `sim run` named, checked against its digests.

    Errors: InputError for no result or an unknown policy; StorageError for a changed file.
    """
    return Result(load_run(Path(folder), policies, seed))


def compare(*sources: Result | Place, **options: Any) -> Comparison:
    """Results side by side: given as results, as folders of results, or as scenarios to run.

    `options` are those of `sim.run`, for what has to be run.
    Errors: as of `sim.run` and `sim.load`; InputError without a source, or with one twice.
    """
    if not sources:
        raise InputError(Position("compare"), "", "expected at least one result or scenario")
    results = tuple(_take(source, options) for source in sources)
    names = [result.scenario for result in results]
    if len(set(names)) < len(names):
        raise InputError(Position("compare"), "", f"one scenario twice: {', '.join(names)}")
    return Comparison(results)


def ratings(
    edges: Place,
    *,
    labels: Place | None = None,
    rules: Sequence[str] = (),
    mask: str | None = None,
    trust_seed: str | None = None,
    split: float | None = None,
    collective: int = 0,
) -> pd.DataFrame:
    """What each rule of reputation makes of a recorded network of ratings: one row a rule.

    `edges` has lines rater,rated,rating,time with ratings from -10 to 10, `labels` lines user,+1
    (benign) or user,-1 (fraud). Columns and options are those of `sim ratings`.
    Errors: InputError with the line of the file.
    """
    known = None if labels is None else load_labels(Path(labels))
    network = load_network(Path(edges), known)
    options = Options(tuple(rules), mask, trust_seed, split, collective)
    document = build_document(compute_study(network, known, options))
    return pd.DataFrame(document["rules"]).dropna(axis="columns", how="all")


def _take(source: Result | Place, options: Mapping[str, Any]) -> Result:
    if isinstance(source, Result):
        return source
    return load(source) if Path(source).is_dir() else run(source, **options)


def create_settings(values: Mapping[str, Any]) -> list[Setting]:
    """Settings of a mapping from dotted path to value, each written as YAML would have it."""
    return [parse_setting(f"{path}={write_value(value)}") for path, value in values.items()]


def _choose(name: str, known: Any, noun: str) -> str:
    if name not in known:
        nearest = find_nearest(name, known)
        raise InputError(Position("result"), "", f"unknown {noun} {name!r}", nearest)
    return name


def _create_frame(rows: list[dict[str, Any]], numbers: Sequence[str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows)
    for name in numbers:
        if name in frame:
            frame[name] = frame[name].astype("float64")
    return frame
