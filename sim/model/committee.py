"""The validators of a chain at work: replicas, their links and timers, and who watches them.

Only this file sends. It keeps no transactions: what there is to order, and what a leader puts in
a block, is for `Work` to say. Idle validators send nothing and wait for nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from sim.consensus.basic import BasicReplica
from sim.consensus.chained import ChainedReplica
from sim.consensus.invariants import Watch
from sim.consensus.messages import (
    Arm,
    Block,
    Broadcast,
    Certificate,
    Commit,
    Effect,
    Evidence,
    Message,
    Phase,
    Proposal,
    Ready,
    Send,
    Vote,
)
from sim.consensus.quorum import Setting, get_fault_limit
from sim.consensus.replica import Replica
from sim.consensus.rules import RULES
from sim.consensus.signatures import Signatures, TrustedSignatures
from sim.engine.clock import Clock
from sim.engine.network import Network
from sim.engine.timer import Timer
from sim.faults.base import Behaviour

if TYPE_CHECKING:
    from collections.abc import Sequence


class Work(Protocol):
    """What there is to order."""

    def is_left(self, node: int, now_us: int) -> bool:
        """Whether anything that came by now is not yet final for a node."""

    def get_next_us(self, now_us: int) -> int | None:
        """When the next thing to order comes, after now; None if nothing is known of."""

    def take(self, node: int, now_us: int, uncommitted: Sequence[Block]) -> bytes:
        """Digest of a batch for the next block of a leader, above blocks not yet committed."""

    def on_committed(self, node: int, block: Block, now_us: int) -> None:
        """A block is final for a node."""

    def on_final(self, block: Block, now_us: int) -> None:
        """A block is final for so many nodes that one of them must be honest."""

    def on_evidence(self, node: int, evidence: Evidence, now_us: int) -> None:
        """A node has proof against a validator."""


class ViewRecord(NamedTuple):
    """A block that was proposed."""

    block: Block
    proposed_us: int


class CommitRecord(NamedTuple):
    """A block that became final for a node."""

    node: int
    block: Block
    committed_us: int


class Committee:
    """Nodes numbered from 0; node v runs validator v, further nodes run twins of validators.

    Units: times in microseconds. `delays_us[source][target]` between nodes.
    """

    def __init__(
        self,
        protocol: str,
        setting: Setting,
        delays_us: Sequence[Sequence[int]],
        work: Work,
        *,
        interval_us: int = 0,
        signatures: Signatures | None = None,
        twins: Sequence[int] = (),
        byzantine: Sequence[int] = (),
        is_fatal: bool = True,
    ) -> None:
        self.env = Clock()
        self.setting, self.work, self.interval_us = setting, work, interval_us
        self.signatures = TrustedSignatures() if signatures is None else signatures
        self.validators = [*range(setting.n_validators), *twins]
        self.nodes_of = [
            [node for node, owner in enumerate(self.validators) if owner == validator]
            for validator in range(setting.n_validators)
        ]
        kind = BasicReplica if protocol == "hotstuff_basic" else ChainedReplica
        self.replicas: list[Replica] = [
            kind(validator, setting, RULES[protocol], self.signatures)
            for validator in self.validators
        ]
        n_nodes = len(self.replicas)
        faulty = {*byzantine, *twins}
        self.is_honest = [validator not in faulty for validator in self.validators]
        self.is_down = [False] * n_nodes
        self.behaviours: list[list[Behaviour]] = [[] for _ in range(n_nodes)]
        self.watch = Watch(setting.n_validators, self.signatures, is_fatal=is_fatal)
        self.network = Network(self.env, delays_us, self.deliver)
        self.timers = [self.create_timer(node, self.on_timer) for node in range(n_nodes)]
        self.proposing = [self.create_timer(node, self.propose) for node in range(n_nodes)]
        self.ready: list[tuple[int, int]] = [(0, 0)] * n_nodes  # view it may propose in, and when
        self.is_idle = [True] * n_nodes
        self.owed = [0] * n_nodes  # view whose block others wait for, to commit what it committed
        self.is_chained = kind is ChainedReplica
        self.waking = Timer(self.env, self.wake)
        self.seen_high: list[Certificate | None] = [None] * n_nodes
        self.seen_lock: list[Certificate | None] = [None] * n_nodes
        self.seen_vote: list[Vote | None] = [None] * n_nodes
        self.proposed: dict[bytes, ViewRecord] = {}
        self.certified_us: dict[bytes, int] = {}
        self.commits: list[CommitRecord] = []
        self.n_final: dict[bytes, int] = {}
        self.n_final_honest = get_fault_limit(setting.n_validators) + 1  # one of them is honest
        self.evidence: list[tuple[int, Evidence, int]] = []

    def create_timer(self, node: int, on_deadline: Any) -> Timer:
        """A timer of one node."""
        return Timer(self.env, lambda: on_deadline(node))

    @property
    def n_nodes(self) -> int:
        """Validators and their twins."""
        return len(self.replicas)

    @property
    def n_messages(self) -> int:
        """Messages sent so far."""
        return self.network.n_sent

    def get_proposed_us(self, block: Block) -> int:
        """When a block was proposed."""
        return self.proposed[block.digest].proposed_us

    def start(self) -> None:
        """Every replica begins."""
        for node, replica in enumerate(self.replicas):
            if not self.is_down[node]:
                effects: list[Effect] = []
                replica.start(effects)
                self.perform(node, effects)
        self.expect_work()

    def run(self, until_us: int) -> None:
        """Go on to a time; what happens at that very time is for the next run."""
        now_us = self.env.now
        idle = (node for node, is_idle in enumerate(self.is_idle) if is_idle)
        if any(not self.is_down[node] and self.work.is_left(node, now_us) for node in idle):
            self.waking.arm(0)  # it came at the very end of the last run
        else:
            self.expect_work()  # it may have come since
        self.env.run(until=until_us)

    # what comes in

    def deliver(self, source: int, node: int, message: Message) -> None:
        """A message arrives."""
        if self.is_down[node]:
            return
        replica = self.replicas[node]
        effects = replica.handle(message)
        if self.behaviours[node]:
            effects = self.misbehave(node, message, effects)
        if self.is_honest[node]:
            self.observe(node, replica)
        if effects:
            self.perform(node, effects)

    def observe(self, node: int, replica: Replica) -> None:
        """Watch what an honest node took for certified, and what it voted for."""
        high, lock, vote = replica.high, replica.lock, replica.vote_last
        watch = self.watch
        if vote is not None and vote is not self.seen_vote[node]:
            self.seen_vote[node] = vote  # before its lock: its own vote may be what raised it
            block = replica.blocks.get(vote.digest)  # none in a late phase of basic HotStuff
            below = -1 if block is None else block.justify.view
            watch.on_vote(vote.validator, vote.kind, vote.view, vote.digest, below)
        if high is not self.seen_high[node]:
            self.seen_high[node] = high
            self.certified_us.setdefault(high.digest, self.env.now)
            if high is not watch.checked:
                watch.on_certificate(high)
        if lock is not self.seen_lock[node]:
            self.seen_lock[node] = lock
            watch.on_lock(replica.validator, lock.view)
            if lock is not high:
                watch.on_certificate(lock)

    def misbehave(self, node: int, message: Message | None, effects: list[Effect]) -> list[Effect]:
        """Let the behaviours of a Byzantine node change what goes out."""
        for behaviour in self.behaviours[node]:
            effects = behaviour.act(self.replicas[node], message, effects)
        return effects

    def on_timer(self, node: int) -> None:
        """A node's view took too long."""
        if not self.is_down[node]:
            effects = self.replicas[node].on_timer()
            self.perform(node, self.misbehave(node, None, effects))

    # what goes out

    def perform(self, node: int, effects: list[Effect]) -> None:
        """Do what a replica asks for."""
        for effect in effects:
            kind = type(effect)
            if kind is Send:
                self.send(node, effect.to, effect.message)  # type: ignore[union-attr]
            elif kind is Arm:
                self.arm(node, effect.delay_us)  # type: ignore[union-attr]
            elif kind is Broadcast:
                self.broadcast(node, effect.message)  # type: ignore[union-attr]
            elif kind is Commit:
                self.commit(node, effect)  # type: ignore[arg-type]
            elif kind is Ready:
                self.be_ready(node, effect)  # type: ignore[arg-type]
            else:
                self.accuse(node, effect.evidence)  # type: ignore[union-attr]

    def send(self, node: int, validator: int, message: Message) -> None:
        """Send to all nodes of a validator; what a node says to itself comes at once."""
        if type(message) is Proposal:  # to some only: it tells others something else
            self.note_proposal(message)
        if validator == self.validators[node]:
            self.deliver(node, node, message)
            return
        for target in self.nodes_of[validator]:
            self.network.send(node, target, message)

    def broadcast(self, node: int, message: Message) -> None:
        """Send to every other node."""
        if type(message) is Proposal:
            self.note_proposal(message)
        elif type(message) is Phase and self.is_honest[node]:
            self.watch.on_certificate(message.certificate)
        self.network.broadcast(node, message)

    def note_proposal(self, proposal: Proposal) -> None:
        """Remember when a block was first proposed."""
        block = proposal.block
        self.proposed.setdefault(block.digest, ViewRecord(block, self.env.now))

    def commit(self, node: int, commit: Commit) -> None:
        """A block is final for a node."""
        block, now_us = commit.block, self.env.now
        if self.is_honest[node]:
            self.watch.on_commit(node, commit)
        self.commits.append(CommitRecord(node, block, now_us))
        self.work.on_committed(node, block, now_us)
        if node < self.setting.n_validators:  # a twin is no further validator
            n_final = self.n_final.get(block.digest, 0) + 1
            self.n_final[block.digest] = n_final
            if n_final == self.n_final_honest:
                self.work.on_final(block, now_us)
        if block.payload and self.is_chained and self.leads(node):
            self.owed[node] = self.replicas[node].view
        if not self.work.is_left(node, now_us):
            self.rest(node)

    def leads(self, node: int) -> bool:
        """Whether a node leads the view it is in: then it alone has the certificate before."""
        replica = self.replicas[node]
        return replica.get_leader(replica.view) == replica.validator

    def accuse(self, node: int, evidence: Evidence) -> None:
        """A node has proof against a validator: watch it, pass it on."""
        if self.is_honest[node]:
            is_honest = any(self.is_honest[accused] for accused in self.nodes_of[evidence.accused])
            self.watch.on_evidence(evidence, is_honest=is_honest)
        self.evidence.append((node, evidence, self.env.now))
        self.work.on_evidence(node, evidence, self.env.now)

    # when to act, and when there is nothing to do

    def arm(self, node: int, delay_us: int) -> None:
        """Time a view, if there is anything to wait for."""
        if self.work.is_left(node, self.env.now):
            self.is_idle[node] = False
            self.timers[node].arm(delay_us)
        else:
            self.rest(node)

    def rest(self, node: int) -> None:
        """Nothing is left to order: wait for work, not for a view to end."""
        self.is_idle[node] = True
        self.timers[node].disarm()
        self.expect_work()

    def expect_work(self) -> None:
        """Wake up when the next thing to order comes."""
        next_us = self.work.get_next_us(self.env.now)
        if next_us is not None:
            self.waking.arm(max(0, next_us - self.env.now))

    def wake(self) -> None:
        """There is work again: time the view, and let whoever leads propose."""
        for node, replica in enumerate(self.replicas):
            if self.is_idle[node] and not self.is_down[node]:
                self.arm(node, replica.get_timeout_us())
                self.propose_in_time(node)

    def be_ready(self, node: int, ready: Ready) -> None:
        """A leader may propose from some time on."""
        self.ready[node] = (ready.view, self.env.now + ready.delay_us)
        self.propose_in_time(node)

    def propose_in_time(self, node: int) -> None:
        """Propose once the leader may, the last block is old enough, and there is work.

        There is some as well where others wait to learn what made the last of it final.
        """
        view, earliest_us = self.ready[node]
        replica, now_us = self.replicas[node], self.env.now
        if view != replica.view:
            return
        if not self.work.is_left(node, now_us) and self.owed[node] != view:
            return
        parent = replica.get_parent()
        if parent is None:
            return
        if self.interval_us:
            below = self.proposed.get(parent.digest)
            if below is not None:
                earliest_us = max(earliest_us, below.proposed_us + self.interval_us)
        if earliest_us > now_us:
            self.proposing[node].arm(earliest_us - now_us)
        else:
            self.propose(node)

    def propose(self, node: int) -> None:
        """Let a leader make a block of what is waiting."""
        replica = self.replicas[node]
        parent = replica.get_parent()
        if parent is None or self.is_down[node] or self.ready[node][0] != replica.view:
            return
        payload = self.work.take(node, self.env.now, get_uncommitted(replica, parent))
        effects = replica.propose(payload)
        if self.is_honest[node]:
            self.observe(node, replica)
        self.perform(node, self.misbehave(node, None, effects))

    # crashes

    def crash(self, node: int) -> None:
        """A node stops: it hears nothing and says nothing."""
        self.is_down[node] = True
        self.ready[node] = (0, 0)
        self.timers[node].disarm()
        self.proposing[node].disarm()

    def restart(self, node: int, *, keeps_votes: bool) -> None:
        """A node comes back with what it wrote down, or without."""
        replica = self.replicas[node]
        replica.forget_all_but_votes()
        if not keeps_votes:
            replica.forget_votes()
        self.is_down[node] = False
        effects: list[Effect] = []
        replica.start(effects)
        self.perform(node, effects)


def get_uncommitted(replica: Replica, block: Block) -> Sequence[Block]:
    """Blocks from one that it knows down to the last it committed, highest first.

    Fewer where others committed what it did not: only more than f Byzantine ones bring that about.
    """
    above = []
    below: Block | None = block
    n_committed = len(replica.committed)
    while below is not None and below.height >= n_committed:
        above.append(below)
        below = replica.blocks.get(below.justify.digest)
    return above
