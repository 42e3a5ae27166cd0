"""Each import contract refuses an import planted against it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.tidy.sources import PACKAGE, REPOSITORY


class Plant(NamedTuple):
    """An import, the source it is added to, and what the report then has to say."""

    contract: str
    path: str
    line: str
    said: str


PLANTS = [
    Plant("layers", "core/units.py", "import sim.ledger.rules", "sim.core.units"),
    Plant("layers", "engine/queues.py", "import sim.ledger.rules", "sim.engine.queues"),
    Plant("layers", "scenario/load.py", "import sim.model.run", "sim.scenario.load"),
    Plant("layers", "importers/lines.py", "import sim.policies.base", "sim.importers.lines"),
    Plant("layers", "utils.py", "import sim.core.units", "utils"),
    Plant("no-chance", "ledger/checks.py", "import time", "sim.ledger.checks"),
    Plant("no-chance", "consensus/sequencer.py", "import random", "sim.consensus.sequencer"),
    Plant("no-chance", "policies/fees.py", "from sim.core import draws", "sim.policies.fees"),
    Plant("no-chance", "core/units.py", "import time", "sim.core.units"),
    Plant("ledger-libraries", "ledger/state.py", "import pandas", "sim.ledger.state"),
    Plant("ledger-libraries", "ledger/rules.py", "import scipy.sparse", "sim.ledger.rules"),
    Plant("own-time", "core/units.py", "import os", "sim.core.units"),
    Plant("own-time", "model/run.py", "from datetime import datetime", "sim.model.run"),
    Plant("own-time", "strategies/honest.py", "import random", "sim.strategies.honest"),
    Plant("own-time", "faults/late.py", "import random", "sim.faults.late"),
    Plant("strategies", "strategies/honest.py", "import sim.ledger.state", "sim.strategies.honest"),
    Plant("strategies", "strategies/base.py", "import sim.trace.records", "sim.strategies.base"),
    Plant("policies", "policies/fees.py", "import sim.ledger.transition", "sim.policies.fees"),
    Plant("policies", "policies/base.py", "import sim.ledger.state", "sim.policies.base"),
    Plant("outcomes", "metrics/fresh.py", "import sim.ledger.rules", "sim.metrics.fresh"),
    Plant("outcomes", "stats/paired.py", "import sim.policies.base", "sim.stats.paired"),
    Plant("blocks", "scenario/load.py", "import sim.ledger.transition", "sim.scenario.load"),
    Plant("blocks", "cli/fresh.py", "import sim.ledger.transition", "sim.cli.fresh"),
    Plant("blocks", "faults/crash.py", "import sim.ledger.slashing", "sim.faults.crash"),
    Plant("blocks", "metrics/fresh.py", "import sim.ledger.liveness", "sim.metrics.fresh"),
    Plant("policies", "policies/base.py", "import sim.ledger.slashing", "sim.policies.base"),
    Plant("independence", "faults/crash.py", "import sim.faults.delay", "sim.faults.crash"),
    Plant("independence", "policies/fees.py", "import sim.policies.approval", "sim.policies.fees"),
    Plant("independence", "policies/fresh.py", "import sim.policies.fees", "sim.policies.fresh"),
    Plant(
        "independence",
        "strategies/honest.py",
        "import sim.strategies.replay",
        "sim.strategies.honest",
    ),
    Plant(
        "reputation-independence",
        "policies/reputation/mean.py",
        "import sim.policies.reputation.beta",
        "sim.policies.reputation.mean",
    ),
    Plant(
        "policies",
        "policies/reputation/beta.py",
        "import sim.ledger.state",
        "sim.policies.reputation.beta",
    ),
    Plant("pictures", "model/run.py", "import matplotlib.pyplot", "sim.model.run"),
    Plant("pictures", "experiment/fresh.py", "import jinja2", "sim.experiment.fresh"),
    Plant("front-door", "core/units.py", "import sim", "sim.core.units"),
    Plant("cycles", "importers/lines.py", "import sim.importers.calls", "sim.importers"),
]
PERMITTED = [
    ("ledger/checks.py", "import numba, numpy"),
    ("policies/fees.py", "import scipy.sparse"),
    ("trace/log.py", "import os"),
    ("strategies/honest.py", "import sim.core.draws"),
    ("report/__init__.py", "import matplotlib"),
]


def find_contracts() -> list[str]:
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    return [contract["id"] for contract in settings["tool"]["importlinter"]["contracts"]]


def run_linter(folder: Path, contract: str) -> subprocess.CompletedProcess[str]:
    linter = Path(sys.executable).parent / "lint-imports"
    return subprocess.run(
        [str(linter), "--no-cache", "--no-logo", "--contract", contract],
        cwd=folder,
        env={**os.environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def plant(folder: Path, path: str, line: str) -> None:
    target = folder / "sim" / path
    target.parent.mkdir(exist_ok=True)
    (target.parent / "__init__.py").touch()
    before = target.read_text() if target.exists() else ""
    target.write_text(f"{before}\n{line}\n")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The package, alone, free to be broken."""
    shutil.copytree(PACKAGE, tmp_path / "sim", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    return tmp_path


def test_every_contract_has_a_plant() -> None:
    assert {planted.contract for planted in PLANTS} == set(find_contracts())


@pytest.mark.parametrize("planted", PLANTS, ids=lambda p: f"{p.contract}-{p.path}")
def test_a_contract_bites(checkout: Path, planted: Plant) -> None:
    assert planted.said not in run_linter(checkout, planted.contract).stdout
    plant(checkout, planted.path, planted.line)
    run = run_linter(checkout, planted.contract)
    assert run.returncode == 1, run.stdout
    assert planted.said in run.stdout


def test_what_is_permitted_breaks_nothing(checkout: Path) -> None:
    before = {name: run_linter(checkout, name).stdout.count("BROKEN") for name in find_contracts()}
    for path, line in PERMITTED:
        plant(checkout, path, line)
    after = {name: run_linter(checkout, name).stdout.count("BROKEN") for name in find_contracts()}
    assert after == before
