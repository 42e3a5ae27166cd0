"""Whole commands, from start to exit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

ROOT = Path(__file__).resolve().parents[2]
NINE_SECONDS = "scenarios/nine_seconds.yaml"


def run(*words: str, cwd: Path = ROOT) -> None:
    subprocess.run([sys.executable, "-m", "sim", *words], check=True, capture_output=True, cwd=cwd)


@pytest.mark.parametrize(
    "words", [("--help",), ("validate", NINE_SECONDS)], ids=["help", "validate"]
)
def test_light_command(benchmark: BenchmarkFixture, words: tuple[str, ...]) -> None:
    benchmark.pedantic(run, args=words, rounds=7, warmup_rounds=1)


def test_main_job_warm(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    words = ("run", NINE_SECONDS, "--out", str(tmp_path))
    benchmark.pedantic(run, args=words, rounds=5, warmup_rounds=1)


def test_main_job_the_very_first_time(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """In a copy of the package that nothing was compiled in yet."""
    copy = tmp_path / "copy"
    subprocess.run(
        ["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(copy)], check=True, cwd=ROOT
    )
    environment = {**os.environ, "PYTHONPATH": str(copy), "HOME": str(tmp_path)}

    def run_first() -> None:
        subprocess.run(
            [sys.executable, "-m", "sim", "run", NINE_SECONDS, "--out", str(tmp_path / "out")],
            check=True,
            capture_output=True,
            cwd=copy,
            env=environment,
        )

    benchmark.pedantic(run_first, rounds=1)
