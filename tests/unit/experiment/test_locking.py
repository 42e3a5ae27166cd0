from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from sim.core.errors import StorageError
from sim.experiment import locking as module
from sim.experiment.locking import LOCK, lock_folder
from sim.experiment.run import RunOptions, get_run_folder, run_scenario
from sim.scenario.load import load_scenario
from tests.worlds import create_worker, write_scenario

CONTEXT = multiprocessing.get_context("fork")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", 0.1)


def hold(folder: Path, held: Event) -> None:
    with lock_folder(folder):
        held.set()
        signal.pause()


@contextmanager
def another_process(folder: Path) -> Iterator[int]:
    """A process that holds a folder; its number."""
    held = CONTEXT.Event()
    process = CONTEXT.Process(target=hold, args=(folder, held))
    process.start()
    assert held.wait(10)
    assert process.pid is not None
    yield process.pid
    process.kill()
    process.join()


def test_a_folder_has_one_holder_at_a_time(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "folder"
    with another_process(folder) as pid:
        with pytest.raises(StorageError, match="another run writes into this folder") as caught:
            lock_folder(folder).__enter__()
        assert (caught.value.path, caught.value.exit_code) == (str(folder), 4)
        os.kill(pid, signal.SIGKILL)
        with lock_folder(folder):  # a dead process holds nothing
            pass
    with lock_folder(folder):
        assert [path.name for path in folder.iterdir()] == [LOCK]


def test_a_second_run_on_a_folder_is_refused_and_touches_nothing(tmp_path: Path) -> None:
    agents = [create_worker(count=1)]
    path = write_scenario(tmp_path, horizon="10s", agents=agents, policies=["unguarded"])
    loaded = load_scenario(path)
    folder = get_run_folder(loaded, tmp_path / "out")
    with another_process(folder):
        with pytest.raises(StorageError, match="another run"):
            run_scenario(loaded, RunOptions(workers=1, out=tmp_path / "out", replications=1))
        assert [path.name for path in folder.iterdir()] == [LOCK]
    run_scenario(loaded, RunOptions(workers=1, out=tmp_path / "out", replications=1))


def test_a_folder_that_cannot_be_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot be written"):
        lock_folder(tmp_path / "file" / "folder").__enter__()
