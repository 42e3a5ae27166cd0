"""How long decisions take under each policy: the whole distribution, not one quantile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.ticker import FuncFormatter, PercentFormatter

from sim.experiment.chain_rows import has_latencies, iterate_latencies
from sim.report.comparison_table import format_number
from sim.report.figures.base import FigureData, Row, describe_source, get_shown
from sim.report.figures.panels import add_legend, list_policies
from sim.report.figures.style import create_looks

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sim.experiment.chain_rows import Latencies
    from sim.experiment.tables import StoredResult
    from sim.report.figures.style import Sheet

COLUMNS = ("policy", "attempts", "pending", "share", "latency_s")
SHARES = (0.5, 0.95, 0.99)
SHORTEST_S = 1e-3  # on a logarithmic axis: what takes less is drawn there


def has_data(result: StoredResult) -> bool:
    """Whether some policy takes any time to decide."""
    return has_latencies(result)


def create(result: StoredResult) -> FigureData:
    """Shares of attempts that are final by a time, policy by policy."""
    every = list(iterate_latencies(result))
    listed = [each for each in every if len(each.latencies_s) and not is_at_once(each)]
    at_once = [each.policy for each in every if is_at_once(each)]
    never = [each.policy for each in every if not len(each.latencies_s)]
    rows: list[Row] = [
        (each.policy, each.n, each.n_pending, round(float(share), 6), float(latency_s))
        for each in listed
        for share, latency_s in zip(each.shares, each.latencies_s, strict=True)
    ]
    return FigureData(
        "latency",
        "How long it takes until a decision is final",
        "Share of calls, publications and purchases whose decision is final within a time, from "
        f"their submission; all attempts of n = {result.run.replications} replications together, "
        "so no interval: attempts of one replication are not independent. Pending at the horizon "
        "counts as later than everything: such a curve ends below 100 %. Logarithmic time; "
        f"{SHORTEST_S * 1000:.0f} ms stands for that and less."
        f"{_name('Always at once, not drawn', at_once)}{_name('Nothing was decided', never)}",
        "; ".join(_describe(each) for each in listed) + ".",
        COLUMNS,
        rows,
        describe_source(result, "transactions"),
        get_shown(result),
    )


def is_at_once(latencies: Latencies) -> bool:
    """Whether nothing ever waited."""
    waited = latencies.latencies_s
    return len(waited) > 0 and float(waited[-1]) == 0


def _name(what: str, policies: list[str]) -> str:
    return f" {what}: {', '.join(policies)}." if policies else ""


def _describe(latencies: Latencies) -> str:
    parts = []
    for share in SHARES:
        later = latencies.latencies_s[latencies.shares >= share]
        percent = f"{share * 100:.0f} %"
        within = (
            f"{percent} within {format_number(1000 * float(later[0]))} ms" if len(later) else ""
        )
        parts.append(within or f"not {percent} by the end")
    return f"{latencies.policy}: {', '.join(parts)}, of {latencies.n} attempts"


def draw(figure: Figure, data: FigureData, sheet: Sheet) -> None:
    """One curve a policy; those that lie on each other differ in dashes and markers."""
    policies, looks = list_policies(data), create_looks(data.policies, sheet)
    legend_rows = -(-len(policies) // (4 if sheet.is_wide else 2))
    figure.set_size_inches(sheet.width_in, (3.0 if sheet.is_wide else 2.4) + 0.14 * legend_rows)
    axes = figure.subplots()
    records = data.get_records()
    for rank, policy in enumerate(policies):
        own = [record for record in records if record["policy"] == policy]
        axes.step(
            [max(float(record["latency_s"]), SHORTEST_S) for record in own],
            [float(record["share"]) for record in own],
            where="post",
            color=looks[policy].colour,
            linestyle=looks[policy].dash,
            marker=looks[policy].marker,
            markevery=(4 + 7 * rank % 31, 31),
            markersize=3.5,
            linewidth=1,
        )
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _format_time(value)))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("time from submission to the final decision")
    axes.set_ylabel("share of attempts")
    axes.grid(color=sheet.grid)
    add_legend(figure, data, sheet, policies, lines=True)


def _format_time(time_s: float) -> str:
    return f"{time_s * 1000:.3g} ms" if time_s < 1 else f"{time_s:.3g} s"
