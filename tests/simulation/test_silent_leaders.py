"""What silent leaders cost each protocol, counted in every placement of them.

With leaders in turn and votes that go to the next leader, a certificate needs two leaders in a
row that are there; so k certificates in a row need k + 1. Source: BeeGees, Giridharan et al. 2023,
"Stay alive in chained BFT", and Malkhi, Nayak 2023, "HotStuff-2".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations
from typing import NamedTuple

import pytest

from sim.consensus.quorum import get_fault_limit
from tests.committees import CHAINED, Endless, create_committee, run_to_view

N_ROTATIONS = 3


class Counted(NamedTuple):
    """Of the views of some rotations: shares with a commit, and of blocks that became final."""

    commits: Fraction
    blocks: Fraction


def count(protocol: str, n_validators: int, silent: Sequence[int]) -> Counted:
    """Run past some rotations, and count commits and final blocks of those."""
    committee = create_committee(protocol, n_validators)
    for node in silent:
        committee.crash(node)
    committee.start()
    first = n_validators + 1
    n_views = N_ROTATIONS * n_validators
    run_to_view(committee, first + n_views + 3 * n_validators)
    watcher = next(node for node in range(n_validators) if node not in silent)
    final = [record for record in committee.commits if record.node == watcher]
    heads: dict[int, int] = {}  # time of a commit -> view of its highest block
    for record in final:
        heads[record.committed_us] = max(heads.get(record.committed_us, 0), record.block.view)
    counted = range(first, first + n_views)
    return Counted(
        Fraction(sum(view in counted for view in heads.values()), n_views),
        Fraction(sum(record.block.view in counted for record in final), n_views),
    )


def get_turned(silent: tuple[int, ...], n_validators: int) -> tuple[int, ...]:
    """The same placement for all that differ by who comes first."""
    return min(
        tuple(sorted((validator + turn) % n_validators for validator in silent))
        for turn in range(n_validators)
    )


def count_all(protocol: str, n_validators: int, n_silent: int) -> list[tuple[Counted, int]]:
    """Every placement of silent validators, and how many are alike but for the first leader."""
    placements = combinations(range(n_validators), n_silent)
    turned = Counter(get_turned(silent, n_validators) for silent in placements)
    return [(count(protocol, n_validators, silent), n_alike) for silent, n_alike in turned.items()]


def get_mean(counted: list[tuple[Counted, int]], column: int) -> Fraction:
    n_placements = sum(n_alike for _, n_alike in counted)
    return sum((each[column] * n for each, n in counted), Fraction()) / n_placements


SIZES = [4, 7, 10, pytest.param(13, marks=pytest.mark.slow)]
THREE_CHAIN = {  # never commits in so many placements of so many; mean share of views with commits
    4: (4, 4, Fraction(0)),
    7: (7, 21, Fraction(1, 7)),
    10: (20, 120, Fraction(1, 6)),
    13: (65, 715, Fraction(126, 715)),
}
TWO_CHAIN = {  # shares of views with commits, worst and mean; final blocks a view, worst and mean
    4: (Fraction(1, 4), Fraction(1, 4), Fraction(1, 2), Fraction(1, 2)),
    7: (Fraction(1, 7), Fraction(2, 7), Fraction(3, 7), Fraction(10, 21)),
    10: (Fraction(1, 10), Fraction(7, 24), Fraction(2, 5), Fraction(7, 15)),
    13: (Fraction(1, 13), Fraction(42, 143), Fraction(5, 13), Fraction(6, 13)),
}


@pytest.mark.parametrize("n_validators", SIZES)
def test_three_chains_can_be_stopped_by_silence_alone(n_validators: int) -> None:
    counted = count_all("hotstuff_3", n_validators, get_fault_limit(n_validators))
    n_never = sum(n_alike for each, n_alike in counted if each.commits == 0)
    n_placements = sum(n_alike for _, n_alike in counted)
    assert (n_never, n_placements, get_mean(counted, 0)) == THREE_CHAIN[n_validators]


@pytest.mark.parametrize("n_validators", SIZES)
def test_two_chains_commit_whoever_is_silent(n_validators: int) -> None:
    counted = count_all("hotstuff_2", n_validators, get_fault_limit(n_validators))
    commits = min(each.commits for each, _ in counted), get_mean(counted, 0)
    blocks = min(each.blocks for each, _ in counted), get_mean(counted, 1)
    assert (*commits, *blocks) == TWO_CHAIN[n_validators]


@pytest.mark.parametrize("silent", range(4))
def test_of_four_validators_each_one_can_stop_three_chains_and_none_two_chains(
    silent: int,
) -> None:
    assert count("hotstuff_3", 4, [silent]) == Counted(Fraction(0), Fraction(0))
    assert count("hotstuff_2", 4, [silent]) == Counted(Fraction(1, 4), Fraction(1, 2))


@pytest.mark.parametrize("silent", range(4))
def test_a_leader_that_keeps_its_view_loses_only_the_silent_ones_views(silent: int) -> None:
    assert count("hotstuff_basic", 4, [silent]).blocks == Fraction(3, 4)


@pytest.mark.parametrize("protocol", [*CHAINED, "hotstuff_basic"])
@pytest.mark.parametrize("n_validators", [4, 7])
def test_without_silence_every_view_commits(protocol: str, n_validators: int) -> None:
    assert count(protocol, n_validators, []) == Counted(Fraction(1), Fraction(1))


def get_latencies(silent: Sequence[int]) -> list[int]:
    """Views from the proposal of each final block of some rotations to its commit."""
    work = Endless()
    committee = create_committee("hotstuff_2", work=work)
    work.committee = committee
    for node in silent:
        committee.crash(node)
    committee.start()
    run_to_view(committee, 60)
    views = {record.block.digest: record.block.view for record in committee.commits}
    return [views_later for digest, views_later in work.latencies.items() if views[digest] < 45]


def test_a_block_is_final_two_views_after_its_own() -> None:
    latencies = get_latencies([])
    assert (len(latencies), set(latencies)) == (44, {2})


@pytest.mark.parametrize("silent", range(4))
def test_with_one_silent_of_four_it_takes_three_and_a_half_on_average(silent: int) -> None:
    latencies = get_latencies([silent])
    whole = latencies[: len(latencies) // 2 * 2]  # two blocks a rotation
    assert len(whole) >= 20
    assert Fraction(sum(whole), len(whole)) == Fraction(7, 2)
    assert max(whole) == 5
