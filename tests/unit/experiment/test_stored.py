from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sim.core.errors import InputError, StorageError
from sim.experiment.explain import StoredRun
from sim.experiment.run import RunOptions, RunResult, run_scenario
from sim.experiment.stored import load_run
from sim.scenario.load import load_scenario
from sim.scenario.settings import parse_setting
from tests.worlds import create_reacher, create_worker, write_scenario


def run(folder: Path, **options: object) -> RunResult:
    path = write_scenario(
        folder,
        horizon="12s",
        replications=3,
        agents=[create_worker(count=3), create_reacher(count=2)],
        policies=["unguarded", "chain", {"name": "mine", "preset": "gateway", "mediation": 0.5}],
        baseline="chain",
    )
    settings = {"workers": 1, "out": folder / "out"} | options
    return run_scenario(load_scenario(path), RunOptions(**settings))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    return run(tmp_path_factory.mktemp("stored"))


def get_folder(result: RunResult) -> Path:
    assert result.folder is not None
    return result.folder


def test_what_is_read_equals_what_was_run(stored: RunResult) -> None:
    again = load_run(get_folder(stored))
    assert list(again.policies) == ["unguarded", "chain", "mine"]
    assert again.baseline == "chain"
    assert again.policies == stored.policies
    assert again.values == stored.values
    assert again.estimates == stored.estimates
    assert again.contrasts == stored.contrasts
    assert (again.digest, again.digests) == (stored.digest, stored.digests)
    assert again.loaded.digest == stored.loaded.digest


def test_some_policies_are_read_alone(stored: RunResult) -> None:
    again = load_run(get_folder(stored), ["mine"])
    assert list(again.policies) == ["mine"]
    assert (
        again.estimates["mine"]["utility_under_attack"]
        == stored.estimates["mine"]["utility_under_attack"]
    )


def test_an_unknown_policy_is_named_with_the_nearest(stored: RunResult) -> None:
    with pytest.raises(InputError, match="no result of 'chian' here; did you mean 'chain'"):
        load_run(get_folder(stored), ["chian"])


def test_a_folder_without_a_result_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no finished result"):
        load_run(tmp_path)


def test_seeds_are_not_mixed(tmp_path: Path) -> None:
    first = run(tmp_path)
    second = run(tmp_path, seed=77, policies=("chain",))
    assert load_run(get_folder(first)).digests == first.digests
    assert load_run(get_folder(first), seed=77).digests == second.digests
    with pytest.raises(InputError, match=r"no result with seed 5 here, there are: \d+, 77"):
        load_run(get_folder(first), seed=5)


def test_policies_of_unequal_length_are_cut_to_what_all_have(tmp_path: Path) -> None:
    result = run(tmp_path)
    run(tmp_path, policies=("mine",), replications=2)
    again = load_run(get_folder(result))
    assert again.replications == 2
    assert {estimate.n for estimate in again.estimates["chain"].values()} == {2}


def test_a_flipped_byte_is_named(stored: RunResult, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(get_folder(stored), copy)
    victim = sorted(copy.glob("chain-*/*/outcomes-*.parquet"))[0]
    content = bytearray(victim.read_bytes())
    content[40] ^= 1
    victim.write_bytes(content)
    with pytest.raises(StorageError, match=victim.name):
        load_run(copy)


def test_what_was_set_is_set_again(tmp_path: Path) -> None:
    path = write_scenario(
        tmp_path,
        horizon="12s",
        replications=2,
        agents=[create_worker(count=3), create_reacher(count=2)],
        policies=["chain"],
        baseline="chain",
    )
    loaded = load_scenario(path, [parse_setting("policies.chain.fee=3")])
    result = run_scenario(loaded, RunOptions(workers=1, out=tmp_path / "out"))
    again = load_run(get_folder(result))
    assert again.policies["chain"].fee == 3
    assert again.estimates == result.estimates
    lived = StoredRun(get_folder(result))  # refuses what does not come to the stored digest
    assert lived.run_again(lived.manifests[0], 1).policy == "chain"
