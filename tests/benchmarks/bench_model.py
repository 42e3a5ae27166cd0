"""Calls a second from strategies to trace, with 10 000 agents, under each policy."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from sim.model.run import run_replication
from sim.model.world import World, create_world
from sim.scenario.load import load_scenario
from sim.scenario.policies import create_policies

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

ROOT = Path(__file__).resolve().parents[2]
AGENTS = 10_000
POLICIES = (
    "unguarded",
    "gateway",
    "anchored",
    "federated",
    "chain",
    "layered",
    "chain_arguments",
    "deny_all",
    "reference_monitor",
    "oracle",
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    text = (ROOT / "scenarios" / "cross_org_calls.yaml").read_text("utf-8")
    counts = re.findall(r"strategy: (?!leaked).*\n.*\n    count: (\d+)", text)
    factor = AGENTS / sum(map(int, counts))
    text = re.sub(
        r"(strategy: (?!leaked).*\n.*\n    count: )(\d+)",
        lambda match: f"{match[1]}{round(int(match[2]) * factor)}",
        text,
    )
    file = tmp_path_factory.mktemp("bench") / "cross_org_calls.yaml"
    file.write_text(text, "utf-8")
    return create_world(load_scenario(file))


@pytest.mark.parametrize("name", POLICIES)
def test_calls_end_to_end(benchmark: BenchmarkFixture, world: World, name: str) -> None:
    policy = create_policies(world.loaded, [name])[name]
    trace = benchmark.pedantic(
        run_replication, args=(world, policy, 1, 0), rounds=3, warmup_rounds=1
    )
    n_calls = int(np.count_nonzero(trace.truths["agent"] >= 0))
    blocks = len(trace.headers)
    rate = n_calls / benchmark.stats["min"] / 1e6
    per_block = f", {n_calls / blocks:.0f} calls a block" if policy.has_chain else ""
    benchmark.extra_info["million_calls_per_s"] = rate
    print(f"\n{len(world.agents)} agents, {name}: {rate:.2f} M calls/s{per_block}")
