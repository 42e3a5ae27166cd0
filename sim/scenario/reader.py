"""A scenario file as an instance of its schema, or every reason why it is none.

The schema decides what a scalar means: `no` is an error where text is expected, never False.
Never holds the schema itself, and runs nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from enum import Enum
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError

from sim.core.errors import Position, find_nearest
from sim.scenario.annotations import (
    describe_annotation,
    find_tag,
    find_unit,
    get_kinds,
    get_members,
    get_shape,
    get_spelling,
    get_tags,
    is_enum,
    is_model,
    is_union,
    join_annotation,
    list_choices,
    split_annotation,
)
from sim.scenario.document import (
    Findings,
    ListNode,
    MapNode,
    Node,
    ScalarNode,
    describe_node,
    join_key,
    load_document,
    resolve_inside,
)
from sim.scenario.literals import (
    AS_WRITTEN,
    compute_number,
    compute_truth,
    compute_whole,
    is_name,
    is_null,
    is_odd_number,
    is_typed_by_yaml,
    show,
)

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

__all__ = [
    "ListNode",
    "MapNode",
    "Node",
    "ScalarNode",
    "load_document",
    "resolve_inside",
    "validate_model",
]

ModelT = TypeVar("ModelT", bound=BaseModel)

_PLAIN: dict[Any, Callable[[str], Any]] = {
    int: compute_whole,
    float: compute_number,
    bool: compute_truth,
}
_QUOTE_IT = ": quote it"
_WORDS = {  # error of pydantic's -> plain words
    "missing": "this key is required",
    "greater_than_equal": "must be at least {ge}{unit}",
    "greater_than": "must be more than {gt}{unit}",
    "less_than_equal": "must be at most {le}{unit}",
    "less_than": "must be less than {lt}{unit}",
    "multiple_of": "must be a multiple of {multiple_of}",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "must match the pattern {pattern}",
    "too_short": "must hold at least {min_length}, got {actual_length}",
    "too_long": "must hold at most {max_length}, got {actual_length}",
}


class _MisfitError(ValueError):
    """A node does not fit: the problem, and the nearest valid name."""

    def __init__(self, problem: str, nearest: str = "") -> None:
        super().__init__(problem, nearest)
        self.problem, self.nearest = problem, nearest


class _Refused:
    """Stands for a value that was refused already, so that nothing complains of it again."""


_REFUSED = _Refused()


def validate_model(node: Node, model: type[ModelT], file: str | Path | None = None) -> ModelT:
    """Build a model from a tree, each scalar read as its field's type says.

    `file` is the name shown in messages, if not the one the tree was loaded from. Known types:
    int, float, str, bool, Literal, Enum, models, list, tuple, set, dict with text keys, unions
    of these and None. Models in one union need a Literal field in common that tells them apart.
    Inner models are built first, and validators of a model run when all its fields are sound, so
    schemas use "after" validators. A PydanticCustomError may carry `nearest` in its context.

    Errors: InputErrors with every refusal in file order; TypeError if the schema uses a type
            that is not listed above.
    """
    findings = Findings(str(file) if file else "")
    built = _Reading(findings).convert(node, model, "")
    findings.check()
    if not isinstance(built, model):
        raise TypeError(f"{model.__name__} validated without error into {built!r}")
    return built


class _Reading:
    """One walk through a tree beside the annotations of a model."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings

    def convert(self, node: Node, kind: Any, path: str) -> Any:
        """Value of a node under an annotation, or `_REFUSED` once the reason is noted."""
        try:
            return self._read(node, kind, path)
        except _MisfitError as misfit:
            self.findings.add(node.position, path, misfit.problem, misfit.nearest)
            return _REFUSED

    def _read(self, node: Node, kind: Any, path: str) -> Any:
        bare, metadata = split_annotation(kind)
        if is_union(bare):
            return self._read_union(node, bare, metadata, path)
        if get_shape(bare) is not type(node):
            raise _create_misfit(node, kind)
        match node:
            case ScalarNode():
                return _read_scalar(node, kind)
            case ListNode():
                return self._read_list(node, bare, path)
            case MapNode() if is_model(bare):
                return self._build(node, bare, path)
            case MapNode():
                return self._read_dict(node, get_args(bare), path)

    def _read_list(self, node: ListNode, kind: Any, path: str) -> Sequence[Any]:
        kinds: Sequence[Any] = get_args(kind)
        is_tuple = get_origin(kind) is tuple
        if not is_tuple or kinds[-1] is Ellipsis:
            kinds = [kinds[0]] * len(node.items)
        if len(kinds) != len(node.items):
            raise _MisfitError(f"got {len(node.items)} items, expected {len(kinds)}")
        items = [
            self.convert(item, item_kind, f"{path}[{index}]")
            for index, (item, item_kind) in enumerate(zip(node.items, kinds, strict=True))
        ]
        return tuple(items) if is_tuple else items

    def _read_dict(self, node: MapNode, kinds: Sequence[Any], path: str) -> dict[Any, Any]:
        key_kind, kind = kinds
        converted = {}
        for key, (position, child) in node.entries.items():
            inner = join_key(path, key)
            name = self.convert(ScalarNode(key, True, position), key_kind, inner)
            converted[name] = self.convert(child, kind, inner)
        return converted

    def _read_union(self, node: Node, kind: Any, metadata: tuple[Any, ...], path: str) -> Any:
        members = get_members(kind)
        if NoneType in members and isinstance(node, ScalarNode) and _is_nothing(node):
            return None
        fitting = [m for m in members if m is not NoneType and get_shape(m) is type(node)]
        if len(fitting) > 1 and isinstance(node, MapNode):
            return self._read_tagged(node, fitting, path)
        kinds = [join_annotation(member, metadata) for member in fitting]
        if len(kinds) == 1:
            return self._read(node, kinds[0], path)
        misfits = []
        for inner in kinds:
            try:
                return self._read(node, inner, path)
            except _MisfitError as misfit:
                misfits.append(misfit)
        hint = _QUOTE_IT if any(misfit.problem.endswith(_QUOTE_IT) for misfit in misfits) else ""
        nearest = next((misfit.nearest for misfit in misfits if misfit.nearest), "")
        raise _create_misfit(node, kind, hint, nearest)

    def _read_tagged(self, node: MapNode, models: list[Any], path: str) -> Any:
        tag = find_tag(models)
        by_tag = {value: model for model in models for value in get_tags(model, tag)}
        if tag in node.entries:
            value = self.convert(node.entries[tag][1], Literal[tuple(by_tag)], join_key(path, tag))
            return _REFUSED if value is _REFUSED else self._build(node, by_tag[value], path)
        strange = [key for key in node.entries if not any(key in get_kinds(m) for m in models)]
        if mistyped := find_nearest(tag, strange):
            where = node.entries[mistyped][0]
            self.findings.add(where, join_key(path, mistyped), "unknown key", tag)
            return _REFUSED
        raise _MisfitError(f"the key {tag!r} is missing, expected {list_choices(by_tag)}")

    def _build(self, node: MapNode, model: type[BaseModel], path: str) -> Any:
        kinds = get_kinds(model)
        # A key that was meant but mistyped is neither missing nor left at its default.
        meant = self._refuse_unknown(node, kinds, path)
        values: dict[str, Any] = dict.fromkeys(meant, _REFUSED)
        for key, (_, child) in node.entries.items():
            if key in kinds:
                values[key] = self.convert(child, kinds[key], join_key(path, key))
        try:
            return model.model_validate(values)
        except ValidationError as error:
            self._translate(error, node, kinds, path)
            return _REFUSED

    def _refuse_unknown(self, node: MapNode, known: dict[str, Any], path: str) -> set[str]:
        """Note every unknown key; return the known ones that were probably meant."""
        free = known.keys() - node.entries.keys()
        meant = set()
        for key, (where, _) in node.entries.items():
            if key in known:
                continue
            nearest = find_nearest(key, free) or find_nearest(key, known)
            expected = "" if nearest else f", expected {list_choices(sorted(known))}"
            self.findings.add(where, join_key(path, key), f"unknown key{expected}", nearest)
            meant.add(nearest)
        return meant & free

    def _translate(
        self, error: ValidationError, node: MapNode, kinds: dict[str, Any], path: str
    ) -> None:
        told: set[str] = set()
        for detail in sorted(error.errors(include_url=False), key=_is_about_type):
            where, key, got = _find_place(node, path, detail["loc"])
            if _is_refused(detail["input"]) or key in told:
                continue
            told.add(key)  # alternatives of a union complain one by one
            unit = find_unit(kinds.get(str(detail["loc"][0]))) if detail["loc"] else ""
            nearest = str(detail.get("ctx", {}).get("nearest", ""))
            self.findings.add(where, key, _describe_error(detail, got, unit), nearest)


