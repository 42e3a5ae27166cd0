"""From a lie on the wire to stake on the ledger: once, for liars only, silence excepted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from sim.core.reasons import Reason
from sim.core.records import Kind, Status
from sim.ledger.state import BURN, N_EVIDENCE
from sim.model.domains import get_validator_account
from sim.model.run import Replication
from sim.trace.records import Trace
from tests.worlds import POLICIES, create_worker, load_world

if TYPE_CHECKING:
    from pathlib import Path

STAKE = 1_000_000
LIAR = 3
NEAR = {"link": "100ms"}  # all votes are in before the next block


def live(folder: Path, policy: str = "chain", **changes: Any) -> tuple[Replication, Trace]:
    """One replication of a busy little world, and what is left of it."""
    changes = {"agents": [create_worker(cross_org_share=0.5)], "chain": NEAR} | changes
    world = load_world(folder, **changes)
    replication = Replication(world, POLICIES[policy], 1, 0)
    return replication, replication.run()


def get_validators(replication: Replication) -> np.ndarray:
    """Accounts of all validators on the chain."""
    domain, world = replication.chain_domain, replication.world
    assert domain is not None
    first = get_validator_account(world, 0)
    return domain.state.accounts[domain.local[first : first + 4]]


@pytest.mark.parametrize("policy", ["chain", "layered", "anchored"])
@pytest.mark.parametrize(("fault", "n_reports"), [("equivocating_leader", 1), ("double_vote", 3)])
def test_a_liar_is_slashed_once_and_barred(
    tmp_path: Path, policy: str, fault: str, n_reports: int
) -> None:
    faults = [{"fault": fault, "validators": [LIAR]}]
    replication, trace = live(tmp_path, policy, faults=faults, horizon="80s")
    validators = get_validators(replication)
    evidence = trace.receipts[trace.receipts["kind"] == Kind.EVIDENCE]
    paid = evidence["amount"][evidence["code"] == Reason.APPLIED]
    assert np.count_nonzero(paid) == 1
    # every leader after it sees both votes; both proposals only the one that leads next
    assert len(evidence) == n_reports
    # one of four equal stakes offended: three times that share is taken
    assert validators["stake"].tolist() == [STAKE, STAKE, STAKE, STAKE // 4]
    assert validators["status"].tolist() == [Status.ACTIVE] * 3 + [Status.TOMBSTONED]
    assert trace.ordering.penalties._replace(n_jailed=0) == (1, 1, 3 * STAKE // 4, 0, 0)


def test_what_is_taken_goes_to_the_reporter_and_is_burned(tmp_path: Path) -> None:
    faults = [{"fault": "double_vote", "validators": [LIAR]}]
    replication, trace = live(tmp_path, faults=faults)
    domain = replication.chain_domain
    assert domain is not None
    rows = domain.state.evidence[: domain.state.counters[N_EVIDENCE]]
    amount = int(rows["amount"].max())
    fees = int(trace.receipts["fee"][trace.receipts["kind"] == Kind.EVIDENCE].sum())
    assert domain.state.accounts[BURN]["balance"] == amount - amount // 10
    balances = get_validators(replication)["balance"]
    assert balances.sum() == 4 * 10**6 + amount // 10 - fees


@pytest.mark.parametrize(
    "fault",
    ["crash", "silent_leader", "vote_withholding", "message_loss", "one_way_partition"],
)
def test_silence_is_never_slashed(tmp_path: Path, fault: str) -> None:
    faults = [{"fault": fault, "validators": [LIAR]}]
    replication, trace = live(tmp_path, faults=faults)
    assert trace.ordering.penalties.n_accused == 0
    assert not np.any(trace.receipts["kind"] == Kind.EVIDENCE)
    assert get_validators(replication)["stake"].tolist() == [STAKE] * 4


def test_an_absent_validator_is_jailed_and_keeps_its_stake(tmp_path: Path) -> None:
    faults = [{"fault": "vote_withholding", "validators": [LIAR]}]
    replication, trace = live(tmp_path, faults=faults, horizon="100s")
    validators = get_validators(replication)
    assert trace.ordering.penalties.n_jailed >= 1
    assert validators["stake"].tolist() == [STAKE] * 4
    assert validators["negative"][LIAR] > 0
    assert validators["negative"][:LIAR].tolist() == [0] * 3


def test_whoever_votes_before_the_next_block_is_never_jailed(tmp_path: Path) -> None:
    _, trace = live(tmp_path, horizon="100s")
    assert len(trace.ordering.views) > 200
    assert trace.ordering.penalties == (0, 0, 0, 0, 0)


def test_a_certificate_names_the_fastest_so_the_farthest_is_jailed_and_keeps_its_stake(
    tmp_path: Path,
) -> None:
    chain = {"validators": 7, "regions": ["us-east-1"] * 6 + ["ap-southeast-2"]}
    _, trace = live(tmp_path, chain=chain, horizon="100s")
    assert trace.ordering.penalties.n_jailed >= 1
    assert trace.ordering.penalties.slashed == 0


def test_two_keys_in_one_fork_are_both_punished_by_the_branch_that_counts(tmp_path: Path) -> None:
    faults = [
        {"fault": "twins", "validators": [2, 3]},
        {"fault": "partition", "groups": "0 2 3 | 1 2b 3b", "from": "5s", "until": "15s"},
    ]
    chain = NEAR | {"allow_unsafe": True}
    _, trace = live(tmp_path, faults=faults, chain=chain, horizon="60s")
    commits = trace.ordering.commits
    honest = commits[commits["honest"] == 1]
    forked = [
        height
        for height in np.unique(honest["height"])
        if len(np.unique(honest["block"][honest["height"] == height])) > 1
    ]
    assert forked, "two of four Byzantine validators split the honest ones"
    assert trace.ordering.penalties.slashed_wrongly == 0
