"""Seconds and bytes of a page of a million receipts, in two shapes: one large world, many small."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from sim.experiment.run import RunOptions, run_scenario
from sim.experiment.tables import open_result
from sim.report.page import create_page
from sim.scenario.load import load_scenario

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

ROOT = Path(__file__).resolve().parents[2]
RECEIPTS = 1_000_000
PAGE_MB_MAX = 10
PAGE_S_MAX = 20
POLICIES = ("unguarded", "gateway", "anchored", "federated", "chain", "layered")


def create_result(folder: Path, agents: int, replications: int) -> Path:
    text = (ROOT / "scenarios" / "cross_org_calls.yaml").read_text("utf-8")
    counts = re.findall(r"strategy: (?!leaked).*\n.*\n    count: (\d+)", text)
    factor = agents / sum(map(int, counts))
    text = re.sub(
        r"(strategy: (?!leaked).*\n.*\n    count: )(\d+)",
        lambda match: f"{match[1]}{round(int(match[2]) * factor)}",
        text,
    )
    file = folder / "cross_org_calls.yaml"
    file.write_text(text, "utf-8")
    options = RunOptions(policies=POLICIES, replications=replications, out=folder / "out")
    result = run_scenario(load_scenario(file), options)
    assert result.folder is not None
    return result.folder


def count_receipts(folder: Path) -> int:
    return sum(pq.read_metadata(path).num_rows for path in folder.rglob("transactions-*.parquet"))


@pytest.mark.parametrize(("agents", "replications"), [(7_000, 1), (600, 12)])
def test_a_page_of_a_million_receipts(
    benchmark: BenchmarkFixture, tmp_path: Path, agents: int, replications: int
) -> None:
    folder = create_result(tmp_path, agents, replications)
    n_receipts = count_receipts(folder)
    assert n_receipts >= RECEIPTS
    page = benchmark.pedantic(lambda: create_page([open_result(folder)]), rounds=1)
    size_mb, took_s = len(page.encode()) / 1e6, benchmark.stats["min"]
    print(
        f"\n{n_receipts:,} receipts of {agents} agents, {replications} replications: "
        f"{size_mb:.1f} MB in {took_s:.1f} s; goal {PAGE_MB_MAX} MB, {PAGE_S_MAX} s"
    )
