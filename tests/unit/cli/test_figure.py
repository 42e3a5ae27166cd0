from __future__ import annotations

from pathlib import Path

import pytest
from typer import Typer
from typer.testing import CliRunner, Result

from sim.cli.figure import figure
from sim.cli.listing import get_listing
from sim.core.errors import InputError, StorageError
from sim.experiment.run import RunOptions, run_scenario
from sim.scenario.load import load_scenario
from tests.worlds import create_reacher, create_worker, write_scenario

pytestmark = pytest.mark.slow

app = Typer()
app.command()(figure)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("figure")
    path = write_scenario(
        folder,
        horizon="20s",
        agents=[create_worker(count=3), create_reacher(count=2)],
        policies=["unguarded", "gateway"],
    )
    result = run_scenario(
        load_scenario(path), RunOptions(replications=2, workers=1, out=folder / "out")
    )
    assert result.folder is not None
    return result.folder


def run(*arguments: object) -> Result:
    words = [str(word) for word in arguments]
    return CliRunner().invoke(app, words, catch_exceptions=False)


@pytest.mark.parametrize(
    ("file_format", "start"),
    [("pdf", b"%PDF"), ("svg", b"<?xml"), ("png", b"\x89PNG"), ("csv", b"outcome,")],
)
def test_a_figure_is_written_in_the_format_asked_for(
    stored: Path, tmp_path: Path, file_format: str, start: bytes
) -> None:
    path = tmp_path / "new" / f"figure.{file_format}"
    result = run("effects", stored, "--format", file_format, "--columns", "one", "--out", path)
    assert result.exit_code == 0
    assert path.read_bytes().startswith(start)
    assert "n = 2 replications" in result.stdout
    assert f"Written: {path}" in result.stdout
    assert [found.name for found in path.parent.iterdir()] == [path.name]


def test_quiet_says_nothing(stored: Path, tmp_path: Path) -> None:
    result = run("outcomes", stored, "--format", "csv", "--out", tmp_path / "o.csv", "--quiet")
    assert result.stdout == ""


def test_a_wrong_name_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="did you mean 'effects'"):
        run("efects", tmp_path / "nowhere")


def test_a_wrong_result_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no finished result"):
        run("effects", tmp_path, "--out", tmp_path / "figure.pdf")
    assert list(tmp_path.iterdir()) == []


def test_what_stood_there_stays_if_the_disk_refuses(stored: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(StorageError, match="taken: cannot be written"):
        run("outcomes", stored, "--out", tmp_path / "taken")
    assert [found.name for found in tmp_path.iterdir()] == ["taken"]


def test_a_policy_without_a_result_is_named_with_the_nearest(stored: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="did you mean 'gateway'"):
        run("outcomes", stored, "--policy", "gatewa", "--out", tmp_path / "figure.pdf")


def test_figures_can_be_listed() -> None:
    names = [row["name"] for row in get_listing("figures")]
    assert names[:3] == ["effects", "outcomes", "tradeoff"]
    assert all(row["summary"] for row in get_listing("figures"))
