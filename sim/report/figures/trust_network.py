"""Who bought of whom, by what they really are and by what their score says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.lines import Line2D

from sim.experiment.tables import read_table
from sim.experiment.trading import Edge, Node, create_network, has_market
from sim.report.figures.base import Cell, FigureData, Row, describe_source, get_shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.experiment.tables import StoredResult
    from sim.report.figures.style import Sheet

COLUMNS = (
    *("kind", "policy", "trader", "seller", "role", "truth", "score"),
    *("sales", "fraudulent_sales", "mean_rating", "x", "y"),
)
SCALE = "cividis"  # readable with any colour vision (Nuñez, Anderton, Renslow 2018)
TRUTHS = {"honest": ("blue", "o"), "hostile": ("vermillion", "s")}
LAYOUT_SEED = 1


def has_data(result: StoredResult) -> bool:
    """Whether anything was sold."""
    return has_market(result)


def create(result: StoredResult) -> FigureData:
    """The network of replication 0 under the baseline, or else the first policy with sales."""
    policy = choose_policy(result)
    nodes, edges, n_traders = create_network(result, policy)
    places = create_layout(nodes, edges)
    left_out = n_traders - len(nodes)
    return FigureData(
        "trust_network",
        f"Who bought of whom under {policy}",
        f"Replication 0 under {policy}. A line is what a buyer bought of a seller, thicker for "
        "more sales, dashed if any of them was fraudulent. Large: sellers; small: all others. "
        "Left: what traders really are, which no policy sees. Right: the score published last; "
        f"without a fill nobody had rated them, or they sell nothing. {len(nodes)} of {n_traders} "
        f"traders that traded at all{', the most active ones' if left_out else ''}. Places come "
        "from a spring layout (Fruchterman and Reingold 1991, fixed seed) and mean nothing by "
        "themselves.",
        _describe(nodes, edges, policy),
        COLUMNS,
        [
            *(_create_node_row(policy, node, *places[node.trader]) for node in nodes),
            *(_create_edge_row(policy, edge) for edge in edges),
        ],
        describe_source(result, "sales, traders, scores", 0),
        get_shown(result),
    )


def choose_policy(result: StoredResult) -> str:
    """The baseline if it sold anything in replication 0, else the first policy that did."""
    order = [result.run.baseline, *result.policies]
    where = [("replication", "==", 0)]
    sold = (
        p for p in order if len(read_table(result.folders[p], "sales", ["sale"], where)["sale"])
    )
    return next(sold, result.run.baseline)


def create_layout(nodes: list[Node], edges: list[Edge]) -> dict[int, tuple[float, float]]:
    """A place in the unit square for each trader: the same for the same network."""
    import networkx as nx  # noqa: PLC0415 - half a second that other figures need not wait for

    graph = nx.Graph()
    graph.add_nodes_from(node.trader for node in nodes)
    for edge in edges:
        graph.add_edge(edge.buyer, edge.seller, weight=edge.n_sales)
    n = max(1, len(nodes))
    places = nx.spring_layout(graph, seed=LAYOUT_SEED, k=2.0 / n**0.5, iterations=80)
    return {trader: (round(float(x), 4), round(float(y), 4)) for trader, (x, y) in places.items()}


def _create_node_row(policy: str, node: Node, x: float, y: float) -> Row:
    score = "" if node.score is None else node.score
    return (
        *("node", policy, node.trader, "", node.role, node.truth, score),
        *(node.n_sales, "", "", x, y),
    )


def _create_edge_row(policy: str, edge: Edge) -> Row:
    rating = "" if edge.rating is None else edge.rating
    return (
        *("edge", policy, edge.buyer, edge.seller, "", "", ""),
        *(edge.n_sales, edge.n_fraudulent, rating, "", ""),
    )


def _describe(nodes: list[Node], edges: list[Edge], policy: str) -> str:
    truth = {node.trader: node.truth for node in nodes}
    parts = [f"Network of {len(nodes)} traders under {policy}."]
    for kind in TRUTHS:
        sellers = [node for node in nodes if node.truth == kind and node.role == "seller"]
        sold = [edge for edge in edges if truth[edge.seller] == kind]
        scores = sorted(node.score for node in sellers if node.score is not None)
        text = f"scores {scores[0]:.2f} to {scores[-1]:.2f}" if scores else "no scores"
        parts.append(
            f"{len(sellers)} {kind} sellers: {sum(e.n_sales for e in sold)} sales to "
            f"{len(dict.fromkeys(e.buyer for e in sold))} buyers, "
            f"{sum(e.n_fraudulent for e in sold)} of them fraudulent, {text}."
        )
    return " ".join(parts)


def draw(figure: Figure, data: FigureData, sheet: Sheet) -> None:
    """The same network twice, side by side or one below the other."""
    records = data.get_records()
    shape = (1, 2) if sheet.is_wide else (2, 1)
    panel_in = sheet.width_in / shape[1]
    figure.set_size_inches(sheet.width_in, (panel_in * 0.82 + 0.25) * shape[0] + 0.45)
    left, right = figure.subplots(*shape).ravel()
    nodes = [record for record in records if record["kind"] == "node"]
    for axes, title in ((left, "by ground truth"), (right, "by published score")):
        _draw_edges(axes, records, sheet)
        axes.set_title(title)
        axes.set_axis_off()
        axes.margins(0.04)
    for truth, (colour, marker) in TRUTHS.items():
        own = [node for node in nodes if node["truth"] == truth]
        _draw_nodes(left, own, [sheet.colours[colour]] * len(own), marker, sheet)
    scale = ScalarMappable(Normalize(0, 1), SCALE)
    fills = [colormaps[SCALE](float(n["score"])) if n["score"] != "" else "none" for n in nodes]
    _draw_nodes(right, nodes, fills, "o", sheet)
    bar = figure.colorbar(
        scale, ax=right, orientation="horizontal", shrink=0.6, aspect=30, pad=0.02
    )
    bar.set_label("score, 0 to 1")
    handles = [
        Line2D([], [], linestyle="none", marker=marker, color=sheet.colours[colour], label=truth)
        for truth, (colour, marker) in TRUTHS.items()
    ]
    left.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=2)


def _draw_nodes(
    axes: Axes, nodes: list[dict[str, Cell]], fills: Sequence[Any], marker: str, sheet: Sheet
) -> None:
    axes.scatter(
        [float(node["x"]) for node in nodes],
        [float(node["y"]) for node in nodes],
        s=[34 if node["role"] == "seller" else 10 for node in nodes],
        c=fills,
        marker=marker,
        edgecolors=sheet.ink,
        linewidths=0.4,
        zorder=2,
    )


def _draw_edges(axes: Axes, records: list[dict[str, Cell]], sheet: Sheet) -> None:
    places = {r["trader"]: (float(r["x"]), float(r["y"])) for r in records if r["kind"] == "node"}
    for is_fraudulent, dash in ((False, "-"), (True, (0, (3, 1.5)))):
        edges = [
            r
            for r in records
            if r["kind"] == "edge" and bool(r["fraudulent_sales"]) == is_fraudulent
        ]
        lines = LineCollection(
            [(places[edge["trader"]], places[edge["seller"]]) for edge in edges],
            linewidths=[min(1.6, 0.25 + 0.15 * float(edge["sales"])) for edge in edges],
            colors=sheet.colours["vermillion"] if is_fraudulent else sheet.muted,
            linestyles=[dash],
            alpha=0.45,
            zorder=1,
        )
        axes.add_collection(lines)
