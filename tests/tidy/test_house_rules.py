"""The house rules over the repository, and a planted defect for each of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sim.core.compiled import COMPILED_ROOMS
from tests.tidy.house_rules import (
    find_broad_excepts,
    find_compilation,
    find_floats,
    find_hashes,
    find_imports_from_strings,
    find_machine_names,
    find_prints,
    find_set_iterations,
    find_stubs,
)
from tests.tidy.sources import find_files, find_sources, find_sources_of, read_text

REPUTATION = [p for p in find_sources_of("policies") if p.parts[2] == "reputation"]
AGREED = find_sources_of("ledger", "consensus") + REPUTATION  # by all replicas, bit for bit
SILENT = [path for path in find_sources() if path.parts[1] != "cli"]
UNCOMPILED = [path for path in find_sources() if path.parts[1] not in COMPILED_ROOMS]
STRING_IMPORTS = {  # sources that may import from strings, and from which modules
    "sim/__init__.py": ("importlib",),
    "sim/policies/registry.py": ("importlib.metadata.entry_points",),
    "sim/policies/reputation/registry.py": ("importlib.metadata.entry_points",),
    "sim/strategies/registry.py": ("importlib.metadata.entry_points",),
    "sim/faults/registry.py": ("importlib.metadata.entry_points",),
    "sim/metrics/registry.py": ("importlib.metadata.entry_points",),
    "sim/experiment/conformance/discovery.py": ("importlib",),  # of whatever it is asked to check
    "sim/experiment/run.py": ("importlib.metadata.version",),  # a number to record, no import
    "sim/experiment/cells.py": ("importlib.metadata.version",),
    "sim/experiment/accept.py": ("importlib.metadata.version",),
    "sim/experiment/attack_store.py": ("importlib.metadata.version",),
}
TOP_LEVEL = {
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "sim",
    "scenarios",
    "notebooks",
    "tests",
    "results",
    ".ci",
    ".github",
    ".gitignore",
    ".gitattributes",
    ".pre-commit-config.yaml",
    ".python-version",
}

RULES: list[tuple[Callable[[str], list[str]], list[Path]]] = [
    (find_floats, AGREED),
    (find_hashes, AGREED),
    (find_set_iterations, AGREED),
    (find_broad_excepts, list(find_sources())),
    (find_stubs, list(find_sources())),
    (find_prints, SILENT),
    (find_compilation, UNCOMPILED),
    (find_machine_names, list(find_files())),
]

DEFECTS: list[tuple[Callable[[str], list[str]], str]] = [
    (find_floats, "x = 0.5"),
    (find_floats, "x = 1e6"),
    (find_floats, "x = a / b"),
    (find_floats, "x /= 2"),
    (find_floats, "x = float(1)"),
    (find_floats, "x = np.zeros(3, dtype=np.float64)"),
    (find_floats, "x = np.true_divide(a, b)"),
    (find_hashes, "x = hash(a)"),
    (find_set_iterations, "for x in {1, 2}: pass"),
    (find_set_iterations, "x = [y for y in set(a)]"),
    (find_set_iterations, "x = list(frozenset(a))"),
    (find_set_iterations, "x = {1}\nfor y in x: pass"),
    (find_set_iterations, "x = {1}\nfor y in x | a: pass"),
    (find_set_iterations, "def f(x: set[int]):\n    return [*x]"),
    (find_set_iterations, "x: set[int] = set()\ny = x.pop()"),
    (find_set_iterations, "for x in a.union(b): pass"),
    (find_set_iterations, "for i, x in enumerate({y for y in a}): pass"),
    (find_broad_excepts, "try: pass\nexcept Exception: pass"),
    (find_broad_excepts, "try: pass\nexcept BaseException: pass"),
    (find_broad_excepts, "try: pass\nexcept: pass"),
    (find_broad_excepts, "try: pass\nexcept (ValueError, Exception): pass"),
    (find_broad_excepts, "try: pass\nexcept builtins.Exception: pass"),
    (find_broad_excepts, "with contextlib.suppress(Exception): pass"),
    (find_stubs, "raise NotImplementedError"),
    (find_stubs, "raise NotImplementedError('later')"),
    (find_stubs, "x = 1  # " + "TO" + "DO: later"),
    (find_prints, "print(1)"),
    (find_prints, "pprint.pprint(1)"),
    (find_imports_from_strings, "import importlib"),
    (find_imports_from_strings, "from importlib import import_module"),
    (find_imports_from_strings, "from importlib.metadata import entry_points"),
    (find_imports_from_strings, "import runpy"),
    (find_imports_from_strings, "x = __import__('os')"),
    (find_imports_from_strings, "exec('import os')"),
    (find_compilation, "from sim.core.compiled import njit"),
    (find_compilation, "import sim.core.compiled"),
    (find_compilation, "from numba import njit"),
    (find_machine_names, "see /" + "work/main"),
    (find_machine_names, "in `/" + "root/.cache`"),
    (find_machine_names, "python = /" + "tmp/venv/bin/python"),
    (find_machine_names, "https://pypi" + ".org/simple"),
    (find_machine_names, "pip install --extra-index" + "-url=https://example.net"),
    (find_machine_names, "run .ci/before" + "-stop"),
]

HARMLESS: list[tuple[Callable[[str], list[str]], str]] = [
    (find_floats, "x = a // b * 3"),
    (find_hashes, "x = hashlib.sha256(a)\nx.hash_block()"),
    (find_set_iterations, "x = {1, 2}\nfor y in sorted(x): pass\nz = 1 in x"),
    (find_set_iterations, "x = {1: 2}\nfor y in x: pass\nz = [1].pop()"),
    (find_broad_excepts, "try: pass\nexcept (OSError, ValueError): pass"),
    (find_stubs, "x = NotImplemented"),
    (find_prints, "x.print_table()"),
    (find_imports_from_strings, "import numpy\nfrom sim.core import units"),
    (find_compilation, "import numpy\nfrom sim.core.compiled import SOURCE_DIGEST"),
    (find_machine_names, "a network/path, work/done, https://www.rfc-editor.org/rfc/rfc6962"),
]


def get_case(case: object) -> str:
    return case.__name__.removeprefix("find_") if callable(case) else str(case)[:30]


def find_entries_too_many(paths: list[Path]) -> list[str]:
    return sorted({path.parts[0] for path in paths} - TOP_LEVEL)


@pytest.mark.parametrize(("rule", "paths"), RULES, ids=get_case)
def test_a_rule_holds(rule: Callable[[str], list[str]], paths: list[Path]) -> None:
    assert paths
    faults = {str(path): found for path in paths if (found := rule(read_text(path)))}
    assert faults == {}


def test_only_the_front_door_and_the_registries_import_from_strings() -> None:
    faults = {
        str(path): found
        for path in find_sources()
        if (
            found := find_imports_from_strings(
                read_text(path), STRING_IMPORTS.get(path.as_posix(), ())
            )
        )
    }
    assert faults == {}


def test_a_registry_may_load_entry_points_and_nothing_else() -> None:
    source = "import importlib\nfrom importlib.metadata import entry_points"
    allowed = STRING_IMPORTS["sim/policies/registry.py"]
    assert find_imports_from_strings(source, allowed) == ["1: importlib"]


@pytest.mark.parametrize(("rule", "source"), DEFECTS, ids=get_case)
def test_a_rule_bites(rule: Callable[[str], list[str]], source: str) -> None:
    assert rule(source) != []


@pytest.mark.parametrize(("rule", "source"), HARMLESS, ids=get_case)
def test_a_rule_lets_pass_what_is_harmless(rule: Callable[[str], list[str]], source: str) -> None:
    assert rule(source) == []


def test_every_rule_has_a_defect() -> None:
    assert {rule for rule, _ in RULES} <= {rule for rule, _ in DEFECTS}


def test_the_top_level_holds_what_was_agreed() -> None:
    assert find_entries_too_many(list(find_files())) == []


def test_an_entry_too_many_is_found() -> None:
    paths = [Path("sim/core/units.py"), Path("notes.txt"), Path("utils/a.py")]
    assert find_entries_too_many(paths) == ["notes.txt", "utils"]
