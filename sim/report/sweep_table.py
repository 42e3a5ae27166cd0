"""A sweep on the terminal: the declared outcomes at each point, and what they depend on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
from rich.table import Table

from sim.experiment.design import get_column

if TYPE_CHECKING:
    from sim.experiment.sensitivity import Sensitivity
    from sim.experiment.sweep import SweepResult

POINTS_SHOWN_MAX = 24
INDEX_NAMES = {"sobol": ("S1", "ST"), "morris": ("mu_star", "sigma")}


def create_point_tables(result: SweepResult) -> list[Table]:
    """One table for each primary outcome: factors down, policies across; none of a long sweep."""
    if result.n_points > POINTS_SHOWN_MAX:
        return []
    columns = [get_column(factor)[0] for factor in result.design.factors]
    primary = list(result.loaded.scenario.primary)
    rows = pq.read_table(
        result.folder / "table.parquet",
        filters=[("outcome", "in", primary)],
        use_threads=False,
    ).to_pylist()
    return [
        _create_point_table(result, outcome, columns, [r for r in rows if r["outcome"] == outcome])
        for outcome in primary
    ]


def _create_point_table(
    result: SweepResult, outcome: str, columns: list[str], rows: list[dict[str, Any]]
) -> Table:
    unit = next((row["unit"] for row in rows if row["unit"]), "")
    title = f"{outcome}, {unit}" if unit else outcome
    table = Table(title=title, title_justify="left", title_style="bold", box=None)
    for name in columns:
        table.add_column(name, justify="right", style="cyan")
    for policy in result.policies:
        table.add_column(policy, justify="right")
    cells: dict[tuple[Any, ...], dict[str, str]] = {}
    for row in rows:
        place = tuple(row[name] for name in columns)
        cells.setdefault(place, {})[row["policy"]] = _write_figure(row)
    for place, figures in cells.items():
        shown = [figures.get(policy, "") for policy in result.policies]
        table.add_row(*(_write_value(value) for value in place), *shown)
    return table


def _write_figure(row: dict[str, Any]) -> str:
    if row["mean"] is None:
        return str(row["null_reason"])
    if row["low"] is None:
        return f"{row['mean']:.4g}"
    return f"{row['mean']:.4g} [{row['low']:.4g}, {row['high']:.4g}]"


def _write_value(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def create_sensitivity_table(result: SweepResult) -> Table | None:
    """What each primary outcome depends on, the most important factor first."""
    primary = set(result.loaded.scenario.primary)
    listed = [row for row in result.sensitivity if row.outcome in primary]
    if not listed:
        return None
    names = INDEX_NAMES[result.design.name]
    table = Table(title="Sensitivity", title_justify="left", title_style="bold", box=None)
    for heading in ("outcome", "policy", "factor, or why there is none"):
        table.add_column(heading)
    for name in (*names, "noise at most"):
        table.add_column(name, justify="right")
    groups: dict[tuple[str, str, str], dict[str, Sensitivity]] = {}
    for row in listed:
        has_none = row.figure.value is None
        factor = row.figure.reason if has_none else row.figure.factor
        groups.setdefault((row.outcome, row.policy, factor), {})[row.figure.name] = row
    ordered = sorted(groups.items(), key=lambda item: (item[0][:2], -_get_weight(item[1])))
    for key, found in ordered:
        shares = {row.noise_share for row in found.values()} - {None}
        noise = " ".join(f"{100 * share:.0f} %" for share in shares if share is not None)
        table.add_row(*key, *(_write_index(found.get(name)) for name in names), noise)
    return table


def _get_weight(found: dict[str, Sensitivity]) -> float:
    row = found.get("mu_star") or found.get("ST")
    return row.figure.value or 0.0 if row else 0.0


def _write_index(row: Sensitivity | None) -> str:
    if row is None or row.figure.value is None:
        return ""
    conf = f" ± {row.figure.conf:.2g}" if row.figure.conf is not None else ""
    return f"{row.figure.value:.3g}{conf}"
