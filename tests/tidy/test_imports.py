"""What is loaded, and what is left alone, by imports that a user waits for."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.tidy.sources import PACKAGE, REPOSITORY

HEAVY = {"numba", "scipy", "matplotlib", "pandas", "pyarrow"}
LIGHT = [
    "sim",
    "sim.scenario.load",
    "sim.strategies.registry",
    "sim.policies.registry",
    "sim.policies.reputation.registry",
]
HAS_COMMAND = (PACKAGE / "cli" / "app.py").exists()
HAS_MAIN = (PACKAGE / "__main__.py").exists()
SNAPSHOT = """
import multiprocessing, os, random, signal, sys, warnings
import numpy as np
{before}
def get_globals():
    return {{
        "start method": multiprocessing.get_start_method(allow_none=True),
        "warnings": list(warnings.filters),
        "numpy errors": np.geterr(),
        "numpy printing": np.get_printoptions(),
        "chance": (random.getstate(), str(np.random.get_state())),
        "environment": dict(os.environ),
        "signals": [signal.getsignal(number) for number in signal.valid_signals()],
        "search path": list(sys.path),
        "hooks": (sys.excepthook, sys.displayhook),
        "recursion": sys.getrecursionlimit(),
    }}
before = get_globals()
{action}
after = get_globals()
print(*[name for name in before if before[name] != after[name]], sep=", ")
"""
CHANGES = [
    ("start method", "multiprocessing.set_start_method('spawn')"),
    ("warnings", "warnings.simplefilter('ignore')"),
    ("numpy errors", "np.seterr(all='raise')"),
    ("chance", "random.seed(1)"),
    ("environment", "os.environ['A'] = 'b'"),
]


def run_python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """One fresh interpreter in the repository's root."""
    return subprocess.run(
        [sys.executable, *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )


def find_loaded(*arguments: str) -> set[str]:
    """Top-level packages a command imports, as the interpreter itself reports them."""
    run = run_python("-X", "importtime", *arguments)
    assert run.returncode == 0, run.stderr[-2000:]
    lines = [line for line in run.stderr.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip().split(".")[0] for line in lines}


def find_changes(action: str, before: str = "") -> str:
    """Names of the global settings an action changes, once `before` has been imported."""
    run = run_python("-c", SNAPSHOT.format(action=action, before=before))
    assert run.returncode == 0, run.stderr[-2000:]
    return run.stdout.strip()


@pytest.mark.parametrize("module", LIGHT)
def test_an_import_loads_nothing_heavy(module: str) -> None:
    loaded = find_loaded("-c", f"import {module}")
    assert "sim" in loaded
    assert loaded & HEAVY == set()


@pytest.mark.parametrize("module", ["numba", "scipy", "pyarrow"])  # those we install
def test_a_heavy_import_would_be_seen(module: str) -> None:
    assert module in find_loaded("-c", f"import {module}")


def test_the_command_line_has_a_way_in() -> None:
    assert HAS_MAIN or not HAS_COMMAND, "sim/cli/app.py has no sim/__main__.py to start it"


@pytest.mark.skipif(not (HAS_MAIN or HAS_COMMAND), reason="there is no command line yet")
def test_help_loads_nothing_heavy() -> None:
    assert HAS_MAIN
    assert find_loaded("-m", "sim", "--help") & HEAVY == set()


@pytest.mark.parametrize("module", LIGHT)
def test_an_import_changes_nothing_global(module: str) -> None:
    libraries = "import pydantic, yaml" if module != "sim" else ""  # not ours to answer for
    assert find_changes(f"import {module}", before=libraries) == ""


@pytest.mark.parametrize(("name", "action"), CHANGES)
def test_a_global_change_would_be_seen(name: str, action: str) -> None:
    assert find_changes(action) == name
