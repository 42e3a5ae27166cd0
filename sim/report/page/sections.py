"""What the page says of one result, before it is laid out: words, pictures, numbers, origins."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib.markers import MarkerStyle

from sim.experiment.cells import compute_code_digest
from sim.experiment.explore import REPLICATION
from sim.report.comparison_table import create_legend
from sim.report.figures import create_figure, draw_svg, list_figures
from sim.report.figures.base import get_shown
from sim.report.figures.style import create_looks, create_sheet
from sim.report.page.calls import create_calls
from sim.report.page.outcomes import Glance, OutcomeRow, create_download, create_glance, create_rows
from sim.report.printable import make_printable
from sim.report.reading import write_reading
from sim.report.verdicts import describe_primary
from sim.trace.store import load_manifest

if TYPE_CHECKING:
    from sim.experiment.tables import StoredResult
    from sim.report.figures import FigureData
    from sim.scenario.load import LoadedScenario
LETTERS = {1: "M", 2: "L", 3: "Q", 4: "C", 79: "Z"}  # codes of matplotlib's paths
REACH = 5.5  # from the middle of a mark to its rim


class PolicyMark(NamedTuple):
    """A policy's sign: the colour and the shape it has in every figure."""

    number: int  # among the policies of the result
    colour: str  # value of CSS
    outline: str  # path of SVG, in a square of 12 around the origin
    is_bound: bool


class Picture(NamedTuple):
    """A figure, drawn for wide and for narrow screens."""

    data: FigureData
    wide: str
    narrow: str


class Origin(NamedTuple):
    """Where the numbers of one policy are from."""

    policy: str
    folder: str
    seed: int
    replications: int
    digest: str
    version: str
    code: str
    is_current: bool  # written by the code that makes the page


class Section(NamedTuple):
    """One result on a page."""

    key: str  # of its anchors
    title: str
    question: str
    expectation: str
    primary: list[str]
    reading: str
    legend: list[str]
    marks: dict[str, PolicyMark]
    baseline: str
    glance: Glance
    rows: list[OutcomeRow]
    pictures: list[Picture]
    calls: dict[str, Any]
    download: dict[str, object]
    origins: list[Origin]
    commands: list[tuple[str, list[str]]]
    scenario_file: str
    scenario_text: str
    scenario_digest: str
    folder: str
    companions: list[str]
    digest: str
    seed: int
    replications: int


def create_section(result: StoredResult, key: str) -> Section:
    """Everything the page shows of one result.

    Errors: StorageError for a file that cannot be read.
    """
    run, scenario = result.run, result.run.loaded.scenario
    rows = create_rows(result)
    folder = next(iter(result.folders.values())).parent
    return Section(
        key=key,
        title=make_readable(scenario.title),
        question=make_readable(scenario.question),
        expectation=make_readable(scenario.expectation),
        primary=[line.strip() for line in describe_primary(run)],
        reading=write_reading(run),
        legend=create_legend(run),
        marks=create_marks(result),
        baseline=run.baseline,
        glance=create_glance(rows),
        rows=rows,
        pictures=[create_picture(result, name, key) for name in list_figures(result)],
        calls=create_calls(result),
        download=create_download(result),
        origins=create_origins(result),
        commands=create_commands(result),
        scenario_file=run.loaded.path.name,
        scenario_text=make_readable(run.loaded.path.read_text("utf-8")),
        scenario_digest=run.loaded.digest,
        folder=folder.name,
        companions=list(run.loaded.companions),
        digest=run.digest,
        seed=run.seed,
        replications=run.replications,
    )


def make_readable(text: str) -> str:
    """Somebody's prose with its lines, every other character that is not printable spelt out."""
    return "\n".join(make_printable(line.expandtabs()) for line in text.splitlines())


def create_marks(result: StoredResult) -> dict[str, PolicyMark]:
    """Sign of each policy, the same as in its figures."""
    sheet = create_sheet("two", "light")
    names = {colour: name for name, colour in sheet.colours.items()}
    looks = create_looks(get_shown(result), sheet)
    return {
        policy: PolicyMark(
            number,
            f"var(--figure-{names.get(look.colour, 'bound')}, {look.colour})",
            create_outline(look.marker),
            result.run.policies[policy].is_bound,
        )
        for number, (policy, look) in enumerate(looks.items())
    }


def create_outline(marker: str) -> str:
    """A marker of matplotlib as a path of SVG, as large as the square allows."""
    style = MarkerStyle(marker)
    path = style.get_path().transformed(style.get_transform())
    size = max(abs(path.get_extents().get_points()).max(), 1e-9)
    words = []
    for vertices, code in path.iter_segments():
        points = np.reshape(vertices, (-1, 2)) * (REACH / size, -REACH / size)
        letter = LETTERS[int(code)]
        words.append(
            letter + " ".join(f"{number:.2f}" for number in points.ravel()) * (letter != "Z")
        )
    return "".join(words)


def create_picture(result: StoredResult, name: str, key: str) -> Picture:
    """One figure, with anchors that no other result on the page has."""
    data = create_figure(result, name)
    wide, narrow = (
        draw_svg(data, theme="light", width=width)
        .replace('"figure-', f'"{key}-figure-')
        .replace("#figure-", f"#{key}-figure-")
        for width in ("two", "one")
    )
    return Picture(data, wide, narrow)


def create_origins(result: StoredResult) -> list[Origin]:
    """Folder, seed, digests and code behind the numbers of each policy."""
    origins = []
    for policy, folder in result.folders.items():
        facts = load_manifest(folder)
        origins.append(
            Origin(
                policy,
                folder.name,
                int(facts["seed"]),
                int(facts["replications"]),
                str(facts.get("digest", "")),
                str(facts.get("version", "")),
                str(facts["code"]),
                facts["code"] == compute_code_digest(),
            )
        )
    return origins


def create_commands(result: StoredResult) -> list[tuple[str, list[str]]]:
    """What to type for the numbers, this page, and one call's checks: label and quoted words."""
    run = result.run
    folder = next(iter(result.folders.values())).parent.name
    settings = [word for setting in run.loaded.settings for word in ("--set", str(setting))]
    chosen = [] if set(run.policies) == set(list_policies(run.loaded)) else list(run.policies)
    which = [word for name in chosen for word in ("--policy", name)]
    which += ["--seed", str(run.seed)]
    much = ["--replications", str(run.replications), "--out", "."]
    listed = [
        ("the numbers", ["sim", "run", run.loaded.path.name, *settings, *which, *much]),
        ("this page", ["sim", "report", folder, *which]),
        (f"a call of replication {REPLICATION}", ["sim", "explain", folder, "CALL"]),
    ]
    return [(label, [shlex.quote(word) for word in line]) for label, line in listed]


def list_policies(loaded: LoadedScenario) -> list[str]:
    """Names of the policies that a scenario lists."""
    return [str(getattr(entry, "name", entry)) for entry in loaded.scenario.policies]
