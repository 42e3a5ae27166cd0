"""One small result, its page, and one browser for all tests of pages."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from sim.experiment.run import RunOptions, run_scenario
from sim.experiment.tables import StoredResult, open_result
from sim.report.page.render import render_page
from sim.report.page.sections import Section, create_section
from sim.scenario.load import load_scenario
from tests.worlds import create_reacher, create_worker, write_scenario

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"),
    *("--no-first-run", "--host-resolver-rules=MAP * ~NOTFOUND"),  # nothing outside is reached
]
HOSTILE = (
    "<script>alert(1)</script></script><b data-injected>bold</b> {{7*7}} ${7*7} "
    "<img data-injected src=x onerror=alert(1)> \"'><svg data-injected onload=alert(1)> "
    "مرحبا بالعالم 🦀--> ]]> " + "long" * 60
)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        problem = f"no browser: none of {', '.join(NAMES)} is installed"
        if os.environ.get("AMBIT_REQUIRE_BROWSER"):
            pytest.fail(problem)
        pytest.skip(problem)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def result(tmp_path_factory: pytest.TempPathFactory) -> StoredResult:
    """A few agents under four policies, with hostile prose."""
    folder = tmp_path_factory.mktemp("result")
    path = write_scenario(
        folder,
        title=f"Hostile {HOSTILE}",
        question=f"Asked {HOSTILE}",
        expectation=f"Expected {HOSTILE}",
        horizon="20s",
        replications=3,
        agents=[create_worker(), create_reacher(count=3)],
        policies=["unguarded", "gateway", "chain", "deny_all"],
        primary=["unauthorized_execution_rate", "utility_under_attack", "harm_per_episode"],
    )
    document = json.loads(path.read_text("utf-8"))  # YAML knows no pairs of surrogates
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False), encoding="utf-8")
    run = run_scenario(load_scenario(path), RunOptions(workers=1, out=folder / "out"))
    assert run.folder is not None
    return open_result(run.folder)


@pytest.fixture(scope="session")
def section(result: StoredResult) -> Section:
    return create_section(result, "r1")


@pytest.fixture(scope="session")
def page_path(section: Section, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_page(tmp_path_factory.mktemp("page"), render_page([section]))


def write_page(folder: Path, text: str) -> Path:
    path = folder / "report.html"
    path.write_text(text, encoding="utf-8")
    return path
