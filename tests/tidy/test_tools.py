"""The tools of the house, each run as a developer runs it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tidy.sources import PACKAGE, REPOSITORY

BIN = Path(sys.executable).parent
TOOLS = {
    "ruff check": ["ruff", "check"],
    "ruff format": ["ruff", "format", "--check"],
    "mypy": ["mypy"],
    "import contracts": ["lint-imports", "--no-logo"],
}
DEFECTS = {  # a line that each tool has to refuse at the end of sim/core/units.py
    "ruff check": "import numpy.random",
    "ruff format": "X = ( 1 )",
    "mypy": 'X: int = "one"',
    "import contracts": "import sim.model.run",
}


def run_tool(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    name, *options = command
    return subprocess.run(
        [str(BIN / name), *options], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
@pytest.mark.parametrize("tool", TOOLS)
def test_a_tool_has_nothing_to_say(tool: str) -> None:
    run = run_tool(TOOLS[tool], REPOSITORY)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.slow
@pytest.mark.parametrize("tool", TOOLS)
def test_a_tool_refuses_a_planted_defect(tool: str, tmp_path: Path) -> None:
    shutil.copytree(PACKAGE, tmp_path / "sim", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    planted = tmp_path / "sim" / "core" / "units.py"
    planted.write_text(f"{planted.read_text()}\n{DEFECTS[tool]}\n")
    command = TOOLS[tool] + (["sim/core/units.py"] if tool != "import contracts" else [])
    run = run_tool(command, tmp_path)
    said = run.stdout + run.stderr
    assert run.returncode == 1, said
    assert "units" in said
