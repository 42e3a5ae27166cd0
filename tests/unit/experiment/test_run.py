from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from sim.core.errors import AmbitError, InputError, StorageError
from sim.experiment import run as module
from sim.experiment import run_cells
from sim.experiment.cells import CHUNK, compute_code_digest, get_world
from sim.experiment.locking import LOCK
from sim.experiment.run import (
    SOURCES,
    RunOptions,
    RunResult,
    get_run_folder,
    run_scenario,
)
from sim.experiment.run_cells import compute_joint_digest
from sim.experiment.stored import load_run
from sim.scenario.load import LoadedScenario, load_scenario
from sim.scenario.policies import compute_policy_digest
from sim.trace.store import MANIFEST, load_manifest
from tests.watching import Watch, read_all
from tests.worlds import create_reacher, create_worker, write_scenario

OFFICE = Path(__file__).parents[3] / "scenarios" / "recorded_calls.yaml"
MINE = {"name": "mine", "preset": "gateway", "mediation": 0.5}


def load(folder: Path, **changes: Any) -> LoadedScenario:
    """A small scenario of three policies and two replications."""
    settings: dict[str, Any] = {
        "horizon": "12s",
        "replications": 2,
        "agents": [create_worker(count=3), create_reacher(count=2)],
        "policies": ["unguarded", "chain", MINE],
    }
    return load_scenario(write_scenario(folder, **(settings | changes)))


def run(loaded: LoadedScenario, **options: Any) -> RunResult:
    return run_scenario(loaded, RunOptions(**({"workers": 1} | options)))


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    folder = tmp_path_factory.mktemp("run")
    return run(load(folder), out=folder / "out")


def get_folder(result: RunResult) -> Path:
    assert result.folder is not None
    return result.folder


def find_folder(result: RunResult, policy: str) -> Path:
    (found,) = get_folder(result).glob(f"{policy}-*")
    return found


# what is run


def test_every_policy_of_the_scenario_is_measured(result: RunResult) -> None:
    assert list(result.policies) == ["unguarded", "chain", "mine"]
    assert list(result.estimates) == list(result.digests)
    assert (result.replications, result.seed, result.baseline) == (2, 1, "unguarded")
    assert {c.policy for c in result.contrasts} == {"chain", "mine"}


def test_options_choose_and_the_rest_is_as_it_was(tmp_path: Path, result: RunResult) -> None:
    chosen = run(load(tmp_path), policies=("mine", "gateway", "mine"))
    assert list(chosen.policies) == ["mine", "gateway"]
    assert chosen.digests["mine"] == result.digests["mine"]
    assert chosen.folder is None
    assert chosen.baseline == "mine"  # the scenario's is not there
    assert list(tmp_path.iterdir()) == [tmp_path / "world.yaml"]


def test_another_seed_is_another_life_and_more_replications_keep_the_first_ones(
    tmp_path: Path, result: RunResult
) -> None:
    loaded = load(tmp_path)
    assert run(loaded, seed=2).digests["chain"] != result.digests["chain"]
    longer = run(loaded, replications=3, policies=("chain",), out=tmp_path / "out")
    first = load_manifest(find_folder(result, "chain"))["digests"]
    assert load_manifest(find_folder(longer, "chain"))["digests"][:2] == first
    assert len(set(first)) == 2


def test_workers_change_no_byte(tmp_path: Path, result: RunResult) -> None:
    parallel = run(load(tmp_path), workers=3, out=tmp_path / "out")
    assert read_all(get_folder(parallel)) == read_all(get_folder(result))
    assert (parallel.digest, parallel.estimates) == (result.digest, result.estimates)


def test_the_digest_of_a_run_is_over_its_policies(result: RunResult) -> None:
    assert len(result.digest) == 32
    assert len(set(result.digests.values())) == 3
    manifest = load_manifest(find_folder(result, "mine"))
    digests = [bytes.fromhex(digest) for digest in manifest["digests"]]
    assert manifest["digest"] == result.digests["mine"] == compute_joint_digest(digests)


# what is refused


