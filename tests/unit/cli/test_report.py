from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from sim.cli.app import app
from sim.core.errors import InputError, StorageError
from sim.experiment.run import RunOptions, run_scenario
from sim.scenario.load import load_scenario
from tests.worlds import create_worker, write_scenario

RUNNER = CliRunner()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reported")
    path = write_scenario(
        folder,
        horizon="12s",
        replications=2,
        agents=[create_worker(count=2)],
        policies=["unguarded", "gateway"],
    )
    run = run_scenario(load_scenario(path), RunOptions(workers=1, out=folder / "out"))
    assert run.folder is not None
    return run.folder


def test_the_page_is_written_into_the_result(folder: Path) -> None:
    done = RUNNER.invoke(app, ["report", str(folder)])
    assert done.exit_code == 0, done.output
    assert done.output.startswith(str(folder / "report.html"))
    assert (folder / "report.html").read_text("utf-8").startswith("<!DOCTYPE html>")
    assert list(folder.glob("*.tmp")) == []


def test_the_page_is_written_where_it_is_told(folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "new" / "page.html"
    done = RUNNER.invoke(app, ["report", str(folder), "--out", str(page), "--quiet"])
    assert (done.exit_code, done.output) == (0, "")
    assert page.read_text("utf-8").count("<article") == 1


def test_open_shows_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("typer.launch", opened.append)
    monkeypatch.setattr("sim.report.page.create_page", lambda results: f"{len(results)} results")
    RUNNER.invoke(app, ["report", str(folder), "--open"])
    assert opened == [(folder / "report.html").resolve().as_uri()]


def test_some_policies_are_shown_alone(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "sim.report.page.create_page", lambda results: " ".join(results[0].run.policies)
    )
    page = tmp_path / "page.html"
    RUNNER.invoke(app, ["report", str(folder), "--policy", "gateway", "--out", str(page)])
    assert page.read_text("utf-8") == "gateway"
    done = RUNNER.invoke(app, ["report", str(folder), "--policy", "gatewey"])
    assert isinstance(done.exception, InputError)
    assert "did you mean 'gateway'" in str(done.exception)


def test_several_results_go_onto_one_page_here(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sim.report.page.create_page", lambda results: f"{len(results)} results")
    assert RUNNER.invoke(app, ["report", str(folder), str(folder)]).exit_code == 0
    assert (tmp_path / "report.html").read_text("utf-8") == "2 results"


def test_a_folder_without_a_result_is_refused(tmp_path: Path) -> None:
    done = RUNNER.invoke(app, ["report", str(tmp_path)])
    assert isinstance(done.exception, InputError)
    assert not (tmp_path / "report.html").exists()


def test_a_place_that_cannot_be_written_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sim.report.page.create_page", lambda results: f"{len(results)} results")
    done = RUNNER.invoke(app, ["report", str(folder), "--out", str(folder / "world.yaml" / "x")])
    assert isinstance(done.exception, StorageError)
    assert "world.yaml" in str(done.exception)
