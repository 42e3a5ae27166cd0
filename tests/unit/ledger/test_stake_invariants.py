"""The checkers of stake on results that are in order; what they catch is in the canaries."""

from __future__ import annotations

import pytest

from sim.core.errors import InvariantError
from sim.core.records import RECEIPT, TRANSACTION, Kind
from sim.core.units import SUPPLY_MAX
from sim.ledger.invariants import check_dropped
from sim.ledger.rules import Rules
from sim.ledger.stake_invariants import Book, check_slashing, check_stakes, check_unbonding
from tests.ledger_world import (
    AGENT,
    HEIGHT,
    NONCE,
    OPERATOR,
    OWNER,
    Row,
    add_stake,
    add_unbonding,
    apply_all,
    create_records,
    create_row,
    create_strict_rules,
    create_transaction,
    create_world,
    load_state,
    participate,
)


def create_run(rows: list[Row], world: Row, rules: Rules) -> tuple:
    """State before and after, transactions and receipts."""
    before, after = load_state(world), load_state(world)
    receipts = apply_all(after, rules, rows)
    return before, after, create_records(TRANSACTION, rows), create_records(RECEIPT, receipts)


def check_all(before: object, after: object, rules: Rules, *run: object) -> None:
    check_unbonding(after, 0)
    check_slashing(before, rules, *run)
    check_stakes(before, after, rules, *run)
    check_dropped(before, after, rules, *run)


def test_a_run_without_transactions_passes_every_checker() -> None:
    rules = create_strict_rules()
    before, after, *run = create_run([], create_world(), rules)
    check_all(before, after, rules, *run)


def test_entries_of_before_the_run_are_booked_and_free_slots_are_not() -> None:
    world = create_world()
    add_unbonding(world, account=OWNER, amount=9, created_height=3, matures_height=HEIGHT)
    add_unbonding(world, account=OWNER, amount=0)
    assert list(Book(load_state(world)).entries) == [0]
    rules = create_strict_rules()
    withdraw = create_transaction(Kind.WITHDRAW, sender=OWNER, target=0)
    before, after, *run = create_run([withdraw], world, rules)
    check_all(before, after, rules, *run)


def test_an_account_that_registers_in_the_run_is_booked_too() -> None:
    rules = create_strict_rules(unbonding_blocks=0)
    rows = [
        create_transaction(Kind.REGISTER, sender=OPERATOR, nonce=NONCE, target=77, amount=50),
        create_transaction(Kind.BOND, sender=7, amount=40),
        create_transaction(Kind.UNBOND, sender=7, nonce=1, amount=30),
        create_transaction(Kind.WITHDRAW, sender=7, nonce=2),
        create_transaction(Kind.EVIDENCE, sender=AGENT, nonce=NONCE, target=7),
    ]
    before, after, *run = create_run(rows, create_world(), rules)
    assert not run[1]["code"].any()
    check_all(before, after, rules, *run)


def test_sums_of_entries_are_exact() -> None:
    state = load_state(create_world())
    state.counters[7] = 3
    state.unbonding["account"][:3], state.unbonding["amount"][:3] = OWNER, SUPPLY_MAX
    state.accounts["unbonding"][OWNER] = -SUPPLY_MAX  # equal in a 64-bit register
    with pytest.raises(InvariantError, match="I8 unbonding"):
        check_unbonding(state, 0)


def test_absence_changes_a_validator_beside_all_transactions() -> None:
    world = create_world()
    rules = create_strict_rules(liveness_window_blocks=1, liveness_signed_min_ppm=1_000_000)
    add_stake(world, OWNER, 100)
    world["liveness"].append(create_row("liveness", account=OWNER))
    before, after, *run = create_run([], world, rules)
    assert participate(after, rules, [OWNER], [0], 2) == 1
    check_all(before, after, rules, *run)
    after.accounts["stake"][OWNER] -= 1
    with pytest.raises(InvariantError, match="I15 stake"):
        check_stakes(before, after, rules, *run)
