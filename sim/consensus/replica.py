"""A replica of any protocol: certificates, views, catching up, ordered commits.

Handlers take a message and give effects. Blocks and what `forget_votes` would lose survive a
crash; the rest is rebuilt from what others say.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sim.consensus.evidence import Witness
from sim.consensus.messages import (
    GENESIS,
    GENESIS_CERTIFICATE,
    GENESIS_ROOT,
    PROPOSAL,
    TIMEOUT,
    VOTE,
    Arm,
    Block,
    Blocks,
    Broadcast,
    Certificate,
    Commit,
    Effect,
    Fetch,
    Message,
    NewView,
    Phase,
    Proposal,
    Ready,
    Send,
    Signature,
    Statement,
    Timeout,
    TimeoutCertificate,
    Vote,
    compute_root,
    create_block,
    is_genuine,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sim.consensus.quorum import Setting
    from sim.consensus.rules import Rules
    from sim.consensus.signatures import Signatures

BLOCKS_MAX = 1_000  # in one answer to somebody who catches up
VIEWS_AHEAD_MAX = 1_000  # messages of later views are not kept
VIEWS_KEPT = 256  # how long statements are remembered, to convict whoever contradicts them
BACKOFF_MAX = 20  # doublings of a view's timer


class Replica(Witness, ABC):
    """What all protocols share; a protocol adds handlers and says how a view begins."""

    def __init__(
        self, validator: int, setting: Setting, rules: Rules, signatures: Signatures
    ) -> None:
        self.validator, self.setting, self.rules = validator, setting, rules
        self.signatures = signatures
        self.quorum = setting.quorum
        self.get_leader = lru_cache(maxsize=VIEWS_KEPT)(setting.get_leader)
        self.handlers: dict[type, Callable[[Any, list[Effect]], None]] = {
            Timeout: self.on_timeout,
            Fetch: self.on_fetch,
            Blocks: self.on_blocks,
        }
        self.blocks: dict[bytes, Block] = {GENESIS.digest: GENESIS}
        self.committed: list[bytes] = [GENESIS.digest]  # by height
        self.root = GENESIS_ROOT
        self.forget_votes()
        self.forget_all_but_votes()
        self.arm = Arm(self.get_timeout_us())  # while no view has timed out

    # what survives a crash, and what does not

    def forget_votes(self) -> None:
        """Lose the vote state: what is left may vote twice, as a Byzantine replica does."""
        self.view = 1
        self.entry: TimeoutCertificate | None = None  # without it nobody could be led after it
        self.view_voted = 0
        self.view_proposed = 0
        self.lock = GENESIS_CERTIFICATE
        self.high = GENESIS_CERTIFICATE

    def forget_all_but_votes(self) -> None:
        """Lose what a crash takes from a replica with a disk."""
        self.n_timeouts = 0  # views in a row that timed out
        self.has_timed_out = False
        self.timeouts: dict[int, dict[int, Timeout]] = {}
        self.certified: dict[Statement, bool] = {GENESIS_CERTIFICATE[:3]: True}
        self.statements = {}
        self.wanted: bytes | None = None  # a block it asked for
        self.vote_last: Vote | None = None  # for whoever watches

    def start(self, effects: list[Effect]) -> None:
        """Begin, or begin again after a crash."""
        effects.append(Arm(self.get_timeout_us()))
        if self.get_leader(self.view) == self.validator:
            self.on_view_led(effects)

    def handle(self, message: Message) -> list[Effect]:
        """Take a message; give what follows from it."""
        effects: list[Effect] = []
        self.handlers[type(message)](message, effects)
        return effects

    # certificates

    def is_certified(self, certificate: Certificate) -> bool:
        """Whether a quorum of distinct validators signed it; verified once."""
        statement = certificate[:3]
        if statement in self.certified:
            return True
        signers = certificate.signers
        if not self.is_quorum(signers):
            return False
        if not self.signatures.are_signed(signers, statement, certificate.signatures):
            return False
        self.certified[statement] = True
        return True

    def is_quorum(self, signers: tuple[int, ...]) -> bool:
        """Whether these are enough validators, none of them named twice."""
        n_distinct = len(frozenset(signers))
        return n_distinct >= self.quorum and n_distinct == len(signers)

    def adopt(self, certificate: Certificate, source: int, effects: list[Effect]) -> None:
        """Take note of a valid certificate: highest, lock, commit, view."""
        if certificate.kind == VOTE and certificate.view > self.high.view:
            self.high = certificate
        if certificate.digest in self.blocks:
            self.apply_rules(certificate, source, effects)
        else:
            self.fetch(certificate.digest, source, effects)
        if certificate.view >= self.view:
            self.on_view_certified(certificate, effects)

    def apply_rules(self, certificate: Certificate, source: int, effects: list[Effect]) -> None:
        """Lock and commit what a certificate of a known block locks and commits."""
        rules, blocks = self.rules, self.blocks
        lock = rules.get_lock(blocks, certificate)
        if lock is not None and lock.view > self.lock.view:
            self.lock = lock
        block = rules.get_committed(blocks, certificate)
        if block is not None and block.height >= len(self.committed):
            self.commit(block, source, effects)

    def commit(self, block: Block, source: int, effects: list[Effect]) -> None:
        """Commit a block and all below it that are not yet, lowest first."""
        chain = [block]
        while block.height > len(self.committed):
            parent = self.blocks.get(block.justify.digest)
            if parent is None:
                self.fetch(block.justify.digest, source, effects)
                return
            block = parent
            chain.append(block)
        if block.justify.digest != self.committed[-1]:
            return  # final elsewhere, not here: more validators are Byzantine than any rule bears
        for block in reversed(chain):
            self.committed.append(block.digest)
            self.root = compute_root(self.root, block.payload)
            effects.append(Commit(block, self.root))

    def is_extension(self, block: Block) -> bool:
        """Whether a block is the next above its known parent, digest, root and all."""
        parent = self.blocks[block.justify.digest]
        return (
            block.height == parent.height + 1
            and block.root == compute_root(parent.root, block.payload)
            and is_genuine(block)
        )

    # views

    def get_timeout_us(self) -> int:
        """A view's timer: doubled with each view in a row that timed out, up to a limit.

        f silent leaders make up to 2 f views in a row time out: their own, and those before whose
        votes they were to collect. Only what goes on for longer is laid to a slow network.
        """
        setting = self.setting
        unexplained = self.n_timeouts - 2 * (setting.n_validators - self.quorum)
        doubled = setting.timeout_us << min(max(0, unexplained), BACKOFF_MAX)
        return min(doubled, setting.timeout_max_us)

    def enter_view(
        self, view: int, entry: TimeoutCertificate | None, effects: list[Effect]
    ) -> None:
        """Go on to a later view: by a certificate, or because a quorum gave up on the last."""
        self.view, self.entry = view, entry
        self.has_timed_out = False
        self.n_timeouts = 0 if entry is None else self.n_timeouts + 1
        if self.timeouts:
            self.timeouts = {v: said for v, said in self.timeouts.items() if v >= view - 1}
        if view % VIEWS_KEPT == 0:
            self.forget_old_views()
        effects.append(Arm(self.get_timeout_us()) if self.n_timeouts else self.arm)
        if self.get_leader(view) == self.validator:
            self.on_view_led(effects)

    def forget_old_views(self) -> None:
        """Statements of long ago convict nobody any more."""
        oldest = self.view - VIEWS_KEPT
        self.forget_statements(oldest)
        self.certified = {key: True for key in self.certified if key[1] >= oldest}
        self.certified[GENESIS_CERTIFICATE[:3]] = True

    def on_timer(self) -> list[Effect]:
        """The view took too long: give up on it, and say so until somebody answers."""
        effects: list[Effect] = []
        self.give_up(effects)
        effects.append(Arm(self.get_timeout_us()))
        if self.wanted is not None:  # whoever was asked first did not have it
            other = (self.validator + self.view) % self.setting.n_validators
            self.fetch(self.wanted, other, effects)
        return effects

    def give_up(self, effects: list[Effect]) -> None:
        """Vote no more in this view; tell everybody what it knows."""
        self.has_timed_out = True
        self.view_voted = max(self.view_voted, self.view)
        statement = (TIMEOUT, self.view, self.high.view)
        signature = self.signatures.sign(self.validator, statement)
        timeout = Timeout(self.view, self.validator, self.high, self.entry, signature)
        effects.append(Broadcast(timeout))
        self.add_timeout(timeout, effects)

    def on_timeout(self, timeout: Timeout, effects: list[Effect]) -> None:
        """Learn what the sender knows; show it what it missed."""
        high, sender = timeout.high, timeout.validator
        statement = (TIMEOUT, timeout.view, high.view)
        if not self.signatures.is_signed(sender, statement, timeout.signature):
            return
        is_again = sender in self.timeouts.get(timeout.view, ())
        if self.is_certified(high):
            self.learn(timeout, effects)
        missed = self.find_missed(timeout, is_again)
        if missed is not None:  # those who rest would not tell the sender otherwise
            effects.append(Send(sender, Phase(missed)))

    def learn(self, timeout: Timeout, effects: list[Effect]) -> None:
        """Take over what a sender knows and this replica does not, and count its time-out."""
        high, entry = timeout.high, timeout.entry
        if high.view > self.high.view or high.view >= self.view:
            self.adopt(high, timeout.validator, effects)
        if entry is not None and entry.view >= self.view and self.is_timed_out(entry):
            self.enter_view(entry.view + 1, entry, effects)
        if self.view - 1 <= timeout.view <= self.view:
            self.add_timeout(timeout, effects)

    def add_timeout(self, timeout: Timeout, effects: list[Effect]) -> None:
        """Count one time-out; join in once an honest validator must be among them."""
        view = timeout.view
        said = self.timeouts.setdefault(view, {})
        said[timeout.validator] = timeout
        if view < self.view:
            if self.get_leader(self.view) == self.validator:
                self.on_late_timeout(len(said), effects)
            return
        n_faulty = self.setting.n_validators - self.quorum
        if len(said) > n_faulty and not self.has_timed_out:
            self.give_up(effects)
        elif len(said) >= self.quorum:
            self.enter_view(view + 1, self.create_timeout_certificate(view, said), effects)

    def create_timeout_certificate(
        self, view: int, said: Mapping[int, Timeout | NewView]
    ) -> TimeoutCertificate:
        """Proof that a quorum has left a view."""
        timeouts = [said[validator] for validator in sorted(said)[: self.quorum]]
        return TimeoutCertificate(
            view,
            tuple(timeout.validator for timeout in timeouts),
            tuple(timeout.high.view for timeout in timeouts),
            tuple(timeout.signature for timeout in timeouts),
        )

    def is_timed_out(self, entry: TimeoutCertificate) -> bool:
        """Whether a quorum of distinct validators gave up on a view."""
        if entry is self.entry:
            return True
        _, signers, high_views, signatures = entry
        return (
            self.is_quorum(signers)
            and len(signers) == len(high_views) == len(signatures)
            and all(
                self.signatures.is_signed(signer, (TIMEOUT, entry.view, high_view), signature)
                for signer, high_view, signature in zip(
                    signers, high_views, signatures, strict=True
                )
            )
        )

    # catching up

    def fetch(self, digest: bytes, source: int, effects: list[Effect]) -> None:
        """Ask somebody who must have it for a block and what is below it."""
        self.wanted = digest
        if source != self.validator:
            effects.append(Send(source, Fetch(digest, len(self.committed) - 1, self.validator)))

    def on_fetch(self, fetch: Fetch, effects: list[Effect]) -> None:
        """Answer with what it has."""
        found: list[Block] = []
        block = self.blocks.get(fetch.digest)
        while block is not None and block.height > fetch.height and len(found) < BLOCKS_MAX:
            found.append(block)
            block = self.blocks.get(block.justify.digest)
        if found and 0 <= fetch.validator < self.setting.n_validators:
            effects.append(Send(fetch.validator, Blocks(tuple(found))))

    def on_blocks(self, answer: Blocks, effects: list[Effect]) -> None:
        """Keep the blocks that were asked for, then do what had to wait for them."""
        wanted = self.wanted
        if wanted is None or not answer.blocks or answer.blocks[0].digest != wanted:
            return
        for block in answer.blocks:
            if block.digest != wanted or not is_genuine(block):
                return
            self.blocks[block.digest] = block
            wanted = block.justify.digest
        self.wanted = None
        self.on_caught_up(effects)

    # what a protocol fills in

    @abstractmethod
    def on_view_certified(self, certificate: Certificate, effects: list[Effect]) -> None:
        """A certificate of this view or a later one was adopted."""

    @abstractmethod
    def on_view_led(self, effects: list[Effect]) -> None:
        """It leads the view it has just entered."""

    @abstractmethod
    def find_missed(self, timeout: Timeout, is_again: bool) -> Certificate | None:
        """What a sender of a time-out, perhaps not its first of that view, does not know of."""

    @abstractmethod
    def on_caught_up(self, effects: list[Effect]) -> None:
        """Blocks came that it had asked for."""

    @abstractmethod
    def propose(self, payload: bytes) -> list[Effect]:
        """Make a block of a batch, as the leader of this view."""

    # shared by the protocols

    def is_in_time(self, proposal: Proposal, effects: list[Effect]) -> bool:
        """Whether a proposal is its leader's own and not of a view that is over.

        Whoever proposes twice in a view is found out here, whichever view that is.
        """
        block, _, signature = proposal
        digest, view, _, proposer, _, _, _ = block
        if self.get_leader(view) != proposer or abs(view - self.view) > VIEWS_AHEAD_MAX:
            return False
        if not self.signatures.is_signed(proposer, (PROPOSAL, view, digest), signature):
            return False
        evidence = self.note(PROPOSAL, view, proposer, digest, signature)
        if evidence is not None:
            self.accuse(evidence, effects)
        return view >= self.view

    def on_late_timeout(self, n_timeouts: int, effects: list[Effect]) -> None:
        """Once every validator is heard, no lock is unknown."""
        if n_timeouts == self.setting.n_validators and self.get_parent() is not None:
            self.be_ready(0, effects)

    def get_parent(self) -> Block | None:
        """What it would extend now; None while that is not known or nothing may be proposed."""
        if self.view_proposed >= self.view or self.get_leader(self.view) != self.validator:
            return None
        return self.blocks.get(self.rules.get_parent(self.high).digest)

    def create_proposal_block(self, payload: bytes) -> tuple[Block, Signature]:
        """A signed block on the highest certificate; at most one in a view."""
        self.view_proposed = self.view
        justify = self.rules.get_parent(self.high)
        parent = self.blocks[justify.digest]
        root = compute_root(parent.root, payload)
        block = create_block(self.view, parent.height + 1, self.validator, justify, payload, root)
        signature = self.signatures.sign(self.validator, (PROPOSAL, self.view, block.digest))
        return block, signature

    def be_ready(self, delay_us: int, effects: list[Effect]) -> None:
        """Tell the host that it may propose."""
        effects.append(Ready(self.view, delay_us))
