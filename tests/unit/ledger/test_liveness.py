from __future__ import annotations

from random import Random

import numpy as np
import pytest

from sim.core.reasons import Reason
from sim.core.records import Kind, Status
from sim.core.units import PPM
from sim.ledger.liveness import RING_BITS
from sim.ledger.rules import LIVENESS_WINDOW_MAX, Rules
from sim.ledger.state import BURN, State, add_account, add_validator, create_state
from tests.ledger_world import (
    HELPER,
    OPERATOR,
    OWNER,
    apply_one,
    create_strict_rules,
    create_transaction,
    create_world,
    load_state,
    participate,
)

STRICT = create_strict_rules()


def create_watched_state(*accounts: int) -> State:
    world = create_world()
    state = load_state(world)
    for account in accounts or (OWNER,):
        add_validator(state, account)
        state.accounts[account]["stake"] = 1_000_000
    return state


def run_blocks(
    state: State, rules: Rules, signed: list[int], first: int = 1, account: int = OWNER
) -> list[int]:
    """Heights at which blocks of one validator jailed it."""
    heights = range(first, first + len(signed))
    return [
        height
        for height, did_sign in zip(heights, signed, strict=True)
        if participate(state, rules, [account], [did_sign], height)
    ]


def get_status(state: State, account: int = OWNER) -> Status:
    return Status(int(state.accounts[account]["status"]))


def test_of_a_hundred_blocks_fifty_may_be_missed_and_the_next_one_jails() -> None:
    state = create_watched_state()
    assert run_blocks(state, STRICT, [1] * 101 + [0] * 50) == []
    assert state.liveness[0]["missed"] == 50
    assert get_status(state) == Status.ACTIVE
    assert run_blocks(state, STRICT, [0], first=152) == [152]
    assert get_status(state) == Status.JAILED


def test_silence_costs_no_stake() -> None:
    state = create_watched_state()
    assert run_blocks(state, STRICT, [0] * 500) != []
    assert state.accounts[OWNER]["stake"] == 1_000_000
    assert state.accounts[OWNER]["balance"] == 500
    assert state.accounts[BURN]["balance"] == 0


def test_nobody_is_judged_before_a_whole_window_was_seen() -> None:
    state = create_watched_state()
    assert run_blocks(state, STRICT, [0] * 100) == []
    assert run_blocks(state, STRICT, [0], first=101) == [101]


def test_a_jailed_validator_is_marked_forgets_its_window_and_is_not_counted() -> None:
    state = create_watched_state()
    run_blocks(state, STRICT, [0] * 101)
    assert state.accounts[OWNER]["negative"] == PPM // 10
    fresh = (OWNER, 0, 0, 0, 0, 0, 201)
    assert state.liveness[0].item() == fresh
    run_blocks(state, STRICT, [0] * 99, first=102)
    assert state.liveness[0].item() == fresh


def test_a_jailed_validator_is_released_by_the_first_block_after_its_time() -> None:
    state = create_watched_state()
    run_blocks(state, STRICT, [0] * 101)
    state.dirty[:] = 0
    participate(state, STRICT, [], [], 200)
    assert get_status(state) == Status.JAILED
    assert not state.dirty.any()
    participate(state, STRICT, [], [], 203)
    assert get_status(state) == Status.ACTIVE
    assert state.dirty[OWNER >> 6] == 1
    assert state.liveness[0].item() == (OWNER, 203, 0, 0, 0, 0, 0)


def test_who_was_released_has_a_whole_window_again() -> None:
    state = create_watched_state()
    assert run_blocks(state, STRICT, [0] * 402) == [101, 302]


def test_a_tombstone_is_not_lifted() -> None:
    state = create_watched_state()
    run_blocks(state, STRICT, [0] * 101)
    accuse = create_transaction(
        Kind.EVIDENCE, sender=HELPER, nonce=4, target=OWNER, height=150, valid_until_height=150
    )
    assert apply_one(state, STRICT, accuse)["code"] == Reason.APPLIED
    run_blocks(state, STRICT, [1] * 200, first=151)
    assert get_status(state) == Status.TOMBSTONED
    assert state.liveness[0]["missed"] == 0


@pytest.mark.parametrize("status", [Status.TOMBSTONED, Status.FROZEN, Status.JAILED])
def test_who_is_not_active_is_neither_counted_nor_released(status: Status) -> None:
    state = create_watched_state()
    state.accounts[OWNER]["status"] = int(status)
    assert run_blocks(state, STRICT, [0] * 150) == []
    assert get_status(state) == status
    assert state.liveness[0]["missed"] == 0


