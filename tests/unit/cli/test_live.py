from __future__ import annotations

from io import StringIO
from pathlib import Path

from rich.console import Console

from sim.cli.live import LiveView
from sim.core.errors import AmbitError, InvariantError, StorageError
from sim.experiment.cells import JobResult
from sim.experiment.progress import Failure
from sim.metrics.base import Value
from sim.scenario.load import load_scenario
from tests.worlds import write_scenario


def create_view(folder: Path) -> LiveView:
    path = write_scenario(folder, primary=["harm_per_episode", "utility_under_attack"])
    return LiveView(load_scenario(path).scenario, is_quiet=True)


def create_cell(policy: str, first: int, harms: list[float]) -> JobResult:
    values = {
        "harm_per_episode": [Value(harm, 1.0, 1) for harm in harms],
        "utility_under_attack": [Value(8.0, 10.0, 10)] * len(harms),
    }
    return JobResult(policy, first, values, [b""] * len(harms), [b""] * len(harms))


def render(view: LiveView) -> str:
    console = Console(file=StringIO(), width=120, color_system=None)
    console.print(view.render())
    file = console.file
    assert isinstance(file, StringIO)
    return file.getvalue()


def create_failure(error: AmbitError) -> Failure:
    return Failure(None, error)  # type: ignore[arg-type] # its job is not looked at


def test_estimates_narrow_as_cells_end(tmp_path: Path) -> None:
    view = create_view(tmp_path)
    view.started(3, 0)
    assert "so far" not in render(view)
    view.done(create_cell("chain", 0, [4.0, 8.0]))
    first = render(view)
    assert "chain" in first
    assert "6  0..31.4" in first  # t on two values: 6 +- 12.706 * 2
    view.done(create_cell("chain", 2, [6.0] * 8))
    second = render(view)
    assert "10" in second
    assert "6  5.33..6.67" in second


def test_a_zero_stands_with_its_bound(tmp_path: Path) -> None:
    view = create_view(tmp_path)
    view.done(create_cell("gateway", 0, [0.0] * 10))
    assert "none seen  P < 26 %" in render(view)


def test_the_worst_failure_stays_in_sight(tmp_path: Path) -> None:
    view = create_view(tmp_path)
    view.started(4, 0)
    view.failed(create_failure(StorageError("results/x", "no space left")))
    assert "worst: results/x: no space left" in render(view)
    broken = InvariantError("conservation", 7, "3", "4", "replay: sim run x")
    view.failed(create_failure(broken))
    view.failed(create_failure(StorageError("results/y", "no space left")))
    text = render(view)
    assert "worst: conservation broke at height 7" in text
    assert "replay: sim run x" in text


def test_nothing_is_started_where_nobody_looks(tmp_path: Path) -> None:
    with create_view(tmp_path) as view:
        assert not view.live.is_started
