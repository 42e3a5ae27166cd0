"""What a run leaves of cells that failed, and of those that did once."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sim.core.errors import CellsFailedError, InvariantError, StorageError, WorkerError
from sim.experiment import execute, failures
from sim.experiment.cells import CHUNK, Job, JobResult, run_job
from sim.experiment.failures import COLUMNS, FAILURES, write_failures
from sim.experiment.progress import Failure
from sim.experiment.run import RunOptions, RunResult, get_run_folder, run_scenario
from sim.experiment.stored import load_run
from sim.experiment.verify import VerifyOptions, verify
from sim.scenario.load import LoadedScenario, load_scenario
from sim.scenario.settings import Setting
from tests.watching import Watch, read_all
from tests.worlds import POLICIES, create_reacher, create_worker, write_scenario

REPLICATIONS = CHUNK + 1  # two cells of each policy


def load(folder: Path) -> LoadedScenario:
    agents = [create_worker(count=2), create_reacher(count=1)]
    settings: dict[str, Any] = {"horizon": "10s", "replications": REPLICATIONS, "agents": agents}
    return load_scenario(
        write_scenario(folder, **settings, policies=["unguarded", "gateway", "chain"])
    )


def run(folder: Path, watch: Watch | None = None, **options: Any) -> RunResult:
    chosen = RunOptions(**({"workers": 1, "out": folder / "out"} | options))
    return run_scenario(load(folder), chosen, watch or Watch())


def get_folder(folder: Path) -> Path:
    return get_run_folder(load(folder), folder / "out")


def read_failures(folder: Path) -> list[dict[str, str]]:
    with (get_folder(folder) / FAILURES).open(newline="") as file:
        return list(csv.DictReader(file))


def break_some(job: Job) -> JobResult:
    """Both cells of the chain break a promise, and the first of the gateway dies."""
    if job.policy.name == "chain":
        raise InvariantError("I8 conservation", 7, "a, b", "c", f"replay: chain {job.first}")
    if (job.policy.name, job.first) == ("gateway", 0):
        raise WorkerError("ran out of\nmemory", "replay: gateway")
    return run_job(job)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Every byte of a run in which nothing ever failed."""
    folder = tmp_path_factory.mktemp("whole")
    run(folder)
    return read_all(get_folder(folder))


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a run of which three cells failed."""
    with monkeypatch.context() as planted:
        planted.setattr(execute.Serial.__init__, "__defaults__", (break_some,))
        watch = Watch()
        with pytest.raises(CellsFailedError, match="3 cells failed") as caught:
            run(tmp_path, watch)
    assert len(watch.cells) == 3  # the others are finished
    assert caught.value.exit_code == 3
    assert str(caught.value).splitlines()[-1].endswith(str(get_folder(tmp_path) / FAILURES))
    return tmp_path


def test_every_cell_without_a_result_is_listed(broken: Path) -> None:
    first = {"settings": "", "seed": "1"}
    conserved = "I8 conservation broke at height 7: expected a, b, found c"
    assert read_failures(broken) == [
        {**first, "policy": policy, "first": str(start), "last": str(end), "exit_code": code}
        | {"cause": cause, "replay": f"replay: {replay}"}
        for policy, start, end, code, cause, replay in (
            ("chain", 0, 10, "3", conserved, "chain 0"),
            ("chain", 10, 11, "3", conserved, "chain 10"),
            ("gateway", 0, 10, "4", "ran out of; memory", "gateway"),
        )
    ]


def test_a_run_after_the_repair_leaves_what_an_untroubled_one_does(
    broken: Path, whole: dict[str, bytes]
) -> None:
    watch = Watch()
    run(broken, watch)
    assert watch.starts == [(3, 3)]
    assert read_all(get_folder(broken)) == whole


def test_a_cell_stays_listed_until_it_was_tried_again(broken: Path) -> None:
    run(broken, policies=("gateway",))
    assert {row["policy"] for row in read_failures(broken)} == {"chain"}
    run(broken, seed=2, replications=1)
    assert len(read_failures(broken)) == 2
    run(broken, policies=("chain",), replications=CHUNK)
    assert [(row["policy"], row["first"]) for row in read_failures(broken)] == [("chain", "10")]
    run(broken, policies=("chain",))
    assert not (get_folder(broken) / FAILURES).exists()


def test_what_is_finished_can_be_verified_and_read_beside_the_list(broken: Path) -> None:
    folder = get_folder(broken)
    assert list(load_run(folder).policies) == ["unguarded"]
    (unfinished,) = verify(folder).findings  # one cell of the gateway, and no list of its cells
    assert Path(unfinished.where).parent.name.startswith("gateway-")
    shutil.rmtree(Path(unfinished.where).parent)
    assert verify(folder, VerifyOptions(replications=1, workers=1)).exit_codes == {0}
    assert (folder / FAILURES).is_file()


def test_one_failure_is_listed_too_and_told_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execute.Serial.__init__, "__defaults__", (break_some,))
    with pytest.raises(WorkerError):
        run(tmp_path, policies=("unguarded", "gateway"))
    assert [row["policy"] for row in read_failures(tmp_path)] == ["gateway"]


def test_a_run_that_writes_nothing_lists_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execute.Serial.__init__, "__defaults__", (break_some,))
    with pytest.raises(CellsFailedError) as caught:
        run(tmp_path, out=None, policies=("chain",))
    assert caught.value.listed == ""
    assert [path.name for path in tmp_path.iterdir()] == ["world.yaml"]


# the list itself


def create_failure(policy: str = "gateway", first: int = 0) -> Failure:
    settings = (Setting("a.b", "1, 2"), Setting("c", "3"))
    job = Job("world.yaml", "", POLICIES[policy], 5, first, first + 10, "", settings)
    return Failure(job, WorkerError('a "quoted", cause', "replay: it"))


def test_the_order_in_which_cells_failed_does_not_matter(tmp_path: Path) -> None:
    failed = [
        create_failure("gateway", 100),
        create_failure("gateway", 20),
        create_failure("chain"),
    ]
    path = write_failures(tmp_path, failed)
    assert path == tmp_path / FAILURES
    content = path.read_bytes()
    write_failures(tmp_path, failed[::-1])
    assert path.read_bytes() == content
    lines = content.decode().splitlines()
    assert lines[0] == ",".join(COLUMNS)
    assert lines[2] == 'gateway,"a.b=1, 2 c=3",5,20,30,4,"a ""quoted"", cause",replay: it'


def test_rows_that_are_kept_come_through_unchanged(tmp_path: Path) -> None:
    write_failures(tmp_path, [create_failure("chain"), create_failure()])
    before = (tmp_path / FAILURES).read_bytes()
    write_failures(tmp_path, [], lambda _: True)
    assert (tmp_path / FAILURES).read_bytes() == before


@pytest.mark.parametrize(
    "text", ["", "other,columns\n1,2\n", f"{','.join(COLUMNS)}\na,,x,0,1,4,b,c\n", "\0\n"]
)
def test_a_list_that_somebody_wrote_over_is_replaced(text: str, tmp_path: Path) -> None:
    (tmp_path / FAILURES).write_text(text)
    assert write_failures(tmp_path, [], lambda _: True) is None
    assert not (tmp_path / FAILURES).exists()


@pytest.mark.parametrize("spoil", [lambda path: path.write_bytes(b"\xff\xfe"), Path.mkdir])
def test_a_list_that_cannot_be_replaced_is_a_storage_error(
    spoil: Callable[[Path], Any], tmp_path: Path
) -> None:
    spoil(tmp_path / FAILURES)
    with pytest.raises(StorageError, match=failures.FAILURES):
        write_failures(tmp_path, [], lambda _: True)
