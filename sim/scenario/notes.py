"""Refusals of what a scenario says, each at its place in the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.core.errors import find_nearest
from sim.scenario.document import Findings, ListNode, MapNode, Node

if TYPE_CHECKING:
    from collections.abc import Collection

    from sim.core.errors import Position

Place = tuple[str | int, ...]


class Notes:
    """Findings, each at the place of a key path."""

    def __init__(self, tree: MapNode, findings: Findings) -> None:
        self.tree, self.findings = tree, findings

    def add(self, place: Place, problem: str, nearest: str = "") -> None:
        """Note one refusal."""
        self.findings.add(find_position(self.tree, place), format_place(place), problem, nearest)

    def require(self, place: Place, name: str, known: Collection[str], noun: str) -> None:
        """Note a name that is none of the known ones."""
        if name not in known:
            self.add(place, f"unknown {noun} {name!r}", find_nearest(name, known))


def find_position(tree: Node, place: Place) -> Position:
    """Where a key path is in the file: the deepest part of it that is written there."""
    node = tree
    for part in place:
        if isinstance(node, MapNode) and part in node.entries:
            node = node.entries[str(part)][1]
        elif isinstance(node, ListNode) and isinstance(part, int) and part < len(node.items):
            node = node.items[part]
        else:
            break
    return node.position


def format_place(place: Place) -> str:
    """Key path as it is printed: `agents[0].role[2]`."""
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text
