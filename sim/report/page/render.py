"""From results to the text of one HTML page that needs nothing but itself.

The page's policy for content is written into it: no request leaves it, and no script or style
runs but the two that were written here, named by their digests. Whatever somebody else wrote is
text, in HTML by Jinja's escaping and in data by escaping what could end a script.
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from sim.report.figures.style import create_sheet
from sim.report.page.sections import Section, create_section

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.experiment.tables import StoredResult

TEMPLATES = Path(__file__).parent / "templates"
ESCAPES = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}


def create_page(results: Sequence[StoredResult], templates: Path = TEMPLATES) -> str:
    """One page of one result or several: the same bytes for the same results and code.

    Errors: StorageError for a file that cannot be read.
    """
    sections = [create_section(result, f"r{number}") for number, result in enumerate(results, 1)]
    return render_page(sections, templates)


def render_page(sections: Sequence[Section], templates: Path = TEMPLATES) -> str:
    """Sections laid out by the templates of a folder."""
    environment = Environment(
        loader=FileSystemLoader(templates),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = (templates / "page.css").read_text("utf-8") + create_dark_colours()
    script = (templates / "page.js").read_text("utf-8")
    return environment.get_template("page.html").render(
        sections=sections,
        title=sections[0].title if len(sections) == 1 else "Comparison of scenarios",
        content_policy=create_content_policy(style, script),
        style=Markup(style),
        script=Markup(script),
        data={section.key: Markup(create_json(create_data(section))) for section in sections},
        drawing=Markup,
    )


def create_data(section: Section) -> dict[str, Any]:
    """What the page's script reads of one section."""
    return {
        "calls": section.calls,
        "folder": section.folder,
        "tables": {
            "comparison": section.download,
            **{
                picture.data.name: {"columns": picture.data.columns, "rows": picture.data.rows}
                for picture in section.pictures
            },
        },
    }


def create_json(document: Any) -> str:
    """JSON that can stand in a script element: nothing in it ends the element.

    Errors: ValueError for what is no number.
    """
    text = json.dumps(
        document,
        allow_nan=False,
        ensure_ascii=False,
        separators=(",", ":"),
        default=lambda number: number.item(),
    )
    return text.translate(ESCAPES)


def create_content_policy(style: str, script: str) -> str:
    """Nothing from anywhere; this script, this style, and the colours written at elements."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {_compute_source(script)}",
            "style-src 'unsafe-inline'",  # for browsers that do not know the next two
            f"style-src-elem {_compute_source(style)}",
            "style-src-attr 'unsafe-inline'",  # figures carry their colours in attributes
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _compute_source(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def create_dark_colours() -> str:
    """Colours of figures on a dark page, as the figures' own style sheet has them."""
    sheet = create_sheet("two", "dark")
    names = {name: getattr(sheet, name) for name in ("ink", "muted", "grid", "bound")}
    lines = "".join(f"--figure-{name}:{value};" for name, value in (names | sheet.colours).items())
    return (
        f"\n@media screen and (prefers-color-scheme: dark) {{"
        f':root:not([data-theme="light"]) {{{lines}}}}}\n'
        f'@media screen {{:root[data-theme="dark"] {{{lines}}}}}\n'
    )
