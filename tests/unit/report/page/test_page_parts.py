from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sim.experiment.run import RunOptions, run_scenario
from sim.experiment.tables import StoredResult, open_result
from sim.report.figures import list_figures
from sim.report.page import create_page
from sim.report.page.outcomes import (
    COLUMNS,
    create_download,
    create_glance,
    create_rows,
    list_outcomes,
)
from sim.report.page.render import TEMPLATES, create_content_policy, create_json, render_page
from sim.report.page.sections import (
    Section,
    create_commands,
    create_marks,
    create_outline,
    create_section,
    make_readable,
)
from sim.scenario.load import load_scenario
from sim.scenario.settings import parse_setting
from tests.worlds import create_reacher, create_worker, write_scenario

PRIMARY = ("harm_per_episode", "unauthorized_execution_rate", "utility_under_attack")


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> StoredResult:
    folder = tmp_path_factory.mktemp("paged")
    path = write_scenario(
        folder,
        horizon="40s",
        replications=2,
        agents=[create_worker(count=2), create_reacher(count=2)],
        policies=["unguarded", {"name": "mine", "preset": "gateway"}, "oracle"],
        primary=PRIMARY,
    )
    loaded = load_scenario(path, [parse_setting("tasks.report.deadline=20s")])
    run = run_scenario(loaded, RunOptions(workers=1, out=folder / "out"))
    assert run.folder is not None
    return open_result(run.folder)


@pytest.fixture(scope="module")
def section(result: StoredResult) -> Section:
    return create_section(result, "r1")


@pytest.fixture(scope="module")
def page(section: Section) -> str:
    return render_page([section])


def test_a_page_is_the_same_every_time(result: StoredResult, page: str) -> None:
    assert create_page([result]) == page


def test_a_page_says_no_machine_paths(result: StoredResult, page: str) -> None:
    assert result.run.folder is not None
    assert str(result.run.folder.parent) not in page


def test_every_figure_of_the_result_is_on_the_page(result: StoredResult, page: str) -> None:
    assert list_figures(result)
    for name in list_figures(result):
        assert f'id="r1-picture-{name}"' in page


def test_primary_outcomes_come_first_with_or_without_a_number(result: StoredResult) -> None:
    names = list_outcomes(result)
    assert tuple(names[:3]) == PRIMARY
    assert len(names) == len(set(names)) > 10
    rows = create_rows(result)
    assert [row.is_primary for row in rows[:9]] == [True] * 9
    assert not any(row.is_primary for row in rows[9:])


def test_a_row_carries_where_it_is_from(result: StoredResult) -> None:
    for row in create_rows(result):
        assert row.source == result.folders[row.policy].name
        assert row.n == 2


def test_the_baseline_is_compared_with_nothing(result: StoredResult) -> None:
    glance = create_glance(create_rows(result))
    assert glance.outcomes == list(PRIMARY)
    by_policy = dict(glance.rows)
    assert {cell.verdict for cell in by_policy["unguarded"]} == {"baseline"}
    assert all(cell.difference.text == "" for cell in by_policy["unguarded"])
    assert by_policy["mine"][0].difference.text.startswith("\N{MINUS SIGN}")


def test_without_primary_outcomes_nothing_is_claimed(
    result: StoredResult, section: Section
) -> None:
    run = result.run
    scenario = run.loaded.scenario.model_copy(update={"primary": ()})
    contrasts = [contrast._replace(is_primary=False) for contrast in run.contrasts]
    other = result._replace(
        run=replace(run, loaded=run.loaded._replace(scenario=scenario), contrasts=contrasts)
    )
    rows = create_rows(other)
    glance = create_glance(rows)
    assert glance.outcomes == []
    assert {row.verdict for row in rows} == {"", "baseline"}
    page = render_page([section._replace(rows=rows, glance=glance, primary=[])])
    assert "every number on this page is exploratory" in page
    assert not re.search(r'data-primary="0"[^>]* hidden', page)


def test_the_download_has_every_digit(result: StoredResult) -> None:
    download = create_download(result)
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in download["rows"]]  # type: ignore[call-overload]
    harm = next(r for r in rows if r["policy"] == "mine" and r["outcome"] == "harm_per_episode")
    estimate = result.run.estimates["mine"]["harm_per_episode"]
    assert estimate.interval is not None
    assert harm["mean"] == estimate.interval.mean
    assert harm["n"] == 2
    assert harm["seed"] == result.run.seed
    (contrast,) = [
        c for c in result.run.contrasts if (c.metric, c.policy) == ("harm_per_episode", "mine")
    ]
    assert contrast.difference is not None
    assert harm["difference"] == contrast.difference.interval.mean
    assert harm["p_adjusted"] == contrast.p_adjusted


def test_commands_are_exact_and_quoted(result: StoredResult) -> None:
    (_, words), *_ = create_commands(result)
    line = " ".join(words)
    assert line == (
        "sim run world.yaml --set tasks.report.deadline=20s --seed 1 --replications 2 --out ."
    )
    spaced = result.run.loaded._replace(settings=(parse_setting("title=a b; rm"),))
    some = {name: result.run.policies[name] for name in ("unguarded", "oracle")}
    other = result._replace(run=replace(result.run, loaded=spaced, policies=some))
    (_, words), *_ = create_commands(other)
    assert "'title=a b; rm'" in words
    assert " ".join(words).count("--policy") == 2


@pytest.mark.parametrize("marker", [*"os^DvPX<>p*dh8H"])
def test_marks_are_those_of_the_figures(marker: str) -> None:
    outline = create_outline(marker)
    assert re.fullmatch(r"(?:[MLQC]-?[\d.]+(?: -?[\d.]+)*|Z)+", outline)
    numbers = [abs(float(number)) for number in re.findall(r"-?\d+\.\d+", outline)]
    assert np.isclose(max(numbers), 5.5, atol=0.3)


def test_policies_keep_apart(result: StoredResult) -> None:
    marks = create_marks(result)
    assert list(marks) == ["unguarded", "mine", "oracle"]
    assert len({mark.outline for mark in marks.values()}) == 3
    assert marks["mine"].colour.startswith("var(--figure-orange, ")
    assert marks["oracle"].colour.startswith("var(--figure-bound, ")
    assert marks["oracle"].is_bound


def test_prose_keeps_its_lines_and_nothing_that_cannot_be_seen() -> None:
    assert make_readable("one\n\ttwo\u202e") == "one\n        two\\u202e"


def test_data_cannot_end_its_script() -> None:
    document = {"a": "</script><!--&\u2028\u2029", "b": np.int64(3), "c": [0.1, None]}
    text = create_json(document)
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text) == {"a": document["a"], "b": 3, "c": [0.1, None]}


def test_no_number_is_written_that_json_does_not_know() -> None:
    with pytest.raises(ValueError, match="JSON"):
        create_json({"a": float("nan")})


def test_the_content_policy_names_what_is_on_the_page(page: str) -> None:
    (script,) = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert f"script-src &#39;sha256-{digest}&#39;" in policy
    assert "default-src &#39;none&#39;" in policy
    assert "unsafe" not in create_content_policy("", "").split("style-src", maxsplit=1)[0]


def test_templates_use_no_way_round_escaping() -> None:
    for path in sorted(TEMPLATES.glob("*.html")):
        assert "| safe" not in path.read_text("utf-8")
        assert "autoescape" not in path.read_text("utf-8")
    script = Path(TEMPLATES / "page.js").read_text("utf-8")
    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert word not in script
