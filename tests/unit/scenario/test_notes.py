from __future__ import annotations

from pathlib import Path

import pytest

from sim.core.errors import InputErrors
from sim.scenario.document import Findings, MapNode, load_document
from sim.scenario.notes import Notes, Place, find_position, format_place

TEXT = """\
title: A file
agents:
  - name: worker
    role: [look, send]
  - name: other
"""


@pytest.fixture
def tree(tmp_path: Path) -> MapNode:
    path = tmp_path / "file.yaml"
    path.write_text(TEXT, encoding="utf-8")
    return load_document(path)


@pytest.mark.parametrize(
    ("place", "line", "column"),
    [
        (("title",), 1, 8),
        (("agents", 0), 3, 5),
        (("agents", 0, "name"), 3, 11),
        (("agents", 0, "role", 1), 4, 18),
        (("agents", 1, "role"), 5, 5),  # not written: where it would stand
        (("agents", 1, "role", 3), 5, 5),
        (("agents", 0, "role", 2), 4, 11),
        (("agents", 9, "name"), 3, 3),
        (("agents", "name"), 3, 3),
        (("title", "name"), 1, 8),
        (("title", 0), 1, 8),
        ((), 1, 1),
        (("faults", 0), 1, 1),
    ],
)
def test_a_position_is_of_the_deepest_part_that_is_written(
    place: Place, line: int, column: int, tree: MapNode
) -> None:
    where = find_position(tree, place)
    assert (where.line, where.column) == (line, column)


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ((), ""),
        (("title",), "title"),
        (("agents", 0, "role", 2), "agents[0].role[2]"),
        (("tasks", "report", "calls", 10), "tasks.report.calls[10]"),
        ((0, "name"), "[0].name"),
    ],
)
def test_a_place_is_printed_as_a_path_of_keys(place: Place, text: str) -> None:
    assert format_place(place) == text


def test_a_note_is_a_refusal_at_its_place(tree: MapNode) -> None:
    findings = Findings("shown.yaml")
    Notes(tree, findings).add(("agents", 0, "role", 0), "is wrong", "right")
    with pytest.raises(InputErrors) as caught:
        findings.check()
    assert (
        str(caught.value) == "shown.yaml:4:12: agents[0].role[0]: is wrong; did you mean 'right'?"
    )


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("look", ""),
        ("lok", "unknown operation 'lok'; did you mean 'look'?"),
        ("zzz", "unknown operation 'zzz'"),
    ],
)
def test_a_name_has_to_be_known(name: str, problem: str, tree: MapNode) -> None:
    findings = Findings("shown.yaml")
    Notes(tree, findings).require(("agents", 0, "role", 0), name, ["look", "send"], "operation")
    shown = [
        str(error).removeprefix("shown.yaml:4:12: agents[0].role[0]: ") for error in findings.errors
    ]
    assert shown == ([problem] if problem else [])
