from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import sim
from sim.core.errors import InputError, InvariantError
from sim.experiment.cells import JobResult
from sim.experiment.progress import Failure
from sim.report import notebook_progress
from sim.report.notebook import Result, create_settings
from tests.worlds import create_reacher, create_worker, write_scenario

HOSTILE = '<script>alert("x")</script> & \u05d0\u05d1 right to left'


def write(folder: Path, **changes: Any) -> Path:
    settings: dict[str, Any] = {
        "title": HOSTILE,
        "horizon": "12s",
        "replications": 3,
        "agents": [create_worker(count=3), create_reacher(count=2)],
        "policies": ["unguarded", "chain"],
        "primary": ["harm_per_episode", "task_latency"],
    }
    return write_scenario(folder, **(settings | changes))


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    folder = tmp_path_factory.mktemp("notebook")
    return sim.run(write(folder), workers=1, out=folder / "out", progress=False)


def test_outcomes_are_the_estimates_of_the_run(result: Result) -> None:
    frame = result.outcomes
    row = frame[(frame.policy == "chain") & (frame.outcome == "task_latency")].iloc[0]
    interval = result.run.estimates["chain"]["task_latency"].interval
    assert interval is not None
    assert (row["mean"], row["low"], row["high"]) == (interval.mean, interval.low, interval.high)
    assert (row["n"], row["primary"], row["scenario"]) == (3, True, "world")
    assert len(frame) == sum(len(estimates) for estimates in result.run.estimates.values())


def test_every_outcome_without_a_number_says_why(result: Result) -> None:
    empty = result.outcomes[result.outcomes["mean"].isna()]
    assert len(empty) > 0
    assert (empty["reason"] != "").all()


def test_comparisons_are_paired_with_the_baseline(result: Result) -> None:
    frame = result.comparisons
    assert set(frame["policy"]) == {"chain"}
    assert set(frame["baseline"]) == {"unguarded"}
    assert len(frame) == len(result.run.contrasts)


def test_means_can_be_recomputed_from_replications(result: Result) -> None:
    frame = result.replications
    rows = frame[(frame.policy == "chain") & (frame.outcome == "task_latency")]
    assert list(rows["replication"]) == [0, 1, 2]
    interval = result.run.estimates["chain"]["task_latency"].interval
    assert interval is not None
    assert rows["num"].sum() / rows["den"].sum() == pytest.approx(interval.mean, abs=1e-12)


def test_a_result_is_loaded_as_it_was_run(result: Result) -> None:
    again = sim.load(result.folder or "")
    assert again.outcomes.equals(result.outcomes)
    assert again.comparisons.equals(result.comparisons)
    assert again.replications.equals(result.replications)


def test_recorded_tables_are_read_for_all_replications(result: Result) -> None:
    frame = result.read("transactions", "chain")
    assert set(frame["replication"]) == {0, 1, 2}
    with pytest.raises(InputError, match="unknown table 'transaction'; did you mean"):
        result.read("transaction", "chain")
    with pytest.raises(InputError, match="unknown policy 'chian'; did you mean 'chain'"):
        result.read("transactions", "chian")


def test_what_was_not_written_cannot_be_read(tmp_path: Path) -> None:
    unwritten = sim.run(write(tmp_path), policies=["chain"], workers=1, out=None, progress=False)
    with pytest.raises(InputError, match="give `out` a folder"):
        unwritten.read("transactions", "chain")


def test_results_stand_side_by_side(result: Result, tmp_path: Path) -> None:
    longer = sim.run(
        write(tmp_path), settings={"horizon": "20s"}, workers=1, out=None, progress=False
    )
    both = sim.compare(result, longer)
    table = both.table("task_latency")
    assert list(table.columns) == ["unguarded", "chain"]
    assert list(table.index) == ["world", "world (horizon=20s)"]
    assert len(both.outcomes) == len(result.outcomes) + len(longer.outcomes)
    with pytest.raises(InputError, match="unknown outcome"):
        both.table("utility")
    with pytest.raises(InputError, match="one scenario twice"):
        sim.compare(result, result)
    with pytest.raises(InputError, match="at least one"):
        sim.compare()


