from __future__ import annotations

from pathlib import Path

import pytest

from sim.core.errors import InputError
from sim.experiment.run import RunOptions, RunResult, run_scenario
from sim.experiment.stopping import Until, parse_until
from sim.report.stopping import write_stopping
from sim.scenario.load import load_scenario
from sim.stats.intervals import Interval, Method
from sim.stats.sequential import is_narrow_enough
from tests.watching import Watch
from tests.worlds import create_reacher, create_worker, write_scenario


def create_interval(mean: float, half: float | None) -> Interval:
    low, high = (None, None) if half is None else (mean - half, mean + half)
    return Interval(mean, low, high, 30, Method.T)


@pytest.mark.parametrize(
    ("mean", "half", "rel", "abs_", "is_narrow"),
    [
        (100, 5, 0.05, 0, True),
        (100, 5.01, 0.05, 0, False),
        (-100, 5, 0.05, 0, True),
        (100, 6, 0.05, 6, True),
        (0, 1, 0.5, 0, False),
        (0, 1, 0, 1, True),
        (100, None, 0.5, 9, False),
    ],
)
def test_half_an_interval_is_held_against_the_wider_of_two_widths(
    mean: float, half: float | None, rel: float, abs_: float, is_narrow: bool
) -> None:
    assert is_narrow_enough(create_interval(mean, half), rel, abs_) is is_narrow


def test_a_width_is_no_negative_number() -> None:
    with pytest.raises(ValueError, match="at least 0"):
        is_narrow_enough(create_interval(1, 1), rel=-0.1)


def test_widths_are_read_as_typed() -> None:
    assert parse_until(["rel=0.05"]) == Until(rel=0.05)
    assert parse_until(["rel=0.05", "abs=2"]) == Until(0.05, 2)
    assert parse_until([]) is None
    assert str(Until(0.05, 2)) == "rel=0.05 abs=2"


@pytest.mark.parametrize("text", ["0.05", "rel", "rel=x", "rel=0", "rel=-1", "rel=inf", "size=1"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="expected rel=SHARE or abs=WIDTH"):
        parse_until([text])


def run(folder: Path, until: Until, replications: int | None = None) -> tuple[RunResult, Watch]:
    path = write_scenario(
        folder,
        horizon="20s",
        replications=3,
        agents=[create_worker(count=2), create_reacher(count=2)],
        policies=["unguarded"],
        primary=["harm_per_1000_tasks"],
    )
    watch = Watch()
    options = RunOptions(workers=1, until=until, replications=replications, out=folder / "out")
    return run_scenario(load_scenario(path), options, watch), watch


def test_a_wide_width_is_met_after_the_first_look(tmp_path: Path) -> None:
    result, watch = run(tmp_path, Until(abs=1e9))
    assert result.replications == 30
    assert watch.starts == [(3, 0)]
    assert result.stop is not None
    assert "Met at n = 30." in write_stopping(result.stop)


def test_replications_are_added_and_earlier_ones_are_kept(tmp_path: Path) -> None:
    result, watch = run(tmp_path, Until(rel=1e-9), replications=45)
    assert watch.starts == [(3, 0), (1, 3), (1, 4)]
    assert result.replications == 45
    assert result.stop is not None
    assert result.stop.wide == ["unguarded: harm_per_1000_tasks"]
    text = write_stopping(result.stop)
    assert "or n = 45. Not met at n = 45; still wider: unguarded: harm_per_1000_tasks" in text
    plain = run_scenario(result.loaded, RunOptions(workers=1, replications=45))
    assert plain.estimates == result.estimates
