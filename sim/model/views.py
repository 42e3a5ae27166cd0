"""From a committee that has run to the records of its views, commits and faults."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sim.faults.base import Class
from sim.ledger.slashing import FRAUD
from sim.ledger.state import N_EVIDENCE
from sim.model.committee import Committee
from sim.model.domains import get_validator_account
from sim.model.faulting import get_byzantine
from sim.trace.ordering import COMMIT, NO_ORDERING, VIEW, FaultRecord, Ordering, Penalties

if TYPE_CHECKING:
    from sim.core.records import Records
    from sim.model.chain import Chain
    from sim.model.faulting import Episode

BLOCK_BITS = 63


def create_ordering_record(chain: Chain) -> Ordering:
    """Views, commits and faults of a chain; nothing where an ideal sequencer ordered."""
    committee = chain.committee
    if not isinstance(committee, Committee):
        return NO_ORDERING
    return Ordering(
        create_views(committee, chain),
        create_commits(committee, chain),
        tuple(create_fault_record(episode) for episode in chain.episodes),
        True,
        len(get_byzantine(chain.episodes)),
        chain.validators,
        create_penalties(committee, chain),
    )


def name_block(digest: bytes) -> int:
    """First bits of a digest."""
    return int.from_bytes(digest[:8], "little") >> 64 - BLOCK_BITS


def create_views(committee: Committee, chain: Chain) -> Records:
    """One row a view, from the first to the last that any honest validator entered.

    Of two blocks proposed in one view the row is that of the one that was committed, if any.
    """
    everyone = zip(committee.replicas, committee.is_honest, strict=True)
    last = max((replica.view for replica, is_honest in everyone if is_honest), default=0)
    views = np.full(last, -1, dtype=VIEW)
    views["view"] = np.arange(1, last + 1)
    views["leader"] = [committee.setting.get_leader(view) for view in range(1, last + 1)]
    views["n_transactions"] = 0
    committed_us: dict[bytes, int] = {}
    for node, block, time_us in committee.commits:
        if committee.is_honest[node]:
            committed_us.setdefault(block.digest, time_us)
    for digest, (block, proposed_us) in committee.proposed.items():
        if block.view > last:
            continue
        row = views[block.view - 1]
        if row["committed_us"] >= 0:
            continue
        row["height"] = block.height
        row["block"] = name_block(digest)
        row["proposed_us"] = proposed_us
        row["certified_us"] = committee.certified_us.get(digest, -1)
        row["committed_us"] = committed_us.get(digest, -1)
        row["n_transactions"] = len(chain.batches.get(block.payload, ()))
    return views


def create_commits(committee: Committee, chain: Chain) -> Records:
    """One row for each block and node that committed it, in order of time."""
    commits = np.zeros(len(committee.commits), dtype=COMMIT)
    blocks = [block for _, block, _ in committee.commits]
    commits["node"] = [node for node, _, _ in committee.commits]
    commits["honest"] = [committee.is_honest[node] for node, _, _ in committee.commits]
    commits["height"] = [block.height for block in blocks]
    commits["block"] = [name_block(block.digest) for block in blocks]
    commits["view"] = [block.view for block in blocks]
    commits["committed_us"] = [at_us for _, _, at_us in committee.commits]
    commits["n_transactions"] = [len(chain.batches.get(block.payload, ())) for block in blocks]
    return commits


def create_penalties(committee: Committee, chain: Chain) -> Penalties:
    """Which validators were found out, and what that cost whom."""
    evidence = chain.domain.state.evidence[: chain.domain.state.counters[N_EVIDENCE]]
    evidence = evidence[evidence["statement"] != FRAUD]  # of sellers: the market keeps those
    culprits = {
        int(chain.domain.local[get_validator_account(chain.world, validator)])
        for validator in get_byzantine(chain.episodes)
    }
    paying = [row for row in evidence if row["amount"] > 0]
    accused = {e.accused for node, e, _ in committee.evidence if committee.is_honest[node]}
    return Penalties(
        n_accused=len(accused),
        n_slashed=len({int(row["offender"]) for row in paying}),
        slashed=sum(int(row["amount"]) for row in paying),
        slashed_wrongly=sum(
            int(row["amount"]) for row in paying if int(row["offender"]) not in culprits
        ),
        n_jailed=chain.domain.n_jailed,
    )


def create_fault_record(episode: Episode) -> FaultRecord:
    """What is kept of an episode."""
    return FaultRecord(
        episode.name,
        episode.validators,
        episode.from_us,
        episode.until_us,
        episode.fault.kind is Class.BYZANTINE,
    )
