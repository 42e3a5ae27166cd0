"""Every policy and strategy has a name, and every name a scenario that shows it."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sim.policies import presets
from sim.policies.base import Policy
from sim.policies.registry import load_policies
from sim.policies.reputation.registry import load_reputation_rules
from sim.strategies.registry import load_strategies, load_traders
from tests.tidy.sources import PACKAGE, REPOSITORY, find_imports, find_sources_of, read_text

NOT_PLUGGED_IN = {"__init__", "base", "trading", "registry", "presets"}
STRATEGIES = [*load_strategies(), *load_traders()]
NAMES = [("strategy", name) for name in STRATEGIES] + [("policy", name) for name in load_policies()]
HAS_COMMAND = (PACKAGE / "cli" / "app.py").exists()


def find_plug_ins(room: str) -> dict[str, str]:
    """Source of each module of a room that is one implementation."""
    return {
        path.stem: read_text(path)
        for path in find_sources_of(room.split(".", maxsplit=1)[0])
        if path.stem not in NOT_PLUGGED_IN and ".".join(path.parts[1:-1]) == room
    }


def find_unregistered(room: str, sources: dict[str, str], registry: str) -> list[str]:
    """Strategies and `compile_` functions of a room that its registry never uses.

    An import alone is no entry: the name has to stand in the registry's body. A function that
    its own module calls is a part of what that module offers.
    """
    tree = ast.parse(registry)
    imported = {name for _, name in find_imports(tree)}
    used = find_used(tree)
    faults = []
    for module, source in sources.items():
        names = [name for name in find_offered(source) if name not in find_used(ast.parse(source))]
        if not names:
            faults.append(f"{room}.{module}: offers nothing")
        faults += [
            f"{room}.{module}: {name}"
            for name in names
            if name not in used or f"sim.{room}.{module}.{name}" not in imported
        ]
    return faults


def find_used(tree: ast.AST) -> set[str]:
    """Plain names that stand in a source's code."""
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def find_offered(source: str) -> Iterator[str]:
    """Names a plug-in offers to its registry."""
    for node in ast.parse(source).body:
        is_class = isinstance(node, ast.ClassDef) and _is_plug_in(node)
        is_lever = isinstance(node, ast.FunctionDef) and node.name.startswith("compile_")
        if is_class or is_lever:
            yield node.name  # type: ignore[attr-defined] # it is one of the two


def _is_plug_in(node: ast.ClassDef) -> bool:
    methods = {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
    return not methods.isdisjoint({"act", "trade", "compute"})


def find_named(documents: Iterable[Any]) -> set[tuple[str, str]]:
    """Strategies and policies that scenario documents name, presets included."""
    named: set[tuple[str, str]] = set()
    for document in documents:
        for group in document.get("agents", ()):
            named.add(("strategy", group["strategy"]))
        for entry in document.get("policies", ()):
            named.add(("policy", entry["preset"] if isinstance(entry, dict) else entry))
    return named


def load_scenarios() -> list[Any]:
    paths = sorted((REPOSITORY / "scenarios").glob("*.yaml"))
    return [yaml.safe_load(path.read_text(encoding="utf-8")) for path in paths]


@pytest.mark.parametrize("room", ["policies", "policies.reputation", "strategies"])
def test_every_file_is_in_its_registry(room: str) -> None:
    sources = find_plug_ins(room)
    registry = read_text(Path("sim", *room.split("."), "registry.py"))
    assert sources
    assert find_unregistered(room, sources, registry) == []


def test_every_preset_is_a_policy() -> None:
    settings = [value for value in vars(presets).values() if isinstance(value, Policy)]
    assert settings
    policies = load_policies()
    assert [policy for policy in settings if policies.get(policy.name) is not policy] == []


@pytest.mark.parametrize(("kind", "name"), NAMES)
def test_every_name_appears_in_a_scenario(kind: str, name: str) -> None:
    assert (kind, name) in find_named(load_scenarios())


def test_a_scenario_names_nothing_unknown() -> None:
    assert find_named(load_scenarios()) - set(NAMES) == set()


@pytest.mark.skipif(not HAS_COMMAND, reason="there is no command line yet")
@pytest.mark.parametrize(
    ("what", "names"),
    [
        ("policies", load_policies()),
        ("strategies", STRATEGIES),
        ("reputation", load_reputation_rules()),
    ],
)
def test_every_name_is_listed(what: str, names: Iterable[str]) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "sim", "list", what],
        cwd=REPOSITORY,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert [line.split()[0] for line in run.stdout.splitlines()] == list(names)


RULE = "class Late:\n    def compute(self, view): ...\n"
STRATEGY = "class Late:\n    def act(self, seen, draws): ...\n"
TRADER = "class Late:\n    def trade(self, seen, draws): ...\n"
LEVER = "def compile_fee(policy, rules): ...\n"


@pytest.mark.parametrize(
    ("source", "registry"),
    [
        (STRATEGY, ""),
        (TRADER, ""),
        (STRATEGY, "from sim.room.late import Late\n"),
        (STRATEGY, "from sim.room.other import Late\nTABLE = {'late': Late}\n"),
        (RULE, "from sim.room.late import Late\n"),
        (LEVER, "from sim.room.late import compile_fee\n"),
        (f"{LEVER}def compile_other(rules): return compile_fee(None, rules)\n", ""),
        ("X = 1\n", "from sim.room import late\n"),
    ],
)
def test_a_file_in_no_registry_is_found(source: str, registry: str) -> None:
    assert find_unregistered("room", {"late": source}, registry) != []


@pytest.mark.parametrize("source", [STRATEGY, TRADER])
def test_a_file_in_its_registry_is_silent(source: str) -> None:
    registry = "from sim.room.late import Late\nTABLE = {'late': Late}\n"
    assert find_unregistered("room", {"late": source}, registry) == []


def test_names_are_read_where_they_name_something() -> None:
    document = {
        "question": "is layered better than replay?",
        "agents": [{"name": "honest", "strategy": "scripted"}],
        "policies": ["chain", {"name": "gateway", "preset": "layered"}],
    }
    expected = {("strategy", "scripted"), ("policy", "chain"), ("policy", "layered")}
    assert find_named([document]) == expected
