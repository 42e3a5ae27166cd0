"""A promise of ordering that breaks ends a run with exit code 3 and one line that replays it."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from sim.cli import app as module
from sim.consensus.messages import Block, Certificate
from sim.consensus.quorum import Setting
from sim.consensus.rules import TwoChain
from sim.core.errors import InvariantError
from sim.experiment.cells import compute_code_digest
from sim.model.world import World
from sim.scenario.load import load_scenario
from sim.trace.records import Trace
from tests.worlds import Document, create_worker, load_world, run, write_scenario

SEED = 7
COMPILING = "Compiling the rules"  # said once for each version of the sources
# none is Byzantine: whatever the network does, no two may commit different blocks
SETTINGS: Document = {
    "agents": [create_worker(count=8, task_every="4s")],
    "faults": [
        {"fault": "partition", "groups": groups, "every": "6s", "lasting": "3s"}
        for groups in ("0 | 1 2 3", "1 | 0 2 3", "2 | 0 1 3", "3 | 0 1 2")
    ],
    "chain": {"link": "20ms"},
    "policies": ["chain"],
    "baseline": "chain",
    "replications": 3,
    "horizon": "60s",
}
LINE = re.compile(
    r"replay: (?P<command>sim run .*) # replication (?P<replication>\d+), scenario "
    r"(?P<scenario>[0-9a-f]{16}), ambit \S+, code (?P<code>[0-9a-f]{16})"
)


class Ended(NamedTuple):
    """How a command ended, and what it said."""

    code: object
    out: str
    err: str


@pytest.fixture
def sim(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """The `sim` command, in this process, where what was planted is."""

    def call(*words: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["sim", *map(str, words)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            module.main()
        out, err = capfd.readouterr()
        said = [line for line in err.splitlines() if not line.startswith(COMPILING)]
        return Ended(ended.value.code, out, "\n".join(said))

    return call


def commit_at_once(
    rules: TwoChain, known: Mapping[bytes, Block], certificate: Certificate
) -> Block | None:
    """A block is final with its own certificate, though nobody else may ever hear of that one."""
    return known.get(certificate.digest)


def vote_for_all(rules: TwoChain, lock: Certificate, block: Block) -> bool:
    """Locks bind nobody."""
    return True


def be_content(setting: Setting) -> int:
    """Two quorums of half of all validators may have nobody in common."""
    return setting.n_validators // 2


# for most of the time between two slow blocks one leader alone has the certificate of the last;
# with a short timer others are on their way before it is back
SLOW = {"view_timeout": "1s", "link": "20ms", "block_interval": "900ms"}
HASTY = {"link": "20ms", "view_timeout": "300ms", "view_timeout_max": "300ms"}


class Plant(NamedTuple):
    """A bug, where it shows, and the promise that it breaks."""

    owner: type
    name: str
    instead: object
    chain: Document
    invariant: str


PLANTS: dict[str, Plant] = {
    "a commit too early": Plant(TwoChain, "get_committed", commit_at_once, SLOW, "I1 agreement"),
    "a lock that does not bind": Plant(TwoChain, "is_votable", vote_for_all, HASTY, "I5 lock"),
    "a quorum too small": Plant(Setting, "quorum", property(be_content), SLOW, "I4 quorum"),
}


@pytest.fixture(params=PLANTS)
def broken(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Plant:
    """Validators with a bug."""
    plant = PLANTS[request.param]
    monkeypatch.setattr(plant.owner, plant.name, plant.instead)
    return plant


def run_some(world: World) -> list[Trace]:
    """The replications of the run below."""
    return [run(world, "chain", replication, SEED) for replication in range(3)]


@pytest.mark.parametrize("chain", [SLOW, HASTY])
def test_validators_without_a_bug_keep_every_promise(chain: Document, tmp_path: Path) -> None:
    world = load_world(tmp_path, **SETTINGS | {"chain": chain})
    for trace in run_some(world):
        assert trace.ordering.commits["honest"].all()
        assert len(trace.ordering.faults) > 20


def test_a_broken_promise_ends_a_replication(broken: Plant, tmp_path: Path) -> None:
    world = load_world(tmp_path, **SETTINGS | {"chain": broken.chain})
    with pytest.raises(InvariantError, match=f"^{broken.invariant} broke at height") as caught:
        run_some(world)
    assert caught.value.replay == ""  # a replication knows of no command


@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_ends_with_3_and_one_line_that_replays_it(
    broken: Plant, workers: int, sim: Callable[..., Ended], tmp_path: Path
) -> None:
    path = write_scenario(tmp_path, **SETTINGS | {"chain": broken.chain})
    ended = sim("run", path, "--seed", SEED, "--workers", workers, "--out", tmp_path / "out")
    assert ended.code == 3
    assert ended.out == ""
    assert "Traceback" not in ended.err
    at_once, what, how = ended.err.splitlines()
    assert at_once == f"failed: {what}"
    assert what.startswith(f"{broken.invariant} broke at height ")
    found = LINE.fullmatch(how)
    assert found is not None, how
    assert found["scenario"] == load_scenario(path).digest
    assert found["code"] == compute_code_digest()
    words = shlex.split(found["command"])
    n_replications = int(found["replication"]) + 1
    assert words == [
        *("sim", "run", str(path), "--policy", "chain", "--seed", str(SEED)),
        *("--replications", str(n_replications)),
    ]
    again = sim(*words[1:], "--out", tmp_path / "again")
    assert again == ended
    if n_replications > 1:  # it is the first that breaks
        spared = sim(*words[1:-1], n_replications - 1, "--out", tmp_path / "spared", "--quiet")
        assert spared.code == 0
