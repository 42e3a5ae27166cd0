from __future__ import annotations

from pathlib import Path

import pytest

from sim.experiment.run import RunOptions, run_scenario
from sim.experiment.tables import StoredResult, find_tables
from sim.scenario.load import load_scenario
from tests.worlds import SCENARIOS

INCIDENT = (
    *("unguarded", "gateway", "anchored", "gateway_open_egress", "blanket_and_approval"),
    *("blanket_and_delay", "deny_all"),
)


def run(name: str, folder: Path, policies: tuple[str, ...], replications: int) -> StoredResult:
    loaded = load_scenario(SCENARIOS / f"{name}.yaml")
    options = RunOptions(policies, replications, workers=1, out=folder)
    return find_tables(run_scenario(loaded, options))


@pytest.fixture(scope="session")
def incident(tmp_path_factory: pytest.TempPathFactory) -> StoredResult:
    return run("nine_seconds", tmp_path_factory.mktemp("incident"), INCIDENT, 2)


@pytest.fixture(scope="session")
def market(tmp_path_factory: pytest.TempPathFactory) -> StoredResult:
    return run("signal_market", tmp_path_factory.mktemp("market"), ("gateway", "chain"), 2)


@pytest.fixture(scope="session")
def silence(tmp_path_factory: pytest.TempPathFactory) -> StoredResult:
    folder = tmp_path_factory.mktemp("silence")
    return run("byzantine_validators", folder, ("chain", "chain_one_silent"), 2)
