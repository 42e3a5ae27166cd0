"""The `sim check` command: exit codes, what it prints, and the files it leaves."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import pytest

from sim.cli import app as module
from sim.core.errors import InvariantError
from sim.experiment import check as checking
from tests.worlds import create_reacher, create_worker, write_scenario

SCENARIO: dict[str, Any] = {
    "horizon": "20s",
    "replications": 6,
    "tasks": {"report": {"calls": ["look", "send"], "deadline": "8s"}},
    "agents": [
        create_worker(count=2),
        create_reacher(count=3, task_every="4s", temptation=0.9),
    ],
    "policies": ["unguarded", {"name": "mine", "preset": "gateway"}],
    "gates": [{"metric": "overscoped_execution_rate", "margin": 0.02, "policies": ["mine"]}],
}
OPEN = ("--set", "policies.mine.mediation=0.5")
AJAR = ("--set", "policies.mine.mediation=0.95")


class Ended(NamedTuple):
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


Sim = Callable[..., Ended]


@pytest.fixture
def sim(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Sim:
    """`sim check` in this process, with one worker."""

    def run(*words: object) -> Ended:
        given = ["sim", "check", *map(str, words)]
        monkeypatch.setattr(sys, "argv", given)
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            module.main()
        code = ended.value.code
        return Ended(code if isinstance(code, int) else int(code is not None), *capfd.readouterr())

    return run


@pytest.fixture
def world(tmp_path: Path) -> Path:
    return write_scenario(tmp_path, **SCENARIO)


@pytest.fixture
def held(sim: Sim, world: Path, tmp_path: Path) -> tuple[object, ...]:
    """Arguments of a check whose baseline was accepted."""
    words = (world, "--baseline", tmp_path / "held", "--workers", 1)
    ended = sim(*words, "--accept")
    assert ended.code == 0
    assert "world: accepted, n = 6, seed 1" in ended.out
    return words


@pytest.mark.slow
def test_from_the_first_time_to_a_regression_and_its_acceptance(
    sim: Sim, held: tuple[object, ...]
) -> None:
    same = sim(*held)
    assert (same.code, "1 identical" in same.out) == (0, True)
    worse = sim(*held, *OPEN)
    assert worse.code == 1
    assert "fail          mine  overscoped_execution_rate  0 -> 0." in worse.out
    assert worse.out.endswith("sim check: fail (exit 1): 1 scenario, 1 fail\n")
    undecided = sim(*held, *AJAR)
    assert undecided.code == 5
    assert "margin 0.02: " in undecided.out
    moved = sim(*held, *OPEN, "--accept")
    assert moved.code == 0
    assert "fail against the old baseline" in moved.out
    assert sim(*held, *OPEN).code == 0


def test_quiet_says_nothing_where_all_is_well(sim: Sim, held: tuple[object, ...]) -> None:
    assert sim(*held, "--quiet") == (0, "", "")
    worse = sim(*held, *OPEN, "--quiet")
    assert len(worse.out.splitlines()) == 2


def test_files_for_a_ci_and_one_json_document(
    sim: Sim, held: tuple[object, ...], tmp_path: Path
) -> None:
    junit, markdown = tmp_path / "j.xml", tmp_path / "m.md"
    ended = sim(*held, *OPEN, "--junit", junit, "--markdown", markdown, "--json", "--quiet")
    document = json.loads(ended.out)
    assert document["exit_code"] == ended.code == 1
    (gate,) = [g for g in document["scenarios"][0]["gates"] if g["kind"] == "margin"]
    assert (gate["policy"], gate["state"], gate["baseline"]) == ("mine", "fail", 0.0)
    assert gate["low"] > gate["bound"] == 0.02
    (failure,) = ElementTree.parse(junit).getroot().iter("failure")
    assert failure.get("type") == "fail"
    assert markdown.read_text(encoding="utf-8").startswith("### Safety gate: fail")


def test_the_worst_of_several_scenarios_wins(
    sim: Sim, held: tuple[object, ...], tmp_path: Path
) -> None:
    other = tmp_path / "other.yaml"
    other.write_bytes((tmp_path / "world.yaml").read_bytes())
    ended = sim(other, *held, *OPEN)
    assert ended.code == 2  # no baseline is worse than a failed gate
    assert "other: not comparable" in ended.out
    assert "world: fail" in ended.out


def test_a_broken_invariant_is_told_and_the_files_are_written_all_the_same(
    sim: Sim, held: tuple[object, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise InvariantError("money is conserved", 3, "1", "2")

    monkeypatch.setattr(checking, "run_scenario", fail)
    junit = tmp_path / "j.xml"
    ended = sim(*held, "--junit", junit)
    assert ended.code == 3
    assert "world: invariant broke" in ended.out
    assert "Traceback" not in ended.err
    assert ElementTree.parse(junit).getroot().get("errors") == "1"
    before = (tmp_path / "held" / "world.json").read_bytes()
    assert sim(*held, "--accept").code == 3
    assert (tmp_path / "held" / "world.json").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--policy", "mien"), "unknown policy 'mien'; did you mean 'mine'?"),
        (("--accept", "--extend"), "--accept: goes with none of"),
        (("--accept", "--policy", "mine"), "--accept: goes with none of"),
        (("--set", "nothing"), "expected PATH=VALUE"),
        (("--set", "gates.0.metric=harm"), "unknown outcome 'harm'"),
        (("--set", "gates.0.margin=0"), "must be more than 0"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_run(
    words: tuple[str, ...], text: str, sim: Sim, world: Path, tmp_path: Path
) -> None:
    ended = sim(world, "--baseline", tmp_path / "held", *words)
    assert (ended.code, ended.out) == (2, "")
    assert text in ended.err
    assert "Traceback" not in ended.err


def test_a_file_that_cannot_be_written_is_an_environment_error(
    sim: Sim, held: tuple[object, ...], tmp_path: Path
) -> None:
    ended = sim(*held, "--junit", tmp_path / "world.yaml" / "j.xml")
    assert ended.code == 4
    assert "cannot be written" in ended.err
