"""The text of a YAML file as a tree of mappings, lists and scalars that know their place.

The tree is built straight from the parser's events, so that size, depth and aliases are refused
before anything grows. Scalars stay text: what they mean is for the schema to say. Never holds a
schema.
"""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Any, NoReturn, TypeAlias

import yaml

from sim.core.errors import InputError, InputErrors, Position
from sim.scenario.literals import (
    NUMBER_DIGITS_MAX,
    WHOLE_MAX,
    count_digits,
    is_name,
    is_null,
    is_typed_by_yaml,
    quote,
    show,
)

FILE_BYTES_MAX = 1_000_000
DEPTH_MAX = 50
NODES_MAX = 100_000
SCALAR_CHARACTERS_MAX = 10_000
ERRORS_SHOWN_MAX = 100

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_LINE_BREAK = re.compile(r"\r\n|\r|\n")
_REFUSED = re.compile(
    "[^\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_REFUSED_WORDS = {
    "\t": "a tab: indent and separate with spaces",
    "\0": "a NUL character: the file is not text",
    "\ufeff": "a byte order mark (BOM): save the file as UTF-8 without it",
}


@dataclass(frozen=True, slots=True)
class ScalarNode:
    """One value as written; `quoted` covers quotes and block scalars."""

    text: str
    quoted: bool
    position: Position


@dataclass(frozen=True, slots=True)
class ListNode:
    """A list in the order written."""

    items: list[Node]
    position: Position


@dataclass(frozen=True, slots=True)
class MapNode:
    """A mapping in the order written; each key comes with its own position."""

    entries: dict[str, tuple[Position, Node]]
    position: Position


Node: TypeAlias = ScalarNode | ListNode | MapNode

_Mark: TypeAlias = Any  # line and column from 0; each parser has its own class
_NodeEvent: TypeAlias = yaml.ScalarEvent | yaml.CollectionStartEvent


class Findings:
    """Refusals gathered while a file is read, to be raised together."""

    def __init__(self, file: str = "") -> None:
        self.file = file  # shown instead of the one in each position
        self.errors: list[InputError] = []

    def add(self, where: Position, key: str, problem: str, nearest: str = "") -> None:
        """Note one refusal; InputErrors once there are more than anyone would read."""
        where = Position(self.file or where.file, where.line, where.column)
        self.errors.append(InputError(where, key, problem, nearest))
        if len(self.errors) == ERRORS_SHOWN_MAX:
            self.stop(Position(where.file), "", "too many errors; the rest is not shown")

    def stop(self, where: Position, key: str, problem: str) -> NoReturn:
        """Raise InputErrors with what was found, and last what ended the reading."""
        raise InputErrors((*self._get_sorted(), InputError(where, key, problem)))

    def check(self) -> None:
        """Raise InputErrors in file order if anything was found."""
        if self.errors:
            raise InputErrors(self._get_sorted())

    def _get_sorted(self) -> tuple[InputError, ...]:
        return tuple(sorted(self.errors, key=lambda error: error.where))


def join_key(path: str, key: str) -> str:
    """Dotted path of a key in the mapping at `path`."""
    if not is_name(key):
        return f"{path}[{quote(key)}]"
    return f"{path}.{key}" if path else key


def load_document(path: Path) -> MapNode:
    """Read one YAML mapping from a file.

    Return: the tree; positions carry the path as given, lines and columns from 1.
    Errors: InputErrors, in file order, for a file that cannot be read, is not plain UTF-8 YAML
            with text keys and without tags, anchors, aliases, directives or tabs, or is larger
            than the limits above. Where the C parser is missing the Python one steps in; a few
            odd characters within [] and {} are refused by only one of them.
    """
    return read_document(_load_text(path), str(path))


def read_document(text: str, name: str) -> MapNode:
    """Read one YAML mapping from text; `name` stands for the file in positions and messages.

    Errors: as of `load_document`.
    """
    tree = _Tree(name)
    events = yaml.parse(text, Loader=LOADER)
    while True:
        try:
            event = next(events, None)
        except yaml.MarkedYAMLError as error:
            tree.stop(error.problem_mark, f"not valid YAML: {error.problem or error.context}")
        except (yaml.YAMLError, ValueError, OverflowError) as error:  # escapes such as \U99999999
            tree.stop(None, f"not valid YAML: {error}")
        if event is None:
            return tree.close()
        tree.add(event)


