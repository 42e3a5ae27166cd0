"""Each check of a page is tried on a page with the defect it is there to find."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from sim.report.page.render import TEMPLATES, render_page
from sim.report.page.sections import Section
from tests.page.checks import (
    Visit,
    find_barriers,
    find_clipped,
    find_errors,
    find_injected,
    find_lost,
    find_overflow,
    find_requests,
)
from tests.page.conftest import HOSTILE, write_page

pytestmark = pytest.mark.slow

Open = Callable[..., Visit]
BLANK = "<!DOCTYPE html><html lang='en'><title>A page</title><main><h1>A page</h1>{}</main></html>"


@pytest.fixture
def open_text(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """Opens a page of this text."""
    visits = []

    def open_it(text: str, **how: object) -> Visit:
        visit = Visit(browser, write_page(tmp_path, text), **how)  # type: ignore[arg-type]
        visits.append(visit)
        return visit

    yield open_it
    for visit in visits:
        visit.close()


@pytest.fixture
def open_defect(open_text: Open, section: Section, tmp_path: Path) -> Open:
    """Opens the real page, made by templates in which one text is another."""

    def open_it(file: str, before: str, after: str, **how: object) -> Visit:
        templates = tmp_path / "templates"
        shutil.copytree(TEMPLATES, templates)
        text = (templates / file).read_text("utf-8")
        assert before in text
        (templates / file).write_text(text.replace(before, after, 1), "utf-8")
        return open_text(render_page([section], templates), **how)

    return open_it


def test_text_that_is_not_escaped_is_found(open_defect: Open) -> None:
    visit = open_defect("section.html", "{{ section.question }}", "{{ section.question | safe }}")
    assert len(find_injected(visit)) == 3
    assert find_errors(visit) != []  # the content policy stops what would have run
    assert visit.dialogs == []


def test_data_that_ends_its_script_is_found(open_text: Open, section: Section) -> None:
    who = [HOSTILE for _ in section.calls["who"]]
    text = render_page([section._replace(calls=section.calls | {"who": who})])
    assert "\\u003c/script" in text
    raw = text.replace("\\u003c", "<").replace("\\u003e", ">")
    assert find_injected(open_text(raw)) != []


def test_an_alert_is_found(open_text: Open) -> None:
    visit = open_text(BLANK.format("<script>alert(1)</script>"))
    assert find_errors(visit) == ["dialog: 1"]


def test_an_image_from_elsewhere_is_found(open_text: Open) -> None:
    visit = open_text(BLANK.format("<img alt='' src='http://elsewhere.invalid/x.png'>"))
    assert find_requests(visit) == ["http://elsewhere.invalid/x.png"]


@pytest.mark.parametrize(
    "element",
    [
        "<img alt='' src='http://elsewhere.invalid/x.png'>",
        "<link rel=stylesheet href='http://elsewhere.invalid/x.css'>",
        "<script src='http://elsewhere.invalid/x.js'></script>",
        "<iframe src='http://elsewhere.invalid/'></iframe>",
    ],
)
def test_the_pages_own_policy_refuses_the_network(open_defect: Open, element: str) -> None:
    visit = open_defect("page.html", "<footer>", f"<footer>{element}")
    assert any("Content Security Policy" in error for error in find_errors(visit))


def test_another_script_does_not_run(open_defect: Open) -> None:
    visit = open_defect("page.html", "<footer>", "<footer><script>alert(1)</script>")
    assert any("Content Security Policy" in error for error in find_errors(visit))
    assert visit.dialogs == []


def test_a_script_that_fails_is_found(open_defect: Open) -> None:
    visit = open_defect("page.js", "start();\n", "start();\nnowhere();\n")
    assert any("nowhere" in error for error in find_errors(visit))


def test_a_button_without_a_name_is_found(open_text: Open) -> None:
    visit = open_text(BLANK.format("<button></button>"))
    assert any("button-name" in barrier for barrier in find_barriers(visit))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_faint_letters_are_found(open_text: Open, theme: str) -> None:
    style = (
        "<style>p{color:#ccc;background:#fff}"
        "@media(prefers-color-scheme:dark){p{color:#333;background:#111}}</style><p>Faint</p>"
    )
    visit = open_text(BLANK.format(style), theme=theme)
    assert any("color-contrast" in barrier for barrier in find_barriers(visit))


def test_what_is_too_wide_is_found(open_text: Open) -> None:
    visit = open_text(BLANK.format("<div style='width:500px'>wide</div>"), width=360)
    assert find_overflow(visit) != []


def test_a_table_cut_on_paper_is_found(open_text: Open) -> None:
    table = "<table><tr><td style='min-width:900px'>wide</td></tr></table>"
    visit = open_text(BLANK.format(f"<div style='overflow:auto'>{table}</div>"))
    assert len(find_clipped(visit)) == 2


def test_a_head_that_paper_shows_once_is_found(open_defect: Open) -> None:
    visit = open_defect("page.js", "head.dataset.heading = head.textContent;", "")
    assert "policy" in find_lost(visit)


def test_what_stays_folded_on_paper_is_found(open_defect: Open) -> None:
    visit = open_defect("page.css", "details::details-content", "details::no-such-part")
    assert find_lost(visit) != []
