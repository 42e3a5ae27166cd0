"""What must hold of a page in a browser: each check gives faults, and is tried on defects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from axe_playwright_python.sync_playwright import Axe

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page

ALLOWED = ("file:", "data:", "blob:")
SERIOUS = ("serious", "critical")
A4_PX = 703  # width of the text on A4 with the page's margins, 96 to the inch
CLIPPED_TABLES = """[...document.querySelectorAll("table")]
    .filter((table) => table.offsetParent)
    .filter((table) => table.scrollWidth > table.parentElement.clientWidth + 1)
    .map((table) => `${table.className} ${table.scrollWidth} px`)"""
HIDDEN_BY_SCROLLING = """[...document.querySelectorAll("*")]
    .filter((element) => element.offsetParent && getComputedStyle(element).overflowX !== "visible")
    .filter((element) => element.scrollWidth > element.clientWidth + 1)
    .filter((element) => !element.closest(".unseen"))
    .map((element) => element.className || element.tagName)"""

LOST_ON_PAPER = """[
    ...[...document.querySelectorAll("thead th")]
        .filter((head) => head.offsetParent && head.textContent)
        .filter((head) => head.querySelector("button"))
        .filter((head) => head.querySelector("button").offsetParent // painted on one page only
            || getComputedStyle(head, "::before").content !== JSON.stringify(head.textContent)),
    ...[...document.querySelectorAll("details > :not(summary)")]
        .filter((element) => element.parentElement.parentElement.offsetParent)
        .filter((element) => !element.closest(".explore, .under"))
        .filter((element) => !element.checkVisibility()),
].map((element) => element.textContent.trim().slice(0, 40))"""


class Visit:
    """A page that is open, and everything it did since."""

    def __init__(self, browser: Browser, path: Path, *, width: int = 1200, theme: str = "light"):
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if theme == "dark" else "light",
            reduced_motion="reduce",
        )
        self.page: Page = context.new_page()
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.dialogs: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._on_console)
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("dialog", self._on_dialog)
        self.page.goto(path.as_uri())

    def _on_console(self, message: object) -> None:
        if getattr(message, "type") in ("error", "warning"):  # noqa: B009 - of any console
            self.errors.append(str(getattr(message, "text")))  # noqa: B009

    def _on_dialog(self, dialog: object) -> None:
        self.dialogs.append(str(getattr(dialog, "message")))  # noqa: B009
        getattr(dialog, "dismiss")()  # noqa: B009

    def close(self) -> None:
        """Leave it."""
        self.page.context.close()


def find_errors(visit: Visit) -> list[str]:
    """What the console, a script or the content policy complained of, and dialogs."""
    return [*visit.errors, *(f"dialog: {text}" for text in visit.dialogs)]


def find_requests(visit: Visit) -> list[str]:
    """Addresses asked for that are not the page itself."""
    return [url for url in visit.requests if not url.startswith(ALLOWED)]


def find_injected(visit: Visit) -> list[str]:
    """Elements that came from somebody's text."""
    found = visit.page.locator("[data-injected]").evaluate_all("all => all.map(e => e.outerHTML)")
    return list(found)


def find_overflow(visit: Visit) -> list[str]:
    """A page that is wider than its window."""
    width, window = visit.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    return [f"{width} px in {window}"] if width > window else []


def find_barriers(visit: Visit) -> list[str]:
    """What axe-core calls serious or critical: rule and place."""
    found = Axe().run(visit.page).response["violations"]
    return [
        f"{violation['id']}: {node['html'][:120]}"
        for violation in found
        if violation["impact"] in SERIOUS
        for node in violation["nodes"]
    ]


def find_clipped(visit: Visit) -> list[str]:
    """Tables that do not fit on paper, and whatever else would have to be scrolled there."""
    visit.page.set_viewport_size({"width": A4_PX, "height": 1000})
    visit.page.emulate_media(media="print")
    clipped = [*visit.page.evaluate(CLIPPED_TABLES), *visit.page.evaluate(HIDDEN_BY_SCROLLING)]
    visit.page.emulate_media(media="screen")
    return list(clipped)


def find_lost(visit: Visit) -> list[str]:
    """What paper would not show: heads of tables on later pages, what is folded away on screen."""
    visit.page.emulate_media(media="print")
    lost = visit.page.evaluate(LOST_ON_PAPER)
    visit.page.emulate_media(media="screen")
    return list(lost)