def _find_place(
    node: MapNode, path: str, steps: tuple[int | str, ...]
) -> tuple[Position, str, str]:
    """Where an error of pydantic's belongs: position, dotted key, and what is written there."""
    found: Node = node
    where = key_position = node.position
    for step in steps:
        match found:
            case MapNode(entries) if step in entries:
                key_position, found = entries[str(step)]
                where, path = found.position, join_key(path, str(step))
            case ListNode(items) if isinstance(step, int):
                found = items[step]
                where, path = found.position, f"{path}[{step}]"
            case MapNode() if found is node:
                return where, join_key(path, str(step)), ""
            case _ if step == "[key]":
                return key_position, path, ""
    return where, path, show(found.text) if isinstance(found, ScalarNode) else ""


def _is_refused(value: object) -> bool:
    """Whether a value, or an item of it, was refused already."""
    if isinstance(value, list | tuple | set | frozenset):
        return any(item is _REFUSED for item in value)
    return value is _REFUSED


def _is_about_type(detail: ErrorDetails) -> bool:
    return detail["type"].endswith("_type")


def _describe_error(detail: ErrorDetails, got: str, unit: str) -> str:
    context = detail.get("ctx", {})
    if "error" in context:  # a ValueError raised by the schema's own validator
        return str(context["error"])
    problem = detail["msg"].replace("Input should", "should")
    if words := _WORDS.get(detail["type"]):
        problem = words.format(**context, unit=unit)
    return f"{problem}, got {got}" if got and "got" not in problem else problem


