"""Committees for tests: what they order, how they are built and broken, what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sim.consensus.basic import BasicReplica
from sim.consensus.chained import ChainedReplica
from sim.consensus.messages import (
    GENESIS,
    GENESIS_CERTIFICATE,
    PROPOSAL,
    TIMEOUT,
    VOTE,
    Block,
    Certificate,
    Effect,
    Proposal,
    Timeout,
    TimeoutCertificate,
    Vote,
    compute_root,
    create_block,
)
from sim.consensus.quorum import Setting
from sim.consensus.replica import Replica
from sim.consensus.rules import RULES
from sim.consensus.signatures import Signatures, TrustedSignatures
from sim.experiment.conformance.committees import (
    DELTA_US,
    HOP_US,
    SECOND_US,
    TIMEOUT_US,
    Endless,
    Unending,
    create_committee,
    create_episode,
    create_setting,
    create_site,
    get_honest,
    get_lag,
    is_live,
)
from sim.model.committee import Committee
from sim.model.faulting import Episode

__all__ = [  # what others take from here of what is shipped
    "DELTA_US",
    "HOP_US",
    "SECOND_US",
    "TIMEOUT_US",
    "Endless",
    "Unending",
    "create_committee",
    "create_episode",
    "create_setting",
    "create_site",
    "get_honest",
    "get_lag",
    "is_live",
]
PROTOCOLS = tuple(RULES)
CHAINED = ("hotstuff_2", "hotstuff_3")


class Arriving(Endless):
    """Single items that come at given times; a block takes the first that is not yet ordered."""

    def __init__(self, times_us: Iterable[int], n_nodes: int = 4) -> None:
        super().__init__()
        self.times_us = sorted(times_us)
        self.done: list[set[bytes]] = [set() for _ in range(n_nodes)]

    def get_items(self, now_us: int) -> list[bytes]:
        """What has come by now."""
        n_come = sum(1 for time_us in self.times_us if time_us <= now_us)
        return [item.to_bytes(32, "little") for item in range(1, n_come + 1)]

    def is_left(self, node: int, now_us: int) -> bool:
        return any(item not in self.done[node] for item in self.get_items(now_us))

    def get_next_us(self, now_us: int) -> int | None:
        return next((time_us for time_us in self.times_us if time_us > now_us), None)

    def take(self, node: int, now_us: int, uncommitted: Sequence[Block]) -> bytes:
        taken = self.done[node] | {block.payload for block in uncommitted}
        return next((item for item in self.get_items(now_us) if item not in taken), b"")

    def on_committed(self, node: int, block: Block, now_us: int) -> None:
        self.done[node].add(block.payload)


# whole committees


def run_under(
    episodes: Sequence[Episode],
    protocol: str = "hotstuff_2",
    n_validators: int = 4,
    *,
    until_us: int = 4 * SECOND_US,
    **options: Any,
) -> Committee:
    """A committee that has run under a schedule of faults."""
    committee = create_site(episodes, protocol, n_validators, **options).committee
    committee.start()
    committee.run(until_us)
    return committee


def run_to_view(committee: Committee, view: int) -> None:
    """Go on until somebody is in a view."""
    while max(replica.view for replica in committee.replicas) < view:
        committee.env.step()


def get_height(committee: Committee) -> int:
    """How far every honest node has come."""
    return min(len(committee.replicas[node].committed) - 1 for node in get_honest(committee))


def count_commits(committee: Committee, from_us: int, until_us: int) -> int:
    """Blocks that became final for somebody honest in a time."""
    return len(
        {
            record.block.digest
            for record in committee.commits
            if committee.is_honest[record.node] and from_us <= record.committed_us < until_us
        }
    )


# messages made by hand


def create_replica(
    protocol: str = "hotstuff_2",
    validator: int = 0,
    signatures: Signatures | None = None,
    setting: Setting | None = None,
) -> Replica:
    """One replica on its own."""
    kind = BasicReplica if protocol == "hotstuff_basic" else ChainedReplica
    signatures = TrustedSignatures() if signatures is None else signatures
    setting = create_setting() if setting is None else setting
    return kind(validator, setting, RULES[protocol], signatures)


def extend(
    parent: Block, justify: Certificate, view: int, payload: bytes = b"", n_validators: int = 4
) -> Block:
    """The block of a view on its certified parent."""
    root = compute_root(parent.root, payload)
    return create_block(view, parent.height + 1, view % n_validators, justify, payload, root)


def certify(
    signatures: Signatures, block: Block, signers: Sequence[int] = (0, 1, 2), kind: int = VOTE
) -> Certificate:
    """A certificate that these validators really signed."""
    statement = (kind, block.view, block.digest)
    signed = tuple(signatures.sign(signer, statement) for signer in signers)
    return Certificate(*statement, tuple(signers), signed)


def propose(
    signatures: Signatures, block: Block, entry: TimeoutCertificate | None = None
) -> Proposal:
    """A block as its proposer sends it."""
    statement = (PROPOSAL, block.view, block.digest)
    return Proposal(block, entry, signatures.sign(block.proposer, statement))


def vote(signatures: Signatures, block: Block, validator: int, kind: int = VOTE) -> Vote:
    """A validator's vote for a block."""
    signature = signatures.sign(validator, (kind, block.view, block.digest))
    shown = signatures.sign(block.proposer, (PROPOSAL, block.view, block.digest))
    return Vote(kind, block.view, block.digest, validator, signature, shown)


