from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from sim.core.errors import AmbitError, InputError, StorageError
from sim.experiment import run as module
from sim.experiment.cells import CHUNK, compute_code_digest, get_world
from sim.experiment.run import (
    RunOptions,
    RunResult,
    compute_joint_digest,
    create_jobs,
    get_run_folder,
    run_scenario,
)
from sim.scenario.load import LoadedScenario, load_scenario
from sim.scenario.policies import compute_policy_digest, create_policies
from sim.trace.store import MANIFEST, load_manifest
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


def read_all(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


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


def test_jobs_are_of_at_most_so_many_replications(tmp_path: Path) -> None:
    loaded = load(tmp_path)
    policies = create_policies(loaded)
    jobs = create_jobs(loaded, policies, 7, 2 * CHUNK + 1, {})
    assert [(job.policy.name, job.first, job.last) for job in jobs] == [
        (name, first, last)
        for name in policies
        for first, last in ((0, CHUNK), (CHUNK, 2 * CHUNK), (2 * CHUNK, 2 * CHUNK + 1))
    ]
    assert {(job.seed, job.folder, job.scenario_digest) for job in jobs} == {(7, "", loaded.digest)}


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
    assert {path.name for path in folder.iterdir()} == {*names, "world.yaml"}


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
    files = {path.name for path in find_folder(result, "mine").iterdir()}
    assert set(manifest["files"]) == files - {MANIFEST}


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


def test_the_old_result_survives_a_run_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = load(tmp_path)
    first = run(loaded, out=tmp_path / "out")
    before = {k: v for k, v in read_all(get_folder(first)).items() if ".tmp" not in k}

    def fail(*_: object) -> None:
        raise StorageError("disk", "full")

    monkeypatch.setattr(module, "execute", fail)
    with pytest.raises(StorageError):
        run(loaded, replications=5, out=tmp_path / "out")
    after = {k: v for k, v in read_all(get_folder(first)).items() if ".tmp/" not in k}
    assert after == before


def test_nothing_stands_under_its_final_name_before_it_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = load(tmp_path)
    seen: list[str] = []
    works = module.seal

    def look(temporary: Path, final: Path, manifest: dict[str, Any]) -> None:
        seen.extend(path.name for path in final.parent.glob("*-*") if path.suffix != ".tmp")
        works(temporary, final, manifest)

    monkeypatch.setattr(module, "seal", look)
    folder = get_folder(run(loaded, out=tmp_path / "out"))
    assert len([name for name in seen if name.startswith("unguarded")]) == 2  # the later two look
    assert not list(folder.glob("*.tmp"))
    assert all((folder / name / MANIFEST).exists() for name in seen)


def test_a_result_is_text_and_columns_and_can_be_read_without_us(result: RunResult) -> None:
    for path in find_folder(result, "chain").iterdir():
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
