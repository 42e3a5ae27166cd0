"""The checkers on results that are in order; what they catch is in the canaries."""

from __future__ import annotations

import numpy as np
import pytest

from sim.core.errors import InvariantError
from sim.core.records import RECEIPT, TRANSACTION, Kind
from sim.core.units import SUPPLY_MAX
from sim.ledger.invariants import (
    check_attenuation,
    check_authority,
    check_capabilities,
    check_conservation,
    check_dropped,
    check_nonces,
    check_range,
    compute_lives,
    get_included,
)
from sim.ledger.rules import Reputation, Source, create_rules
from sim.ledger.state import State
from tests.ledger_world import (
    AGENT,
    DELETE,
    HELPER,
    NONCE,
    NOW_US,
    OPERATOR,
    READ,
    UNMEDIATED,
    Row,
    add_grant,
    apply_all,
    create_records,
    create_strict_rules,
    create_transaction,
    create_world,
    load_state,
)


def create_run(rows: list[Row], rules: object = None, world: Row | None = None) -> tuple:
    """State before and after, transactions and receipts."""
    before, after = load_state(world or create_world()), load_state(world or create_world())
    receipts = apply_all(after, rules or create_strict_rules(), rows)
    return before, after, create_records(TRANSACTION, rows), create_records(RECEIPT, receipts)


def create_call(nonce: int = NONCE, **columns: int) -> Row:
    return create_transaction(
        Kind.CALL, **{"sender": AGENT, "nonce": nonce, "target": READ} | columns
    )


def test_a_run_without_transactions_passes_every_checker() -> None:
    before, after, transactions, receipts = create_run([])
    check_conservation(after, 0)
    check_range(after, 0)
    check_nonces(before, after, create_strict_rules(), transactions, receipts)
    check_capabilities(after, create_strict_rules(), transactions, receipts)
    check_attenuation(after, 0)
    check_authority(before, after, transactions, receipts)
    check_dropped(before, after, create_strict_rules(), transactions, receipts)


@pytest.mark.parametrize(
    ("reputation", "column", "is_caught"),
    [
        (Reputation.EPOCH, "reputation_ppm", False),
        (Reputation.EPOCH, "balance", True),
        (Reputation.EPOCH, "negative", True),
        (Reputation.BETA, "reputation_ppm", True),
    ],
)
def test_an_epoch_writes_scores_beside_all_transactions_and_nothing_else(
    reputation: Reputation, column: str, is_caught: bool
) -> None:
    before, after, *run = create_run([])
    after.accounts[HELPER][column] += 1
    rules = create_rules(reputation_rule=int(reputation))
    if not is_caught:
        check_dropped(before, after, rules, *run)
        return
    with pytest.raises(InvariantError, match=f"account {HELPER} changed"):
        check_dropped(before, after, rules, *run)


def test_the_sum_is_exact_for_any_amounts() -> None:
    state = load_state(create_world())
    state.accounts["balance"][:7] = [2**63 - 1, -(2**63), 2**63 - 1, -(2**63), 10_003, -1, 0]
    check_conservation(state, 0)
    state.accounts["balance"][4] += 1
    with pytest.raises(InvariantError, match="expected a sum of 10000, found 10001"):
        check_conservation(state, 0)


def test_the_largest_amount_is_in_range() -> None:
    state = load_state(create_world())
    state.accounts["stake"][AGENT] = SUPPLY_MAX
    check_range(state, 0)


def test_a_call_past_the_enforcement_point_is_not_included() -> None:
    rows = [create_call(situation=UNMEDIATED), create_call(), create_call()]
    _, _, transactions, receipts = create_run(rows)
    assert get_included(transactions, receipts).tolist() == [False, True, False]


def test_nonces_may_come_again_where_replays_do_not_bind() -> None:
    before, after, transactions, receipts = create_run(
        [create_call(), create_call()], create_rules()
    )
    check_nonces(before, after, create_rules(), transactions, receipts)
    with pytest.raises(InvariantError, match="I10"):
        check_nonces(before, after, create_strict_rules(), transactions, receipts)


def test_who_takes_a_word_for_a_capability_is_not_held_to_the_truth() -> None:
    rows = [create_call(target=DELETE, claim=0b0100)]
    for rules in (create_strict_rules(Source.CLAIM), create_rules()):
        _, after, transactions, receipts = create_run(rows, rules)
        check_capabilities(after, rules, transactions, receipts)
    with pytest.raises(InvariantError, match="I11 capability broke at height 50"):
        check_capabilities(after, create_strict_rules(), transactions, receipts)


def create_chain_run(*more: Row) -> tuple[State, State, np.ndarray, np.ndarray]:
    """A grant to the agent in the genesis block, and a part of it to the helper in row 0."""
    world = create_world()
    add_grant(world, issuer=OPERATOR, holder=AGENT, mask=0b0111, depth_max=1, expires_us=NOW_US + 9)
    child = {"parent": 0, "target": HELPER, "mask": 0b0011, "expires_us": NOW_US + 5}
    row = create_transaction(Kind.GRANT, sender=AGENT, nonce=NONCE, **child)
    return create_run([row, *more], world=world)


def test_a_grant_lives_from_its_row_to_the_end_of_the_run() -> None:
    before, _, transactions, receipts = create_chain_run(create_call(NONCE + 1))
    parent, child = compute_lives(before, transactions, receipts)
    assert (parent.holder, parent.start, parent.stop) == (AGENT, 0, 2)
    assert (child.holder, child.start, child.stop, child.expires_us) == (HELPER, 0, 2, NOW_US + 5)


def test_a_child_ends_with_its_parent() -> None:
    revoke = create_transaction(Kind.REVOKE, sender=OPERATOR, nonce=NONCE, target=0, subject=1)
    before, _, transactions, receipts = create_chain_run(create_call(NONCE + 1), revoke)
    assert [life.stop for life in compute_lives(before, transactions, receipts)] == [2, 2]


def test_a_grant_ends_when_another_takes_its_slot() -> None:
    given = {"target": HELPER, "mask": 1, "expires_us": NOW_US, "subject": 3}
    rows = [
        create_transaction(Kind.GRANT, sender=OPERATOR, nonce=NONCE + k, **given) for k in (0, 1)
    ]
    before, _, transactions, receipts = create_run(rows)
    lives = compute_lives(before, transactions, receipts)
    assert [(life.start, life.stop) for life in lives] == [(0, 1), (1, 2)]


def test_a_grant_whose_parent_is_gone_before_the_run_authorises_nothing() -> None:
    world = create_world()
    parent = add_grant(world, issuer=OPERATOR, holder=AGENT, mask=1)
    add_grant(world, issuer=AGENT, holder=HELPER, mask=1, parent=parent)
    world["grants"][parent]["id"] = 9
    before, after, transactions, receipts = create_run([create_call()], world=world)
    assert [life.stop for life in compute_lives(before, transactions, receipts)] == [0, 1]
    check_attenuation(after, 0)
