"""Steps a second of each rare event, and replications saved against plain Monte Carlo."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest

from sim.experiment.rare import RareOptions, run_rare
from sim.scenario.load import load_scenario
from sim.scenario.settings import parse_setting

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

SCENARIOS = Path(__file__).resolve().parents[2] / "scenarios"


class Case(NamedTuple):
    """An event of a shipped scenario."""

    event: str
    scenario: str
    policy: str
    settings: tuple[str, ...] = ()


CASES = (
    Case(
        "conviction",
        "signal_market",
        "chain",
        ("policies.chain.committee=11", "market.judge_error=0.05"),
    ),
    Case(
        "breach",
        "nine_seconds",
        "blanket_and_approval",
        ("reviewers.false_approve=0.01",),
    ),
    Case("ruin", "sybil_flood", "stake_floor"),
)


@pytest.mark.parametrize("case", CASES, ids=[case.event for case in CASES])
def test_rare(benchmark: BenchmarkFixture, case: Case) -> None:
    settings = [parse_setting(text) for text in case.settings]
    loaded = load_scenario(SCENARIOS / f"{case.scenario}.yaml", settings)
    options = RareOptions(case.policy, trials=300, runs=10, event=case.event)
    result = benchmark.pedantic(run_rare, args=(loaded, options), rounds=2, warmup_rounds=1)
    assert result.rarity is not None
    chances = np.array([run.compute_chance(300) for run in result.rarity.runs])
    spread = float(chances.std(ddof=1) / chances.mean()) / len(chances) ** 0.5
    exact, n_steps = result.event.exact, result.rarity.n_steps
    crude = (1.0 - exact) / exact / spread**2  # replications for the same standard error
    print(
        f"\n{case.event}: p = {chances.mean():.3g}, exact {exact:.3g}, off by {spread:.0%}; ",
        end="",
    )
    print(f"{n_steps / benchmark.stats['min']:.3g} steps/s, {n_steps} steps; ", end="")
    print(f"plain Monte Carlo: {crude:.3g} replications for the same precision")
