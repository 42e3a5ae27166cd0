"""The ideal sequencer: every batch the next height, no commit before the one before it."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from sim.consensus.sequencer import (
    COMMIT_LATENCIES_US,
    ORDERING_NAME,
    Commit,
    Proposal,
    Sequencer,
    on_proposal,
)

TIMES = st.integers(0, 10**12)


def commit_all(proposals: list[Proposal]) -> tuple[Sequencer, list[Commit]]:
    sequencer, commits = Sequencer(), []
    for proposal in proposals:
        sequencer, effects = on_proposal(sequencer, proposal)
        commits += effects
    return sequencer, commits


def test_a_batch_is_final_after_its_latency() -> None:
    sequencer, commits = commit_all([Proposal(b"a", 100, 7)])
    assert commits == [Commit(b"a", 1, 107)]
    assert sequencer == Sequencer(height=1, committed_us=107)


def test_a_quick_batch_waits_for_the_slow_one_before_it() -> None:
    _, commits = commit_all([Proposal(b"slow", 0, 900), Proposal(b"quick", 100, 50)])
    assert [commit.committed_us for commit in commits] == [900, 900]
    assert [commit.digest for commit in commits] == [b"slow", b"quick"]


def test_the_state_it_is_given_stays_as_it_is() -> None:
    before = Sequencer(3, 50)
    after, _ = on_proposal(before, Proposal(b"a", 60, 1))
    assert before == Sequencer(3, 50)
    assert after == Sequencer(4, 61)


@given(st.lists(st.tuples(st.binary(max_size=4), TIMES, TIMES), max_size=30))
def test_heights_count_and_time_never_falls(drawn: list[tuple[bytes, int, int]]) -> None:
    proposals = [Proposal(*each) for each in drawn]
    sequencer, commits = commit_all(proposals)
    assert [commit.height for commit in commits] == list(range(1, len(proposals) + 1))
    assert [commit.digest for commit in commits] == [proposal.digest for proposal in proposals]
    for before, after in pairwise(commits):
        assert after.committed_us >= before.committed_us
    for proposal, commit in zip(proposals, commits, strict=True):
        assert commit.committed_us >= proposal.proposed_us + proposal.latency_us
    assert sequencer.height == len(proposals)


def test_latencies_are_those_of_the_published_runs() -> None:
    assert len(COMMIT_LATENCIES_US) == 5
    assert list(COMMIT_LATENCIES_US) == sorted(COMMIT_LATENCIES_US)
    assert all(500_000 < latency < 1_100_000 for latency in COMMIT_LATENCIES_US)
    assert "ideal" in ORDERING_NAME  # no table may sell it as fault-tolerant
