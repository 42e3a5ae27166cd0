"""What goes wrong around honest validators, so that a rule of theirs matters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sim.consensus.messages import (
    TIMEOUT,
    Broadcast,
    Effect,
    Message,
    Phase,
    Proposal,
    Send,
    Timeout,
    TimeoutCertificate,
    Vote,
)
from sim.consensus.replica import Replica
from sim.faults.base import Fault, find_proposal
from sim.faults.crash import Crash
from sim.faults.equivocating_leader import create_other_proposal
from sim.faults.partition import Partition
from sim.faults.twins import Twins
from sim.model.committee import Committee
from sim.model.faulting import Episode
from tests.committees import (
    SECOND_US,
    create_committee,
    create_episode,
    create_setting,
    create_site,
    run_under,
)

LIAR = 3


class ProposesTwice:
    """A leader whose second proposal for a view comes some time after the first."""

    def __init__(self, later_us: int) -> None:
        self.later_us = later_us
        self.others: set[bytes] = set()

    def act(self, replica: Replica, message: Message | None, effects: list[Effect]) -> list[Effect]:
        proposal = find_proposal(effects)
        if proposal is None:
            return effects
        other = create_other_proposal(replica, proposal)
        self.others.add(other.block.digest)
        return [*effects, Broadcast(other)]

    def carry(
        self, source: int, target: int, message: Message, ordinal: int, delays_us: list[int]
    ) -> list[int]:
        is_other = isinstance(message, Proposal) and message.block.digest in self.others
        return [delay_us + self.later_us * is_other for delay_us in delays_us]


class VotesForNothing:
    """Votes for what nobody proposed, and shows the leader's signature of something else."""

    def act(self, replica: Replica, message: Message | None, effects: list[Effect]) -> list[Effect]:
        return [
            Send(effect.to, self.change(replica, effect.message))
            if isinstance(effect, Send) and isinstance(effect.message, Vote)
            else effect
            for effect in effects
        ]

    def change(self, replica: Replica, vote: Vote) -> Vote:
        statement = (vote.kind, vote.view, b"nothing" * 4)
        signature = replica.signatures.sign(LIAR, statement)
        return vote._replace(digest=statement[2], signature=signature)


class MakesProofUp:
    """Claims, with whatever it sends, that all of a far view's validators gave up on it."""

    def act(self, replica: Replica, message: Message | None, effects: list[Effect]) -> list[Effect]:
        if not effects:
            return effects
        view, high = replica.view + 2, replica.high
        signature = replica.signatures.sign(LIAR, (TIMEOUT, view, high.view))
        entry = TimeoutCertificate(view - 1, (LIAR,), (high.view,), (signature,))
        return [*effects, Broadcast(Timeout(view, LIAR, high, entry, signature))]


class KeepsToItself:
    """Loses all by which the leader of view 6 would show others on what it proposes."""

    def carry(
        self, source: int, target: int, message: Message, ordinal: int, delays_us: list[int]
    ) -> list[int]:
        is_kept = isinstance(message, Phase) or (
            message.block.view == 6
            if isinstance(message, Proposal)
            else isinstance(message, Timeout) and message.view == 6
        )
        return [] if source == 2 and is_kept else delays_us


# schedules


def calm(n_validators: int = 4) -> Committee:
    return run_under([], n_validators=n_validators, until_us=2 * SECOND_US)


def one_gone(protocol: str = "hotstuff_2") -> Committee:
    return run_under([crash(0, 0, -1)], protocol)


def one_gone_and_back() -> Committee:
    return run_under([crash(0, SECOND_US, 2 * SECOND_US)])


def one_lies(fault: Fault) -> Committee:
    return run_under([create_episode("lie", fault, (LIAR,))])


def one_behaves(behaviour: Any, crashes: Sequence[Episode] = ()) -> Committee:
    """A liar that is no registered fault, and validators that crash meanwhile."""
    site = create_site(crashes, byzantine=(LIAR,))
    site.behave(LIAR, behaviour)
    if isinstance(behaviour, ProposesTwice):
        site.disturb(behaviour)
    site.committee.start()
    site.committee.run(4 * SECOND_US)
    return site.committee


def crash(node: int, from_us: int, until_us: int) -> Episode:
    return create_episode("crash", Crash(), (node,), from_us, until_us)


def many_crash_for_a_moment() -> Committee:
    times_us = range(0, SECOND_US, 3_000)
    return run_under([crash(at % 4, at_us, at_us + 1) for at, at_us in enumerate(times_us)])


def a_certificate_only_one_knows() -> Committee:
    """The others go on from below it; leaders do not wait for locks they have not heard of."""
    committee = create_committee(setting=create_setting(delta_us=0))
    committee.network.disturbances.append(KeepsToItself())
    committee.start()
    committee.run(3 * SECOND_US)
    return committee


def twins_cut_apart(*twinned: int) -> Committee:
    """Each half has three keys, if two validators are there twice."""
    groups = "0 2 3 | 1 2b 3b" if len(twinned) == 2 else "0 2 3 | 1 3b"
    faults = [
        create_episode("twins", Twins(), twinned),
        create_episode("partition", Partition(groups), (0, 1, 2, 3), SECOND_US, 2 * SECOND_US),
    ]
    return run_under(faults)
