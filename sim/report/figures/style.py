"""The one style sheet: colours, sizes and letters of every figure.

Colours: Okabe and Ito (2008), "Color Universal Design", eight colours that people with any
colour vision tell apart; no figure tells anything by colour alone.
"""

from __future__ import annotations

from itertools import cycle
from typing import Any, Literal, NamedTuple

from sim.report.printable import make_printable

Width = Literal["one", "two"]
Theme = Literal["paper", "light", "dark"]

WIDTHS_IN: dict[str, float] = {"one": 3.35, "two": 7.0}  # 85 and 178 mm: columns of journals
OKABE_ITO = {
    "black": "#000000",
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "green": "#009E73",
    "yellow": "#F0E442",
    "blue": "#0072B2",
    "vermillion": "#D55E00",
    "purple": "#CC79A7",
}
PRESETS = {  # colour and marker of presets, in every result
    "unguarded": ("vermillion", "o"),
    "gateway": ("orange", "s"),
    "anchored": ("sky", "^"),
    "federated": ("purple", "D"),
    "chain": ("blue", "v"),
    "layered": ("green", "P"),
}
OTHER_MARKERS = ("X", "<", ">", "p", "*", "d", "h", "8", "H")  # of variants and bounds, in turn
DASHES: tuple[Any, ...] = ("-", (0, (4, 1.5)), (0, (1.2, 1.2)), (0, (5, 1.5, 1, 1.5)))
LABEL_MAX = 26  # characters of a name in a figure

STYLE: dict[str, Any] = {
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib: the same letters everywhere
    "font.size": 7.5,
    "axes.titlesize": 7.5,
    "axes.labelsize": 7.5,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.titlelocation": "left",
    "axes.axisbelow": True,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
    "grid.linewidth": 0.4,
    "svg.fonttype": "none",  # letters stay letters
    "svg.hashsalt": "ambit",
    "pdf.fonttype": 42,
    "hatch.linewidth": 0.5,
    "figure.dpi": 100,
    "savefig.dpi": 300,
}


class Shown(NamedTuple):
    """One policy as all figures of a result show it."""

    policy: str
    family: str  # preset it starts from: decides the colour
    is_bound: bool


class Sheet(NamedTuple):
    """Colours of one theme and the width of a figure."""

    width: Width
    ink: str
    muted: str
    grid: str
    bound: str  # of policies that are bounds
    background: str
    colours: dict[str, str]  # by Okabe and Ito's names

    @property
    def paper(self) -> str:
        """What stands for paper inside a hollow marker: nothing where there is no background."""
        return self.background

    @property
    def width_in(self) -> float:
        """Width of the figure, inches."""
        return WIDTHS_IN[self.width]

    @property
    def is_wide(self) -> bool:
        """Whether there is room for panels side by side."""
        return self.width == "two"

    @property
    def settings(self) -> Any:
        """The style sheet with the theme's colours, for `matplotlib.rc_context`."""
        inked = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color")
        faces = {"figure.facecolor": self.background, "axes.facecolor": "none"}
        return {**STYLE, **dict.fromkeys(inked, self.ink), **faces}


class Look(NamedTuple):
    """How a policy is drawn everywhere."""

    colour: str
    marker: str
    dash: Any


DARK = {**OKABE_ITO, "black": "#F2F2F2"}  # all others stand out from dark and from white


def create_sheet(width: Width, theme: Theme) -> Sheet:
    """Colours and width of a figure: on paper white, else without a background."""
    if theme == "dark":
        return Sheet(width, "#E6E6E6", "#A8A8A8", "#3F4347", "#9A9A9A", "none", DARK)
    background = "white" if theme == "paper" else "none"
    return Sheet(width, "#1B1F23", "#5C636A", "#DDE1E4", "#767676", background, OKABE_ITO)


class Mark(NamedTuple):
    """How what became of something is drawn."""

    marker: str
    colour: str
    is_filled: bool


def create_looks(policies: tuple[Shown, ...], sheet: Sheet) -> dict[str, Look]:
    """Colour by preset; a marker of its own; a dash by the place among those of one preset."""
    markers, families = (
        cycle(OTHER_MARKERS),
        {name: colour for name, (colour, _) in PRESETS.items()},
    )
    spare = cycle(["black", "yellow"])
    ranks: dict[str, int] = {}
    looks = {}
    for shown in policies:
        if not shown.is_bound and shown.family not in families:
            families[shown.family] = next(spare)
        family = "" if shown.is_bound else shown.family
        rank = ranks[family] = ranks.get(family, -1) + 1
        colour = sheet.bound if shown.is_bound else sheet.colours[families[family]]
        is_preset = shown.policy in PRESETS and shown.family == shown.policy
        marker = PRESETS[shown.policy][1] if is_preset else next(markers)
        looks[shown.policy] = Look(colour, marker, DASHES[rank % len(DASHES)])
    return looks


def create_label(text: str, length_max: int = LABEL_MAX) -> str:
    """Somebody's text as a label: short, printable, and never taken for mathematics."""
    shown = make_printable(text)
    if len(shown) > length_max:
        head = (length_max - 1) * 2 // 3
        shown = f"{shown[:head]}…{shown[len(shown) - (length_max - 1 - head) :]}"
    return shown.replace("$", r"\$")
