"""The table that `sim run` prints: policies in columns, outcomes in rows, n and interval beside.

Nothing is printed as "0 %" alone: where nothing was seen, the upper bound and n stand instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rich.table import Table
from rich.text import Text

from sim.consensus.quorum import get_fault_limit
from sim.consensus.sequencer import ORDERING_NAME
from sim.core.units import PPM
from sim.experiment.comparison import Estimate
from sim.metrics.base import NullReason
from sim.metrics.outcomes import GAINS, OVERHEADS, SIGNED, get_outcomes
from sim.policies.base import Checks, Protocol
from sim.report.rows import ABOUT_FAULTS, COMPANIONS, ROWS
from sim.stats.intervals import Method, compute_zero_bound

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sim.experiment.run import RunResult

LATENCIES = ("commit_latency_p50", "commit_latency_p95", "commit_latency_p99")
IN_SECONDS = ("time_to_demote", "dispute_resolution_time_p50", "dispute_resolution_time_p95")
SCALES = {"E": 1e18, "P": 1e15, "T": 1e12, "G": 1e9, "M": 1e6, "k": 1e3}
UNITS_OF_EVENTS = (
    *("share", "value", "acts", "pairs", "times", "transactions"),
    *("purchases", "frauds"),
)
LABEL_WIDTH = 31
CELL_WIDTH = 13

ABBREVIATED_REASONS = {
    "no_denominator": "none to count",
    "not_applicable": "-",
    "few_observations": "too few",
    "beyond_horizon": "past horizon",
    "not_recorded": "not recorded",
    "unstable_denominator": "base near 0",
}


class Cell(NamedTuple):
    """One number as it is printed: the value above, its interval below."""

    value: str
    interval: str


def format_number(value: float, digits: int = 3) -> str:
    """A number in few characters: some significant digits, k from ten thousand on, M, G."""
    if value == 0:
        return "0"
    for scale, suffix in (
        (1e18, "E"),
        (1e15, "P"),
        (1e12, "T"),
        (1e9, "G"),
        (1e6, "M"),
        (1e3, "k"),
    ):
        if abs(value) >= scale * (0.9995 if scale > 1e3 else 9.995):
            return f"{_format_plain(value / scale, digits)}{suffix}"
    return _format_plain(value, digits)


def _format_plain(value: float, digits: int) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.{digits}g}"


def get_unit(unit: str, name: str = "") -> tuple[str, float]:
    """Unit as it is printed, and what to multiply by: per cent and milliseconds read best.

    What takes a market long is in seconds.
    """
    if name in IN_SECONDS:
        return unit, 1.0
    return {"share": ("%", 100.0), "s": ("ms", 1e3), "s a task": ("ms a task", 1e3)}.get(
        unit, (unit, 1.0)
    )


def create_cell(estimate: Estimate) -> Cell:
    """What one estimate says, never a zero without its bound."""
    if estimate.interval is None:
        reason = estimate.reason.value if estimate.reason else ""
        return Cell(ABBREVIATED_REASONS[reason], "")
    interval = estimate.interval
    _, scale = get_unit(estimate.unit, estimate.name)
    if interval.mean == 0 and is_about_events(estimate):
        bound = estimate.zero_bound or compute_zero_bound(estimate.n).high
        if interval.method is Method.ZERO_BOUND:
            bound = interval.high
        return Cell("none seen", f"P < {format_number(100 * (bound or 0), 2)} %")
    value = format_number(scale * interval.mean)
    if interval.method is Method.NO_INTERVAL:
        return Cell(value, "" if interval.mean else f"n = {estimate.n}")
    if interval.low is None or interval.high is None or interval.low == interval.high:
        return Cell(value, f"in all {estimate.n}")
    if interval.method is Method.ZERO_BOUND:
        return Cell(value, f"P > {format_number(100 * interval.low, 2)} %")
    low = interval.low if estimate.name in SIGNED else max(0.0, interval.low)
    return Cell(value, format_range(scale * low, scale * interval.high))


def format_range(low: float, high: float) -> str:
    """Both limits, with as many digits as fit into a cell."""
    texts = [f"{format_number(low, d)}..{format_number(high, d)}" for d in (3, 2, 1)]
    return next((text for text in texts if len(text) <= CELL_WIDTH), texts[-1])


def is_about_events(estimate: Estimate) -> bool:
    """Whether a zero means that something was looked for and not seen."""
    return estimate.name not in SIGNED and estimate.unit in UNITS_OF_EVENTS


def find_best(name: str, result: RunResult) -> set[str]:
    """Policies that found the best mean of an outcome: no bound, not by construction, not all."""
    direction = "down" if name in GAINS else get_outcomes()[OVERHEADS.get(name, name)].direction
    if not direction:
        return set()
    sign = 1.0 if direction == "down" else -1.0
    means = {
        policy: sign * estimate.interval.mean
        for policy, estimates in result.estimates.items()
        if not result.policies[policy].is_bound
        and not is_by_construction(name, policy, result)
        and (estimate := estimates[name]).interval is not None
    }
    best = min(means.values(), default=0.0)
    if best == 0 and name in OVERHEADS:
        return set()  # what costs nothing was made so
    winners = {policy for policy, mean in means.items() if mean == best}
    return winners if len(winners) < len(means) else set()


def is_by_construction(name: str, policy: str, result: RunResult) -> bool:
    """Whether an outcome only restates a setting of the policy or the world.

    A bound is perfect or hopeless by definition, and so is a policy that checks nothing.
    Nobody is convicted where nothing can be disputed.
    Over-scoped calls cannot pass where the check binds on every path and no org ignores it.
    """
    levers = result.policies[policy]
    if name == "false_accusation_rate":
        return not levers.settles_disputes
    if levers.is_bound:
        return name in (
            "unauthorized_execution_rate",
            "overscoped_execution_rate",
            "false_denial_rate",
            "policy_overhead_latency",
            *LATENCIES,
        )
    if levers.checks is Checks.NONE:
        passed = ("unauthorized_execution_rate", "overscoped_execution_rate")
        executed = name in passed and levers.commit_delay_us == 0
        return executed or name == "false_denial_rate" or name in OVERHEADS or name in LATENCIES
    all_honest = all(org.posture == "honest" for org in result.loaded.scenario.orgs)
    return name == "overscoped_execution_rate" and levers.mediation_ppm == PPM and all_honest


def get_rows(result: RunResult, policies: Sequence[str]) -> list[tuple[str, str] | None]:
    """Rows that say something under at least one of the policies; None between blocks."""
    scenario = result.loaded.scenario
    hidden = () if scenario.faults else ABOUT_FAULTS
    shown = {row[0] for row in ROWS if row is not None and _has_number(result, policies, row[0])}
    guards = {other for name in shown for other in COMPANIONS.get(name, ())}
    shown |= {name for name in guards if _applies(result, policies, name)}
    rows: list[tuple[str, str] | None] = []
    for row in ROWS:
        if row is not None and row[0] in hidden and row[0] not in scenario.primary:
            continue
        if row is None:
            if rows and rows[-1] is not None:
                rows.append(None)
        elif row[0] in shown:
            rows.append(row)
    return rows if rows and rows[-1] is not None else rows[:-1]


def _has_number(result: RunResult, policies: Sequence[str], name: str) -> bool:
    return any(result.estimates[policy][name].interval is not None for policy in policies)


def _applies(result: RunResult, policies: Sequence[str], name: str) -> bool:
    reasons = {result.estimates[policy][name].reason for policy in policies}
    return reasons != {NullReason.NOT_APPLICABLE}


def create_tables(result: RunResult, width: int) -> list[Table]:
    """The comparison, in as many tables side by side as the width allows policies."""
    per_table = max(1, (width - LABEL_WIDTH - 2) // (CELL_WIDTH + 1))
    policies = list(result.policies)
    return [
        _create_table(result, policies[first : first + per_table])
        for first in range(0, len(policies), per_table)
    ]


def _create_table(result: RunResult, policies: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column(Text(f"n = {result.replications} replications"), width=LABEL_WIDTH)
    for policy in policies:
        style = "dim" if result.policies[policy].is_bound else ""
        table.add_column(
            Text(_wrap_name(policy), style=style), justify="right", width=CELL_WIDTH, style=style
        )
    for row in get_rows(result, policies):
        if row is None:
            table.add_row("")
        else:
            _add_row(table, row, policies, result)
    return table


def _wrap_name(policy: str) -> str:
    """A long name on two lines, broken at an underscore."""
    if len(policy) <= CELL_WIDTH:
        return policy
    cut = policy.rfind("_", 0, CELL_WIDTH) + 1 or CELL_WIDTH
    return f"{policy[:cut]}\n{policy[cut:]}"


def _add_row(
    table: Table, row: tuple[str, str], policies: Sequence[str], result: RunResult
) -> None:
    name, label = row
    best = find_best(name, result)
    unit, _ = get_unit(next(iter(result.estimates.values()))[name].unit, name)
    mark = "*" if name in result.loaded.scenario.primary else ""
    cells = []
    for policy in policies:
        cell = create_cell(result.estimates[policy][name])
        has_number = result.estimates[policy][name].interval is not None
        by_construction = has_number and is_by_construction(name, policy, result)
        value = f"{'» ' if policy in best else ''}{cell.value}{' °' if by_construction else ''}"
        text = Text(value, style="bold" if policy in best else "")
        if cell.interval:
            text.append(f"\n{cell.interval}", style="dim not bold")
        cells.append(text)
    label_text = Text(label + mark)
    label_text.append(f"\n  {unit}", style="dim")
    table.add_row(label_text, *cells)


def create_legend(result: RunResult) -> list[str]:
    """What the marks mean, and under which assumptions the numbers stand."""
    lines = [
        "Each cell: mean over replications, 95 % interval below it. » best of the policies that "
        "are no bound. * primary outcome, named before the run: a difference is claimed of these "
        "alone; all others are exploratory, their p-values in JSON after Benjamini and Hochberg. "
        "° by construction: it restates a setting, it was not found out.",
        "none seen, P < b: nothing in any replication; b bounds the share of replications with at "
        "least one (95 %, one-sided); P > b the same where it always happened. Harm is in value "
        "units of the scenario.",
    ]
    lines += describe_ordering(result)
    lines += describe_market(result)
    if any(policy.is_bound for policy in result.policies.values()):
        lines.append("Dim columns are bounds, not policies one could run.")
    lines.append(f"Intervals used: {', '.join(count_methods(result))}.")
    if result.replications < 30:
        lines.append(f"n = {result.replications} is below 30: read the intervals with care.")
    return lines


def describe_ordering(result: RunResult) -> list[str]:
    """By which protocols validators agreed, and under how many faulty ones that stands."""
    protocols = sorted({p.protocol.value for p in result.policies.values() if p.has_validators})
    chain = result.loaded.scenario.chain
    lines = []
    if protocols:
        lines.append(
            f"Order on the chain: {chain.validators} validators by {', '.join(protocols)}, message "
            f"by message; conflicting commits are excluded up to "
            f"{get_fault_limit(chain.validators)} Byzantine ones, on any network."
        )
    n_faulty = get_fault_limit(chain.validators)
    if Protocol.HOTSTUFF_3 in protocols and n_faulty > 0 and chain.validators < 4 * n_faulty + 1:
        lines.append(
            f"hotstuff_3 may never commit while {n_faulty} of {chain.validators} validators are "
            f"silent: only from {4 * n_faulty + 1} on four live leaders always stand in a row."
        )
    if any(p.has_chain and not p.has_validators for p in result.policies.values()):
        lines.append(f"Order under protocol sequencer: {ORDERING_NAME}; it never fails.")
    return lines


def describe_market(result: RunResult) -> list[str]:
    """In what a market is counted, where there is one."""
    if not _has_number(result, list(result.policies), "market_volume"):
        return []
    return [
        "Market: prices, bonds and stakes in base units, harm and worth in value units. Losses "
        "are counted before anything comes back; what stakes repaid stands apart. Whoever sold "
        "no fraudulent signal is honest in the count of convictions, whatever it meant to do."
    ]


def count_methods(result: RunResult) -> Iterable[str]:
    """Names of the intervals that were used."""
    used = {
        estimate.interval.method.value
        for estimates in result.estimates.values()
        for estimate in estimates.values()
        if estimate.interval is not None
    }
    return sorted(used)
