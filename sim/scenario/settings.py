"""Settings: single values of a scenario changed from outside, each by its dotted path.

`agents.snoop.error=0.2` changes one key of the agent group named `snoop`, `policies.chain.fee=3`
one lever of a policy, `chain.validators=7` a key that the file need not have. What is set is
checked by the schema like what was written, so a sweep or a search can reach no world that a
file could not describe.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from sim.core.errors import InputError, InputErrors, Position, find_nearest
from sim.scenario.document import ListNode, MapNode, Node, ScalarNode, read_document

if TYPE_CHECKING:
    from collections.abc import Sequence

PATH = re.compile(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+|\[[0-9]+\])*")
_POSITION_IN_LIST = re.compile(r"\[([0-9]+)\]")


class Setting(NamedTuple):
    """One value to change: where, and what it shall be, as it would be written in the file."""

    path: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}={self.text}"


def parse_setting(text: str) -> Setting:
    """Setting typed as PATH=VALUE.

    Errors: InputError if there is no `=`, or what stands before it is no dotted path.
    """
    path, equals, value = text.partition("=")
    setting = Setting(path.strip(), value.strip())
    if not equals or not setting.text:
        problem = f"expected PATH=VALUE, such as agents.staff.count=10, got {text!r}"
        raise InputError(Position("--set"), "", problem)
    if not PATH.fullmatch(setting.path):
        problem = f"expected a dotted path, such as policies.chain.fee, got {setting.path!r}"
        raise InputError(Position("--set"), "", problem)
    return setting


def write_value(value: object) -> str:
    """A value of Python as a file would have it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return f"[{', '.join(write_value(item) for item in value)}]"
    return str(value)


def apply_settings(tree: MapNode, settings: Sequence[Setting]) -> MapNode:
    """A tree with every setting in it; the one handed in stays as it was.

    Items of a list go by their name or by `[index]`. A policy that is only named becomes a
    mapping first, so that its levers can be set. Of two settings of one path the later one holds.
    Errors: InputErrors for a path that leads nowhere and for a value that is not YAML.
    """
    for setting in settings:
        changed = _set(tree, split_path(setting.path), _read_value(setting), setting)
        if not isinstance(changed, MapNode):
            raise TypeError(f"{setting} replaced the whole scenario")
        tree = changed
    return tree


def split_path(path: str) -> list[str]:
    """Keys, names and positions that a path leads along."""
    return _POSITION_IN_LIST.sub(r".\1", path).split(".")


def is_of_policy(setting: Setting) -> bool:
    """Whether what is set is a policy's, and so no part of the world."""
    return re.match(r"policies\b", setting.path) is not None


def get_place(setting: Setting) -> Position:
    """Where a value comes from that no file holds."""
    return Position(f"--set {setting.path}")


def _read_value(setting: Setting) -> Node:
    place = get_place(setting)
    if "\n" in setting.text:
        raise InputErrors((InputError(place, "", "expected a value on one line"),))
    try:
        tree = read_document(f"value: {setting.text}", str(place))
    except InputErrors as error:
        first = error.errors[0]
        raise InputErrors((InputError(place, "", first.problem),)) from error
    return _place_all(tree.entries["value"][1], place)


def _place_all(node: Node, place: Position) -> Node:
    """A tree whose every part is said to stand at one place."""
    match node:
        case MapNode(entries):
            moved = {key: (place, _place_all(value, place)) for key, (_, value) in entries.items()}
            return MapNode(moved, place)
        case ListNode(items):
            return ListNode([_place_all(item, place) for item in items], place)
    return ScalarNode(node.text, node.quoted, place)


def _set(node: Node, parts: Sequence[str], value: Node, setting: Setting) -> Node:
    """A node in which what a path leads to is replaced."""
    if not parts:
        return value
    first, rest = parts[0], parts[1:]
    if isinstance(node, ListNode):
        index = find_item(node, first)
        if index is None:
            problem = f"no item {first!r} in this list of {len(node.items)}"
            nearest = find_nearest(first, [name for name in map(_get_name, node.items) if name])
            raise InputErrors((InputError(get_place(setting), "", problem, nearest),))
        items = list(node.items)
        items[index] = _set(
            _as_mapping(items[index]) if rest else items[index], rest, value, setting
        )
        return ListNode(items, node.position)
    if not isinstance(node, MapNode):
        problem = f"leads into a single value: {first!r} is a key of nothing"
        raise InputErrors((InputError(get_place(setting), "", problem),))
    key, old = node.entries.get(first, (get_place(setting), MapNode({}, get_place(setting))))
    return MapNode({**node.entries, first: (key, _set(old, rest, value, setting))}, node.position)


def find_item(node: ListNode, part: str) -> int | None:
    """Index of the item with a name, or at a position; None if there is no such item."""
    names = [_get_name(item) for item in node.items]
    if part in names:
        return names.index(part)
    return int(part) if part.isdecimal() and int(part) < len(node.items) else None


def _get_name(item: Node) -> str:
    if isinstance(item, ScalarNode):
        return item.text
    if isinstance(item, MapNode) and "name" in item.entries:
        name = item.entries["name"][1]
        return name.text if isinstance(name, ScalarNode) else ""
    return ""


def _as_mapping(item: Node) -> Node:
    """A policy named alone, written out: its name and the preset of that name."""
    if not isinstance(item, ScalarNode):
        return item
    return MapNode({key: (item.position, item) for key in ("name", "preset")}, item.position)
