"""What the annotations of a schema ask for, taken apart and put in words.

Never holds values: the reader asks here what a field wants, then looks at what was written.
"""

from __future__ import annotations

from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from sim.scenario.document import ListNode, MapNode, Node, ScalarNode
from sim.scenario.literals import WHOLE_MAX, Spelling, quote

if TYPE_CHECKING:
    from collections.abc import Iterable

CHOICES_SHOWN_MAX = 12

_LISTS = (list, tuple, set, frozenset)
_SCALARS = (str, int, float, bool)
_WORDS = {str: "text", bool: "true or false", NoneType: "nothing"}


def split_annotation(kind: Any) -> tuple[Any, tuple[Any, ...]]:
    """Bare type of an annotation, and what `Annotated` adds to it."""
    if get_origin(kind) is not Annotated:
        return kind, ()
    bare, *metadata = get_args(kind)
    return bare, tuple(metadata)


def join_annotation(bare: Any, metadata: tuple[Any, ...]) -> Any:
    """Undo `split_annotation`."""
    return Annotated[(bare, *metadata)] if metadata else bare


def is_union(bare: Any) -> bool:
    """Whether a bare type offers alternatives, None among them or not."""
    return get_origin(bare) in (Union, UnionType)


def get_members(union: Any) -> list[Any]:
    """Alternatives of a union, those of a union inside it included."""
    members: list[Any] = []
    for member in get_args(union):
        bare, _ = split_annotation(member)
        members += get_members(bare) if is_union(bare) else [member]
    return members


def is_model(bare: Any) -> bool:
    """Whether a bare type is a model."""
    return isinstance(bare, type) and issubclass(bare, BaseModel)


def is_enum(bare: Any) -> bool:
    """Whether a bare type is an enumeration."""
    return isinstance(bare, type) and issubclass(bare, Enum)


def get_shape(kind: Any) -> type[Node]:
    """Node a type is written as; TypeError for a type that no file can spell."""
    bare, _ = split_annotation(kind)
    origin = get_origin(bare)
    if is_model(bare) or origin is dict:
        return MapNode
    if origin in _LISTS:
        return ListNode
    if bare in _SCALARS or origin is Literal or is_enum(bare):
        return ScalarNode
    raise TypeError(f"a schema cannot use {bare!r}: no file can spell it")


@cache
def get_kinds(model: type[BaseModel]) -> dict[str, Any]:
    """Annotation of each key of a model; a key is the field's alias if it has one."""
    return {
        field.alias or name: join_annotation(field.annotation, tuple(field.metadata))
        for name, field in model.model_fields.items()
    }


def find_tag(models: Iterable[type[BaseModel]]) -> str:
    """Key whose Literal tells models apart; TypeError if they share none."""
    shared = [key for key in get_kinds(next(iter(models))) if all(get_tags(m, key) for m in models)]
    if not shared:
        raise TypeError(f"models {models!r} of one union need a Literal field in common")
    return shared[0]


def get_tags(model: type[BaseModel], key: str) -> tuple[Any, ...]:
    """Values that a Literal field of a model allows; none for any other field."""
    bare, _ = split_annotation(get_kinds(model).get(key))
    return get_args(bare) if get_origin(bare) is Literal else ()


def get_spelling(metadata: Iterable[Any]) -> Spelling | None:
    """How a scalar is spelt, if not as its bare type is."""
    return next((item for item in metadata if isinstance(item, Spelling)), None)


def find_unit(kind: Any) -> str:
    """Name the unit of the numbers inside an annotation, with a space before it; may be empty."""
    for part in get_args(kind):
        if isinstance(part, Spelling):
            return f" {part.unit}"
        if unit := find_unit(part):
            return unit
    return ""


def describe_annotation(kind: Any) -> str:
    """Say what is expected, in the words of a message."""
    bare, metadata = split_annotation(kind)
    if spelling := get_spelling(metadata):
        return spelling.expected
    if is_union(bare):
        words = map(describe_annotation, get_members(bare))
        return " or ".join(dict.fromkeys(words))
    if get_origin(bare) is Literal:
        return list_choices(get_args(bare))
    if is_enum(bare):
        return list_choices(member.value for member in bare)
    if bare is int:
        return f"a whole number {_describe_range(metadata, -WHOLE_MAX, WHOLE_MAX)}"
    if bare is float:
        return f"a finite number {_describe_range(metadata)}".rstrip()
    if bare in _WORDS:
        return _WORDS[bare]
    return "a mapping" if get_shape(bare) is MapNode else "a list"


def list_choices(choices: Iterable[Any]) -> str:
    """List valid names in the words of a message, cut if there are many."""
    words = [quote(choice) if isinstance(choice, str) else str(choice) for choice in choices]
    more = ", ..." if len(words) > CHOICES_SHOWN_MAX else ""
    start = "one of " if len(words) > 1 else ""
    return start + ", ".join(words[:CHOICES_SHOWN_MAX]) + more


def _describe_range(
    metadata: Iterable[Any], low: int | None = None, high: int | None = None
) -> str:
    """Bounds of constraints, the given ones where there is none: `from 0 to 10`, `above 0`."""
    flat = [*metadata, *(c for m in metadata if isinstance(m, FieldInfo) for c in m.metadata)]
    bounds = {
        name: [value for item in flat if (value := getattr(item, name, None)) is not None]
        for name in ("ge", "gt", "le", "lt")
    }
    least, most = max(bounds["ge"], default=low), min(bounds["le"], default=high)
    low_words = f"above {max(bounds['gt'])}" if bounds["gt"] else f"from {least}"
    high_words = f"below {min(bounds['lt'])}" if bounds["lt"] else f"to {most}"
    return " ".join(words for words in (low_words, high_words) if not words.endswith("None"))
