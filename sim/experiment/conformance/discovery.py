"""The plug-ins that a package or module brings, and the battery each of them is put to."""

from __future__ import annotations

import sys
import tomllib
from importlib import import_module
from importlib.metadata import EntryPoint, PackageNotFoundError, distribution, entry_points
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sim.core.errors import InputError, Position
from sim.experiment.conformance import faults, policies, reputation, strategies, traders
from sim.experiment.conformance.base import BROKEN, Outcome, run_checks
from sim.faults.registry import load_faults
from sim.policies import presets
from sim.policies.base import Policy
from sim.policies.registry import load_policies
from sim.policies.reputation.registry import load_reputation_rules
from sim.strategies.registry import load_behaviours

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from types import ModuleType

    from sim.experiment.conformance.base import Check

OURS = "ambit-sim"
BATTERIES: dict[str, Sequence[Check]] = {
    "policy": policies.CHECKS,
    "strategy": strategies.CHECKS,
    "trader": traders.CHECKS,
    "fault": faults.CHECKS,
    "reputation": reputation.CHECKS,
}
TABLES = {  # by entry-point group: what it adds to
    "ambit.policies": load_policies,
    "ambit.strategies": load_behaviours,
    "ambit.faults": load_faults,
    "ambit.reputation": load_reputation_rules,
}
# a fault may be a behaviour, too, and has `act` then: `begin` is looked for first
METHODS = {"begin": "fault", "act": "strategy", "trade": "trader", "compute": "reputation"}


class PlugIn(NamedTuple):
    """A policy, or the class of something else, under the name it goes by."""

    kind: str  # a key of `BATTERIES`
    name: str
    value: Any


def find_plug_ins(where: str) -> list[PlugIn]:
    """What an installed package, a folder, an importable module or a file of Python brings.

    Of a package, its entry points count where it has any, and of a folder those its
    pyproject.toml names; of a module, what is defined in it or below it. Of `ambit-sim` it is all
    that is shipped.
    Errors: InputError for what cannot be found, cannot be imported, or brings nothing.
    """
    if where == OURS:
        return list(_find_shipped())
    if where and (Path(where) / "pyproject.toml").is_file():
        found = list(_load(where, _read_folder(Path(where))))
    else:
        found = list(_find_entry_points(where)) or list(_find_defined(_import(where)))
    if not found:
        problem = "brings no policy, strategy, trader, fault or rule of reputation"
        raise InputError(Position(where), "", problem)
    return found


def _find_entry_points(name: str) -> Iterator[PlugIn]:
    try:
        entries = distribution(name).entry_points
    except (PackageNotFoundError, ValueError):
        return
    yield from _load(name, entries)


def _load(name: str, entries: Iterable[EntryPoint]) -> Iterator[PlugIn]:
    for entry in entries:
        if entry.group not in TABLES:
            continue
        try:
            value = entry.load()
        except (*BROKEN, ImportError, SyntaxError) as error:
            problem = f"{entry.value} cannot be loaded: {error}"
            raise InputError(Position(name), entry.name, problem) from error
        kind = get_kind(value)
        if kind is None:
            problem = f"{entry.value} is neither a Policy nor a class with one of "
            raise InputError(Position(name), entry.name, problem + ", ".join(METHODS))
        yield PlugIn(kind, entry.name, value)


def _read_folder(folder: Path) -> list[EntryPoint]:
    """Entry points of a package that need not be installed; it can be imported from here on."""
    path = folder / "pyproject.toml"
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # of the text, or of its encoding
        raise InputError(Position(str(path)), "", f"is not TOML: {error}") from error
    sys.path[:0] = [str(root.resolve()) for root in (folder / "src", folder) if root.is_dir()]
    return [
        EntryPoint(name, str(value), group)
        for group, entries in document.get("project", {}).get("entry-points", {}).items()
        for name, value in entries.items()
    ]


def _find_shipped() -> Iterator[PlugIn]:
    """All that scenarios can name without another package."""
    for group, load in TABLES.items():
        added = {entry.name for entry in entry_points(group=group)}
        for name, value in load().items():
            kind = get_kind(value)
            if kind is not None and name not in added:
                yield PlugIn(kind, name, value)


def _import(where: str) -> ModuleType:
    try:
        return _import_file(Path(where)) if where.endswith(".py") else import_module(where)
    except ModuleNotFoundError as error:
        problem = "neither an installed package nor a module that can be imported"
        if error.name != where:
            problem = f"cannot be imported: {error}"
        raise InputError(Position(where), "", problem) from error
    except (ImportError, SyntaxError, OSError, ValueError) as error:
        raise InputError(Position(where), "", f"cannot be imported: {error}") from error


def _import_file(path: Path) -> ModuleType:
    spec = spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError("is no file of Python")
    module = module_from_spec(spec)
    sys.modules[path.stem] = module  # dataclasses and inspect look it up there
    spec.loader.exec_module(module)
    return module


def _find_defined(module: ModuleType) -> Iterator[PlugIn]:
    """What a module defines; policies of the product that it only uses do not count."""
    shipped = [value for value in vars(presets).values() if isinstance(value, Policy)]
    for name, value in vars(module).items():
        kind = get_kind(value)
        if kind == "policy":
            if value not in shipped:
                yield PlugIn(kind, value.name, value)
        elif kind is not None and f"{value.__module__}.".startswith(f"{module.__name__}."):
            yield PlugIn(kind, name, value)


def get_kind(value: object) -> str | None:
    """Which battery is for a value; None if it is no plug-in."""
    if isinstance(value, Policy):
        return "policy"
    if not isinstance(value, type) or getattr(value, "_is_protocol", False):
        return None
    return next((kind for method, kind in METHODS.items() if hasattr(value, method)), None)


def check_plug_ins(plug_ins: Sequence[PlugIn]) -> Iterator[Outcome]:
    """Every check of every plug-in, in order."""
    for plug_in in plug_ins:
        yield from run_checks(*plug_in, BATTERIES[plug_in.kind])
