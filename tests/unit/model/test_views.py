from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from sim.consensus.messages import GENESIS, GENESIS_CERTIFICATE, Block
from sim.faults.crash import Crash
from sim.faults.twins import Twins
from sim.model.committee import CommitRecord, ViewRecord
from sim.model.faulting import Episode
from sim.model.views import (
    create_commits,
    create_fault_record,
    create_ordering_record,
    create_views,
    name_block,
)
from sim.policies.base import Protocol
from sim.trace.ordering import NO_ORDERING
from tests.committees import create_setting, extend
from tests.markets_world import get_policy, load_market
from tests.worlds import POLICIES, SEED, create_worker, load_world, run

if TYPE_CHECKING:
    from pathlib import Path

FIRST = extend(GENESIS, GENESIS_CERTIFICATE, 1, b"one")
RIVAL = extend(GENESIS, GENESIS_CERTIFICATE, 1, b"two")
THIRD = extend(GENESIS, GENESIS_CERTIFICATE, 3)
AHEAD = extend(GENESIS, GENESIS_CERTIFICATE, 9)
BATCHES = {b"one": [4, 5, 6], b"two": [7]}
LIAR = 3


def create_committee(
    proposed: list[tuple[Block, int]],
    commits: list[tuple[int, Block, int]],
    views: tuple[int, ...] = (4, 3, 2, 90),
) -> Any:
    """What is kept of a committee of which the last validator lies."""
    return SimpleNamespace(
        setting=create_setting(),
        replicas=[SimpleNamespace(view=view) for view in views],
        is_honest=[node != LIAR for node in range(4)],
        proposed={block.digest: ViewRecord(block, at_us) for block, at_us in proposed},
        certified_us={FIRST.digest: 15},
        commits=[CommitRecord(*each) for each in commits],
    )


CHAIN: Any = SimpleNamespace(batches=BATCHES)


def get_rows(committee: Any, *names: str) -> list[tuple[int, ...]]:
    views = create_views(committee, CHAIN)
    return list(zip(*(views[name].tolist() for name in names), strict=True))


def test_there_is_a_row_for_every_view_that_an_honest_validator_entered() -> None:
    rows = get_rows(create_committee([], []), "view", "leader", "proposed_us", "n_transactions")
    assert rows == [(1, 1, -1, 0), (2, 2, -1, 0), (3, 3, -1, 0), (4, 0, -1, 0)]


def test_a_row_has_the_block_of_its_view() -> None:
    committee = create_committee([(FIRST, 10), (THIRD, 30)], [(1, FIRST, 40), (0, FIRST, 41)])
    names = ("height", "proposed_us", "certified_us", "committed_us", "n_transactions")
    assert get_rows(committee, *names) == [
        (1, 10, 15, 40, 3),  # when the first honest one had it
        (-1, -1, -1, -1, 0),
        (1, 30, -1, -1, 0),
        (-1, -1, -1, -1, 0),
    ]
    assert create_views(committee, CHAIN)["block"].tolist()[0] == name_block(FIRST.digest)


@pytest.mark.parametrize("order", [(FIRST, RIVAL), (RIVAL, FIRST)])
def test_of_two_blocks_of_a_view_the_committed_one_is_kept(order: tuple[Block, Block]) -> None:
    proposed = [(block, 10 + index) for index, block in enumerate(order)]
    committee = create_committee(proposed, [(0, FIRST, 40)])
    (first, *_) = get_rows(committee, "block", "committed_us", "n_transactions")
    assert first == (name_block(FIRST.digest), 40, 3)


def test_what_a_liar_commits_is_no_commit_of_a_view() -> None:
    committee = create_committee([(FIRST, 10)], [(LIAR, FIRST, 20), (0, FIRST, 40)])
    assert get_rows(committee, "committed_us")[0] == (40,)
    alone = create_committee([(FIRST, 10)], [(LIAR, FIRST, 20)])
    assert get_rows(alone, "committed_us")[0] == (-1,)


def test_a_view_that_only_a_liar_claims_is_not_there() -> None:
    assert len(create_views(create_committee([(AHEAD, 10)], []), CHAIN)) == 4
    assert len(create_views(create_committee([], [], views=(1, 1, 1, 1)), CHAIN)) == 1


def test_every_commit_is_kept_in_order_of_time_with_who_made_it() -> None:
    committee = create_committee([], [(LIAR, RIVAL, 20), (0, FIRST, 40), (1, THIRD, 40)])
    commits = create_commits(committee, CHAIN)
    names = ("node", "honest", "height", "view", "committed_us", "n_transactions")
    assert list(zip(*(commits[name].tolist() for name in names), strict=True)) == [
        (LIAR, 0, 1, 1, 20, 1),
        (0, 1, 1, 1, 40, 3),
        (1, 1, 1, 3, 40, 0),
    ]
    assert len(create_commits(create_committee([], []), CHAIN)) == 0


def test_a_block_is_named_by_63_bits_of_its_digest() -> None:
    assert name_block(bytes(32)) == 0
    assert name_block(b"\xff" * 32) == 2**63 - 1
    assert name_block(FIRST.digest) != name_block(RIVAL.digest)


def test_a_fault_is_kept_as_it_was_drawn() -> None:
    crash = create_fault_record(Episode("crash", Crash(), (1, 2), 5, 9))
    assert crash == ("crash", (1, 2), 5, 9, False)
    twins = create_fault_record(Episode("twins", Twins(), (0,), 0, -1))
    assert twins == ("twins", (0,), 0, -1, True)


def test_of_an_ideal_sequencer_nothing_is_kept(tmp_path: Path) -> None:
    chain: Any = SimpleNamespace(committee=object())
    assert create_ordering_record(chain) is NO_ORDERING
    ideal = replace(POLICIES["chain"], protocol=Protocol.SEQUENCER)
    assert run(load_world(tmp_path, horizon="10s"), ideal).ordering is NO_ORDERING


def test_what_is_kept_of_a_run_agrees_with_its_blocks(tmp_path: Path) -> None:
    faults = [{"fault": "silent_leader", "validators": [2]}]
    world = load_world(tmp_path, agents=[create_worker(count=12)], faults=faults)
    trace = run(world, "chain", seed=SEED)
    ordering = trace.ordering
    assert (ordering.is_observed, ordering.n_validators, ordering.n_byzantine) == (True, 4, 1)
    committed = ordering.views[ordering.views["committed_us"] >= 0]
    assert (np.diff(committed["height"]) == 1).all()  # heights count empty blocks as well
    full = {row["height"]: row for row in committed[committed["n_transactions"] > 0]}
    assert len(trace.headers) > 10
    for header in trace.headers:
        row = full[header.height]
        assert row["n_transactions"] == header.n_transactions
        assert row["proposed_us"] == header.proposed_us
        assert row["committed_us"] <= header.committed_us  # final for one, then for f + 1
    assert (ordering.views["block"][ordering.views["leader"] == 2] == -1).all()
    assert not ordering.commits["honest"][ordering.commits["node"] == 2].any()
    assert ordering.commits["honest"][ordering.commits["node"] != 2].all()


def test_what_sellers_lose_for_fraud_is_no_penalty_of_validators(tmp_path: Path) -> None:
    trace = run(load_market(tmp_path), get_policy("chain"))
    assert trace.market.disputes["slashed"].any()
    penalties = trace.ordering.penalties
    assert (penalties.n_slashed, penalties.slashed, penalties.slashed_wrongly) == (0, 0, 0)
