"""Whose plug-ins are checked, and what came of every check."""

from __future__ import annotations

import inspect
import sys
import tomllib
from importlib.metadata import EntryPoint, PackageNotFoundError, distribution, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sim.core.errors import InputError, Position, find_nearest
from sim.experiment.conformance.base import Nonconformity, Plugin, get_title
from sim.experiment.conformance.policies import POLICY_CHECKS
from sim.experiment.conformance.strategies import STRATEGY_CHECKS
from sim.policies.registry import load_policies
from sim.strategies.registry import load_strategies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from sim.experiment.conformance.base import Check

OURS = "ambit-sim"
CHECKS: dict[str, tuple[Check, ...]] = {
    "policy": POLICY_CHECKS,
    "strategy": STRATEGY_CHECKS,
}
# entry-point group -> how what it brings is loaded, by kind
LOADERS: dict[str, dict[str, Callable[[], Mapping[str, Any]]]] = {
    "ambit.policies": {"policy": load_policies},
    "ambit.strategies": {"strategy": load_strategies},
}
CRASHES = (  # of somebody else's code: whatever it stumbles over is a finding, with its name
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)


class Finding(NamedTuple):
    """One check of one plug-in; it holds if there is no fault."""

    kind: str
    name: str
    check: str
    meaning: str
    fault: str


def find_plugins(package: str = OURS) -> list[Plugin]:
    """What a distribution brings, or a folder whose pyproject.toml names entry points.

    A folder is importable from here on, as are its `src`.
    Errors: InputError if there is no such package, or if it brings nothing that can be loaded.
    """
    if package.lower().replace("_", "-") == OURS:
        return _find_shipped()
    is_folder = (Path(package) / "pyproject.toml").is_file()
    entries = _read_folder(Path(package)) if is_folder else _read_distribution(package)
    plugins = [_load(package, entry) for entry in entries if entry.group in LOADERS]
    if not plugins:
        groups = ", ".join(LOADERS)
        raise InputError(Position(package), "", f"brings no entry point of {groups}")
    return plugins


def _find_shipped() -> list[Plugin]:
    return [
        Plugin(kind, name, itself)
        for group, kinds in LOADERS.items()
        for kind, load in kinds.items()
        for name, itself in load().items()
        if name not in {entry.name for entry in entry_points(group=group)}
    ]


def _read_distribution(package: str) -> Iterable[EntryPoint]:
    try:
        return distribution(package).entry_points
    except (PackageNotFoundError, ValueError):
        groups = [entry_points(group=group) for group in LOADERS]
        dists = {entry.dist.name for found in groups for entry in found if entry.dist}
        nearest = find_nearest(package, [OURS, *dists])
        problem = "neither an installed package nor a folder with a pyproject.toml"
        raise InputError(Position(package), "", problem, nearest) from None


def _read_folder(folder: Path) -> list[EntryPoint]:
    path = folder / "pyproject.toml"
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(Position(str(path)), "", f"is not TOML: {error}") from None
    for root in (folder / "src", folder):
        if root.is_dir() and str(root.resolve()) not in sys.path:
            sys.path.insert(0, str(root.resolve()))
    groups = document.get("project", {}).get("entry-points", {})
    return [
        EntryPoint(name, str(value), group)
        for group, entries in groups.items()
        for name, value in entries.items()
    ]


def _load(package: str, entry: EntryPoint) -> Plugin:
    """What an entry point names.

    Errors: InputError if it cannot be imported, has a shipped name, or is of no kind.
    """
    where, key = Position(package), f"{entry.group}: {entry.name}"
    if any(plugin.name == entry.name for plugin in _find_shipped()):
        raise InputError(where, key, "is the name of something Ambit brings itself")
    try:
        itself = entry.load()
    except (*CRASHES, ImportError, SyntaxError) as error:
        problem = f"cannot be loaded from {entry.value!r}: {type(error).__name__}: {error}"
        raise InputError(where, key, problem) from None
    kind = _get_kind(entry.group, itself)
    if kind not in CHECKS:
        raise InputError(where, key, kind)
    return Plugin(kind, entry.name, itself)


def _get_kind(group: str, itself: Any) -> str:
    """Kind of a plug-in, or what is wrong with it."""
    if group != "ambit.strategies":
        return next(iter(LOADERS[group]))
    if hasattr(itself, "act") == hasattr(itself, "trade"):
        return "needs either `act` or `trade`"
    return "strategy" if hasattr(itself, "act") else "trader"


def run_checks(plugins: Iterable[Plugin]) -> Iterator[Finding]:
    """Every check of every plug-in, in order."""
    for plugin in plugins:
        for check in CHECKS[plugin.kind]:
            meaning = " ".join(inspect.cleandoc(check.__doc__ or "").split())
            fault = find_fault(check, plugin)
            yield Finding(plugin.kind, plugin.name, get_title(check), meaning, fault)


def find_fault(check: Check, plugin: Plugin) -> str:
    """How a plug-in fails a check, or an empty string."""
    try:
        check(plugin)
    except Nonconformity as fault:
        return str(fault)
    except CRASHES as error:
        return f"raised {type(error).__name__}: {error}"
    return ""
