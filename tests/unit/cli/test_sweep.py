from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sim.cli import app as module
from sim.cli.sweep import split_values
from tests.worlds import create_reacher, create_worker, write_scenario

Run = Callable[..., tuple[int, str, str]]
SETTINGS: dict[str, Any] = {
    "horizon": "6s",
    "replications": 2,
    "agents": [create_worker(count=1), create_reacher(count=2, task_every="2s")],
    "policies": ["unguarded", "chain"],
}


@pytest.fixture
def sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Run:
    """`sim sweep` of a small scenario: exit code, stdout, stderr."""
    path = write_scenario(tmp_path, **SETTINGS)

    def run(*words: object) -> tuple[int, str, str]:
        start = ["sim", "sweep", path, "--out", tmp_path / "out", "--workers", 1]
        monkeypatch.setattr(sys, "argv", list(map(str, [*start, *words])))
        with pytest.raises(SystemExit) as ended:
            module.main()
        out, err = capfd.readouterr()
        return int(ended.value.code or 0), out, err

    return run


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1,2, 3", ("1", "2", "3")),
        ("a", ("a",)),
        ("[a,b],[c]", ("[a,b]", "[c]")),
        ('"x,y",z', ('"x,y"', "z")),
        ("{a: 1, b: 2},3", ("{a: 1, b: 2}", "3")),
        ("1,1,2", ("1", "2")),
    ],
)
def test_values_are_parted_at_commas(text: str, values: tuple[str, ...]) -> None:
    assert split_values(text) == values


def test_a_grid_shows_its_points_and_says_where_the_table_is(sweep: Run, tmp_path: Path) -> None:
    code, out, err = sweep("--set", "agents.worker.count=1,2", "--set-range", "horizon=5s..6s")
    assert code == 0
    assert "harm_per_1000_tasks" in out
    assert "agents.worker.count" in out
    assert "grid: 10 points x 2 policies, n = 2 replications, seed 1; 20 cells, 0 of them" in out
    (table,) = tmp_path.glob("out/*-sweep/grid-*/table.csv")
    assert str(table) in out.replace("\n", "")
    assert "finished already" not in err
    code, out, err = sweep("--set", "agents.worker.count=1,2", "--set-range", "horizon=5s..6s")
    assert "20 of them finished before" in " ".join(out.split())  # a long path moves the wrap
    assert "20 cells are finished already, 0 are run" in err


def test_json_is_one_document_with_indices(sweep: Run) -> None:
    words = ["--design", "morris", "--points", 2, "--set", "agents.worker.count=1,2"]
    code, out, _ = sweep(*words, "--set-range", "policies.chain.fee=0..3", "--json")
    document = json.loads(out)
    assert code == 0
    assert (document["design"], document["n_points"]) == ("morris", 6) or document["n_points"] < 6
    assert document["failures"] == []
    assert {row["name"] for row in document["sensitivity"]} >= {"mu_star", "sigma"}
    assert len(document["cautions"]) == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--set", "agents.wroker.count=1,2"], "did you mean 'worker'?"),
        (["--set", "agents.worker.count"], "expected PATH=VALUE"),
        (["--set-range", "policies.chain.fee=1-4"], "expected PATH=LOW..HIGH"),
        (["--set-range", "policies.chain.fee=1..4:cubic"], "expected PATH=LOW..HIGH"),
        (["--design", "sobl", "--set", "horizon=5s"], "did you mean 'sobol'?"),
        (["--set", "horizon=5s", "--set-range", "horizon=5s..6s"], "given twice"),
        (["--set", "agents.worker.count=1,2,3", "--max-cells", 5], "6 cells, more than 5"),
        (["--set", "horizon=5s,6s", "--scheduler", "tpc"], "expected local or an address"),
        ([], "nothing varies"),
    ],
)
def test_what_is_mistyped_is_refused_in_one_line(
    sweep: Run, words: list[object], message: str
) -> None:
    code, out, err = sweep(*words)
    assert code == 2
    assert out == ""
    assert message in err
    assert "Traceback" not in err
