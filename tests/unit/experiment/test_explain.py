from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from sim.core.errors import AmbitError, InputError, StorageError
from sim.core.reasons import PENDING, Reason
from sim.experiment import explain as module
from sim.experiment.explain import Explanation, explain
from sim.experiment.explainable import LISTED_MAX, Wanted, list_explainable
from sim.experiment.run import RunOptions, run_scenario
from sim.model.reexecute import format_call
from sim.scenario.load import load_scenario
from sim.trace.records import Trace
from sim.trace.store import MANIFEST, create_manifest
from tests.worlds import create_reacher, create_worker, get_calls, load_world, write_scenario
from tests.worlds import run as run_replication

POLICIES = ["unguarded", "gateway", "chain", {"name": "mine", "preset": "layered"}]
NAMES = ["unguarded", "gateway", "chain", "mine"]
SETTINGS: dict[str, Any] = {
    "horizon": "20s",
    "replications": 2,
    "issuer_error": 0.6,  # so that a task ends early where somebody checks
    "agents": [
        create_worker(count=2, cross_org_share=0.5, error=0.3),
        create_reacher(count=3, cross_org_share=0.5),
        create_worker(name="alone", count=1),
    ],
    "policies": POLICIES,
}


def run(folder: Path, seed: int | None = None, **changes: Any) -> Path:
    """The folder that a run of a small scenario names."""
    loaded = load_scenario(write_scenario(folder, **(SETTINGS | changes)))
    result = run_scenario(loaded, RunOptions(seed=seed, workers=1, out=folder / "out"))
    assert result.folder is not None
    return result.folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(tmp_path_factory.mktemp("run"))


@pytest.fixture
def copied(folder: Path, tmp_path: Path) -> Path:
    return shutil.copytree(folder, tmp_path / "result")


def find_manifest(folder: Path, policy: str) -> Path:
    (found,) = folder.glob(f"{policy}-*/{MANIFEST}")
    return found


def test_calls_that_nobody_asked_for_come_first(folder: Path, tmp_path: Path) -> None:
    listed = list_explainable(folder, 0).calls
    assert 0 < len(listed) <= LISTED_MAX
    assert len(set(listed)) == len(listed)
    world = load_world(tmp_path, **SETTINGS)
    calls = get_calls(run_replication(world, "unguarded"))
    n_unasked = int((calls.truths["legit"] == 0).sum())
    assert n_unasked > 0
    first = listed[: min(n_unasked, LISTED_MAX)]
    assert all(int(name.split("/")[2]) >= 64 for name in first)  # acts no task asked for
    assert list_explainable(folder, 1).calls != listed


def test_every_listed_call_is_explained_under_every_policy(folder: Path) -> None:
    for call in list_explainable(folder, 0).calls:
        explanations = explain(folder, call, 0)
        assert [explanation.policy for explanation in explanations] == NAMES
        for explanation in explanations:
            assert explanation.call == call
            check_verdict(explanation)


def check_verdict(explanation: Explanation) -> None:
    """The first check that is seen to fail and binds is the one that decided."""
    deciding = [check.reason for check in explanation.checks if check.binds and check.seen]
    if explanation.code is None:
        assert explanation.verdict == "never made"
        assert explanation.checks == []
    elif explanation.code == PENDING:
        assert explanation.verdict == "pending at the horizon"
        assert explanation.checks == []
    elif explanation.code == 0:
        assert explanation.verdict == "executed"
        assert deciding == []
    else:
        assert deciding[0] == explanation.code
        assert explanation.verdict == f"refused: {Reason(explanation.code).name}"
        assert explanation.final_s >= explanation.submitted_s


def test_a_lone_agent_goes_by_the_name_of_its_group(folder: Path) -> None:
    explanations = explain(folder, "alone/0/0/0", 0)
    assert {explanation.operation for explanation in explanations} == {"look"}


def test_policies_can_be_chosen(folder: Path) -> None:
    call = list_explainable(folder, 0).calls[0]
    chosen = explain(folder, call, 0, ("mine", "gateway"))
    assert [explanation.policy for explanation in chosen] == ["gateway", "mine"]
    assert chosen[0] == explain(folder, call, 0)[1]


