"""Whole replications whose order comes from validators, with everything that may go wrong there."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.core.reasons import PENDING
from sim.experiment.run import RunOptions, RunResult, run_scenario
from sim.faults.base import Class
from sim.faults.registry import load_faults
from sim.model.batches import Batch, join_batches
from sim.model.chain import Chain
from sim.model.committee import Committee
from sim.model.run import Replication
from sim.model.world import World
from sim.policies.base import Protocol
from sim.scenario.load import load_scenario
from tests.worlds import (
    POLICIES,
    SCENARIOS,
    SEED,
    Document,
    create_reacher,
    create_worker,
    get_calls,
    get_policies,
    load_shipped,
    load_world,
    measure_trace,
    run,
)

REPOSITORY = Path(__file__).parents[2]
FAULTS = load_faults()
LIARS = SCENARIOS / "byzantine_validators.yaml"
VALIDATING = [protocol for protocol in Protocol if protocol is not Protocol.SEQUENCER]
KNOBS: dict[str, Document] = {  # of faults that do not stand on their own
    "censoring_leader": {"target": "worker"},
    "partition": {"groups": "0 1 | 2 3"},
    "region_outage": {"region": "eu-north-1"},
}
BUSY = [create_worker(count=12, cross_org_share=0.3, task_every="3s"), create_reacher(count=3)]
NEAR = {"link": "20ms", "view_timeout": "1s"}
PRINT_DIGESTS = """
import sys
from tests.worlds import get_policies, load_shipped, run
world = load_shipped("byzantine_validators", horizon=int(sys.argv[1]))
for name, policy in get_policies(world).items():
    print(name, *(run(world, policy, replication).compute_digest().hex() for replication in (0, 1)))
