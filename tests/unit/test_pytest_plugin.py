"""The fixture `safety_gate`, in a test suite of somebody else."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.worlds import create_reacher, create_worker, write_scenario

REPOSITORY = Path(__file__).parents[2]
SCENARIO: dict[str, Any] = {
    "horizon": "20s",
    "replications": 6,
    "agents": [
        create_worker(count=2),
        create_reacher(count=3, task_every="4s", temptation=0.9),
    ],
    "policies": ["unguarded", {"name": "mine", "preset": "gateway"}],
    "gates": [{"metric": "overscoped_execution_rate", "margin": 0.02, "policies": ["mine"]}],
}
SUITE = """
def test_holds(safety_gate):
    safety_gate("world.yaml", baseline="held")

def test_fails(safety_gate):
    safety_gate("world.yaml", baseline="held", settings={"policies.mine.mediation": 0.5})

def test_undecided(safety_gate):
    safety_gate("world.yaml", baseline="held", settings={"policies.mine.mediation": 0.95})

def test_undecided_and_allowed(safety_gate):
    safety_gate("world.yaml", baseline="held", settings={"policies.mine.mediation": 0.95},
                allow_inconclusive=True)

def test_no_scenario(safety_gate):
    safety_gate("wrold.yaml", baseline="held")

def test_no_baseline(safety_gate):
    safety_gate("world.yaml", baseline="nowhere")
"""
IDLE = """
import sys

def test_nothing():
    assert not {"numba", "scipy", "numpy"} & set(sys.modules)
"""


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """pytest in a process of its own that loads no plugin but ours, with warnings as errors."""
    environment = os.environ | {
        "PYTHONPATH": str(REPOSITORY),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTEST_ADDOPTS": "",
    }
    command = [sys.executable, "-m", "pytest", "-p", "sim.pytest_plugin", "-W", "error", *words]
    command += ["-p", "no:cacheprovider", "--rootdir", str(folder), "-q", "-rA", str(folder)]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_a_gate_of_somebody_elses_suite_holds_fails_and_accepts(tmp_path: Path) -> None:
    write_scenario(tmp_path, **SCENARIO)
    accepting = tmp_path / "test_accept.py"
    accepting.write_text(SUITE.partition("\n\n")[0], encoding="utf-8")
    ended = run(tmp_path, "--ambit-accept")
    assert ended.returncode == 0, ended.stdout
    assert (tmp_path / "held" / "world.json").is_file()
    accepting.unlink()

    (tmp_path / "test_suite.py").write_text(SUITE, encoding="utf-8")
    ended = run(tmp_path)
    assert ended.returncode == 1, ended.stdout
    for name in ("test_holds", "test_undecided_and_allowed"):
        assert f"PASSED test_suite.py::{name}\n" in ended.stdout
    for name in ("test_fails", "test_undecided", "test_no_scenario", "test_no_baseline"):
        assert f"FAILED test_suite.py::{name} - " in ended.stdout
    assert "fail          mine  overscoped_execution_rate  0 -> 0." in ended.stdout
    assert "inconclusive  mine" in ended.stdout
    assert "wrold.yaml: no such file" in ended.stdout
    assert "make one with --accept" in ended.stdout
    assert "Traceback" not in ended.stdout


def test_whoever_runs_no_gate_imports_nothing_heavy(tmp_path: Path) -> None:
    (tmp_path / "test_idle.py").write_text(IDLE, encoding="utf-8")
    ended = run(tmp_path)
    assert ended.returncode == 0, ended.stdout


def test_the_package_names_its_plugin() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["entry-points"]["pytest11"] == {"ambit": "sim.pytest_plugin"}
