"""What `sim list` shows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sim.core.errors import InputError, Position, find_nearest

if TYPE_CHECKING:
    from collections.abc import Mapping


def get_listing(what: str) -> list[dict[str, str]]:
    """Names and one-line summaries of one kind of thing.

    Errors: InputError for another kind, with the nearest valid one.
    """
    listings = {
        "policies": list_policies,
        "strategies": list_strategies,
        "faults": list_faults,
        "reputation": list_reputation,
        "metrics": list_metrics,
        "figures": list_figures,
        "scenarios": list_scenarios,
    }
    if what not in listings:
        problem = f"unknown list {what!r}; expected one of {', '.join(listings)}"
        raise InputError(Position("sim list"), "WHAT", problem, find_nearest(what, listings))
    return listings[what]()


def list_policies() -> list[dict[str, str]]:
    """Presets, those of installed packages among them."""
    from sim.policies.presets import SUMMARIES  # noqa: PLC0415 - only when asked for
    from sim.policies.registry import load_policies  # noqa: PLC0415

    return [{"name": n, "summary": SUMMARIES.get(n, "from a package")} for n in load_policies()]


def list_strategies() -> list[dict[str, str]]:
    """Strategies of who works, then of who trades, by the first line of their docstrings."""
    from sim.strategies.registry import load_strategies, load_traders  # noqa: PLC0415

    return _list_classes({**load_strategies(), **load_traders()})


def list_faults() -> list[dict[str, str]]:
    """Faults, those of installed packages among them, by the first line of their docstrings."""
    from sim.faults.registry import load_faults  # noqa: PLC0415

    return _list_classes(load_faults())


def list_reputation() -> list[dict[str, str]]:
    """Rules of reputation, those of installed packages among them."""
    from sim.policies.reputation.registry import load_reputation_rules  # noqa: PLC0415

    return _list_classes(load_reputation_rules())


def _list_classes(classes: Mapping[str, type]) -> list[dict[str, str]]:
    return [
        {"name": name, "summary": (kind.__doc__ or "").strip().splitlines()[0]}
        for name, kind in classes.items()
    ]


def list_metrics() -> list[dict[str, str]]:
    """Outcomes with unit and direction."""
    from sim.metrics.outcomes import CLEAN, GAINS, OUTCOMES, OVERHEADS, PLAIN  # noqa: PLC0415

    rows = [
        {
            "name": outcome.name,
            "summary": f"{outcome.metric}, {outcome.unit}"
            f"{', ' + outcome.direction if outcome.direction else ''}: {outcome.meaning}",
        }
        for outcome in (*OUTCOMES.values(), CLEAN, PLAIN)
    ]
    for name, source in OVERHEADS.items():
        unit = OUTCOMES[source].unit
        rows.append({"name": name, "summary": f"M55, {unit}, down: {source} above `unguarded`"})
    for gain in GAINS.values():
        summary = f"{gain.metric}, {gain.unit}, down: {gain.meaning}"
        rows.append({"name": gain.name, "summary": summary})
    return rows


def list_figures() -> list[dict[str, str]]:
    """Figures, in the order of a page."""
    from sim.report.figures.registry import FIGURES  # noqa: PLC0415 - matplotlib, when asked for

    return [{"name": name, "summary": maker.summary} for name, maker in FIGURES.items()]


def list_scenarios() -> list[dict[str, str]]:
    """Scenario files below the current folder's `scenarios`, by title."""
    from sim.scenario.load import load_scenario  # noqa: PLC0415

    return [
        {"name": str(path), "summary": load_scenario(path).scenario.title}
        for path in sorted(Path("scenarios").glob("*.yaml"))
    ]
