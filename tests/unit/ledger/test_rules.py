from __future__ import annotations

from itertools import product

import pytest

from sim.core.reasons import ALWAYS_BINDING, Reason
from sim.core.records import Posture
from sim.ledger.rules import (
    ACROSS,
    COMMITTEE_MAX,
    INSIDE,
    N_SITUATIONS,
    Source,
    create_rules,
    get_situation,
)


def test_every_situation_has_its_own_row() -> None:
    cases = product((INSIDE, ACROSS), Posture, Posture, (0, 1))
    assert sorted(get_situation(*case) for case in cases) == list(range(N_SITUATIONS))


def test_the_last_bit_of_a_situation_says_whether_it_is_mediated() -> None:
    for boundary, caller, owner in product((INSIDE, ACROSS), Posture, Posture):
        assert get_situation(boundary, caller, owner, 0) % 2 == 0
        assert get_situation(boundary, caller, owner, 1) % 2 == 1


def test_new_rules_bind_only_what_keeps_the_state_meaningful() -> None:
    rules = create_rules()
    assert rules.binding.tolist() == [ALWAYS_BINDING] * N_SITUATIONS
    assert rules.source.tolist() == [Source.TRUTH] * N_SITUATIONS
    assert not ALWAYS_BINDING >> Reason.CAPABILITY_DENIED & 1
    assert ALWAYS_BINDING >> Reason.TABLE_FULL & ALWAYS_BINDING >> Reason.EVIDENCE_USED & 1


def test_two_sets_of_rules_share_no_array() -> None:
    first, second = create_rules(), create_rules(fee_min=3)
    first.binding[:] = 0
    assert second.binding[0] == ALWAYS_BINDING
    assert (first.fee_min, second.fee_min) == (0, 3)


def test_stake_leaves_later_than_evidence_grows_old() -> None:
    rules = create_rules()
    assert rules.unbonding_blocks == 2 * rules.evidence_age_blocks


@pytest.mark.parametrize(
    "numbers",
    [
        {"slash_victim_ppm": 900_001},
        {"slash_treasury_ppm": -1},
        {"slash_reporter_ppm": 600_000},
        {"liveness_window_blocks": 0},
        {"liveness_window_blocks": 127},
    ],
)
def test_rules_that_cannot_be_kept_are_refused(numbers: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"slash|liveness"):
        create_rules(**numbers)


def test_the_widest_window_and_shares_of_the_whole_are_allowed() -> None:
    rules = create_rules(slash_treasury_ppm=400_000, liveness_window_blocks=126)
    assert (rules.slash_treasury_ppm, rules.liveness_window_blocks) == (400_000, 126)


@pytest.mark.parametrize(
    "name", ["bond_fee_ppm", "escrow_fee_ppm", "forgetting_ppm", "newcomer_ppm"]
)
@pytest.mark.parametrize("share_ppm", [-1, 1_000_001])
def test_a_share_is_a_share(name: str, share_ppm: int) -> None:
    with pytest.raises(ValueError, match=name):
        create_rules(**{name: share_ppm})


@pytest.mark.parametrize("seats", [0, COMMITTEE_MAX + 1])
def test_a_committee_has_a_seat_and_fits_its_mask(seats: int) -> None:
    with pytest.raises(ValueError, match="committee"):
        create_rules(committee=seats)
