from __future__ import annotations

import pytest

from sim.core.reasons import Reason
from sim.core.records import Kind, Status
from sim.core.units import SUPPLY_MAX
from sim.ledger.rules import create_rules
from sim.ledger.state import N_EVIDENCE, N_UNBONDING, PAGE, State
from sim.ledger.transition import is_conserved
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
    apply_one,
    create_strict_rules,
    create_transaction,
    create_world,
    load_state,
)

STRICT = create_strict_rules(unbonding_blocks=20)


def create_tx(kind: Kind, nonce: int = NONCE, **columns: int) -> Row:
    given = {"sender": OPERATOR, "valid_until_height": 10**9}
    return create_transaction(kind, nonce=nonce, **given | columns)


def create_staked_state(amount: int = 300) -> State:
    world = create_world()
    add_stake(world, OPERATOR, amount)
    return load_state(world)


def get_amounts(state: State, account: int = OPERATOR) -> list[int]:
    return [int(state.accounts[account][name]) for name in ("balance", "stake", "unbonding")]


def test_stake_is_bonded_leaves_and_comes_back() -> None:
    state = create_staked_state(0)
    for tx, amounts in (
        (create_tx(Kind.BOND, amount=300, fee=2), [698, 300, 0]),
        (create_tx(Kind.UNBOND, NONCE + 1, amount=120, fee=2), [696, 180, 120]),
        (create_tx(Kind.WITHDRAW, NONCE + 2, target=0, height=HEIGHT + 20), [816, 180, 0]),
    ):
        receipt = apply_one(state, STRICT, tx)
        assert receipt["code"] == Reason.APPLIED
        assert get_amounts(state) == amounts
        assert is_conserved(state)


def test_receipts_tell_what_moved_and_which_slot_was_written() -> None:
    block = [
        create_tx(Kind.BOND, amount=30),
        create_tx(Kind.UNBOND, NONCE + 1, amount=10),
        create_tx(Kind.UNBOND, NONCE + 2, amount=5),
        create_tx(Kind.WITHDRAW, NONCE + 3, target=1, height=HEIGHT + 20),
    ]
    receipts = apply_all(create_staked_state(0), STRICT, block)
    assert [receipt["amount"] for receipt in receipts] == [30, 10, 5, 5]
    assert [receipt["counterparty"] for receipt in receipts] == [-1, 0, 1, 1]


def test_all_the_money_there_can_be_is_bonded_and_unbonded() -> None:
    world = create_world() | {"supply": SUPPLY_MAX}
    for account in world["accounts"]:
        account["balance"] = 0
    world["accounts"][OPERATOR]["balance"] = SUPPLY_MAX
    state = load_state(world)
    apply_one(state, STRICT, create_tx(Kind.BOND, amount=SUPPLY_MAX))
    assert get_amounts(state) == [0, SUPPLY_MAX, 0]
    apply_one(state, STRICT, create_tx(Kind.UNBOND, NONCE + 1, amount=SUPPLY_MAX))
    assert get_amounts(state) == [0, 0, SUPPLY_MAX]
    assert is_conserved(state)


def test_what_is_bonded_comes_out_of_what_the_fee_leaves() -> None:
    state = create_staked_state(0)
    receipt = apply_one(state, STRICT, create_tx(Kind.BOND, amount=999, fee=2))
    assert receipt["code"] == Reason.INSUFFICIENT_FUNDS
    receipt = apply_one(state, create_rules(), create_tx(Kind.BOND, NONCE + 1, amount=999, fee=2))
    assert (receipt["code"], receipt["amount"]) == (Reason.APPLIED, 996)
    assert get_amounts(state) == [0, 996, 0]


@pytest.mark.parametrize(("amount", "code"), [(0, 37), (1, 0), (300, 0), (301, 37)])
def test_no_more_is_unbonded_than_is_bonded(amount: int, code: int) -> None:
    receipt = apply_one(
        create_staked_state(), create_rules(), create_tx(Kind.UNBOND, amount=amount)
    )
    assert receipt["code"] == code
    assert Reason.STAKE_TOO_SMALL == 37