def give_up(
    signatures: Signatures,
    view: int,
    validator: int,
    high: Certificate = GENESIS_CERTIFICATE,
    entry: TimeoutCertificate | None = None,
) -> Timeout:
    """A validator's time-out of a view."""
    signature = signatures.sign(validator, (TIMEOUT, view, high.view))
    return Timeout(view, validator, high, entry, signature)


def time_out(
    signatures: Signatures, view: int, signers: Sequence[int] = (0, 1, 2), high_view: int = 0
) -> TimeoutCertificate:
    """Proof that these validators gave up on a view."""
    signed = tuple(signatures.sign(signer, (TIMEOUT, view, high_view)) for signer in signers)
    return TimeoutCertificate(view, tuple(signers), (high_view,) * len(signers), signed)


def enter(replica: Replica, view: int) -> list[Effect]:
    """Bring a replica to a view, because a quorum gave up on the one before."""
    signatures = replica.signatures
    entry = time_out(signatures, view - 1)
    return replica.handle(give_up(signatures, view, 3, entry=entry))


def create_chain(
    signatures: Signatures, views: Sequence[int], n_validators: int = 4
) -> list[tuple[Block, Certificate]]:
    """Blocks of these views, each on the certificate of the one before, with their own."""
    block, certificate = GENESIS, GENESIS_CERTIFICATE
    chain = []
    for view in views:
        block = extend(block, certificate, view, b"batch", n_validators)
        certificate = certify(signatures, block, range(n_validators - (n_validators - 1) // 3))
        chain.append((block, certificate))
    return chain


def find_messages(effects: Sequence[Effect], kind: type) -> list[Any]:
    """Messages of a kind among what goes out."""
    messages = [getattr(effect, "message", None) for effect in effects]
    return [message for message in messages if isinstance(message, kind)]


def find_effects(effects: Sequence[Effect], kind: type) -> list[Any]:
    """Effects of a kind."""
    return [effect for effect in effects if isinstance(effect, kind)]


class Tap:
    """Everything that is sent and delivered between the nodes of a committee."""

    def __init__(self, committee: Committee) -> None:
        self.sent: list[tuple[int, int, int, Any]] = []  # time, source, target, message
        self.delivered: list[tuple[int, int, int, Any]] = []
        network, env = committee.network, committee.env
        send, deliver = network.send, network.deliver

        def send_seen(source: int, target: int, message: Any) -> None:
            self.sent.append((env.now, source, target, message))
            send(source, target, message)

        def deliver_seen(source: int, target: int, message: Any) -> None:
            self.delivered.append((env.now, source, target, message))
            deliver(source, target, message)

        def broadcast_seen(source: int, message: Any) -> None:
            for target in range(len(network.delays_us)):
                if target != source:
                    send_seen(source, target, message)

        network.send = send_seen  # type: ignore[method-assign]
        network.broadcast = broadcast_seen  # type: ignore[method-assign]
        network.deliver = deliver_seen

    def find_sent(self, kind: type, source: int) -> list[Any]:
        """Messages of a kind that a node sent."""
        return [said for _, node, _, said in self.sent if node == source and isinstance(said, kind)]
