"""Transactions a second of a whole market, from strategies to trace, with 100 000 traders.

As in a worker: memory is kept from one replication to the next.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sim.core.memory import keep_memory
from sim.model.run import run_replication
from sim.model.world import World, create_world
from sim.scenario.load import load_scenario
from sim.scenario.policies import create_policies

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

MARKET = """
version: 1
title: A large market
question: How many transactions a second?
expectation: At least 300 000 on one core, with traces.
horizon: 40s
window: 2s
think_min: 2s
baseline: chain
primary: [market_volume]
signals:
  forecast: {worth: 150, harm: 300, detection: 0.8, detection_time: 5s}
orgs:
  - {name: firm, count: 20}
  - {name: shady, posture: hostile, count: 4}
agents:
  - name: seller
    strategy: honest_seller
    org: firm
    count: 20000
    sells: forecast
    stake: 5000
    act_every: 20s
  - name: cheat
    strategy: fraudulent_seller
    org: shady
    count: 4000
    sells: forecast
    price: 80
    stake: 5000
    act_every: 20s
  - {name: buyer, strategy: honest_buyer, org: firm, count: 75991, act_every: 5s}
  - {name: judge, strategy: honest_judge, org: firm, count: 9}
policies:
  - unguarded
  - gateway
  - federated
  - chain
  - layered
  - reference_monitor
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    keep_memory()
    file: Path = tmp_path_factory.mktemp("bench") / "market.yaml"
    file.write_text(MARKET, "utf-8")
    return create_world(load_scenario(file))


@pytest.mark.parametrize(
    "name", ["unguarded", "gateway", "federated", "chain", "layered", "reference_monitor"]
)
def test_trade_end_to_end(benchmark: BenchmarkFixture, world: World, name: str) -> None:
    policy = create_policies(world.loaded, [name])[name]
    trace = benchmark.pedantic(
        run_replication, args=(world, policy, 1, 0), rounds=2, warmup_rounds=1
    )
    n, n_disputes = len(trace.receipts), len(trace.market.disputes)
    rate = n / benchmark.stats["min"] / 1e6
    benchmark.extra_info["million_transactions_per_s"] = rate
    print(f"\n{len(world.market.traders)} traders, {name}: {rate:.2f} M transactions/s", end="")
    print(f" ({n} transactions, {n_disputes} disputes)")