def _read_scalar(node: ScalarNode, kind: Any) -> Any:
    bare, metadata = split_annotation(kind)
    spelling = get_spelling(metadata)
    if _is_nothing(node):
        raise _create_misfit(node, kind)
    if AS_WRITTEN in metadata:
        needs_quotes = is_typed_by_yaml(node.text) or not is_name(node.text)
        return json.dumps(node.text) if node.quoted and needs_quotes else node.text
    if get_origin(bare) is Literal:
        return _read_choice(node, get_args(bare), kind)
    if is_enum(bare):
        return _read_choice(node, tuple(bare), kind)
    if bare is str:
        if not node.quoted and is_typed_by_yaml(node.text):
            raise _create_misfit(node, kind, _QUOTE_IT)
        return node.text
    if node.quoted and not (spelling and spelling.is_text):
        raise _create_misfit(node, kind, " without quotes")
    try:
        return spelling.parse(node.text) if spelling else _PLAIN[bare](node.text)
    except ValueError as error:
        if spelling:
            raise _MisfitError(str(error)) from error
        hint = " in plain decimal digits" if is_odd_number(node.text) else ""
        raise _create_misfit(node, kind, hint) from error


def _read_choice(node: ScalarNode, choices: Sequence[Any], kind: Any) -> Any:
    spellings = [choice.value if isinstance(choice, Enum) else choice for choice in choices]
    for choice, spelling in zip(choices, spellings, strict=True):
        if _is_spelt(node, spelling):
            return choice
    if not node.quoted and node.text in spellings:
        raise _create_misfit(node, kind, _QUOTE_IT)
    names = [spelling for spelling in spellings if isinstance(spelling, str)]
    raise _create_misfit(node, kind, nearest=find_nearest(node.text, names))


def _is_spelt(node: ScalarNode, value: object) -> bool:
    """Whether the scalar is the one way to write a value."""
    if isinstance(value, str):
        return node.text == value and (node.quoted or not is_typed_by_yaml(value))
    spelt = str(value).lower() if isinstance(value, bool) else str(value)
    return node.text == spelt and not node.quoted


def _is_nothing(node: ScalarNode) -> bool:
    return not node.quoted and is_null(node.text)


def _create_misfit(node: Node, kind: Any, hint: str = "", nearest: str = "") -> _MisfitError:
    problem = f"got {describe_node(node)}, expected {describe_annotation(kind)}{hint}"
    return _MisfitError(problem, nearest)