def resolve_inside(folder: Path, text: str, position: Position, key: str = "") -> Path:
    """Path of a companion file, which must lie in the scenario's own folder.

    Return: the existing file with every symlink followed.
    Errors: InputError at `position`.
    """
    if not text.isprintable() or any(c in text for c in "\\$~"):
        problem = "expected a plain relative path without '\\', '$', '~' or control characters"
        raise InputError(position, key, f"got {quote(text)}, {problem}")
    relative = Path(text)
    if relative.is_absolute() or PureWindowsPath(text).anchor or ".." in relative.parts:
        problem = "expected a path inside the scenario's folder, without '..'"
        raise InputError(position, key, f"got {quote(text)}, {problem}")
    try:
        resolved = (folder / relative).resolve()
        if not resolved.is_relative_to(folder.resolve()):
            raise InputError(position, key, f"{quote(text)} leads outside the scenario's folder")
        is_file = resolved.is_file()
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of symlinks
        raise InputError(position, key, f"{quote(text)} cannot be followed: {error}") from error
    if not is_file:
        raise InputError(position, key, f"{quote(text)}: no such file in the scenario's folder")
    return resolved


def _load_text(path: Path) -> str:
    name, findings = str(path), Findings()
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            findings.stop(Position(name), "", "is a folder or device, expected a file")
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
    except FileNotFoundError:
        findings.stop(Position(name), "", "no such file")
    except (OSError, ValueError) as error:  # ValueError: the path itself holds a NUL
        reason = getattr(error, "strerror", None) or str(error)
        findings.stop(Position(name), "", f"cannot be read: {reason}")
    if len(content) > FILE_BYTES_MAX:
        findings.stop(Position(name), "", f"is larger than {FILE_BYTES_MAX} bytes")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        lines = _LINE_BREAK.split(content[: error.start].decode("utf-8"))
        where = Position(name, len(lines), len(lines[-1]) + 1)
        findings.stop(where, "", f"byte 0x{content[error.start]:02X} is not UTF-8")
    _check_characters(text, name)
    return text


def _check_characters(text: str, file: str) -> None:
    findings = Findings()
    for number, line in enumerate(_LINE_BREAK.split(text), start=1):
        if match := _REFUSED.search(line):
            other = f"the character U+{ord(match[0]):04X}, which is not allowed in YAML here"
            problem = f"holds {_REFUSED_WORDS.get(match[0], other)}"
            findings.add(Position(file, number, match.start() + 1), "", problem)
    findings.check()


@dataclass(slots=True)
class _Open:
    """A mapping or list whose end has not come yet, and the key waiting for its value."""

    node: ListNode | MapNode
    key: tuple[str, Position] | None = None