@pytest.mark.parametrize(
    ("call", "problem", "nearest"),
    [
        ("", "expected AGENT/TASK/CALL/ATTEMPT, got ''", ""),
        ("reacher-0", "expected AGENT/TASK/CALL/ATTEMPT", ""),
        ("reacher-0/0/64", "expected AGENT/TASK/CALL/ATTEMPT", ""),
        ("reacher-0/0/64/x", "expected AGENT/TASK/CALL/ATTEMPT", ""),
        ("reacher-0/0/-64/0", "expected AGENT/TASK/CALL/ATTEMPT", ""),
        ("reachr-0/0/64/0", "unknown agent 'reachr-0'", "reacher-0"),
        ("reacher/0/64/0", "unknown agent 'reacher'", "reacher-2"),
        ("alone-0/0/0/0", "unknown agent 'alone-0'", "alone"),
        ("a/b/0/0/0", "unknown agent 'a/b'", ""),
        ("reacher-0/999/64/0", "no policy of this result saw a call", ""),
        ("reacher-0/0/64/999999999999999999999", "no policy of this result saw a call", ""),
    ],
)
def test_a_call_that_does_not_exist_is_refused(
    folder: Path, call: str, problem: str, nearest: str
) -> None:
    with pytest.raises(InputError, match=re.escape(problem)) as caught:
        explain(folder, call, 0)
    assert (caught.value.key, caught.value.nearest) == ("CALL", nearest)


def test_a_policy_without_a_result_is_refused(folder: Path) -> None:
    with pytest.raises(InputError, match="no result of 'gatway' here") as caught:
        explain(folder, "alone/0/0/0", 0, ("chain", "gatway"))
    assert (caught.value.key, caught.value.nearest) == ("--policy", "gateway")


@pytest.mark.parametrize("replication", [2, 99])
def test_a_replication_that_did_not_run_is_refused(folder: Path, replication: int) -> None:
    with pytest.raises(InputError, match=f"must be below 2, got {replication}") as caught:
        list_explainable(folder, replication)
    assert caught.value.key == "--replication"


def test_a_folder_without_a_result_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(InputError, match="no finished result in this folder"):
            list_explainable(path, 0)


def test_a_call_that_was_not_made_under_a_policy_has_no_checks_there(
    folder: Path, tmp_path: Path
) -> None:
    """The chain is slow: at the horizon, agents have come less far than where nobody checks."""
    world = load_world(tmp_path, **SETTINGS)
    free, checked = (get_calls(run_replication(world, name)) for name in ("unguarded", "chain"))
    only_free = [row for row, name in enumerate(free.names) if name not in checked.names]
    call = format_call(world, free.truths[only_free[0]])
    explanations = {each.policy: each for each in explain(folder, call, 0)}
    assert explanations["chain"].verdict == "never made"
    assert explanations["chain"].checks == []
    assert explanations["unguarded"].code is not None


# a result that is not what was written


def test_a_damaged_file_is_refused_by_name(copied: Path) -> None:
    path = next(find_manifest(copied, "chain").parent.glob("*/tasks-*"))
    path.write_bytes(path.read_bytes()[:-1] + b"\x00")
    with pytest.raises(StorageError, match=path.name):
        explain(copied, "alone/0/0/0", 0)