def test_an_entry_remembers_when_it_began_and_when_it_matures() -> None:
    state = create_staked_state()
    apply_one(state, create_strict_rules(), create_tx(Kind.UNBOND, amount=120))
    assert state.unbonding[0].item() == (OPERATOR, 120, HEIGHT, HEIGHT + 2_000)


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ({"height": HEIGHT + 19}, Reason.NOT_MATURED),
        ({"height": HEIGHT + 20}, Reason.APPLIED),
        ({"height": HEIGHT + 20, "sender": AGENT}, Reason.NOT_ISSUER),
        ({"height": HEIGHT + 20, "target": -1}, Reason.UNBONDING_UNKNOWN),
        ({"height": HEIGHT + 20, "target": 1}, Reason.UNBONDING_UNKNOWN),
        ({"height": HEIGHT + 20, "target": 2**62}, Reason.UNBONDING_UNKNOWN),
    ],
)
def test_a_matured_entry_of_ones_own_is_withdrawn(columns: Row, code: Reason) -> None:
    state = create_staked_state()
    apply_one(state, STRICT, create_tx(Kind.UNBOND, amount=120))
    nonce = NONCE if "sender" in columns else NONCE + 1
    receipt = apply_one(state, STRICT, create_tx(Kind.WITHDRAW, nonce, **{"target": 0} | columns))
    assert receipt["code"] == code


def test_an_entry_is_withdrawn_once_and_its_slot_is_used_again() -> None:
    state = create_staked_state()
    later = {"height": HEIGHT + 20}
    block = [
        create_tx(Kind.UNBOND, amount=100),
        create_tx(Kind.UNBOND, NONCE + 1, amount=10),
        create_tx(Kind.WITHDRAW, NONCE + 2, target=0, **later),
        create_tx(Kind.WITHDRAW, NONCE + 3, target=0, **later),
        create_tx(Kind.UNBOND, NONCE + 4, amount=20, **later),
    ]
    codes = [receipt["code"] for receipt in apply_all(state, STRICT, block)]
    assert codes == [0, 0, 0, Reason.UNBONDING_UNKNOWN, 0]
    assert state.counters[N_UNBONDING] == 2
    assert state.unbonding[0].item() == (OPERATOR, 20, HEIGHT + 20, HEIGHT + 40)


def test_a_full_table_takes_an_entry_where_one_was_withdrawn() -> None:
    world = create_world() | {"supply": 20_000}
    world["accounts"][0]["balance"] += 10_000
    world["room"]["unbonding"] = 2
    add_stake(world, OPERATOR, 300)
    for amount in (5, 0):
        add_unbonding(world, account=OWNER, amount=amount)
    block = [create_tx(Kind.UNBOND, NONCE + k, amount=1) for k in range(2)]
    codes = [receipt["code"] for receipt in apply_all(load_state(world), STRICT, block)]
    assert codes == [Reason.APPLIED, Reason.TABLE_FULL]


def test_an_entry_that_was_slashed_to_nothing_is_gone() -> None:
    state = create_staked_state(300)
    apply_one(state, STRICT, create_tx(Kind.UNBOND, amount=300))
    proof = {"sender": AGENT, "target": OPERATOR, "subject": HEIGHT, "proof_valid": 1}
    assert apply_one(state, STRICT, create_tx(Kind.EVIDENCE, **proof))["amount"] == 300
    state.accounts[OPERATOR]["status"] = int(Status.ACTIVE)
    late = create_tx(Kind.WITHDRAW, NONCE + 1, target=0, height=HEIGHT + 20)
    assert apply_one(state, STRICT, late)["code"] == Reason.UNBONDING_UNKNOWN


