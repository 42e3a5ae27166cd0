from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from rich.progress import Progress

from sim.cli.live import LiveView
from sim.cli.progress import PaceColumn
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


def render(view: LiveView, width: int = 120, height: int = 40) -> str:
    console = Console(file=StringIO(), width=width, color_system=None)
    console.print(view.render(width, height))
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
    assert "0..31.4" in first  # t on two values: 6 +- 12.706 * 2
    view.done(create_cell("chain", 2, [6.0] * 8))
    second = render(view)
    assert "10" in second
    assert "5.33..6.67" in second


def test_a_zero_stands_with_its_bound(tmp_path: Path) -> None:
    view = create_view(tmp_path)
    view.done(create_cell("gateway", 0, [0.0] * 10))
    assert "none seen" in render(view)
    assert "P < 26 %" in render(view)


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


@pytest.mark.parametrize(("width", "height"), [(60, 24), (80, 24), (80, 12), (120, 40)])
def test_it_fits_and_cuts_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width: int, height: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    view = create_view(tmp_path)
    view.started(30, 0)
    for number in range(15):
        view.done(create_cell(f"chain_with_one_thing_{number}", 0, [4.0, 8.0]))
    view.failed(create_failure(InvariantError("conservation", 7, "3", "4", "replay: sim run x")))
    lines = render(view, width, height).splitlines()
    assert len(lines) < height  # one line is the cursor's
    assert max(map(len, lines)) <= width
    text = "\n".join(lines)
    assert "\u2026" not in text
    assert "worst: conservation broke" in text
    assert "chain_with_one_thing_0" in text
    assert ("more policies" in text) == (height == 12)
    assert ("chain_with_one_thing_14" in text) == (height != 12)


def test_time_left_is_by_all_cells_not_by_the_last() -> None:
    with Console(file=StringIO()).capture():
        progress = Progress(PaceColumn())
        task = progress.add_task("cells", total=10, completed=4, ended_s=20.0)
        progress.tasks[0].start_time = progress.get_time() - 20.0
        assert str(PaceColumn().render(progress.tasks[0])) == "5.0 s each, 0:00:30 left"
        progress.update(task, completed=0)
        assert str(PaceColumn().render(progress.tasks[0])) == ""
