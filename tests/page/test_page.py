"""The page in a real browser: it asks for nothing, fits, can be read by anybody, and answers."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from sim.experiment.explain import explain
from sim.experiment.tables import StoredResult
from sim.report.explanation import create_check_rows, create_heading
from sim.report.figures import create_csv
from sim.report.page.render import render_page
from sim.report.page.sections import Section, create_picture
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


@pytest.fixture
def visit(browser: Browser, page_path: Path) -> Iterator[Visit]:
    visit = Visit(browser, page_path)
    yield visit
    assert find_errors(visit) == []
    assert find_requests(visit) == []
    visit.close()


@pytest.fixture
def page(visit: Visit) -> Page:
    return visit.page


def get_keys(table: Locator, column: int) -> list[float]:
    cells = table.locator(f"tbody tr > :nth-child({column + 1})[data-sort]")
    return [float(key) for key in cells.evaluate_all("all => all.map(e => e.dataset.sort)")]


def get_call_names(page: Page) -> list[str]:
    return page.locator("table.calls button.call").all_text_contents()


def show_every_call(page: Page) -> None:
    page.get_by_label("only remarkable ones").uncheck()


# it can be read anywhere and by anybody


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_serious_barrier(browser: Browser, page_path: Path, theme: str) -> None:
    visit = Visit(browser, page_path, theme=theme)
    visit.page.locator("button.call").first.click()
    visit.page.locator("details.rows summary").first.click()
    assert find_barriers(visit) == []
    assert find_errors(visit) == []
    visit.close()


@pytest.mark.parametrize("width", [360, 800, 1400])
def test_nothing_is_wider_than_the_window(browser: Browser, page_path: Path, width: int) -> None:
    visit = Visit(browser, page_path, width=width)
    visit.page.locator("button.call").first.click()
    for summary in visit.page.locator("article > section > details > summary").all():
        summary.click()
    assert find_overflow(visit) == []
    visit.close()


def test_on_paper_every_table_is_whole(visit: Visit) -> None:
    assert find_clipped(visit) == []


def test_on_paper_heads_of_tables_come_again_and_nothing_is_folded(visit: Visit) -> None:
    assert find_lost(visit) == []


def test_somebodys_text_stays_text(visit: Visit) -> None:
    assert find_injected(visit) == []
    assert "{{7*7}}" in visit.page.locator(".lead").inner_text()
    shown = visit.page.locator(".written").inner_text()
    assert shown.startswith("Expected <script>alert(1)</script></script><b data-injected>bold</b>")
    assert "مرحبا بالعالم 🦀" in shown


def test_names_of_calls_stay_text(browser: Browser, section: Section, tmp_path: Path) -> None:
    words = {
        name: [f"{HOSTILE}\u2028\u202e" for _ in section.calls[name]] for name in ("what", "org")
    }
    who = [f"{number} {HOSTILE}" for number in range(len(section.calls["who"]))]
    calls = section.calls | words | {"who": who}
    visit = Visit(browser, write_page(tmp_path, render_page([section._replace(calls=calls)])))
    visit.page.locator("button.call").first.click()
    expect(visit.page.locator("button.call").first).to_contain_text("<script>alert(1)</script>")
    assert find_injected(visit) == []
    assert find_errors(visit) == []
    assert find_overflow(visit) == []
    visit.close()


def test_without_scripts_the_numbers_are_there(browser: Browser, page_path: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(page_path.as_uri())
    expect(page.locator("table.glance tbody tr")).to_have_count(4)
    expect(page.locator("table.outcomes tbody tr:visible")).to_have_count(12)
    expect(page.locator("figure svg:visible").first).to_be_visible()
    expect(page.locator("noscript .note")).to_be_visible()
    context.close()


def test_the_theme_can_be_turned(page: Page) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.get_by_role("button", name="Show the page dark").click()
    assert page.evaluate(ground) != light
    page.get_by_role("button", name="Show the page light").click()
    assert page.evaluate(ground) == light


# tables


def test_a_column_is_sorted_both_ways(page: Page) -> None:
    table = page.locator("table.glance")
    head = table.locator("thead th").nth(1)
    head.get_by_role("button").click()
    rising = get_keys(table, 1)
    assert rising == sorted(rising)
    assert len(set(rising)) > 1
    expect(head).to_have_attribute("aria-sort", "ascending")
    head.get_by_role("button").press("Enter")
    assert get_keys(table, 1) == sorted(rising, reverse=True)
    expect(head).to_have_attribute("aria-sort", "descending")


def test_rows_without_a_number_stay_last(page: Page) -> None:
    table = page.locator("table.outcomes")
    button = table.locator("thead th").nth(7).get_by_role("button")
    for _ in range(2):
        button.click()
        cells = table.locator("tbody tr > :nth-child(8)")
        has = cells.evaluate_all("all => all.map(e => e.dataset.sort !== undefined)")
        assert has == sorted(has, reverse=True)
        assert any(has)
        assert not all(has)


def test_outcomes_are_filtered(page: Page, section: Section) -> None:
    form, rows = page.locator("form[data-filter]"), page.locator("table.outcomes tbody tr:visible")
    expect(rows).to_have_count(12)
    expect(form.locator("[data-count]")).to_have_text(f"12 of {len(section.rows)} rows")
    form.get_by_label("Policy").select_option("chain")
    expect(rows).to_have_count(3)
    form.get_by_label("exploratory outcomes too").check()
    expect(rows).to_have_count(len(section.rows) // 4)
    form.get_by_label("Find").fill("block latency")
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("block latency p50")
    expect(rows.first).to_contain_text("exploratory")


def test_zero_events_come_with_their_bound(page: Page) -> None:
    cell = page.locator("table.glance tbody tr", has_text="gateway").locator("td").first
    expect(cell).to_contain_text("none seen")
    expect(cell).to_contain_text("P <")


def test_every_number_leads_to_its_source(page: Page, result: StoredResult) -> None:
    row = page.locator("table.outcomes tbody tr:visible", has_text="chain").first
    link = row.locator("a")
    title = link.get_attribute("title") or ""
    assert result.folders["chain"].name in title
    assert f"seed {result.run.seed}" in title
    target = page.locator(f"[id='{(link.get_attribute('href') or '')[1:]}']")
    expect(target).to_contain_text(result.folders["chain"].name)


# figures


def test_figures_have_words_rows_and_a_download(page: Page, section: Section) -> None:
    assert section.pictures
    for picture in section.pictures:
        figure = page.locator(f"#r1-picture-{picture.data.name}")
        figure.locator("summary").click()
        expect(figure).to_contain_text(picture.data.alt[:80])
        expect(figure.locator("tbody tr")).to_have_count(len(picture.data.rows))
        with page.expect_download() as waiting:
            figure.get_by_role("button", name="Download CSV").click()
        text = Path(waiting.value.path()).read_bytes().decode()
        assert parse(text) == parse(create_csv(picture.data))
        assert waiting.value.suggested_filename.endswith(f"{picture.data.name}.csv")


def parse(text: str) -> list[list[str | float]]:
    """Cells of a CSV text, numbers as numbers: two languages spell some of them otherwise."""
    rows: list[list[str | float]] = []
    for row in csv.reader(io.StringIO(text, newline="")):
        rows.append([])
        for cell in row:
            try:
                rows[-1].append(float(cell))
            except ValueError:
                rows[-1].append(cell)
    return rows


# calls


def test_a_call_opens_with_the_text_of_explain(
    page: Page, section: Section, result: StoredResult
) -> None:
    page.get_by_label("Outcome any").select_option("refused")
    button = page.locator("button.call").first
    name = button.inner_text()
    button.focus()
    page.keyboard.press("Enter")
    expect(button).to_have_attribute("aria-expanded", "true")
    opened = page.locator("tr.opened")
    folder = result.folders["chain"].parent
    for explanation in explain(folder, name, 0):
        if explanation.code is None:
            expect(opened).to_contain_text(create_heading(explanation))
            continue
        under = opened.locator("details", has_text=f"{explanation.policy}: {name}")
        assert under.locator("summary").inner_text() == create_heading(explanation)
        rows = under.locator("tbody tr").evaluate_all(
            "all => all.map(r => [...r.cells].map(c => c.textContent))"
        )
        assert rows == [list(row[:4]) for row in create_check_rows(explanation)]
    page.keyboard.press("Escape")
    expect(opened).to_have_count(0)


def test_arrows_go_from_call_to_call(page: Page) -> None:
    names = get_call_names(page)
    page.locator("button.call").first.focus()
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.textContent") == names[1]
    page.keyboard.press("ArrowUp")
    assert page.evaluate("document.activeElement.textContent") == names[0]


def test_calls_are_filtered(page: Page, section: Section) -> None:
    calls, form = section.calls, page.locator(".explore form")
    count, rows = page.locator(".explore [data-count]"), page.locator("tr[data-row]")
    show_every_call(page)
    total = sum(policy["calls"] for policy in calls["policies"])
    expect(count).to_have_text(f"1 to 25 of {total} that match, of {total} calls")
    form.get_by_label("Policy").select_option("gateway")
    expect(count).to_contain_text(f"of {calls['policies'][1]['calls']} that match")
    form.get_by_label("Reason").select_option("CAPABILITY_DENIED")
    n_denied = sum(
        code == 13 and policy == 1
        for code, policy in zip(calls["columns"]["code"], calls["columns"]["policy"], strict=True)
    )
    assert n_denied > 0
    expect(count).to_contain_text(f"of {n_denied} that match")
    expect(rows.first).to_contain_text("refused: CAPABILITY_DENIED")
    form.get_by_label("Find").fill("no such call")
    expect(count).to_contain_text("None of 0 that match")
    form.get_by_role("button", name="Clear").click()
    expect(count).not_to_contain_text("None")
    form.get_by_label("Agent").fill("reacher-1")
    form.get_by_label("From, s").fill("5")
    form.get_by_label("To, s").fill("15")
    names = get_call_names(page)
    assert names
    assert {name.split("/")[0] for name in names} == {"reacher-1"}
    times = page.locator("tr[data-row] td.number").all_text_contents()
    assert all(5 <= float(time) <= 15 for time in times)


def test_calls_are_turned_page_by_page(page: Page) -> None:
    show_every_call(page)
    first = get_call_names(page)
    page.get_by_role("button", name="Later").click()
    assert get_call_names(page) != first
    expect(page.locator("[data-place]")).to_contain_text("page 2 of")
    page.get_by_role("button", name="Earlier").click()
    assert get_call_names(page) == first
    expect(page.get_by_role("button", name="Earlier")).to_be_disabled()


def test_a_command_is_copied_or_selected(page: Page) -> None:
    page.get_by_role("button", name="Copy the command for the numbers").click()
    expect(page.locator("#status")).to_have_text("Copied")
    command = page.locator("#r1-command-1").inner_text()
    assert command.startswith("sim run world.yaml --seed")


# several results


def test_several_results_stand_on_one_page(
    browser: Browser, section: Section, result: StoredResult, tmp_path: Path
) -> None:
    picture = create_picture(result, section.pictures[0].data.name, "r2")
    other = section._replace(key="r2", pictures=[picture])
    visit = Visit(browser, write_page(tmp_path, render_page([section, other])))
    page = visit.page
    expect(page.locator("article")).to_have_count(2)
    expect(page.locator("main > .scroll tbody tr")).to_have_count(2)
    twice = page.evaluate(
        "(() => { const ids = [...document.querySelectorAll('[id]')].map(e => e.id);"
        " return ids.filter((id, place) => ids.indexOf(id) !== place); })()"
    )
    assert twice == []
    assert page.locator("h1").count() == 1
    page.locator("#r2 button.call").first.click()
    expect(page.locator("#r2 tr.opened")).to_have_count(1)
    expect(page.locator("#r1 tr.opened")).to_have_count(0)
    assert find_barriers(visit) == []
    assert find_errors(visit) == []
    visit.close()