def test_each_validator_is_counted_by_itself() -> None:
    state = create_watched_state(OWNER, OPERATOR, HELPER)
    for height in range(1, 102):
        jailed = participate(state, STRICT, [HELPER, OWNER, OPERATOR], [0, 1, 0], height)
    assert jailed == 2
    statuses = [get_status(state, account) for account in (OWNER, OPERATOR, HELPER)]
    assert statuses == [Status.ACTIVE, Status.JAILED, Status.JAILED]


def test_an_account_that_is_not_watched_is_passed_over() -> None:
    state = create_watched_state()
    assert run_blocks(state, STRICT, [0] * 150, account=HELPER) == []
    assert state.liveness[0]["missed"] == 0


@pytest.mark.parametrize("window", [1, 2, RING_BITS, RING_BITS + 1, 100, LIVENESS_WINDOW_MAX])
def test_the_ring_holds_exactly_the_last_window(window: int) -> None:
    rng, state = Random(window), create_watched_state()
    rules = create_strict_rules(liveness_window_blocks=window, liveness_signed_min_ppm=0)
    signed = [int(rng.random() < 0.5) for _ in range(3 * window + 5)]
    for block in range(len(signed)):
        run_blocks(state, rules, [signed[block]], first=block + 1)
        recent = signed[max(0, block + 1 - window) : block + 1]
        ring = int(state.liveness[0]["ring0"]) | int(state.liveness[0]["ring1"]) << RING_BITS
        assert state.liveness[0]["missed"] == recent.count(0) == ring.bit_count()


@pytest.mark.parametrize(
    ("signed_min_ppm", "allowed"), [(0, 7), (500_000, 4), (999_999, 1), (1_000_000, 0)]
)
def test_the_blocks_to_be_signed_are_rounded_down(signed_min_ppm: int, allowed: int) -> None:
    numbers = {"liveness_window_blocks": 7, "liveness_signed_min_ppm": signed_min_ppm}
    rules = create_strict_rules(**numbers)
    for missed in range(8):
        state = create_watched_state()
        jailed = run_blocks(state, rules, [1] * 7 + [1] * (7 - missed) + [0] * missed)
        assert bool(jailed) == (missed > allowed)


def test_a_validator_of_the_genesis_block_has_its_stake_from_the_treasury() -> None:
    state = create_state(supply=1_000, validators=2)
    accounts = [
        add_account(state, entity=10 + k, org=0, namespace=0, balance=5, stake=300)
        for k in range(2)
    ]
    assert [add_validator(state, account) for account in accounts] == [0, 1]
    assert state.liveness["account"].tolist() == accounts
    assert state.accounts["stake"][accounts].tolist() == [300, 300]
    assert state.accounts[0]["balance"] == 1_000 - 2 * 305
    assert np.count_nonzero(state.liveness["jailed_until_height"]) == 0


def jail_for_a_fraud(state: State, until_height: int) -> None:
    state.accounts[OWNER]["status"] = int(Status.JAILED)
    state.accounts[OWNER]["jailed_until_height"] = until_height


def test_a_validator_that_served_for_a_fraud_is_counted_again() -> None:
    state = create_watched_state()
    jail_for_a_fraud(state, 7)
    participate(state, STRICT, [OWNER], [0], 6)
    assert (get_status(state), state.liveness[0]["missed"]) == (Status.JAILED, 0)
    participate(state, STRICT, [OWNER], [0], 7)
    assert (get_status(state), state.liveness[0]["missed"]) == (Status.ACTIVE, 1)
    assert state.accounts[OWNER]["jailed_until_height"] == 0


@pytest.mark.parametrize(("until_height", "released"), [(150, 201), (300, 300)])
def test_who_is_jailed_for_two_things_serves_both(until_height: int, released: int) -> None:
    state = create_watched_state()
    assert run_blocks(state, STRICT, [0] * 101) == [101]
    owner = state.accounts[OWNER]
    owner["jailed_until_height"] = max(owner["jailed_until_height"], until_height)
    for height, status in ((released - 1, Status.JAILED), (released, Status.ACTIVE)):
        participate(state, STRICT, [OWNER], [1], height)
        assert get_status(state) == status


def test_a_jail_without_end_does_not_end() -> None:
    state = create_watched_state()
    jail_for_a_fraud(state, 0)
    participate(state, STRICT, [OWNER], [1], 10**9)
    assert get_status(state) == Status.JAILED
