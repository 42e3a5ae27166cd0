"""The pieces faults are made of."""

from __future__ import annotations

import numpy as np

from sim.consensus.messages import (
    GENESIS,
    GENESIS_CERTIFICATE,
    Arm,
    Broadcast,
    Effect,
    Phase,
    Send,
)
from sim.faults.base import (
    OnLinks,
    behave_alike,
    draw_one,
    drop_votes,
    end_all,
    find_proposal,
    get_link,
    replace_proposal,
)
from sim.faults.silent_leader import SilentLeader
from tests.committees import create_replica, create_site, extend, propose, vote

SIGNATURES = create_replica().signatures
BLOCK = extend(GENESIS, GENESIS_CERTIFICATE, 1)
PROPOSAL = Broadcast(propose(SIGNATURES, BLOCK))
VOTE = Send(2, vote(SIGNATURES, BLOCK, 0))
EFFECTS: list[Effect] = [
    Arm(5),
    Broadcast(Phase(GENESIS_CERTIFICATE)),
    PROPOSAL,
    VOTE,
    Send(1, Phase(GENESIS_CERTIFICATE)),
]


def test_the_proposal_is_found_among_what_goes_out() -> None:
    assert find_proposal(EFFECTS) is PROPOSAL.message
    assert find_proposal([effect for effect in EFFECTS if effect is not PROPOSAL]) is None


def test_only_votes_are_dropped() -> None:
    assert drop_votes(EFFECTS) == [effect for effect in EFFECTS if effect is not VOTE]


def test_only_the_proposal_is_replaced_and_in_its_place() -> None:
    instead = [Arm(1), Arm(2)]
    assert replace_proposal(EFFECTS, instead) == [*EFFECTS[:2], *instead, *EFFECTS[3:]]
    assert replace_proposal(EFFECTS, []) == [*EFFECTS[:2], *EFFECTS[3:]]


def test_a_link_is_disturbed_at_either_end() -> None:
    links = OnLinks([1, 2])
    disturbed = [(a, b) for a in range(4) for b in range(4) if links.is_on(a, b)]
    assert disturbed == [(a, b) for a in range(4) for b in range(4) if {a, b} & {1, 2}]


def test_no_two_links_share_a_number() -> None:
    assert len({get_link(a, b) for a in range(50) for b in range(50)}) == 2500


def test_one_draw_is_a_whole_number() -> None:
    assert draw_one(np.array([7])) == 7
    assert type(draw_one(np.array([7]))) is int


def test_several_things_end_together_in_order() -> None:
    ended: list[int] = []
    end_all([lambda: ended.append(1), lambda: ended.append(2)])()
    assert ended == [1, 2]


def test_nodes_behave_alike_until_the_end() -> None:
    site = create_site([])
    end = behave_alike(site, (1, 3), SilentLeader())
    assert site.committee.behaviours == [[], [SilentLeader()], [], [SilentLeader()]]
    end()
    assert site.committee.behaviours == [[], [], [], []]
