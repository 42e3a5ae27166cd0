"""The chain: what waits for a block, what leaders take, and what becomes of it on the ledger.

Every validator knows of a transaction the moment it is ready; only what validators say to each
other takes time and can fail. Where more validators are Byzantine than any protocol bears, blocks
can be final twice: the ledger follows whichever was first.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sim.consensus.quorum import Setting, get_fault_limit
from sim.consensus.signatures import create_signatures
from sim.core.encoding import HEADER_BYTES
from sim.core.records import Ints
from sim.model.accusing import create_evidence, is_conviction
from sim.model.batches import SIGNED_BYTES, Batch, Decided, create_batch, join_batches, sort_by
from sim.model.committee import Committee
from sim.model.domains import get_validator_account
from sim.model.faulting import (
    NEVER_US,
    FaultSite,
    Plan,
    draw_episodes,
    get_byzantine,
    get_twinned,
)
from sim.model.ideal import IdealSequencer
from sim.policies.base import Policy, Protocol
from sim.scenario.regions import get_link_delays_us

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.consensus.messages import Block, Evidence
    from sim.core.draws import Draws
    from sim.model.domains import Domain
    from sim.model.world import World
    from sim.scenario.schema import Chain as ChainSettings
    from sim.scenario.schema import Scenario

CHECKPOINT_BLOCKS = 100  # blocks between two state roots, at least
NOTHING = np.zeros(0, dtype=np.int64)


class LedgerBlock(NamedTuple):
    """One block with transactions: what its header says, and when it was final."""

    height: int
    proposed_us: int
    committed_us: int
    messages: int  # between validators, all up to this one
    first: int  # position of its first transaction among all that the domain applied
    last: int


class Final(NamedTuple):
    """A block that is final, and has not been applied yet."""

    block: Block
    committed_us: int
    messages: int


def create_plans(scenario: Scenario, policy: str) -> list[Plan]:
    """The scenario's faults under a policy, as plans."""
    return [
        Plan(
            entry.name,
            entry.create(),
            entry.validators,
            entry.drawn or 0,
            entry.since,
            NEVER_US if entry.until is None else entry.until,
            entry.every or 0,
            entry.lasting or 0,
        )
        for entry in scenario.faults
        if not entry.under or policy in entry.under
    ]


def get_delays_us(settings: ChainSettings, regions: Sequence[str]) -> list[list[int]]:
    """Delays between nodes: one for all links, or by the regions they stand in."""
    if settings.link is None:
        return get_link_delays_us(regions, settings.processing)
    return [[settings.link] * len(regions)] * len(regions)