def test_what_is_unbonding_admits_to_nothing() -> None:
    rules = create_strict_rules(stake_min=200)
    state = create_staked_state(300)
    call = {"target": 0, "amount": 0}
    assert apply_one(state, rules, create_tx(Kind.CALL, **call))["code"] == Reason.APPLIED
    apply_one(state, rules, create_tx(Kind.UNBOND, NONCE + 1, amount=101))
    receipt = apply_one(state, rules, create_tx(Kind.CALL, NONCE + 2, **call))
    assert receipt["code"] == Reason.INSUFFICIENT_STAKE


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ({}, Reason.APPLIED),
        ({"target": -1}, Reason.TARGET_UNKNOWN),
        ({"target": 7}, Reason.TARGET_UNKNOWN),
        ({"target": 7, "proof_valid": 0}, Reason.TARGET_UNKNOWN),
        ({"proof_valid": 0}, Reason.PROOF_INVALID),
        ({"proof_valid": 0, "subject": HEIGHT + 1}, Reason.PROOF_INVALID),
        ({"proof_valid": 2}, Reason.PROOF_INVALID),
        ({"subject": HEIGHT}, Reason.APPLIED),
        ({"subject": HEIGHT + 1}, Reason.OFFENCE_TO_COME),
        ({"subject": 2**63 - 1}, Reason.OFFENCE_TO_COME),
        ({"subject": 0}, Reason.APPLIED),
        ({"subject": -1}, Reason.EVIDENCE_TOO_OLD),
        ({"subject": -(2**63)}, Reason.EVIDENCE_TOO_OLD),
        ({"subject": 20, "height": 1_020}, Reason.APPLIED),
        ({"subject": 19, "height": 1_020}, Reason.EVIDENCE_TOO_OLD),
    ],
)
def test_evidence_is_checked_in_order(columns: Row, code: Reason) -> None:
    given = {"target": OWNER, "subject": HEIGHT} | columns
    for rules in (STRICT, create_rules()):
        state = load_state(create_world())
        receipt = apply_one(state, rules, create_tx(Kind.EVIDENCE, **given))
        assert receipt["code"] == code
        assert state.counters[N_EVIDENCE] == (code == Reason.APPLIED)


def test_refused_evidence_costs_its_reporter_the_fee() -> None:
    state = create_staked_state()
    receipt = apply_one(state, STRICT, create_tx(Kind.EVIDENCE, target=OWNER, proof_valid=0, fee=7))
    assert (receipt["code"], receipt["fee"]) == (Reason.PROOF_INVALID, 7)
    assert get_amounts(state) == [993, 300, 0]


def test_evidence_is_kept_with_all_that_names_it() -> None:
    state = load_state(create_world())
    words = {"word0": -1, "word1": 2, "word2": 3, "word3": -(2**63)}
    given = {"target": OWNER, "subject": 41, "amount": 77, "mask": 5} | words
    receipt = apply_one(state, STRICT, create_tx(Kind.EVIDENCE, **given))
    assert (receipt["amount"], receipt["counterparty"]) == (0, 0)
    kept = (OWNER, OPERATOR, 77, 5, 41, HEIGHT, 0, 0, -1, 2, 3, -(2**63))
    assert state.evidence[0].item() == kept


@pytest.mark.parametrize("word", ["word0", "word1", "word2", "word3"])
def test_two_identities_differ_in_any_of_their_words(word: str) -> None:
    state = load_state(create_world())
    block = [
        create_tx(Kind.EVIDENCE, target=OWNER, amount=1),
        create_tx(Kind.EVIDENCE, NONCE + 1, target=OWNER, amount=2),
        create_tx(Kind.EVIDENCE, NONCE + 2, target=OWNER, amount=2, **{word: 1}),
    ]
    codes = [receipt["code"] for receipt in apply_all(state, STRICT, block)]
    assert codes == [Reason.APPLIED, Reason.EVIDENCE_USED, Reason.APPLIED]


def test_a_jailed_account_is_still_accused() -> None:
    world = create_world()
    world["accounts"][OWNER]["status"] = int(Status.JAILED)
    state = load_state(world)
    apply_one(state, STRICT, create_tx(Kind.EVIDENCE, target=OWNER))
    assert state.accounts[OWNER]["status"] == Status.TOMBSTONED


def test_the_page_of_the_accused_is_marked() -> None:
    world = create_world()
    world["room"]["accounts"] = 3 * PAGE
    state = load_state(world)
    state.counters[0] = 2 * PAGE
    state.dirty[:] = 0
    apply_one(state, STRICT, create_tx(Kind.EVIDENCE, target=PAGE + 3))
    assert state.dirty.tolist() == [1, 1, 0]
