"""Every figure of three results: its rows, its words, its bytes, and names meant to do harm."""

from __future__ import annotations

import csv
import io
import re
import xml.etree.ElementTree as ET
from math import isnan

import matplotlib as mpl
import pytest
from IPython.core.formatters import DisplayFormatter

from sim.core.errors import InputError
from sim.experiment.tables import StoredResult, open_result
from sim.report.figures import (
    FigureData,
    create_css,
    create_csv,
    create_figure,
    draw,
    draw_svg,
    list_figures,
    render,
)
from sim.report.figures.registry import FIGURES

pytestmark = pytest.mark.slow

EVERYWHERE = ["effects", "outcomes", "tradeoff"]
EXPECTED = {
    "incident": [*EVERYWHERE, "timeline", "latency", "views"],
    "market": [*EVERYWHERE, "reputation", "trust_network", "flows", "latency", "views"],
    "silence": ["outcomes", "tradeoff", "timeline", "latency", "views"],
}
EACH = [(result, name) for result, names in EXPECTED.items() for name in names]
ONCE = [(result, name) for name, result in {name: result for result, name in EACH}.items()]
HOSTILE = {  # by a policy's name
    "chain": "<script>alert(1)</script>",
    "gateway": "$\\frac{1}{0}$",
    "unguarded": "w" * 300,
    "anchored": "\u202eneh tfel \u05d0\u05d1\u05d2",
    "deny_all": "\U0001f4a3 %s {0} &amp;",
}


@pytest.fixture
def result(request: pytest.FixtureRequest) -> StoredResult:
    found: StoredResult = request.getfixturevalue(request.param)
    return found


@pytest.mark.parametrize("result", EXPECTED, indirect=True)
def test_figures_without_data_are_not_listed(
    result: StoredResult, request: pytest.FixtureRequest
) -> None:
    name = request.node.callspec.params["result"]
    listed = list_figures(result)
    wanted = EXPECTED[name] if name != "silence" else ["effects", *EXPECTED[name]]
    assert listed == wanted
    for other in FIGURES:
        if other not in listed:
            with pytest.raises(InputError, match=f"nothing here for figure '{other}'"):
                create_figure(result, other)


@pytest.mark.parametrize(("result", "name"), EACH, indirect=["result"])
def test_a_figure_is_complete(result: StoredResult, name: str) -> None:
    data = create_figure(result, name)
    assert data.name == name
    assert data.rows
    assert {len(row) for row in data.rows} == {len(data.columns)}
    assert {type(cell) for row in data.rows for cell in row} <= {str, int, float, bool}
    assert not any(isinstance(cell, float) and isnan(cell) for row in data.rows for cell in row)
    for text in (data.title, data.caption, data.alt, data.source):
        assert text.strip()
    assert result.run.digest in data.source
    assert f"seed {result.run.seed}" in data.source


@pytest.mark.parametrize(("result", "name"), EACH, indirect=["result"])
def test_a_table_holds_every_row(result: StoredResult, name: str) -> None:
    data = create_figure(result, name)
    read = list(csv.reader(io.StringIO(create_csv(data), newline="")))
    assert tuple(read[0]) == data.columns
    assert len(read) == len(data.rows) + 1


@pytest.mark.parametrize(("result", "name"), ONCE, indirect=["result"])
def test_a_figure_for_a_page_is_sound_xml_with_ids_of_its_own(
    result: StoredResult, name: str
) -> None:
    text = draw_svg(create_figure(result, name))
    root = ET.fromstring(text)
    ids = [found for element in root.iter() if (found := element.get("id"))]
    assert len(ids) == len(set(ids))
    assert all(found.startswith(f"figure-{name}-") for found in ids)
    referred = re.findall(r'(?:url\(|href=")#([^)"]+)', text)
    assert set(referred) <= set(ids)
    assert "<style" not in text
    assert "<metadata" not in text
    assert root.findall(".//{http://www.w3.org/2000/svg}text")


@pytest.mark.parametrize(("result", "name"), ONCE, indirect=["result"])
@pytest.mark.parametrize("file_format", ["svg", "pdf"])
def test_same_rows_same_bytes(result: StoredResult, name: str, file_format: str) -> None:
    data = create_figure(result, name)
    first = render(data, file_format, width="one", theme="paper")
    assert first == render(create_figure(result, name), file_format, width="one", theme="paper")
    assert b"CreationDate" not in first
    assert b"<dc:date>" not in first


def rename(data: FigureData) -> FigureData:
    """The same figure of policies that are called something else."""
    rows = [tuple(HOSTILE.get(str(cell), cell) for cell in row) for row in data.rows]
    policies = tuple(
        shown._replace(policy=HOSTILE.get(shown.policy, shown.policy)) for shown in data.policies
    )
    return data._replace(title=HOSTILE["chain"], rows=rows, policies=policies)


