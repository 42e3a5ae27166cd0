from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer import Typer
from typer.testing import CliRunner

from sim.cli.verify import verify
from sim.core.errors import InputError
from sim.experiment.run import RunOptions, run_scenario
from sim.scenario.load import load_scenario
from sim.trace.store import MANIFEST
from tests.worlds import write_scenario

app = Typer()
app.command()(verify)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    path = write_scenario(folder, horizon="10s", replications=2, policies=["unguarded", "gateway"])
    result = run_scenario(load_scenario(path), RunOptions(workers=1, out=folder / "out"))
    assert result.folder is not None
    return result.folder


@pytest.fixture
def damaged(made: Path, tmp_path: Path) -> Path:
    folder = shutil.copytree(made, tmp_path / "damaged")
    next(folder.glob(f"gateway-*/*/{MANIFEST}")).unlink()
    return folder


def run(*words: object) -> tuple[int, str]:
    ended = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    return ended.exit_code, ended.stdout


def test_all_is_as_stored(made: Path) -> None:
    code, text = run(made, "--workers", 1)
    assert code == 0
    assert text.startswith(f"{made}: as stored: ")
    assert "4 replications run again on a fresh ledger, every record the same" in text
    assert run(made, "--quiet", "--workers", 1) == (0, "")


def test_quick_does_not_say_that_anything_was_run_again(made: Path) -> None:
    code, text = run(made, "--quick")
    assert code == 0
    assert text.endswith("files; nothing was run again\n")


def test_the_worst_of_several_results_decides(made: Path, damaged: Path) -> None:
    code, text = run(made, damaged, "--quick")
    assert code == 4
    assert f"{damaged}: DAMAGED: " in text
    (named,) = damaged.glob("gateway-*/*/")
    assert f"{named / MANIFEST}: damaged: cannot be read" in text


def test_everything_is_one_json_document(made: Path, damaged: Path) -> None:
    code, text = run(made, damaged, "--quick", "--json")
    document = json.loads(text)
    assert document["exit_code"] == code == 4
    whole, broken = document["results"]
    assert (whole["folder"], whole["findings"]) == (str(made), [])
    assert {finding["kind"] for finding in broken["findings"]} == {"damaged"}


def test_a_folder_that_is_no_result_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no result here"):
        run(tmp_path)
