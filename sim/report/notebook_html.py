"""How a result shows itself in a notebook: a small table of the primary outcomes."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from sim.report.comparison_table import create_cell, find_best, get_unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.experiment.run import RunResult

# colours are the notebook's own, so that light and dark themes both hold
STYLE = "text-align:right;padding:2px 10px;white-space:nowrap"
SMALL = "opacity:.65;font-size:85%"
SHOWN = ("unauthorized_execution_rate", "harm_per_episode", "utility_under_attack")


def render_result(result: RunResult) -> str:
    """Title, question, and the primary outcomes: policies in rows, interval below each mean."""
    scenario = result.loaded.scenario
    lines = [
        "<div>",
        f"<strong>{escape(scenario.title)}</strong>",
        f'<p style="{SMALL}">{escape(scenario.question)}</p>',
        render_table(result),
        f'<p style="{SMALL}">{describe(result)}</p>',
        "</div>",
    ]
    return "\n".join(lines)


def render_comparison(results: Sequence[RunResult]) -> str:
    """One result under the other."""
    return "\n".join(render_result(result) for result in results)


def render_table(result: RunResult) -> str:
    """The primary outcomes as an HTML table; a zero never stands without its bound."""
    names = list(result.loaded.scenario.primary) or list(SHOWN)
    head = "".join(f'<th scope="col" style="{STYLE}">{_head(result, name)}</th>' for name in names)
    rows = [
        f'<tr><th scope="row" style="text-align:left;padding:2px 10px">{escape(policy)}</th>'
        + "".join(_cell(result, policy, name) for name in names)
        + "</tr>"
        for policy in result.policies
    ]
    return (
        f"<table><thead><tr><th></th>{head}</tr></thead><tbody>\n"
        + "\n".join(rows)
        + "\n</tbody></table>"
    )


def _head(result: RunResult, name: str) -> str:
    estimate = next(iter(result.estimates.values()))[name]
    unit, _ = get_unit(estimate.unit, name)
    return f'{escape(name)}<br><span style="{SMALL}">{escape(unit)}</span>'


def _cell(result: RunResult, policy: str, name: str) -> str:
    cell = create_cell(result.estimates[policy][name])
    value = escape(cell.value)
    if policy in find_best(name, result):
        value = f"<strong>{value}</strong>"
    return (
        f'<td style="{STYLE}">{value}<br><span style="{SMALL}">{escape(cell.interval)}</span></td>'
    )


def describe(result: RunResult) -> str:
    """What the numbers are, in one line."""
    return (
        f"Mean over {result.replications} replications with its 95 % interval (seed "
        f"{result.seed}, digest {escape(result.digest[:12])}); best in bold. "
        "<code>.outcomes</code>, <code>.comparisons</code> and <code>.replications</code> "
        "are data frames."
    )
