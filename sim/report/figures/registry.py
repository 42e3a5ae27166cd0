"""Figures by name, in the order of a page, and how one is made and drawn."""

from __future__ import annotations

import io
import re
import warnings
from html import escape
from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib.figure import Figure

from sim.core.errors import InputError, Position, find_nearest
from sim.report.figures import (
    effects,
    flows,
    latency,
    outcomes,
    reputation,
    timeline,
    tradeoff,
    trust_network,
    views,
)
from sim.report.figures.base import FigureData, Maker
from sim.report.figures.style import Theme, Width, create_sheet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.experiment.tables import StoredResult

FIGURES: dict[str, Maker] = {
    "effects": Maker(
        "differences from the baseline with intervals, primary outcomes first",
        effects.has_data,
        effects.create,
        effects.draw,
    ),
    "outcomes": Maker(
        "what each policy came to in the primary outcomes, with intervals",
        outcomes.has_data,
        outcomes.create,
        outcomes.draw,
    ),
    "tradeoff": Maker(
        "safety against utility and delay, with Pareto's front",
        tradeoff.has_data,
        tradeoff.create,
        tradeoff.draw,
    ),
    "timeline": Maker(
        "what became of every attack, second by second, and who could see it when",
        timeline.has_data,
        timeline.create,
        timeline.draw,
    ),
    "reputation": Maker(
        "how scores of honest and hostile sellers part over time",
        reputation.has_data,
        reputation.create,
        reputation.draw,
    ),
    "trust_network": Maker(
        "who bought of whom, by ground truth and by score",
        trust_network.has_data,
        trust_network.create,
        trust_network.draw,
    ),
    "flows": Maker(
        "where money, stakes and value went, by class of trader",
        flows.has_data,
        flows.create,
        flows.draw,
    ),
    "latency": Maker(
        "how long it takes until a decision is final, the whole distribution",
        latency.has_data,
        latency.create,
        latency.draw,
    ),
    "views": Maker(
        "view by view, which validator led, what was committed and which fault lasted",
        views.has_data,
        views.create,
        views.draw,
    ),
}
FORMATS = ("pdf", "svg", "png")
SCREEN_DPI = 200  # shown at half its size, hence sharp where a screen has two dots to the pixel


def list_figures(result: StoredResult) -> list[str]:
    """Names of the figures that a result has data for, in the order of a page."""
    return [name for name, maker in FIGURES.items() if maker.has_data(result)]


def check_name(name: str) -> None:
    """Refuse a figure that does not exist.

    Errors: InputError with the nearest name.
    """
    if name not in FIGURES:
        problem = f"unknown figure {name!r}; there are {', '.join(FIGURES)}"
        raise InputError(Position("sim figure"), "NAME", problem, find_nearest(name, FIGURES))


def create_figure(result: StoredResult, name: str) -> FigureData:
    """Rows and words of one figure.

    Errors: InputError for an unknown name, with the nearest, or one without data here.
    """
    check_name(name)
    where = Position(str(result.run.folder))
    if not FIGURES[name].has_data(result):
        problem = f"nothing here for figure {name!r}; there is {', '.join(list_figures(result))}"
        raise InputError(where, "NAME", problem)
    return FIGURES[name].create(result)


class Picture(Figure):
    """A figure of matplotlib that a notebook shows even where nobody imported pyplot."""

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        content = io.BytesIO()
        with _missing_letters_ignored():
            self.savefig(content, format="png", dpi=SCREEN_DPI)
        return content.getvalue(), {"width": round(self.get_figwidth() * SCREEN_DPI / 2)}


def draw(data: FigureData, *, width: Width = "two", theme: Theme = "paper") -> Picture:
    """A figure of matplotlib, drawn without touching anybody's settings."""
    sheet = create_sheet(width, theme)
    with mpl.rc_context(sheet.settings):
        figure = Picture(layout="constrained")
        FIGURES[data.name].draw(figure, data, sheet)
    return figure


def render(data: FigureData, file_format: str, *, width: Width, theme: Theme) -> bytes:
    """A drawn figure as a file: the same bytes for the same rows."""
    metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}[file_format]
    content = io.BytesIO()
    figure = draw(data, width=width, theme=theme)
    with mpl.rc_context(create_sheet(width, theme).settings), _missing_letters_ignored():
        figure.savefig(content, format=file_format, metadata=metadata)
    return content.getvalue()


def _missing_letters_ignored() -> warnings.catch_warnings:
    """Names may hold letters that no font has: a box is shown, and that is all there is to say."""
    return warnings.catch_warnings(action="ignore", category=UserWarning)


def draw_svg(data: FigureData, *, theme: Theme = "light", width: Width = "two") -> str:
    """A figure as an `<svg>` element for a page: no background, letters as text, own ids.

    Every colour is a CSS variable, `--figure-ink` or `--figure-orange` for instance, with the
    theme's colour where the page sets none.
    """
    text = render(data, "svg", width=width, theme=theme).decode()
    text = re.sub(r"<(metadata|style).*?</\1>", "", text[text.index("<svg") :], flags=re.DOTALL)
    prefix = f"figure-{data.name}-{width}-"
    text = re.sub(r'\bid="', f'id="{prefix}', text)
    text = re.sub(r'((?:xlink:)?href=")#', rf"\1#{prefix}", text)
    text = re.sub(r"url\(#", f"url(#{prefix}", text)
    for name, colour in _list_colours(theme):
        text = re.sub(rf"{colour}\b", f"var(--figure-{name}, {colour})", text, flags=re.IGNORECASE)
    head = re.search(r'viewBox="[^"]*"', text)
    assert head is not None  # noqa: S101 - matplotlib writes one
    opening = (
        f'<svg role="img" aria-label="{escape(data.title)}" {head.group()} '
        'style="stroke-linejoin: round; stroke-linecap: butt" '
        'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
    )
    return opening + text[text.index(">") + 1 :].strip()


def _list_colours(theme: Theme) -> Iterator[tuple[str, str]]:
    sheet = create_sheet("two", theme)
    for name in ("ink", "muted", "grid", "bound"):
        yield name, getattr(sheet, name)
    yield from sheet.colours.items()


def create_css(theme: Theme) -> str:
    """Declarations of the variables that `draw_svg` uses, in the colours of a theme."""
    return " ".join(f"--figure-{name}: {colour};" for name, colour in _list_colours(theme))
