"""One world and seed give the same bytes, wherever and how often its cells are run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sim.experiment.execute import Execution
from sim.experiment.sweep import SweepOptions, run_sweep
from sim.scenario.load import load_scenario
from tests.watching import Watch, read_all
from tests.worlds import create_reacher, create_thief, create_worker, write_scenario

REPOSITORY = Path(__file__).parents[2]
# five repeats x three seeds on each back-end: a line for each cell
PRINT_DIGESTS = """
import sys
from contextlib import ExitStack
from pathlib import Path
from sim.experiment.cells import Job
from sim.experiment.execute import Execution, open_executor, run_cells
from sim.scenario.load import load_scenario
from tests.watching import Watch
from tests.worlds import POLICIES
loaded = load_scenario(Path(sys.argv[1]))
jobs = [
    Job(str(loaded.path), loaded.digest, POLICIES[name], seed, 0, 2, "")
    for seed in (1, 2, 77) for name in ("gateway", "chain")
]
for execution in (Execution(1), Execution(2), Execution(2, "local")):
    with open_executor(execution, len(jobs)) as executor:
        for repeat in range(5):
            found = {}
            listed = jobs[repeat:] + jobs[:repeat]
            for job, cell in executor.run(listed):
                found[job.seed, job.policy.name] = [digest.hex() for digest in cell.digests]
            print(execution.scheduler or execution.workers, sorted(found.items()), sep="|")
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    agents = [create_worker(count=3, cross_org_share=0.3), create_reacher(), create_thief()]
    folder = tmp_path_factory.mktemp("execution")
    return write_scenario(folder, horizon="12s", agents=agents, replications=2)


def print_digests(path: Path, hash_seed: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", PRINT_DIGESTS, str(path)],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONHASHSEED": hash_seed},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.slow
def test_repeats_seeds_workers_dask_and_hash_seeds_change_nothing(path: Path) -> None:
    lines = [line for seed in ("0", "1", "random") for line in print_digests(path, seed)]
    assert len(lines) == 3 * 3 * 5
    assert {line.partition("|")[0] for line in lines} == {"1", "2", "local"}
    (found,) = {line.partition("|")[2] for line in lines}
    assert len(set(re.findall(r"[0-9a-f]{64}|[0-9a-f]{32}", found))) == 3 * 2 * 2  # no two alike


@pytest.mark.slow
def test_a_dask_cluster_writes_the_same_sweep(path: Path, tmp_path: Path) -> None:
    loaded = load_scenario(path)
    folders = []
    for name, execution in (("here", Execution(1)), ("dask", Execution(2, "local"))):
        options = SweepOptions(
            factors={"agents.worker.count": ("1", "2")},
            policies=("gateway", "chain"),
            execution=execution,
            out=tmp_path / name,
        )
        watch = Watch()
        folders.append(run_sweep(loaded, options, watch).folder.parent)
        assert len(watch.cells) == 4
    assert read_all(folders[0]) == read_all(folders[1])
