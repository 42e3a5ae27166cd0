"""Values between two ends: what a key holds decides what lies between."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple, get_args, get_origin

from sim.core.errors import InputError
from sim.scenario.annotations import (
    find_tag,
    get_kinds,
    get_members,
    get_shape,
    get_spelling,
    get_tags,
    is_model,
    is_union,
    split_annotation,
)
from sim.scenario.document import ListNode, MapNode, Node, ScalarNode
from sim.scenario.literals import (
    compute_duration_us,
    compute_number,
    compute_share_ppm,
    format_duration,
)
from sim.scenario.literals import compute_whole as read_whole
from sim.scenario.schema import create_schema
from sim.scenario.settings import Setting, find_item, get_place, split_path

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PPM_DIGITS = 6


class Kind(StrEnum):
    """What a key holds, as far as a range of it goes."""

    WHOLE = "whole"
    NUMBER = "number"
    SHARE = "share"
    DURATION = "duration"


READERS: dict[Kind, Callable[[str], float]] = {
    Kind.WHOLE: read_whole,
    Kind.NUMBER: compute_number,
    Kind.SHARE: compute_share_ppm,
    Kind.DURATION: compute_duration_us,
}


class Ends(NamedTuple):
    """A range of a key: numbers of its kind (shares in ppm, durations in us), both included."""

    low: float
    high: float
    kind: Kind
    is_log: bool

    def get_text(self, u: float) -> str:
        """Value at a share u of the way, 0..1, as it is written in a file.

        Whole numbers get equal parts of the way.
        """
        low, high = self.low, self.high
        if self.is_log:
            value = math.exp(math.log(low) + u * (math.log(high) - math.log(low)))
        elif self.kind is Kind.WHOLE:
            value = min(high, low + math.floor(u * (high - low + 1)))
        else:
            value = low + u * (high - low)
        value = min(max(value, low), high)
        if self.kind is Kind.NUMBER:
            return repr(float(f"{value:.12g}"))
        whole = round(value)
        if self.kind is Kind.SHARE:
            return f"{whole / 10**PPM_DIGITS:.{PPM_DIGITS}f}".rstrip("0").rstrip(".") or "0"
        return format_duration(whole) if self.kind is Kind.DURATION else str(whole)


def create_ends(tree: MapNode, path: str, low: str, high: str, *, is_log: bool) -> Ends:
    """Ends of a range of one key; the tree has a value of that key.

    Errors: InputError where nothing lies between values of that key, or the ends are no range.
    """
    place = get_place(Setting(path, low))
    kind = find_kind(tree, path)
    if kind is None:
        problem = "has no range: only numbers, shares and durations have; list its values"
        raise InputError(place, "", problem)
    try:
        first, last = READERS[kind](low), READERS[kind](high)
    except ValueError as error:
        raise InputError(place, "", str(error)) from error
    if first >= last:
        raise InputError(place, "", f"expected a range from less to more, got {low}..{high}")
    if is_log and first <= 0:
        raise InputError(place, "", f"a range on a log scale begins above 0, got {low}")
    return Ends(first, last, kind, is_log)


def find_kind(tree: MapNode, path: str) -> Kind | None:
    """What the key at a path holds; None if nothing that has a range."""
    kind: Any = create_schema()
    node: Node | None = tree
    for part in split_path(path):
        kind, node = _step(kind, node, part)
    return _get_kind(kind)


def _step(kind: Any, node: Node | None, part: str) -> tuple[Any, Node | None]:
    """Annotation and node of one key or item of what is annotated so."""
    bare = _choose(kind, node)
    if isinstance(node, ListNode):
        index = find_item(node, part)
        return get_args(bare)[0], None if index is None else node.items[index]
    child = node.entries[part][1] if isinstance(node, MapNode) and part in node.entries else None
    if is_model(bare):
        return get_kinds(bare).get(part), child
    return (get_args(bare)[1] if get_origin(bare) is dict else None), child


def _choose(kind: Any, node: Node | None) -> Any:
    """Of the alternatives of an annotation, the one that a node is of."""
    bare, _ = split_annotation(kind)
    if not is_union(bare):
        return bare
    members = [split_annotation(m)[0] for m in get_members(bare)]
    fitting = [m for m in members if m is not type(None) and get_shape(m) is type(node)]
    if len(fitting) > 1 and isinstance(node, MapNode):
        tag = find_tag(fitting)
        value = node.entries[tag][1]
        word = value.text if isinstance(value, ScalarNode) else ""
        fitting = [model for model in fitting if word in get_tags(model, tag)]
    return fitting[0] if fitting else None


def _get_kind(kind: Any) -> Kind | None:
    bare, metadata = split_annotation(kind)
    if is_union(bare):
        kinds: Sequence[Kind | None] = [_get_kind(member) for member in get_members(bare)]
        return next((found for found in kinds if found is not None), None)
    if spelling := get_spelling(metadata):
        return {"us": Kind.DURATION, "ppm": Kind.SHARE}[spelling.unit]
    if bare is int:
        return Kind.WHOLE
    return Kind.NUMBER if bare is float else None