class _Tree:
    """Builds the tree from events, without recursion."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.findings = Findings()
        self.stack: list[_Open] = []
        self.root: Node | None = None
        self.nodes = 0

    def add(self, event: yaml.Event) -> None:
        """Take the next event; InputErrors when reading on makes no sense."""
        match event:
            case yaml.DocumentStartEvent():
                self._start_document(event)
            case yaml.AliasEvent():
                self.stop(event.start_mark, f"an alias (*{event.anchor}): write the value out")
            case yaml.ScalarEvent():
                self._check_node(event)
                self._add_scalar(event)
            case yaml.SequenceStartEvent():
                self._check_node(event)
                self._open(ListNode([], self._get_position(event.start_mark)))
            case yaml.MappingStartEvent():
                self._check_node(event)
                self._open(MapNode({}, self._get_position(event.start_mark)))
            case yaml.CollectionEndEvent():
                self.stack.pop()
                self._end_value()

    def close(self) -> MapNode:
        """Return the root mapping, or raise InputErrors with all that was found."""
        root = self.root
        if root is None:
            self.findings.stop(Position(self.file, 1, 1), "", "the file is empty")
        if not isinstance(root, MapNode):
            got = describe_node(root)
            self.findings.stop(root.position, "", f"got {got}, expected a mapping of keys")
        self.findings.check()
        return root

    def stop(self, mark: _Mark | None, problem: str) -> NoReturn:
        """End the reading with InputErrors."""
        where = self._get_position(mark) if mark else Position(self.file)
        self.findings.stop(where, self._get_path(), problem)

    def _start_document(self, event: yaml.DocumentStartEvent) -> None:
        if self.root is not None:
            self.stop(event.start_mark, "a second document starts, expected one per file")
        if event.version or event.tags:
            self.stop(event.start_mark, "directives (%YAML, %TAG) are not allowed")

    def _check_node(self, event: _NodeEvent) -> None:
        if event.anchor is not None:
            self._refuse(event, f"an anchor (&{event.anchor}): write each value out")
        if event.tag is not None:
            self._refuse(event, f"a tag ({quote(event.tag)}): the key decides the type")

    def _add_scalar(self, event: yaml.ScalarEvent) -> None:
        text, quoted = event.value, bool(event.style)
        if len(text) > SCALAR_CHARACTERS_MAX:
            self._refuse(event, f"{len(text)} characters, expected at most {SCALAR_CHARACTERS_MAX}")
        elif any("\ud800" <= c <= "\udfff" for c in text):
            self._refuse(event, "half of a surrogate pair, expected whole characters")
        elif not quoted and (digits := count_digits(text)) > NUMBER_DIGITS_MAX:
            self._refuse(
                event,
                f"got a number of {digits} digits, expected at most {NUMBER_DIGITS_MAX} digits "
                f"and whole numbers from {-WHOLE_MAX} to {WHOLE_MAX}",
            )
        top = self.stack[-1] if self.stack else None
        if top is not None and isinstance(top.node, MapNode) and top.key is None:
            self._set_key(top, top.node, event, quoted)
        else:
            self._place(ScalarNode(text, quoted, self._get_position(event.start_mark)))
            self._end_value()

    def _set_key(self, top: _Open, node: MapNode, event: yaml.ScalarEvent, quoted: bool) -> None:
        text: str = event.value
        position = self._get_position(event.start_mark)
        if not quoted and text == "<<":
            self._refuse(event, "merge keys (<<) are not allowed: write the keys out")
        elif not quoted and is_typed_by_yaml(text):
            got = "no key" if is_null(text) else show(text)
            self._refuse(event, f"got {got}, expected text as a key: quote it")
        elif text in node.entries:
            first = node.entries[text][0]
            path = join_key(self._get_path(), text)
            self.findings.add(position, path, f"duplicate key, first given in line {first.line}")
        top.key = text, position

    def _open(self, node: ListNode | MapNode) -> None:
        self._place(node)
        self.stack.append(_Open(node))
        if len(self.stack) > DEPTH_MAX:
            self.findings.stop(node.position, "", f"nested deeper than {DEPTH_MAX} levels")

    def _place(self, node: Node) -> None:
        self.nodes += 1
        if self.nodes > NODES_MAX:
            self.findings.stop(node.position, self._get_path(), f"more than {NODES_MAX} values")
        if not self.stack:
            self.root = node
            return
        top = self.stack[-1]
        match top.node:
            case ListNode(items):
                items.append(node)
            case MapNode(entries):
                if top.key is None:
                    self.findings.stop(
                        node.position,
                        self._get_path(),
                        f"got {describe_node(node)}, expected text as a key",
                    )
                text, position = top.key
                entries[text] = position, node

    def _end_value(self) -> None:
        if self.stack:
            self.stack[-1].key = None

    def _refuse(self, event: _NodeEvent, problem: str) -> None:
        self.findings.add(self._get_position(event.start_mark), self._get_path(), problem)

    def _get_position(self, mark: _Mark) -> Position:
        return Position(self.file, mark.line + 1, mark.column + 1)

    def _get_path(self) -> str:
        path = ""
        for level in self.stack:
            if isinstance(level.node, ListNode):
                is_begun = level is not self.stack[-1]  # then its last item is already placed
                path = f"{path}[{len(level.node.items) - is_begun}]"
            elif level.key is not None:
                path = join_key(path, level.key[0])
        return path


def describe_node(node: Node) -> str:
    """Say what was written, in the words of a message."""
    match node:
        case MapNode():
            return "a mapping"
        case ListNode():
            return "a list"
        case ScalarNode(text, quoted=True):
            return f"the text {quote(text)}"
    return "nothing" if is_null(node.text) else show(node.text)