@pytest.mark.parametrize("name", ["chian", "Chain", ""])
def test_an_unknown_policy_is_refused_and_nothing_is_written(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown policy") as caught:
        run(load(tmp_path), policies=("chain", name), out=tmp_path / "out")
    assert caught.value.nearest == ("chain" if name else "")
    assert not (tmp_path / "out").exists()


def test_a_primary_outcome_named_twice_is_refused_at_its_place(tmp_path: Path) -> None:
    loaded = load(tmp_path, primary=["harm_per_episode", "harm_per_episode"])
    with pytest.raises(InputError, match="named twice") as caught:
        run_scenario(loaded, RunOptions())
    assert caught.value.key == "primary[1]"


def test_an_unknown_primary_outcome_is_refused_at_its_place(tmp_path: Path) -> None:
    loaded = load(tmp_path, primary=["harm_per_episode", "utility_cleen"])
    with pytest.raises(InputError) as caught:
        run(loaded, out=tmp_path / "out")
    line = 1 + loaded.path.read_text().splitlines().index('  "utility_cleen"')
    assert caught.value.where == (str(loaded.path), line, 3)
    assert (caught.value.key, caught.value.nearest) == ("primary[1]", "utility_clean")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot be"):
        run(load(tmp_path), out=tmp_path / "file")


def test_a_scenario_that_changed_while_it_ran_is_the_users_error(tmp_path: Path) -> None:
    loaded = load(tmp_path)
    with pytest.raises(AmbitError, match="changed while"):
        get_world(str(loaded.path), "0" * 16, arm="attack")


# what is left


def test_the_folder_says_what_ran(result: RunResult) -> None:
    loaded, folder = result.loaded, get_folder(result)
    assert folder.name == f"world-{loaded.digest}"
    assert folder == get_run_folder(loaded, folder.parent)
    code = compute_code_digest()
    names = {
        f"{name}-{compute_policy_digest(policy)}-1-{code}"
        for name, policy in result.policies.items()
    }
    assert {path.name for path in folder.iterdir()} == {*names, "world.yaml", SOURCES, LOCK}


def test_the_manifest_has_everything_that_made_the_numbers(result: RunResult) -> None:
    manifest = load_manifest(find_folder(result, "mine"))
    policy = result.policies["mine"]
    assert manifest["levers"] == {key: str(getattr(policy, key)) for key in policy.__slots__}
    assert manifest["levers"]["mediation_ppm"] == "500000"
    assert (manifest["seed"], manifest["replications"]) == (1, 2)
    assert (manifest["scenario"], manifest["policy"]) == ("world", "mine")
    assert manifest["scenario_digest"] == result.loaded.digest
    assert manifest["policy_digest"] == compute_policy_digest(policy)
    assert manifest["code"] == compute_code_digest()
    assert set(manifest["files"]) == {f"000000-000002/{MANIFEST}"}
    cell = load_manifest(find_folder(result, "mine") / "000000-000002")
    files = {path.name for path in (find_folder(result, "mine") / "000000-000002").iterdir()}
    assert set(cell["files"]) == files - {MANIFEST}
    assert (cell["first"], cell["last"], cell["digests"]) == (0, 2, manifest["digests"])


def test_two_runs_leave_the_same_bytes(
    tmp_path: Path, result: RunResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another place, another time zone, another time of day."""
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    second = run(load(tmp_path), out=tmp_path / "deep" / "er")
    assert read_all(get_folder(second)) == read_all(get_folder(result))


def test_a_second_run_into_a_folder_leaves_it_as_it_was(tmp_path: Path) -> None:
    loaded = load(tmp_path)
    before = read_all(get_folder(run(loaded, out=tmp_path / "out")))
    assert read_all(get_folder(run(loaded, out=tmp_path / "out"))) == before


def test_the_kept_scenario_runs_again_to_the_same_digest(tmp_path: Path) -> None:
    loaded = load_scenario(OFFICE)
    office = run(loaded, policies=("task",), replications=1, out=tmp_path / "out")
    kept = load_scenario(get_folder(office) / OFFICE.name)
    assert kept.digest == loaded.digest
    assert read_all(get_folder(office)).keys() >= set(loaded.companions)
    again = run(kept, policies=("task",), replications=1)
    assert again.digest == office.digest


def test_the_kept_scenario_can_be_run_where_it_stands(tmp_path: Path) -> None:
    """The folder that `run` names holds a scenario: running that one into the same place works."""
    first = run(load(tmp_path), out=tmp_path / "out")
    kept = load_scenario(get_folder(first) / "world.yaml")
    assert run(kept, out=tmp_path / "out").digest == first.digest


def test_the_old_result_survives_a_disk_that_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = load(tmp_path)
    first = run(loaded, out=tmp_path / "out")
    before = read_all(get_folder(first))

    def refuse(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StorageError, match="No space left on device") as caught:
        run(loaded, replications=5, out=tmp_path / "out")
    assert str(tmp_path / "out") in caught.value.path
    monkeypatch.undo()
    assert load_run(get_folder(first)).digest == first.digest
    longer = run(loaded, replications=5, out=tmp_path / "out")  # and once there is room
    after = read_all(get_folder(longer))
    assert {name for name in after if ".tmp" in name} == set()
    manifests = {name for name in before if name.count("/") == 1}  # now of five replications
    assert {name: after[name] for name in before.keys() - manifests} == {
        name: before[name] for name in before.keys() - manifests
    }


def test_only_what_is_missing_runs(tmp_path: Path) -> None:
    loaded, watch = load(tmp_path), Watch()
    short = run(loaded, out=tmp_path / "out", replications=CHUNK)
    longer = run_scenario(
        loaded, RunOptions(workers=1, out=tmp_path / "out", replications=CHUNK + 2), watch
    )
    assert watch.starts == [(3, 3)]
    assert {(cell.first, len(cell.digests)) for cell in watch.cells} == {(CHUNK, 2)}
    assert longer.digests == run(loaded, replications=CHUNK + 2).digests
    assert run(loaded, out=tmp_path / "out", replications=CHUNK).digests == short.digests


def test_policies_take_turns_so_that_what_is_there_can_be_compared(tmp_path: Path) -> None:
    loaded, watch = load(tmp_path), Watch()
    run_scenario(loaded, RunOptions(workers=1, out=None, replications=CHUNK + 1), watch)
    firsts = [cell.first for cell in watch.cells]
    assert firsts == [0] * 3 + [CHUNK] * 3
    assert len({cell.policy for cell in watch.cells[:3]}) == 3


def test_a_damaged_cell_is_named_and_run_again(tmp_path: Path) -> None:
    loaded, watch = load(tmp_path), Watch()
    first = run(loaded, out=tmp_path / "out")
    before = read_all(get_folder(first))
    victim = next(get_folder(first).glob("chain-*/*/tasks-*.parquet"))
    victim.write_bytes(victim.read_bytes()[:-1] + b"?")
    again = run_scenario(loaded, RunOptions(workers=1, out=tmp_path / "out"), watch)
    assert [str(victim) in message for message in watch.messages] == [True]
    assert watch.starts == [(1, 2)]
    assert read_all(get_folder(again)) == before


def test_a_manifest_is_written_after_all_cells_of_its_policy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []
    works = run_cells.replace_file

    def look(path: Path, content: bytes) -> None:
        seen.append([cell.name for cell in path.parent.iterdir()])
        works(path, content)

    monkeypatch.setattr(run_cells, "replace_file", look)
    run(load(tmp_path), out=tmp_path / "out", replications=CHUNK + 1)
    expected = {f"000000-{CHUNK:06d}", f"{CHUNK:06d}-{CHUNK + 1:06d}"}
    assert [set(names) for names in seen] == [expected] * 3


def test_a_result_is_text_and_columns_and_can_be_read_without_us(result: RunResult) -> None:
    for path in sorted(find_folder(result, "chain").rglob("*.*")):
        if path.name == MANIFEST:
            json.loads(path.read_text(encoding="utf-8"))
        else:
            content = path.read_bytes()
            assert content[:4] == content[-4:] == b"PAR1"


def test_the_order_of_files_on_the_disk_does_not_matter(
    tmp_path: Path, result: RunResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(find_folder(result, "chain"), moved)
    scan = os.listdir
    monkeypatch.setattr(os, "listdir", lambda path=".": list(reversed(scan(path))))
    assert load_manifest(moved) == load_manifest(find_folder(result, "chain"))


def test_the_strategies_of_a_scenario_are_those_of_its_groups() -> None:
    scenario = load_scenario(OFFICE.with_name("nine_seconds.yaml")).scenario
    assert module.get_strategies(scenario) == [group.strategy for group in scenario.agents]
    assert "scripted" in module.get_strategies(scenario)
