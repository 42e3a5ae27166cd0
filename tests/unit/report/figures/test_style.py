"""Colours that everybody can tell apart, and names that stay names."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from sim.report.figures.style import (
    LABEL_MAX,
    OKABE_ITO,
    PRESETS,
    Shown,
    create_label,
    create_looks,
    create_sheet,
)

# Machado, Oliveira, Fernandes 2009, "A physiologically-based model for simulation of color vision
# deficiency", table 1, severity 1.0: linear RGB as people without one kind of cone see it
DEFICIENCIES = {
    "protan": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deutan": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritan": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
APART = 10.0  # CIE 1976 difference; about 2.3 is just noticeable
RED_AND_GREEN = {"red": "#D62728", "green": "#2CA02C"}  # told apart by hue alone


def get_linear(colour: str) -> NDArray[np.float64]:
    parts = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear: NDArray[np.float64] = np.where(
        parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4
    )
    return linear


def get_lab(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    """CIE L*a*b* of linear sRGB, white D65 (IEC 61966-2-1, CIE 15)."""
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = np.array(to_xyz) @ np.clip(linear, 0, 1) / np.array([0.9505, 1.0, 1.089])
    cubed = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = cubed
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def find_nearest_pair(colours: dict[str, str], deficiency: str) -> float:
    seen = [get_lab(np.array(DEFICIENCIES[deficiency]) @ get_linear(c)) for c in colours.values()]
    return min(float(np.linalg.norm(a - b)) for a, b in combinations(seen, 2))


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_of_presets_stay_apart_without_a_cone(deficiency: str, theme: str) -> None:
    palette = create_sheet("two", theme).colours  # type: ignore[arg-type] - both are themes
    used = {preset: palette[colour] for preset, (colour, _) in PRESETS.items()}
    assert find_nearest_pair(used, deficiency) > APART


def test_a_bad_palette_is_found() -> None:
    assert find_nearest_pair(RED_AND_GREEN, "deutan") < APART
    assert find_nearest_pair(RED_AND_GREEN, "tritan") > APART  # these people have both cones


def test_presets_look_the_same_in_every_result() -> None:
    sheet = create_sheet("two", "paper")
    chain = Shown("chain", "chain", False)
    alone = create_looks((chain,), sheet)
    among = create_looks((Shown("mine", "gateway", False), chain), sheet)
    assert alone["chain"] == among["chain"]
    assert among["mine"].colour == OKABE_ITO["orange"]


def test_no_two_policies_of_a_result_look_the_same() -> None:
    shown = [Shown(name, name, False) for name in PRESETS]
    shown += [Shown(f"chain_{i}", "chain", False) for i in range(5)]
    shown += [Shown(name, name, True) for name in ("deny_all", "oracle")]
    looks = create_looks(tuple(shown), create_sheet("two", "paper"))
    assert len({(look.colour, look.marker) for look in looks.values()}) == len(shown)


def test_a_policy_from_a_package_gets_a_colour_no_preset_has() -> None:
    (look,) = create_looks((Shown("new", "new", False),), create_sheet("two", "paper")).values()
    assert look.colour not in {OKABE_ITO[colour] for colour, _ in PRESETS.values()}


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("chain", "chain"),
        ("a$x^2$", r"a\$x^2\$"),
        ("<script>", "<script>"),
        ("a\nb\x1b[2J", r"a\nb\x1b[2J"),
        ("n" * 26, "n" * 26),
    ],
)
def test_a_name_is_shown_as_it_is_written(text: str, label: str) -> None:
    assert create_label(text) == label


def test_a_long_name_keeps_both_ends() -> None:
    label = create_label("first_" + "x" * 300 + "_last")
    assert len(label) == LABEL_MAX
    assert label.startswith("first_")
    assert label.endswith("_last")
