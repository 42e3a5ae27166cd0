"""References say what the code has, and every link leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.references import ROOT, TABLES, create_table, fill, find_pages

LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)\s]*)?\)")
CODE = re.compile(r"```.*?```", re.DOTALL)


def find_markdown() -> list[Path]:
    """Every page of the repository."""
    rooms = ("sim", "tests", "scenarios", "notebooks")
    return [*ROOT.glob("*.md"), *(page for room in rooms for page in (ROOT / room).rglob("*.md"))]


def find_links(page: Path) -> list[Path]:
    """Files that a page leads to."""
    text = CODE.sub("", page.read_text(encoding="utf-8"))
    links = [link for link in LINK.findall(text) if ":" not in link]
    return [(page.parent / link).resolve() for link in links]


def find_dead(page: Path) -> list[str]:
    """Links of a page that lead nowhere."""
    return [str(link) for link in find_links(page) if not link.exists()]


@pytest.mark.parametrize("page", find_pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_generated_tables_are_those_of_the_code(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert fill(text) == text, "write them anew: python -m tests.docs.references"


def test_every_table_stands_on_a_page() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in find_pages())
    assert [name for name in TABLES if f"<!-- generated: {name} -->" not in text] == []


def test_a_stale_table_is_seen() -> None:
    page = ROOT / "sim" / "metrics" / "README.md"
    text = page.read_text(encoding="utf-8").replace("| down |", "| up |", 1)
    assert fill(text) != text


@pytest.mark.parametrize("page", find_markdown(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    assert find_dead(page) == []


def test_a_dead_link_is_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("[here](page.md) [gone](gone.md#part) [out](https://example.org)\n")
    assert find_dead(page) == [str(tmp_path / "gone.md")]


def test_every_page_is_two_clicks_from_the_readme() -> None:
    start = ROOT / "README.md"
    near = {start, *find_links(start)}
    near |= {link for page in near if page.suffix == ".md" for link in find_links(page)}
    pages = {page.resolve() for page in find_markdown()}
    assert sorted(str(page.relative_to(ROOT)) for page in pages - near) == []


def test_a_table_escapes_what_would_break_it() -> None:
    assert create_table(("a",), [("x | y\n z",)]).splitlines()[2] == "| x \\| y z |"
