"""How many can fail, how many must sign, who leads."""

from __future__ import annotations

from itertools import combinations

import pytest

from sim.consensus.quorum import Setting, get_fault_limit, get_quorum

SIZES = range(1, 41)


def test_a_third_of_the_validators_may_not_fail() -> None:
    assert [get_fault_limit(n) for n in (1, 3, 4, 5, 6, 7, 10, 13)] == [0, 0, 1, 1, 1, 2, 3, 4]
    assert all(3 * get_fault_limit(n) < n <= 3 * get_fault_limit(n) + 3 for n in SIZES)


def test_two_quorums_share_more_validators_than_can_fail() -> None:
    assert all(2 * get_quorum(n) - n > get_fault_limit(n) for n in SIZES)


def test_a_quorum_needs_no_validator_that_may_fail() -> None:
    assert all(get_quorum(n) + get_fault_limit(n) == n for n in SIZES)


def test_of_five_validators_two_sets_of_three_may_meet_in_a_faulty_one() -> None:
    assert get_quorum(5) == 4
    meetings = [
        set(a) & set(b) for a in combinations(range(5), 3) for b in combinations(range(5), 3)
    ]
    assert min(len(meeting) for meeting in meetings) == get_fault_limit(5)


@pytest.mark.parametrize("n_validators", [4, 5, 7])
def test_validators_take_turns(n_validators: int) -> None:
    setting = Setting(n_validators, 1, 1, 1)
    leaders = [setting.get_leader(view) for view in range(1, 2 * n_validators + 1)]
    assert leaders == [*range(1, n_validators), 0] * 2


def test_the_first_leaders_can_be_named() -> None:
    setting = Setting(4, 1, 1, 1, first_leaders=(3, 3, 0))
    assert [setting.get_leader(view) for view in range(1, 7)] == [3, 3, 0, 0, 1, 2]


def test_a_setting_knows_its_quorum() -> None:
    assert [Setting(n, 1, 1, 1).quorum for n in (4, 5, 7)] == [3, 4, 5]