def test_a_result_that_does_not_come_out_again_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the rules were changed since, and the version was not."""
    works = module.run_replication
    monkeypatch.setattr(
        module, "run_replication", lambda world, policy, seed, k: works(world, policy, seed + 1, k)
    )
    with pytest.raises(StorageError, match="does not come out as stored"):
        explain(folder, "alone/0/0/0", 0, ("gateway",))


def test_levers_this_version_does_not_have_are_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "compute_policy_digest", lambda _: "0" * 16)
    with pytest.raises(InputError, match="levers"):
        explain(folder, "alone/0/0/0", 0, ("gateway",))


def test_a_result_without_its_scenario_is_refused(copied: Path) -> None:
    (copied / "world.yaml").unlink()
    with pytest.raises(AmbitError, match="no such file"):
        list_explainable(copied, 0)


@pytest.mark.parametrize("key", ["policy", "scenario_file", "digests", "seed", "replications"])
def test_a_manifest_that_lacks_something_is_refused_without_a_traceback(
    key: str, copied: Path
) -> None:
    for path in list(copied.glob(f"*/{MANIFEST}")):
        facts = json.loads(path.read_text())
        del facts[key], facts["manifest"]
        path.write_bytes(create_manifest(facts))
    with pytest.raises(AmbitError):
        explain(copied, "alone/0/0/0", 0)


# several runs of one scenario share its folder


def test_two_seeds_side_by_side_are_told_apart(tmp_path: Path) -> None:
    folder = run(tmp_path)
    assert run(tmp_path, seed=2) == folder
    explanations = explain(folder, "alone/0/0/0", 0)
    assert len({(e.policy, e.submitted_s) for e in explanations}) == len(explanations)
    assert len({e.policy for e in explanations}) == len(explanations)


def test_a_policy_whose_levers_were_edited_since_does_not_hide_the_new_result(
    tmp_path: Path,
) -> None:
    first = {"name": "mine", "preset": "gateway", "mediation": 0.9}
    run(tmp_path, policies=["unguarded", first])
    folder = run(tmp_path, policies=["unguarded", first | {"mediation": 0.8}])
    assert {e.policy for e in explain(folder, "alone/0/0/0", 0)} == {"unguarded", "mine"}


def test_a_policy_that_was_taken_out_since_does_not_hide_the_others(tmp_path: Path) -> None:
    run(tmp_path)
    folder = run(tmp_path, policies=["unguarded", "gateway"])
    assert "gateway" in {e.policy for e in explain(folder, "alone/0/0/0", 0)}


def test_a_result_of_an_older_version_does_not_hide_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as older:
        for room in ("run", "cells"):
            older.setattr(f"sim.experiment.{room}.compute_code_digest", lambda: "0" * 16)
        older.setattr(Trace, "compute_digest", lambda _: bytes(16))
        run(tmp_path)
    folder = run(tmp_path)
    assert explain(folder, "alone/0/0/0", 0, ("gateway",))[0].code == 0


# calls of one kind


def list_of(folder: Path, policy: str, **wanted: str) -> list[str]:
    return list_explainable(folder, 0, (policy,), Wanted(**wanted)).calls


def test_calls_of_an_agent_or_a_group_can_be_listed(folder: Path) -> None:
    everything = list_of(folder, "gateway")
    for name in ("reacher-0", "reacher"):
        listed = list_of(folder, "gateway", agent=name)
        assert listed
        assert all(call.startswith((f"{name}/", f"{name}-")) for call in listed)
        assert {call for call in everything if call.startswith(f"{name}/")} <= set(listed)


def test_calls_refused_for_a_reason_can_be_listed(folder: Path) -> None:
    listed = list_of(folder, "gateway", reason="capability_denied")
    assert listed
    for call in listed[:2]:
        (explanation,) = explain(folder, call, 0, ("gateway",))
        assert explanation.code == Reason.CAPABILITY_DENIED
    assert list_of(folder, "unguarded", reason="CAPABILITY_DENIED") == []


def test_calls_of_an_org_are_those_of_its_agents(folder: Path) -> None:
    by_org = [set(list_of(folder, "gateway", org=f"firm-{k}", agent="reacher")) for k in (0, 1)]
    assert by_org[0]
    assert by_org[1]
    assert not by_org[0] & by_org[1]
    assert by_org[0] | by_org[1] >= set(list_of(folder, "gateway", agent="reacher"))


@pytest.mark.parametrize(
    ("wanted", "key", "nearest"),
    [
        ({"reason": "capabilty_denied"}, "--reason", "CAPABILITY_DENIED"),
        ({"reason": "APPLIED"}, "--reason", ""),
        ({"agent": "recher-0"}, "--agent", "reacher-0"),
        ({"org": "frim-0"}, "--org", "firm-0"),
    ],
)
def test_a_kind_that_does_not_exist_is_refused(
    folder: Path, wanted: dict[str, str], key: str, nearest: str
) -> None:
    with pytest.raises(InputError, match="unknown") as caught:
        list_of(folder, "gateway", **wanted)
    assert caught.value.key == key
    assert caught.value.nearest == nearest