"""


def create_fault(name: str, **changes: Any) -> Document:
    """A fault from the third to the ninth second, at one validator."""
    timed = {"fault": name, "validators": [3], "from": "3s", "until": "9s"}
    return timed | KNOBS.get(name, {}) | changes


# every fault there is


@pytest.mark.parametrize("protocol", VALIDATING)
@pytest.mark.parametrize("name", FAULTS)
def test_a_scenario_with_a_fault_loads_and_runs(
    name: str, protocol: Protocol, tmp_path: Path
) -> None:
    faults = [create_fault(name)]
    world = load_world(tmp_path, agents=BUSY, horizon="20s", faults=faults, chain=NEAR)
    policy = replace(POLICIES["chain"], protocol=protocol)
    trace = run(world, policy)
    (fault,) = trace.ordering.faults
    kind = FAULTS[name].kind
    assert fault == (name, (3,), 3_000_000, 9_000_000, kind is Class.BYZANTINE)
    assert trace.ordering.n_byzantine == int(kind is Class.BYZANTINE)
    commits = trace.ordering.commits
    before, after = commits["committed_us"] < 3_000_000, commits["committed_us"] > 9_000_000
    assert before.any()
    assert after.any()
    assert measure_trace(trace, policy)["ledger_safety_violations"].num == 0


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_other_policies_changes_nothing(name: str, tmp_path: Path) -> None:
    faults = [create_fault(name, under=["layered"])]
    worlds = [
        load_world(tmp_path, agents=BUSY, horizon="12s", faults=given) for given in ([], faults)
    ]
    spared, untouched = (run(world, "chain") for world in worlds)
    assert untouched.ordering.faults == ()
    assert untouched.compute_digest() == spared.compute_digest()


# nothing is lost, nothing is decided twice


WASTEFUL: dict[str, list[Document]] = {
    "a silent leader": [create_fault("silent_leader", until="30s")],
    "a liar": [create_fault("equivocating_leader", until="30s"), create_fault("double_vote")],
    "crashes": [
        create_fault("crash", validators=[], drawn=1, every="4s", lasting="3s", until="30s")
    ],
    "forgetting": [create_fault("amnesia", every="4s", lasting="3s", until="30s")],
    "two halves": [create_fault("partition")],
    "bad lines": [create_fault("message_loss", validators=[], share=0.3)],
    "a jam": [create_fault("clog", validators=[])],
    "a censor": [create_fault("censoring_leader", until="30s")],
    "a second one": [create_fault("twins")],
}


def get_names(batch: Batch) -> list[tuple[int, ...]]:
    """What identifies calls of agents, each as often as it is there."""
    truths = batch.truths[batch.truths["agent"] >= 0]
    columns = (truths[name].tolist() for name in ("agent", "task", "call", "attempt"))
    return sorted(zip(*columns, strict=True))


@pytest.mark.parametrize("protocol", VALIDATING)
@pytest.mark.parametrize("name", WASTEFUL)
def test_what_is_submitted_is_decided_once_or_pending(
    name: str, protocol: Protocol, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    submitted: list[Batch] = []
    admit = Chain.admit

    def note(chain: Chain) -> None:
        submitted.extend(batch.copy() for batch in chain.mempool)
        admit(chain)

    monkeypatch.setattr(Chain, "admit", note)
    chain = NEAR | {"block_limit": 5}
    world = load_world(tmp_path, agents=BUSY, faults=WASTEFUL[name], chain=chain)
    replication = Replication(world, replace(POLICIES["chain"], protocol=protocol), SEED, 0)
    domain = replication.chain_domain
    assert domain is not None
    n_genesis = domain.n_applied
    trace = replication.run()
    assert replication.chain is not None
    waiting = replication.chain.waiting
    n_rows = sum(len(batch) for batch in submitted)
    assert domain.n_applied - n_genesis + len(waiting) == n_rows > 100
    decided = Batch(trace.transactions, trace.truths).take(trace.receipts["code"] != PENDING)
    assert get_names(join_batches([decided, waiting])) == get_names(join_batches(submitted))
    names = get_calls(trace).names
    assert len(set(names)) == len(names)
    sizes = [header.n_transactions for header in trace.headers]
    assert sum(sizes) == len(decided)
    assert max(sizes) <= 5
    if name not in ("a liar", "a censor", "a second one"):
        assert measure_trace(trace, replication.policy)["wasted_view_share"].num > 0


# idle validators


@pytest.mark.parametrize("protocol", VALIDATING)
@pytest.mark.parametrize("faults", [[], [create_fault("crash"), create_fault("partition")]])
def test_where_there_is_nothing_to_order_no_message_is_sent(
    faults: list[Document], protocol: Protocol, tmp_path: Path
) -> None:
    late = create_worker(count=1, task_every="10000s")
    world = load_world(tmp_path, agents=[late], faults=faults)
    replication = Replication(world, replace(POLICIES["chain"], protocol=protocol), SEED, 0)
    trace = replication.run()
    assert len(trace.receipts) == len(trace.headers) == len(trace.ordering.commits) == 0
    assert replication.chain is not None
    committee = replication.chain.committee
    assert isinstance(committee, Committee)
    assert committee.n_messages == 0
    assert [replica.view for replica in committee.replicas] == [1] * 4


def test_validators_rest_once_everything_is_final(tmp_path: Path) -> None:
    """Nothing is sent for the rest of the day: neither blocks nor time-outs."""
    world = load_world(tmp_path, agents=[create_worker(task_every="10s")], horizon="20s")
    replication = Replication(world, POLICIES["chain"], SEED, 0)
    replication.run()
    chain = replication.chain
    assert chain is not None
    chain.decide(60_000_000)
    assert len(chain.get_pending()) == 0
    assert len(chain.blocks) > 3
    before = chain.committee.n_messages
    chain.decide(3_600_000_000)
    assert chain.committee.n_messages == before


# one world and one seed give one result


def run_liars(seed: int = SEED, workers: int = 1) -> RunResult:
    options = RunOptions(replications=2, seed=seed, workers=workers)
    return run_scenario(load_scenario(LIARS), options)


@pytest.mark.slow
def test_workers_change_nothing_under_faults() -> None:
    alone, together = run_liars(), run_liars(workers=2)
    assert alone.digests == together.digests
    assert alone.estimates == together.estimates


@pytest.mark.slow
def test_seeds_differ_and_each_gives_the_same_digests_again() -> None:
    digests = [run_liars(seed).digests for seed in (1, 2, 1)]
    assert digests[0] == digests[2]
    assert all(digests[0][name] != digests[1][name] for name in digests[0])


@pytest.mark.slow
def test_no_order_of_a_hash_shows_under_faults() -> None:
    printed = set()
    for hash_seed in ("0", "1", "random"):
        done = subprocess.run(
            [sys.executable, "-c", PRINT_DIGESTS, "34000000"],
            cwd=REPOSITORY,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONHASHSEED": hash_seed},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        printed.add(done.stdout)
    assert len(printed) == 1
    assert len(printed.pop().splitlines()) == len(load_scenario(LIARS).scenario.policies)


def compare_signatures(trusted: World, signed: World) -> None:
    """Both ways of signing give the same digests and the same proof."""
    for policy in get_policies(trusted).values():
        first, second = (run(world, policy) for world in (trusted, signed))
        assert first.compute_digest() == second.compute_digest(), policy.name
        assert first.ordering.penalties == second.ordering.penalties


@pytest.mark.slow
def test_real_signatures_change_nothing_among_liars() -> None:
    short = {"horizon": 32_000_000}  # past the partition of the twins
    name = "byzantine_validators"
    compare_signatures(
        load_shipped(name, **short), load_shipped(name, signatures="ed25519", **short)
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_real_signatures_change_nothing_under_a_fault(name: str, tmp_path: Path) -> None:
    levers = [
        {"name": protocol.value, "preset": "chain", "protocol": protocol.value}
        for protocol in VALIDATING
    ]
    settings: Document = {
        "agents": [create_worker(count=4, task_every="4s")],
        "horizon": "12s",
        "faults": [create_fault(name)],
        "policies": levers,
        "baseline": levers[0]["name"],
    }
    (tmp_path / "signed").mkdir()
    compare_signatures(
        load_world(tmp_path, **settings),
        load_world(tmp_path / "signed", signatures="ed25519", stream="test", **settings),
    )


# it did happen


def test_one_liar_is_found_out_and_two_break_the_order() -> None:
    world = load_shipped("byzantine_validators")
    policies = get_policies(world)
    measured = {
        name: measure_trace(run(world, policies[name]), policies[name])
        for name in ("chain", "chain_one_liar", "chain_two_liars")
    }
    conflicts = {name: values["ledger_safety_violations"].num for name, values in measured.items()}
    assert conflicts["chain"] == conflicts["chain_one_liar"] == 0
    assert conflicts["chain_two_liars"] > 0
    liar = measured["chain_one_liar"]
    assert (liar["slash_recall"].num, liar["slash_recall"].den) == (1, 1)
    assert liar["wrongful_slash_share"].num == 0
    assert liar["wrongful_slash_share"].den > 0


@pytest.mark.parametrize("protocol", VALIDATING)
def test_who_is_left_out_waits_longer(protocol: Protocol, tmp_path: Path) -> None:
    censor = create_fault("censoring_leader", **{"from": "0s"}, until="39s")
    agents = [create_worker(count=6, task_every="4s"), create_worker(name="other", count=6)]
    world = load_world(tmp_path, agents=agents, faults=[censor], chain=NEAR)
    policy = replace(POLICIES["chain"], protocol=protocol)
    trace = run(world, policy)
    targeted = trace.truths["censored"] == 1
    assert set(trace.truths["agent"][targeted].tolist()) <= set(range(6))
    assert measure_trace(trace, policy)["censorship_delay"].num > 0
    assert (trace.receipts["code"][targeted] != PENDING).any()
    assert np.count_nonzero(targeted) > 20