class Chain:
    """Transactions that wait, blocks that were ordered, and the ledger they are applied to."""

    def __init__(self, domain: Domain, world: World, policy: Policy, draws: Draws) -> None:
        self.domain, self.world, self.policy = domain, world, policy
        self.limit = world.scenario.chain.block_limit
        self.validators = world.scenario.chain.validators
        self.mempool: list[Batch] = []
        self.outside: list[Batch] = []
        self.waiting = create_batch(0)  # in order of arrival; all not yet final
        self.serials = NOTHING  # of the rows that wait, rising
        self.ready_us = NOTHING  # when each of them came to the validators, rising
        self.is_ordered = np.zeros(0, dtype=np.bool_)  # committed somewhere, not yet final
        self.n_serials = 0
        self.arrivals: list[int] = []  # times of all that ever came, rising
        self.n_arrived = 0
        self.batches: dict[bytes, Ints] = {}  # serials, by digest
        self.height = 0  # of the last final block
        self.height_ordered = 0  # of the last block that any node committed
        self.now_us = 0
        self.finals: list[Final] = []
        self.reported: dict[tuple[int, int], Evidence] = {}  # by reporter and accused
        self.blocks: list[LedgerBlock] = []
        self.checkpoints: dict[int, bytes] = {}  # state root after a block, by its height
        self.episodes = draw_episodes(
            create_plans(world.scenario, policy.name),
            self.validators,
            world.scenario.horizon,
            draws,
        )
        self.site: FaultSite | None = None
        self.committee = self.create_committee(draws)
        self.n_done = [0] * self.committee.n_nodes  # transactions final for a node
        self.committee.start()

    def create_committee(self, draws: Draws) -> Committee | IdealSequencer:
        """The validators, and whatever goes wrong with them."""
        chain = self.world.scenario.chain
        if self.policy.protocol is Protocol.SEQUENCER:
            return IdealSequencer(self, chain.block_interval, chain.validators, draws)
        twins, byzantine = get_twinned(self.episodes), get_byzantine(self.episodes)
        regions = [chain.regions[v % len(chain.regions)] for v in range(chain.validators)]
        committee = Committee(
            self.policy.protocol,
            Setting(
                chain.validators,
                chain.view_timeout,
                chain.view_timeout_max,
                chain.leader_wait,
                chain.first_leaders,
            ),
            get_delays_us(chain, [*regions, *(regions[twin] for twin in twins)]),
            self,
            interval_us=chain.block_interval,
            signatures=create_signatures(
                self.world.scenario.signatures, self.world.loaded.stream, chain.validators
            ),
            twins=twins,
            byzantine=byzantine,
            is_fatal=len(byzantine) <= get_fault_limit(chain.validators),
        )
        self.site = FaultSite(committee, draws, regions)
        self.site.schedule(self.episodes)
        return committee

    def get_targets(self) -> list[str]:
        """Groups of agents that some leader leaves out."""
        targets = (getattr(episode.fault, "target", "") for episode in self.episodes)
        return [target for target in targets if target]

    # what comes in

    def submit(self, batch: Batch) -> None:
        """Take calls; those that go round the chain never wait for a block."""
        mediated = batch.truths["mediated"] == 1
        if mediated.all():
            self.mempool.append(batch)
            return
        self.mempool.append(batch.take(mediated))
        self.outside.append(batch.take(~mediated))

    def admit(self) -> None:
        """Put what was submitted in line, in order of arrival."""
        fresh = sort_by(join_batches(self.mempool), "ready_us")
        self.mempool = []
        n = len(fresh)
        if not n:
            return
        ready_us = np.maximum(fresh.truths["ready_us"], self.now_us)  # none comes in the past
        self.waiting = join_batches([self.waiting, fresh])
        self.serials = np.concatenate([self.serials, np.arange(n) + self.n_serials])
        self.ready_us = np.concatenate([self.ready_us, ready_us])
        self.is_ordered = np.concatenate([self.is_ordered, np.zeros(n, dtype=np.bool_)])
        self.n_serials += n
        self.arrivals += ready_us.tolist()

    # what the validators ask

    def count_arrived(self, now_us: int) -> int:
        """Transactions that have come by now; never asked about the past."""
        self.n_arrived = bisect_right(self.arrivals, now_us, lo=self.n_arrived)
        return self.n_arrived

    def is_left(self, node: int, now_us: int) -> bool:
        """Whether anything that came by now is not yet final for a node."""
        return self.count_arrived(now_us) > self.n_done[node]

    def get_next_us(self, now_us: int) -> int | None:
        """When the next transaction comes, if it is known."""
        n_arrived = self.count_arrived(now_us)
        return self.arrivals[n_arrived] if n_arrived < len(self.arrivals) else None

    def take(self, node: int, now_us: int, uncommitted: Sequence[Block]) -> bytes:
        """Batch of a leader: the oldest that wait, up to the limit, none of them twice."""
        came = int(np.searchsorted(self.ready_us, now_us, side="right"))
        is_free = ~self.is_ordered[:came]
        for block in uncommitted:
            is_free[self.find_rows(block)] = False
        if self.site is not None:
            for target in self.site.censored.get(node, ()):
                is_free &= ~self.is_of_group(target)[:came]
        rows = np.flatnonzero(is_free)[: self.limit]
        if not len(rows):
            return b""
        serials = self.serials[rows]  # tell apart calls that say the same
        content = self.waiting.transactions.take(rows).tobytes() + serials.tobytes()
        digest = hashlib.blake2b(content, digest_size=32).digest()
        self.batches[digest] = serials
        return digest

    def find_rows(self, block: Block) -> Ints:
        """Rows of a block's transactions among those that wait; none for what is final."""
        serials = self.batches.get(block.payload, NOTHING)
        if not len(serials) or not len(self.serials):
            return NOTHING
        rows = np.searchsorted(self.serials, serials)
        rows[rows == len(self.serials)] = 0
        found: Ints = rows[self.serials[rows] == serials]
        return found

    def is_of_group(self, name: str) -> np.ndarray:
        """Which waiting calls are of agents of a group."""
        cohort = next(cohort for cohort in self.world.cohorts if cohort.name == name)
        agent = self.waiting.truths["agent"]
        flags: np.ndarray = (agent >= cohort.first) & (agent < cohort.last)
        return flags

    def on_committed(self, node: int, block: Block, now_us: int) -> None:
        """A block is final for a node: no leader takes its transactions again."""
        if not block.payload:
            return
        self.n_done[node] += len(self.batches.get(block.payload, NOTHING))
        if block.height > self.height_ordered:
            self.height_ordered = block.height
            self.is_ordered[self.find_rows(block)] = True

    def on_final(self, block: Block, now_us: int) -> None:
        """A block is final for so many that one of them must be honest: so it is for agents."""
        if block.height == self.height + 1:
            self.height = block.height
            self.finals.append(Final(block, now_us, self.committee.n_messages))

    def on_evidence(self, node: int, evidence: Evidence, now_us: int) -> None:
        """A node has proof against a validator: it reports each culprit once."""
        if not isinstance(self.committee, Committee):
            return
        reporter = self.committee.validators[node]
        if (reporter, evidence.accused) in self.reported:
            return
        self.reported[reporter, evidence.accused] = evidence
        is_proof = is_conviction(self.committee.signatures, evidence)
        batch = create_evidence(evidence, self.height, is_proof=is_proof)
        batch.transactions["sender"] = get_validator_account(self.world, reporter)
        batch.transactions["target"] = get_validator_account(self.world, evidence.accused)
        batch.transactions["fee"] = self.policy.fee
        batch.transactions["submitted_us"] = batch.truths["ready_us"] = now_us
        batch.truths["entity"] = reporter
        self.mempool.append(batch)

    # what comes of it

    def decide(self, until_us: int) -> list[Decided]:
        """Apply the blocks that became final before a time, then what went round them."""
        self.admit()
        self.committee.run(until_us)
        self.now_us = until_us
        decided = self.apply_final()
        outside = join_batches(self.outside)
        self.outside = []
        if len(outside):
            outside = sort_by(outside, "ready_us")
            outside.truths["final_us"] = outside.truths["ready_us"]
            outside.truths["messages"] += 2
            outside.transactions["height"] = self.height
            outside.transactions["now_us"] = outside.truths["ready_us"]
            ends = np.array([len(outside)], dtype=np.int64)
            receipts = self.domain.apply(outside, ends)
            decided.append(Decided(outside, receipts, np.full(len(outside), -1, dtype=np.int64)))
        return decided

    def apply_final(self) -> list[Decided]:
        """Stamp and apply what is final, block by block."""
        ends, chosen = [], []
        n_rows = 0
        for final in self.finals:
            rows = self.find_rows(final.block)
            if len(rows):
                self.stamp(final, rows, self.domain.n_applied + n_rows)
                n_rows += len(rows)
                ends.append(n_rows)
                chosen.append(rows)
        decided = self.apply_rows(np.concatenate(chosen), ends) if chosen else []
        self.count_signers()
        self.finals = []
        if decided and self.height >= max(self.checkpoints, default=0) + CHECKPOINT_BLOCKS:
            self.checkpoints[self.blocks[-1].height] = self.domain.compute_state_root()
        return decided

    def apply_rows(self, rows: Ints, ends: list[int]) -> list[Decided]:
        """Apply rows that wait, in this order, as blocks that stop at `ends`."""
        batch = self.waiting.take(rows)
        batch.truths["messages"] += 2
        self.forget(rows)
        receipts = self.domain.apply(batch, np.array(ends, dtype=np.int64))
        return [Decided(batch, receipts, np.full(len(batch), -1, dtype=np.int64))]

    def count_signers(self) -> None:
        """Count on the ledger who signed the parents of the blocks that became final.

        Certificates of basic HotStuff name the fastest quorum and nobody else, so nothing is
        counted there; nor where an ideal sequencer signs for all.
        """
        if self.policy.protocol in (Protocol.HOTSTUFF_2, Protocol.HOTSTUFF_3):
            for final in self.finals:
                if final.block.justify.signers:
                    height = final.block.height - 1
                    self.domain.record_participation(height, final.block.justify.signers)

    def stamp(self, final: Final, rows: Ints, first: int) -> None:
        """Write height and times into the rows of a block, and note the block."""
        block, committed_us, messages = final
        proposed_us = self.committee.get_proposed_us(block)
        transactions, truths = self.waiting
        transactions["height"][rows] = block.height
        transactions["now_us"][rows] = proposed_us
        truths["final_us"][rows] = committed_us
        last = first + len(rows)
        placed = LedgerBlock(block.height, proposed_us, committed_us, messages, first, last)
        self.blocks.append(placed)

    def forget(self, rows: Ints) -> None:
        """Rows that are final wait no longer."""
        stays = np.ones(len(self.serials), dtype=np.bool_)
        stays[rows] = False
        self.waiting = self.waiting.take(stays)
        self.serials, self.ready_us = self.serials[stays], self.ready_us[stays]
        self.is_ordered = self.is_ordered[stays]

    def count_messages(self, index: int) -> tuple[int, int]:
        """Messages and bytes of ordering a block since the one before: its batch to each peer."""
        block = self.blocks[index]
        messages = block.messages - (self.blocks[index - 1].messages if index else 0)
        content = (block.last - block.first) * SIGNED_BYTES
        return messages, (self.validators - 1) * content + messages * HEADER_BYTES

    def get_pending(self) -> Batch:
        """What waits for a block."""
        return join_batches([*self.mempool, self.waiting, *self.outside])
