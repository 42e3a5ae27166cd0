"""Basic HotStuff: one leader takes one block through PREPARE, PRECOMMIT, COMMIT and DECIDE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.consensus.messages import (
    COMMIT,
    PRECOMMIT,
    TIMEOUT,
    VOTE,
    Broadcast,
    Certificate,
    Effect,
    NewView,
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

NEXT_PHASE = {VOTE: PRECOMMIT, PRECOMMIT: COMMIT}  # what a certificate asks to vote for


class BasicReplica(Replica):
    """All votes go to the leader of the view; eight messages a validator and decision."""

    def __init__(
        self, validator: int, setting: Setting, rules: Rules, signatures: Signatures
    ) -> None:
        super().__init__(validator, setting, rules, signatures)
        self.handlers[Proposal] = self.on_proposal
        self.handlers[Vote] = self.on_vote
        self.handlers[Phase] = self.on_phase
        self.handlers[NewView] = self.on_new_view

    def forget_votes(self) -> None:
        """Lose the vote state, that of the later phases as well."""
        super().forget_votes()
        self.phase_voted = 0  # highest phase it voted in, in the view it voted in last
        self.decided: Certificate | None = None  # the decision that ended a view last

    def forget_all_but_votes(self) -> None:
        """Lose votes and greetings that were collected."""
        super().forget_all_but_votes()
        self.votes: dict[tuple[int, int, bytes], dict[int, Signature]] = {}
        self.greetings: dict[int, dict[int, NewView]] = {}
        self.waiting: Proposal | None = None

    # views

    def give_up(self, effects: list[Effect]) -> None:
        """Also show the decision that ended the view before: nothing else tells who missed it."""
        if self.decided is not None and self.decided.view + 1 == self.view:
            effects.append(Broadcast(Phase(self.decided)))
        super().give_up(effects)

    def find_missed(self, timeout: Timeout, is_again: bool) -> Certificate | None:
        """The last decision, to who still is in its view or cannot get out of a later one."""
        return self.decided if is_again or timeout.view <= self.get_decided_view() else None

    # PREPARE

    def on_view_led(self, effects: list[Effect]) -> None:
        """Wait for a quorum to say what it knows; after a time-out it has said so already."""
        if self.view == 1 or len(self.greetings.get(self.view, ())) >= self.quorum:
            self.be_ready(0, effects)
        elif self.entry is not None:
            self.be_ready(self.setting.delta_us, effects)

    def on_new_view(self, greeting: NewView, effects: list[Effect]) -> None:
        """A validator has entered a view that this one leads."""
        view, sender, high, signature = greeting
        if not self.view <= view <= self.view + VIEWS_AHEAD_MAX:
            return
        statement = (TIMEOUT, view - 1, high.view)
        if not self.signatures.is_signed(sender, statement, signature):
            return
        if self.get_leader(view) != self.validator or not self.is_certified(high):
            return
        self.adopt(high, sender, effects)
        greetings = self.greetings.setdefault(view, {})
        greetings[sender] = greeting
        if len(greetings) == self.quorum and self.view == view and self.get_parent() is not None:
            self.be_ready(0, effects)

    def propose(self, payload: bytes) -> list[Effect]:
        """Extend the highest certificate; the leader is the first to vote."""
        effects: list[Effect] = []
        if self.get_parent() is None:
            return effects
        entry = self.entry
        if entry is None and self.view > 1:  # the greetings of a quorum are its proof
            entry = self.create_timeout_certificate(self.view - 1, self.greetings[self.view])
        block, signature = self.create_proposal_block(payload)
        proposal = Proposal(block, entry, signature)
        effects.append(Broadcast(proposal))
        self.blocks[block.digest] = block
        self.vote(VOTE, block.digest, effects, signature)
        return effects

    def on_proposal(self, proposal: Proposal, effects: list[Effect]) -> None:
        """Verify and vote in the first phase; a block never below the lock."""
        block, entry = proposal.block, proposal.entry
        view, proposer, justify = block.view, block.proposer, block.justify
        if not self.is_in_time(proposal, effects) or not self.is_certified(justify):
            return
        self.adopt(justify, proposer, effects)
        if view > self.view:
            if entry is None or entry.view + 1 != view or not self.is_timed_out(entry):
                return  # nothing shows that the view may begin
            self.enter_view(view, entry, effects)
        if justify.digest not in self.blocks:
            self.waiting = proposal
            self.fetch(justify.digest, proposer, effects)
        elif self.is_extension(block):
            self.blocks[block.digest] = block
            if self.rules.is_votable(self.lock, block):
                self.vote(VOTE, block.digest, effects, proposal.signature)

    def get_decided_view(self) -> int:
        """View of the last decision that it knows of."""
        return 0 if self.decided is None else self.decided.view

    # votes and phases

    def vote(
        self, kind: int, digest: bytes, effects: list[Effect], proposal_signature: Signature = None
    ) -> None:
        """Vote at most once in each phase of a view, phases in order."""
        view = self.view
        if view < self.view_voted or (view == self.view_voted and kind <= self.phase_voted):
            return
        if self.has_timed_out:
            return
        self.view_voted, self.phase_voted = view, kind
        signature = self.signatures.sign(self.validator, (kind, view, digest))
        vote = Vote(kind, view, digest, self.validator, signature, proposal_signature)
        self.vote_last = vote
        leader = self.get_leader(view)
        if leader == self.validator:
            self.on_vote(vote, effects)
        else:
            effects.append(Send(leader, vote))

    def on_vote(self, vote: Vote, effects: list[Effect]) -> None:
        """Collect votes of the view it leads; a quorum is a certificate, shown to everybody."""
        kind, view, digest, validator, signature, _ = vote
        if view != self.view or self.get_leader(view) != self.validator:
            return
        statement = (kind, view, digest)
        if kind not in (VOTE, PRECOMMIT, COMMIT):
            return
        if not self.signatures.is_signed(validator, statement, signature):
            return
        evidence = self.note(kind, view, validator, digest, signature)
        if evidence is not None:
            self.accuse(evidence, effects)
            return
        votes = self.votes.setdefault(statement, {})
        votes[validator] = signature
        if len(votes) == self.quorum and statement not in self.certified:
            signers = tuple(sorted(votes))
            self.certified[statement] = True
            signatures = tuple([votes[signer] for signer in signers])
            self.show(Certificate(kind, view, digest, signers, signatures), effects)

    def show(self, certificate: Certificate, effects: list[Effect]) -> None:
        """The leader takes its certificate to all, itself among them."""
        effects.append(Broadcast(Phase(certificate)))
        self.take_phase(certificate, self.validator, effects)

    def on_phase(self, phase: Phase, effects: list[Effect]) -> None:
        """A certificate of this view asks for the next vote; one of a later view moves on."""
        certificate = phase.certificate
        is_missed = certificate.kind == COMMIT and certificate.view > self.get_decided_view()
        if (is_missed or certificate.view >= self.view) and self.is_certified(certificate):
            self.take_phase(certificate, self.get_leader(certificate.view), effects)

    def take_phase(self, certificate: Certificate, source: int, effects: list[Effect]) -> None:
        """Lock or commit by it, then vote in the phase it begins."""
        view = self.view
        if certificate.kind == PRECOMMIT and certificate.view > self.lock.view:
            self.lock = certificate  # also if the block itself is still unknown
        if certificate.kind == COMMIT and certificate.view > self.get_decided_view():
            self.decided = certificate
        self.adopt(certificate, source, effects)
        if certificate.view == view == self.view and certificate.kind in NEXT_PHASE:
            self.vote(NEXT_PHASE[certificate.kind], certificate.digest, effects)

    def on_view_certified(self, certificate: Certificate, effects: list[Effect]) -> None:
        """A decision ends its view; other certificates show that theirs has begun."""
        if certificate.kind == COMMIT:
            self.enter_view(certificate.view + 1, None, effects)
            self.greet(effects)
        elif certificate.view > self.view:
            self.enter_view(certificate.view, None, effects)

    def greet(self, effects: list[Effect]) -> None:
        """Tell the next leader what it knows, in the words of one who has left the view before."""
        view, high = self.view, self.high
        signature = self.signatures.sign(self.validator, (TIMEOUT, view - 1, high.view))
        greeting = NewView(view, self.validator, high, signature)
        self.greetings = {v: said for v, said in self.greetings.items() if v >= view}
        self.votes = {}
        leader = self.get_leader(view)
        if leader == self.validator:
            self.on_new_view(greeting, effects)
        else:
            effects.append(Send(leader, greeting))

    def on_caught_up(self, effects: list[Effect]) -> None:
        """Apply the last decision, look again at what waited."""
        if self.decided is not None and self.decided.digest in self.blocks:
            self.apply_rules(self.decided, self.get_leader(self.decided.view), effects)
        waiting, self.waiting = self.waiting, None
        if waiting is not None:
            self.on_proposal(waiting, effects)