def test_settings_are_written_as_yaml_would_have_them() -> None:
    settings = create_settings({"a.b": True, "c": [1, 2.5], "d": "9s"})
    assert [str(setting) for setting in settings] == ["a.b=true", "c=[1, 2.5]", "d=9s"]


def test_the_picture_of_a_result_shows_hostile_text_as_text(result: Result) -> None:
    html = result._repr_html_()
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert "P &lt;" in html  # a zero stands with its bound
    assert repr(result) == "Result of world: 3 replications under unguarded, chain"
    assert sim.compare(result)._repr_html_() == html


def test_importing_loads_nothing_heavy_and_changes_nothing() -> None:
    code = """
import locale, os, signal, sys, warnings

def look():
    return dict(os.environ), signal.getsignal(signal.SIGINT), list(warnings.filters)

before = look()
import sim
assert look() == before
heavy = {"numpy", "numba", "pandas", "scipy", "matplotlib", "pyarrow"} & set(sys.modules)
assert not heavy, heavy
assert {"run", "load", "compare"} <= set(dir(sim))
import multiprocessing, sim.report.notebook
assert multiprocessing.get_start_method(allow_none=True) is None
assert "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_unknown_name_of_the_front_door_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'rum'"):
        getattr(sim, "rum")  # noqa: B009 - a name that mypy would refuse


class Shell:
    """Stands for a notebook's front end: keeps what a cell would show."""

    def __init__(self) -> None:
        self.shown: list[dict[str, str]] = []

    def display(self, data: dict[str, str], raw: bool, display_id: bool = False) -> Shell:
        assert raw
        self.shown.append(data)
        return self

    def update(self, data: dict[str, str], raw: bool) -> None:
        assert raw
        self.shown.append(data)


def test_progress_in_a_notebook_rewrites_one_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell = Shell()
    monkeypatch.setattr(notebook_progress, "find_display", lambda: shell.display)
    monkeypatch.setattr(notebook_progress, "has_compiled_rules", lambda: True)
    sim.run(write(tmp_path), workers=1, out=None)
    texts = [data["text/plain"] for data in shell.shown]
    assert texts == ["", *(f"{n} of 2 cells" for n in (0, 1, 2)), ""]


def test_a_first_run_says_what_takes_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    shell = Shell()
    monkeypatch.setattr(notebook_progress, "has_compiled_rules", lambda: False)
    line = notebook_progress.NotebookLine(shell.display)
    line.started(2, 0)
    assert "compiling the rules" in shell.shown[-1]["text/plain"]
    line.done(JobResult("chain", 0, {}, [], []))
    assert shell.shown[-1]["text/plain"] == "1 of 2 cells"


def test_a_failed_cell_leaves_its_cause_in_the_notebook() -> None:
    shell = Shell()
    line = notebook_progress.NotebookLine(shell.display)
    line.started(2, 0)
    line.failed(Failure(None, InvariantError("conservation", 7, "3", "4", "replay: sim run x")))  # type: ignore[arg-type]
    texts = [data["text/plain"] for data in shell.shown]
    assert texts[-2:] == [
        "1 of 2 cells, 1 failed",
        "failed: conservation broke at height 7: expected 3, found 4",
    ]


def test_outside_a_notebook_there_is_no_display() -> None:
    assert notebook_progress.find_display() is None


@pytest.mark.slow
def test_a_sweep_is_a_table_and_its_indices(tmp_path: Path) -> None:
    path = write(tmp_path)
    factors = {"policies.chain.fee": sim.span(0, 3), "agents.worker.count": [1, 2]}
    swept = sim.sweep(
        path,
        factors,
        design="morris",
        points=2,
        policies=["chain"],
        replications=1,
        workers=1,
        out=tmp_path / "out",
        progress=False,
    )
    assert {"policies.chain.fee", "agents.worker.count", "outcome"} <= set(swept.table.columns)
    assert set(swept.table["policy"]) == {"chain"}
    assert {"mu_star", "sigma"} <= set(swept.sensitivity["index"])
    assert "agents.worker.count" in swept._repr_html_()


def test_a_result_writes_its_page(result: Result, tmp_path: Path) -> None:
    page = result.write_report(tmp_path / "page.html")
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
