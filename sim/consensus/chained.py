"""The pipelined protocols: a view has one proposal, and its votes go to the next leader."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.consensus.messages import (
    PROPOSAL,
    VOTE,
    Broadcast,
    Certificate,
    Effect,
    Phase,
    Proposal,
    Send,
    Signature,
    Timeout,
    Vote,
)
from sim.consensus.replica import VIEWS_AHEAD_MAX, Replica

if TYPE_CHECKING:
    from sim.consensus.quorum import Setting
    from sim.consensus.rules import Rules
    from sim.consensus.signatures import Signatures


class ChainedReplica(Replica):
    """Two-chain or three-chain HotStuff, by its rules."""

    def __init__(
        self, validator: int, setting: Setting, rules: Rules, signatures: Signatures
    ) -> None:
        super().__init__(validator, setting, rules, signatures)
        self.handlers[Proposal] = self.on_proposal
        self.handlers[Vote] = self.on_vote
        self.handlers[Phase] = self.on_phase

    def forget_all_but_votes(self) -> None:
        """Lose votes that were collected, and proposals that wait for their parents."""
        super().forget_all_but_votes()
        self.votes: dict[tuple[int, bytes], dict[int, Signature]] = {}
        self.waiting: Proposal | None = None

    def propose(self, payload: bytes) -> list[Effect]:
        """Extend the highest certificate; the leader is the first to vote."""
        effects: list[Effect] = []
        if self.get_parent() is None:
            return effects
        entry = self.entry if self.high.view + 1 != self.view else None
        self.add_late_votes()
        block, signature = self.create_proposal_block(payload)
        proposal = Proposal(block, entry, signature)
        effects.append(Broadcast(proposal))
        self.blocks[block.digest] = block
        self.vote(proposal, effects)
        return effects

    def on_proposal(self, proposal: Proposal, effects: list[Effect]) -> None:
        """Verify, learn from the certificate inside, go to the view, and vote."""
        if not self.is_in_time(proposal, effects):
            return
        block, entry, _ = proposal
        digest, view, _, proposer, justify, _, _ = block
        if justify.view + 1 != view and (
            entry is None or entry.view + 1 != view or not self.is_timed_out(entry)
        ):
            return  # nothing shows that the view may begin
        if not self.is_certified(justify):  # last: what it knows to be certified, it adopts
            return
        if justify.view > self.high.view or justify.view >= self.view:
            self.adopt(justify, proposer, effects)
        if view > self.view:
            self.enter_view(view, entry, effects)
        if justify.digest not in self.blocks:
            self.waiting = proposal
            self.fetch(justify.digest, proposer, effects)
        elif self.is_extension(block):
            self.blocks[digest] = block
            self.vote(proposal, effects)

    def vote(self, proposal: Proposal, effects: list[Effect]) -> None:
        """Vote at most once a view, never below the lock; remembered before it is sent."""
        block, view = proposal.block, self.view
        if block.view != view or view <= self.view_voted:
            return
        if not self.rules.is_votable(self.lock, block):
            return
        self.view_voted = view
        signature = self.signatures.sign(self.validator, (VOTE, view, block.digest))
        vote = Vote(VOTE, view, block.digest, self.validator, signature, proposal.signature)
        self.vote_last = vote
        leader_next = self.get_leader(view + 1)
        if leader_next == self.validator:
            self.on_vote(vote, effects)
        else:
            effects.append(Send(leader_next, vote))

    def on_vote(self, vote: Vote, effects: list[Effect]) -> None:
        """Collect votes for the view before the one it leads; a quorum is a certificate."""
        kind, view, digest, validator, signature, proposal_signature = vote
        if not self.view - 1 <= view <= self.view + VIEWS_AHEAD_MAX:
            return
        statement = (kind, view, digest)
        if kind != VOTE or self.get_leader(view + 1) != self.validator:
            return
        if not self.signatures.is_signed(validator, statement, signature):
            return
        evidence = self.note(VOTE, view, validator, digest, signature)
        if evidence is not None:  # it votes twice: neither counts for more than one
            self.accuse(evidence, effects)
            return
        self.note_proposer(view, digest, proposal_signature, effects)
        votes = self.votes.get((view, digest))
        if votes is None:
            self.votes[view, digest] = votes = {}
        votes[validator] = signature
        if len(votes) == self.quorum and statement not in self.certified:
            signers = tuple(sorted(votes))
            self.certified[statement] = True
            signatures = tuple([votes[signer] for signer in signers])
            certificate = Certificate(VOTE, view, digest, signers, signatures)
            self.votes = {key: kept for key, kept in self.votes.items() if key[0] >= view}
            self.adopt(certificate, validator, effects)

    def add_late_votes(self) -> None:
        """Name in the certificate it proposes on whoever voted since there was a quorum.

        Only so can the slowest validator be told from one that is silent.
        """
        kind, view, digest, signers, _ = self.high
        votes = self.votes.get((view, digest))
        if votes is not None and len(votes) > len(signers):
            everyone = tuple(sorted(votes))
            signatures = tuple([votes[signer] for signer in everyone])
            self.high = Certificate(kind, view, digest, everyone, signatures)

    def note_proposer(
        self, view: int, digest: bytes, signature: Signature, effects: list[Effect]
    ) -> None:
        """A leader that told others something else is found out by their votes."""
        proposer = self.get_leader(view)
        said = self.statements.get((PROPOSAL, view, proposer))
        if said is not None and said[0] == digest:
            return
        if said is None and not self.signatures.is_signed(
            proposer, (PROPOSAL, view, digest), signature
        ):
            return
        self.accuse(self.note(PROPOSAL, view, proposer, digest, signature), effects)

    def find_missed(self, timeout: Timeout, is_again: bool) -> Certificate | None:
        """The highest certificate, if the sender has a lower one."""
        return self.high if timeout.high.view < self.high.view else None

    def on_phase(self, phase: Phase, effects: list[Effect]) -> None:
        """Somebody shows what this one had missed."""
        certificate = phase.certificate
        if certificate.view > self.high.view and self.is_certified(certificate):
            self.adopt(certificate, self.get_leader(certificate.view + 1), effects)

    def on_view_certified(self, certificate: Certificate, effects: list[Effect]) -> None:
        """A certificate ends its view."""
        self.enter_view(certificate.view + 1, None, effects)

    def on_view_led(self, effects: list[Effect]) -> None:
        """Propose at once on the last view's certificate; otherwise hear of all locks first."""
        if self.get_parent() is None:
            return
        if self.high.view + 1 == self.view or self.view == 1:
            self.be_ready(0, effects)
        else:
            self.be_ready(self.setting.delta_us, effects)

    def on_caught_up(self, effects: list[Effect]) -> None:
        """Apply the highest certificate, look again at what waited, propose if it leads."""
        if self.high.digest in self.blocks:
            self.apply_rules(self.high, self.get_leader(self.view), effects)
        waiting, self.waiting = self.waiting, None
        if waiting is not None:
            self.on_proposal(waiting, effects)
        if self.get_leader(self.view) == self.validator:
            self.on_view_led(effects)
