"""Planted protocol bugs: each must be caught, and by the checker that is meant for it.

One rule of honest replicas is replaced by a wrong one, and a committee runs under a schedule in
which that matters. What is caught is the name of the invariant that broke, or `liveness`.

The invariants that the watch of the validators checks:

- I1 no two honest validators commit different blocks at one height;
- I2 what a validator has committed only grows, one height after the other;
- I4 a certificate has n - f distinct signers who signed that view and block;
- I5 a validator votes once in a view, and never below its lock;
- I6 no two blocks are certified in one view;
- I7 the same height means the same state root;
- I14 evidence proves what it says;
- I15 nobody who follows the rules is convicted.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from sim.consensus import quorum
from sim.consensus.basic import BasicReplica
from sim.consensus.chained import ChainedReplica
from sim.consensus.invariants import Watch
from sim.consensus.messages import (
    Effect,
    Evidence,
    Proposal,
    Vote,
    compute_root,
)
from sim.consensus.replica import Replica
from sim.consensus.rules import TwoChain
from sim.core.errors import InvariantError
from sim.faults.invalid_certificate import InvalidCertificate
from sim.faults.partition import Partition
from sim.faults.twins import Twins
from sim.model.committee import Committee
from tests.canaries.protocol_schedules import (
    MakesProofUp,
    ProposesTwice,
    VotesForNothing,
    a_certificate_only_one_knows,
    calm,
    crash,
    many_crash_for_a_moment,
    one_behaves,
    one_gone,
    one_gone_and_back,
    one_lies,
    twins_cut_apart,
)
from tests.committees import (
    HOP_US,
    SECOND_US,
    TIMEOUT_US,
    create_episode,
    is_live,
    run_under,
)

Rule = Callable[..., Any]
LIAR = 3


def find_caught(schedule: Callable[[], Committee]) -> str:
    """Which checker objects to a run: an invariant by name, `liveness`, or none."""
    try:
        committee = schedule()
    except InvariantError as error:
        return error.invariant
    return "" if is_live(committee, committee.env.now - SECOND_US) else "liveness"


# wrong rules


def always(value: Any) -> Callable[[Rule], Rule]:
    return lambda _: lambda *_: value


def forget(name: str, value: Any) -> Callable[[Rule], Rule]:
    """A restart that loses one more thing than it should."""

    def plant(rule: Rule) -> Rule:
        def forget_all_but_votes(self: Replica) -> None:
            rule(self)
            setattr(self, name, value)

        return forget_all_but_votes

    return plant


def own_vote_is_not_counted(rule: Rule) -> Rule:
    def on_vote(self: Replica, vote: Vote, effects: list[Effect]) -> None:
        if vote.validator != self.validator:
            rule(self, vote, effects)

    return on_vote


def stale_view_is_accepted(rule: Rule) -> Rule:
    def on_proposal(self: ChainedReplica, proposal: Proposal, effects: list[Effect]) -> None:
        view, view_voted = self.view, self.view_voted
        if proposal.block.view < view:
            self.view = proposal.block.view
            self.view_voted = self.view - 1
        rule(self, proposal, effects)
        self.view, self.view_voted = max(view, self.view), max(view_voted, self.view_voted)

    return on_proposal


def newest_is_committed_first(rule: Rule) -> Rule:
    def commit(self: Replica, block: Any, source: int, effects: list[Effect]) -> None:
        n_before = len(effects)
        rule(self, block, source, effects)
        effects[n_before:] = reversed(effects[n_before:])

    return commit


def root_drifts(rule: Rule) -> Rule:
    def commit(self: Replica, block: Any, source: int, effects: list[Effect]) -> None:
        if self.validator == 2 and len(self.committed) == 10:
            self.root = compute_root(self.root, b"")
        rule(self, block, source, effects)

    return commit


def signers_are_not_told_apart(_: Rule) -> Rule:
    return lambda self, signers: len(signers) >= self.quorum


def signatures_are_not_checked(_: Rule) -> Rule:
    return lambda self, shown: shown.view == 0 or self.is_quorum(shown.signers)


def views_are_not_told_apart(_: Rule) -> Rule:
    def note(
        self: Replica, kind: int, view: int, validator: int, digest: bytes, signature: Any
    ) -> Evidence | None:
        first = self.statements.setdefault((kind, 0, validator), ((kind, view, digest), signature))
        if first[0][2] == digest:
            return None
        return Evidence(validator, *first, (kind, view, digest), signature)

    return note


def certified_is_final(_: Rule) -> Rule:
    return lambda self, known, certificate: known[certificate.digest]


class Defect(NamedTuple):
    """A wrong rule, whose it is, a schedule in which it matters, and what must catch it."""

    owner: Any
    rule: str
    plant: Callable[[Rule], Rule]
    schedule: Callable[[], Committee]
    caught: str


MOMENTS = [crash(1, at_us, at_us + 1) for at_us in range(HOP_US // 4, SECOND_US, HOP_US // 2)]
DEFECTS = {
    "quorum of 2f": Defect(
        quorum, "get_quorum", lambda _: lambda n: 2 * ((n - 1) // 3), calm, "I4 quorum"
    ),
    "quorum of 2f + 1 among five": Defect(
        quorum,
        "get_quorum",
        lambda _: lambda n: 2 * ((n - 1) // 3) + 1,
        lambda: calm(5),
        "I4 quorum",
    ),
    "a signer counts as often as it is named": Defect(
        Replica,
        "is_quorum",
        signers_are_not_told_apart,
        lambda: one_lies(InvalidCertificate()),
        "I4 quorum",
    ),
    "signatures of a certificate are not checked": Defect(
        Replica,
        "is_certified",
        signatures_are_not_checked,
        lambda: one_lies(InvalidCertificate()),
        "I4 quorum",
    ),
    "the lock is not looked at": Defect(
        TwoChain, "is_votable", always(True), a_certificate_only_one_knows, "I5 lock"
    ),
    "votes are forgotten on restart": Defect(
        Replica,
        "forget_all_but_votes",
        forget("view_voted", 0),
        lambda: one_behaves(ProposesTwice(HOP_US // 2), MOMENTS),
        "I5 one vote",
    ),
    "a stale view is accepted": Defect(
        ChainedReplica,
        "on_proposal",
        stale_view_is_accepted,
        lambda: one_behaves(ProposesTwice(3 * TIMEOUT_US // 2), [crash(0, 0, SECOND_US)]),
        "I5 one vote",
    ),
    "one certificate commits": Defect(
        TwoChain, "get_committed", certified_is_final, a_certificate_only_one_knows, "I1 agreement"
    ),
    "the newest block is committed first": Defect(
        Replica, "commit", newest_is_committed_first, one_gone, "I2 prefix"
    ),
    "a state root drifts": Defect(Replica, "commit", root_drifts, calm, "I7 state root"),
    "views are not told apart in evidence": Defect(
        Replica, "note", views_are_not_told_apart, calm, "I14 evidence"
    ),
    "evidence is not verified": Defect(
        Replica, "is_proof", always(True), lambda: one_behaves(VotesForNothing()), "I14 evidence"
    ),
    "a leader proposes again after a restart": Defect(
        Replica,
        "forget_all_but_votes",
        forget("view_proposed", 0),
        many_crash_for_a_moment,
        "I15 accuracy",
    ),
    "the leader's own vote is not counted": Defect(
        ChainedReplica, "on_vote", own_vote_is_not_counted, one_gone, "liveness"
    ),
    "the leader's own vote is not counted in basic HotStuff": Defect(
        BasicReplica,
        "on_vote",
        own_vote_is_not_counted,
        lambda: one_gone("hotstuff_basic"),
        "liveness",
    ),
    "a time-out certificate needs no quorum": Defect(
        Replica, "is_timed_out", always(True), lambda: one_behaves(MakesProofUp()), "liveness"
    ),
    "nobody answers who asks for blocks": Defect(
        Replica, "on_fetch", always(None), one_gone_and_back, "liveness"
    ),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_a_wrong_rule_is_caught_by_its_checker(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    defect = DEFECTS[name]
    right = getattr(defect.owner, defect.rule)
    monkeypatch.setattr(defect.owner, defect.rule, defect.plant(right))
    assert find_caught(defect.schedule) == defect.caught


@pytest.mark.parametrize("name", DEFECTS)
def test_without_it_the_same_schedule_passes(name: str) -> None:
    assert find_caught(DEFECTS[name].schedule) == ""


def test_two_certificates_in_a_view_are_caught_where_too_many_are_there_twice() -> None:
    """No wrong rule gets there alone: it takes more liars than a quorum leaves room for."""
    assert find_caught(lambda: twins_cut_apart(2, 3)) == "I6 one certificate"
    assert find_caught(lambda: twins_cut_apart(3)) == ""


def test_where_too_many_lie_a_fork_is_counted() -> None:
    faults = [
        create_episode("twins", Twins(), (2, 3)),
        create_episode("partition", Partition("0 2 3 | 1 2b 3b"), (0, 1, 2, 3)),
    ]
    committee = run_under(faults, is_fatal=False)
    assert committee.watch.n_conflicts > 0
    assert set(committee.watch.convicted) <= {2, 3}


BLIND = {  # what a watch without one of its methods no longer sees
    "on_certificate": "quorum of 2f",
    "on_lock": "the lock is not looked at",
    "on_vote": "votes are forgotten on restart",
    "on_commit": "a state root drifts",
    "on_conflict": "one certificate commits",
    "report": "one certificate commits",
    "on_evidence": "evidence is not verified",
}


@pytest.mark.parametrize("method", BLIND)
def test_without_its_checker_a_wrong_rule_is_not_named(
    monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    defect = DEFECTS[BLIND[method]]
    right = getattr(defect.owner, defect.rule)
    monkeypatch.setattr(defect.owner, defect.rule, defect.plant(right))
    monkeypatch.setattr(Watch, method, lambda *_, **__: None)
    assert find_caught(defect.schedule) != defect.caught


def test_every_method_of_the_watch_has_a_defect_that_only_it_sees() -> None:
    public = {
        name
        for name, _ in inspect.getmembers(Watch, inspect.isfunction)
        if not name.startswith("_")
    }
    assert set(BLIND) == public


def test_every_checker_catches_something() -> None:
    caught = {defect.caught for defect in DEFECTS.values()} | {"I6 one certificate"}
    named = set(re.findall(r'"(I\d+ [a-z ]+)"', inspect.getsource(Watch)))
    assert caught == named | {"liveness"}