@pytest.mark.parametrize(("result", "name"), ONCE, indirect=["result"])
def test_names_meant_to_do_harm_are_text(result: StoredResult, name: str) -> None:
    data = rename(create_figure(result, name))
    text = draw_svg(data)
    ET.fromstring(text)
    assert "<script" not in text
    assert render(data, "png", width="one", theme="paper").startswith(b"\x89PNG")


def test_a_formula_is_no_formula_in_a_table() -> None:
    data = FigureData("x", "t", "c", "a", ("name", "n"), [("=1+1", -2), ("-x", 1.5)], "s")
    assert create_csv(data) == "name,n\r\n'=1+1,-2\r\n'-x,1.5\r\n"


def test_a_notebook_shows_a_figure_though_nobody_imported_pyplot(incident: StoredResult) -> None:
    figure = draw(create_figure(incident, "timeline"))
    shown, metadata = DisplayFormatter().format(figure)
    assert shown["image/png"].startswith(b"\x89PNG")
    assert metadata["image/png"] == {"width": 700}


def test_the_axis_of_a_trade_off_is_no_longer_than_its_panel(incident: StoredResult) -> None:
    data = create_figure(incident, "tradeoff")
    at = data.columns.index("label")
    rows = [
        (*row[:at], "a label longer than that of any outcome there is today", *row[at + 1 :])
        for row in data.rows
    ]
    figure = draw(data._replace(rows=rows), width="two")
    figure.draw_without_rendering()
    axes = figure.axes[0]
    assert axes.yaxis.label.get_window_extent().height <= axes.get_window_extent().height


def test_drawing_leaves_settings_alone(incident: StoredResult) -> None:
    before = dict(mpl.rcParams)
    draw(create_figure(incident, "effects"), width="two", theme="dark")
    assert dict(mpl.rcParams) == before


def test_one_policy_has_no_effects(incident: StoredResult) -> None:
    alone = open_result(incident.run.folder, ["gateway"])  # type: ignore[arg-type] - was written
    assert list_figures(alone) == ["outcomes", "timeline", "latency"]
    for name in list_figures(alone):
        assert render(create_figure(alone, name), "svg", width="two", theme="paper")


def test_an_unknown_figure_is_named_with_the_nearest(incident: StoredResult) -> None:
    with pytest.raises(InputError, match="did you mean 'timeline'"):
        create_figure(incident, "timelime")


def test_effects_begin_with_the_primary_outcomes(incident: StoredResult) -> None:
    data = create_figure(incident, "effects")
    primary = list(incident.run.loaded.scenario.primary)
    assert list(dict.fromkeys(data.get_column("outcome")))[: len(primary)] == primary
    rows = {(r["outcome"], r["policy"]): r for r in data.get_records()}
    blocked = rows["unauthorized_execution_rate", "gateway"]
    assert (blocked["difference"], blocked["baseline"], blocked["n"]) == (-100.0, "unguarded", 2)


def test_nothing_seen_is_never_a_bare_zero(incident: StoredResult) -> None:
    rows = create_figure(incident, "outcomes").get_records()
    none = [r for r in rows if r["mean"] == 0 and r["outcome"] == "unauthorized_execution_rate"]
    assert none
    assert {r["range"] for r in none} == {"none seen, P < 78 %"}  # 1 - 0.05 ** (1 / 2)
    assert {r["high"] for r in none} == {""}  # a bound on episodes is no interval of a rate


def test_the_front_leaves_bounds_out(incident: StoredResult) -> None:
    rows = create_figure(incident, "tradeoff").get_records()
    assert any(row["front"] for row in rows)
    assert not any(row["front"] and row["bound"] for row in rows)


def test_views_of_a_silent_leader_are_wasted(silence: StoredResult) -> None:
    rows = create_figure(silence, "views").get_records()
    views = [r for r in rows if r["policy"] == "chain_one_silent" and r["kind"] == "view"]
    by_silent = {r["outcome"] for r in views if r["leader"] == "3"}
    assert "committed" not in by_silent
    assert "wasted" in by_silent
    (fault,) = [r for r in rows if r["kind"] == "fault"]
    assert (fault["name"], fault["leader"], fault["until_s"]) == ("crash", "3", "")


def test_honest_scores_rise_above_hostile_ones(market: StoredResult) -> None:
    records = create_figure(market, "reputation").get_records()
    assert {record["policy"] for record in records} == {"chain"}
    last = {str(record["truth"]): record for record in records}
    assert last["honest"]["median"] > last["hostile"]["median"]


def test_a_page_can_recolour_every_figure(incident: StoredResult) -> None:
    used = set(re.findall(r"var\((--figure-\w+)", draw_svg(create_figure(incident, "effects"))))
    assert {"--figure-ink", "--figure-orange"} <= used
    assert used <= set(re.findall(r"--figure-\w+", create_css("dark")))
