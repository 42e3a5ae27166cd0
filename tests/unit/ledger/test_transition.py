from __future__ import annotations

import numpy as np
import pytest

from sim.core.reasons import Reason, get_bit
from sim.core.records import RECEIPT, TRANSACTION, Kind, ScopeLevel, Status
from sim.core.units import SUPPLY_MAX
from sim.ledger.rules import create_rules
from sim.ledger.state import BURN, PAGE, TREASURY, State
from sim.ledger.transition import apply_blocks, is_conserved
from tests.ledger_world import (
    AGENT,
    DELETE,
    HEIGHT,
    HELPER,
    NONCE,
    NOW_US,
    OPERATOR,
    OWNER,
    READ,
    UNMEDIATED,
    Row,
    World,
    add_grant,
    apply_all,
    apply_one,
    create_records,
    create_strict_rules,
    create_transaction,
    create_world,
    get_snapshot,
    load_state,
)

STRICT = create_strict_rules()
LOOSE = create_rules()


def create_tx(kind: Kind, sender: int = OPERATOR, nonce: int = NONCE, **columns: int) -> Row:
    return create_transaction(kind, sender=sender, nonce=nonce, **columns)


def get_balances(state: State, *accounts: int) -> list[int]:
    return state.accounts["balance"][list(accounts)].tolist()


def create_richest_world() -> World:
    """The operator has all the money there can be, but for one unit of its agent."""
    world = create_world() | {"supply": SUPPLY_MAX}
    for account in world["accounts"]:
        account["balance"] = 0
    world["accounts"][OPERATOR]["balance"] = SUPPLY_MAX - 1
    world["accounts"][AGENT]["balance"] = 1
    return world


# inclusion: what applied and rejected transactions pay


def test_a_rejected_transfer_pays_its_fee_and_spends_its_nonce() -> None:
    world = create_world()
    world["accounts"][AGENT] |= {"balance": 150, "nonce": 5}
    state = load_state(world)
    tx = create_tx(Kind.TRANSFER, AGENT, 5, target=OPERATOR, amount=1_000, fee=100)
    receipt = apply_one(state, STRICT, tx)
    assert (receipt["code"], receipt["fee"]) == (Reason.INSUFFICIENT_FUNDS, 100)
    assert (state.accounts[AGENT]["balance"], state.accounts[AGENT]["nonce"]) == (50, 6)
    assert apply_one(state, STRICT, tx)["code"] == Reason.NONCE_REPLAYED


def test_an_account_without_money_for_the_fee_takes_no_place_in_a_block() -> None:
    world = create_world()
    world["accounts"][AGENT]["balance"] = 0
    state = load_state(world)
    tx = create_tx(Kind.TRANSFER, AGENT, target=OPERATOR, amount=1, fee=100)
    assert apply_one(state, STRICT, tx)["code"] == Reason.CANNOT_PAY_FEE
    assert state.accounts[AGENT]["nonce"] == NONCE


def test_a_transfer_to_oneself_is_rejected_and_makes_no_money() -> None:
    world = create_world()
    world["supply"] += 9_000
    world["accounts"][OPERATOR] |= {"balance": 10_000, "nonce": 0}
    state = load_state(world)
    tx = create_tx(Kind.TRANSFER, OPERATOR, 0, target=OPERATOR, amount=6_000, fee=100)
    assert apply_one(state, STRICT, tx)["code"] == Reason.TARGET_SELF
    assert (state.accounts[OPERATOR]["balance"], state.accounts[OPERATOR]["nonce"]) == (9_900, 1)
    assert is_conserved(state)


@pytest.mark.parametrize("fee_rule", [STRICT, LOOSE])
def test_fees_go_to_the_treasury(fee_rule: object) -> None:
    state = load_state(create_world())
    apply_one(state, fee_rule, create_tx(Kind.TRANSFER, target=AGENT, amount=10, fee=7))
    assert get_balances(state, TREASURY, OPERATOR, AGENT) == [8_357, 983, 110]


def test_the_treasury_pays_its_fee_to_itself() -> None:
    state = load_state(create_world())
    tx = create_tx(Kind.TRANSFER, TREASURY, 0, target=AGENT, amount=10, fee=7)
    assert apply_one(state, STRICT, tx)["fee"] == 7
    assert get_balances(state, TREASURY, AGENT) == [8_340, 110]


def test_where_funds_do_not_bind_what_is_left_is_paid() -> None:
    state = load_state(create_world())
    tx = create_tx(Kind.TRANSFER, AGENT, target=OPERATOR, amount=1_000, fee=30)
    receipt = apply_one(state, LOOSE, tx)
    assert (receipt["code"], receipt["amount"], receipt["fee"]) == (Reason.APPLIED, 70, 30)
    assert receipt["violations"] == get_bit(Reason.INSUFFICIENT_FUNDS)


def test_where_replays_do_not_bind_the_next_nonce_does_not_fall() -> None:
    state = load_state(create_world())
    apply_one(state, LOOSE, create_tx(Kind.TRANSFER, nonce=1, target=AGENT))
    assert state.accounts[OPERATOR]["nonce"] == NONCE
    apply_one(state, LOOSE, create_tx(Kind.TRANSFER, nonce=9, target=AGENT))
    assert state.accounts[OPERATOR]["nonce"] == 10


@pytest.mark.parametrize(
    "column",
    [
        {"kind": 0},
        {"kind": 18},
        {"fee": -1},
        {"fee": SUPPLY_MAX + 1},
        {"amount": -1},
        {"amount": SUPPLY_MAX + 1},
        {"nonce": -1},
        {"mask": -1},
        {"arguments_from": -1},
        {"arguments_to": 1},
        {"arguments_from": 1},
    ],
)
def test_a_column_out_of_range_is_malformed_under_every_policy(column: Row) -> None:
    world = create_world()
    state = load_state(world)
    receipt = apply_one(state, LOOSE, create_tx(Kind.TRANSFER, target=AGENT) | column)
    assert (receipt["code"], receipt["violations"]) == (Reason.MALFORMED, 0b10)
    assert get_snapshot(state) == get_snapshot(load_state(world))


def test_a_nonce_that_has_no_successor_is_malformed() -> None:
    state = load_state(create_world())
    tx = create_tx(Kind.TRANSFER, nonce=2**63 - 1, target=AGENT)
    assert apply_one(state, LOOSE, tx)["code"] == Reason.MALFORMED


@pytest.mark.parametrize("sender", [-1, HELPER + 1, 2**62])
def test_a_sender_that_is_no_account_is_dropped_under_every_policy(sender: int) -> None:
    state = load_state(create_world())
    receipt = apply_one(state, LOOSE, create_tx(Kind.TRANSFER, sender, target=AGENT))
    assert receipt["code"] == Reason.UNKNOWN_SENDER


def test_a_dropped_transaction_changes_nothing() -> None:
    world = create_world()
    state = load_state(world)
    receipt = apply_one(state, STRICT, create_tx(Kind.TRANSFER, target=AGENT, fee=9, nonce=3))
    assert (receipt["code"], receipt["fee"]) == (Reason.NONCE_REPLAYED, 0)
    assert get_snapshot(state) == get_snapshot(load_state(world))


def test_a_transaction_is_valid_up_to_its_height() -> None:
    for until, reason in ((HEIGHT, Reason.APPLIED), (HEIGHT - 1, Reason.EXPIRED)):
        tx = create_tx(Kind.TRANSFER, target=AGENT, valid_until_height=until)
        assert apply_one(load_state(create_world()), STRICT, tx)["code"] == reason


# amounts as large as there can be


@pytest.mark.parametrize("fee", [0, 1, SUPPLY_MAX])
@pytest.mark.parametrize("kind", [Kind.TRANSFER, Kind.REGISTER, Kind.CALL])
@pytest.mark.parametrize("rules", [STRICT, LOOSE], ids=["strict", "loose"])
def test_the_largest_amount_and_fee_do_not_wrap(kind: Kind, fee: int, rules: object) -> None:
    state = load_state(create_richest_world())
    target = {Kind.TRANSFER: AGENT, Kind.REGISTER: 77, Kind.CALL: READ}[kind]
    receipt = apply_one(state, rules, create_tx(kind, target=target, amount=SUPPLY_MAX, fee=fee))
    assert receipt["code"] != Reason.APPLIED or rules is LOOSE
    assert receipt["violations"] & get_bit(Reason.INSUFFICIENT_FUNDS)
    assert is_conserved(state)


def test_all_the_money_can_move_at_once() -> None:
    world = create_richest_world()
    world["accounts"][OPERATOR]["balance"], world["accounts"][AGENT]["balance"] = SUPPLY_MAX, 0
    state = load_state(world)
    tx = create_tx(Kind.TRANSFER, target=AGENT, amount=SUPPLY_MAX)
    assert apply_one(state, STRICT, tx)["amount"] == SUPPLY_MAX
    assert get_balances(state, OPERATOR, AGENT) == [0, SUPPLY_MAX]


def test_conservation_sees_a_sum_that_only_wraps_to_the_supply() -> None:
    state = load_state(create_world())
    state.accounts[OPERATOR]["stake"] = state.accounts[OPERATOR]["unbonding"] = SUPPLY_MAX
    state.accounts[AGENT]["stake"] = state.accounts[HELPER]["stake"] = SUPPLY_MAX
    assert not is_conserved(state)


@pytest.mark.parametrize("amount", [-1, 10_001])
def test_conservation_sees_an_amount_too_much_or_below_zero(amount: int) -> None:
    state = load_state(create_world())
    assert is_conserved(state)
    state.accounts[AGENT]["unbonding"] = amount
    assert not is_conserved(state)


# register and rotate


def test_an_issuer_registers_an_account_with_a_part_of_what_it_holds() -> None:
    state = load_state(create_world())
    tx = create_tx(Kind.REGISTER, target=77, mask=0b11, amount=30)
    receipt = apply_one(state, STRICT, tx)
    account = state.accounts[receipt["counterparty"]]
    assert (account["entity"], account["issuer"], account["capabilities"]) == (77, OPERATOR, 0b11)
    assert (account["balance"], account["nonce"], account["grant_first"]) == (30, 0, -1)


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        ({"target": 13}, Reason.DUPLICATE),
        ({"subject": 1}, Reason.NOT_ISSUER),
        ({"mask": 1 << 8}, Reason.MASK_NOT_SUBSET),
        ({"namespace": 1}, Reason.MASK_NOT_SUBSET),
        ({"proof_valid": 0}, Reason.BAD_KEY),
    ],
)
def test_nobody_registers_beyond_its_own(column: Row, reason: Reason) -> None:
    tx = create_tx(Kind.REGISTER, target=77, mask=1) | column
    assert apply_one(load_state(create_world()), STRICT, tx)["code"] == reason


def test_an_account_that_was_registered_is_a_duplicate_from_then_on() -> None:
    state = load_state(create_world())
    block = [create_tx(Kind.REGISTER, nonce=NONCE + k, target=77, mask=1) for k in (0, 1)]
    codes = [receipt["code"] for receipt in apply_all(state, STRICT, block)]
    assert codes == [Reason.APPLIED, Reason.DUPLICATE]


def test_the_old_key_signs_nothing_from_the_next_position_on() -> None:
    state = load_state(create_world())
    block = [
        create_tx(Kind.ROTATE_KEY, AGENT, target=AGENT),
        create_tx(Kind.CALL, AGENT, NONCE + 1, target=READ),
        create_tx(Kind.CALL, AGENT, NONCE + 1, target=READ, key_version=1),
    ]
    codes = [receipt["code"] for receipt in apply_all(state, STRICT, block)]
    assert codes == [Reason.APPLIED, Reason.BAD_SIGNATURE, Reason.APPLIED]


def test_only_oneself_and_ones_issuer_rotate_a_key() -> None:
    for sender, reason in ((OPERATOR, Reason.APPLIED), (HELPER, Reason.NOT_ISSUER)):
        tx = create_tx(Kind.ROTATE_KEY, sender, target=AGENT)
        assert apply_one(load_state(create_world()), STRICT, tx)["code"] == reason


# calls


def test_a_call_pays_the_owner_of_the_operation() -> None:
    state = load_state(create_world())
    receipt = apply_one(state, STRICT, create_tx(Kind.CALL, AGENT, target=READ, amount=20, fee=1))
    assert (receipt["amount"], receipt["counterparty"]) == (20, OPERATOR)
    assert get_balances(state, AGENT, OPERATOR) == [79, 1_020]


def test_an_operation_of_another_ledger_is_not_paid_here() -> None:
    world = create_world()
    world["operations"][READ]["owner"] = -1
    state = load_state(world)
    receipt = apply_one(state, STRICT, create_tx(Kind.CALL, AGENT, target=READ, amount=20))
    assert (receipt["code"], receipt["amount"], receipt["counterparty"]) == (Reason.APPLIED, 0, -1)
    assert get_balances(state, AGENT) == [100]


def test_a_call_past_the_enforcement_point_leaves_a_receipt_and_no_trace() -> None:
    world = create_world()
    state = load_state(world)
    tx = create_tx(Kind.CALL, AGENT, target=DELETE, fee=9, amount=5, situation=UNMEDIATED)
    receipt = apply_one(state, LOOSE, tx)
    assert receipt["code"] == Reason.APPLIED
    assert receipt["violations"] == get_bit(Reason.CAPABILITY_DENIED)
    assert (receipt["fee"], receipt["amount"]) == (0, 0)
    assert get_snapshot(state) == get_snapshot(load_state(world))


def test_where_the_rate_does_not_bind_an_empty_bucket_stays_as_it_is() -> None:
    world = create_world()
    world["accounts"][AGENT] |= {"tokens_ppm": 5, "tokens_us": NOW_US}
    state, rules = load_state(world), create_rules(rate_cap_ppm=2_000_000)
    receipt = apply_one(state, rules, create_tx(Kind.CALL, AGENT, target=READ))
    assert receipt["code"] == Reason.APPLIED
    assert receipt["violations"] == get_bit(Reason.RATE_LIMITED)
    assert state.accounts[AGENT]["tokens_ppm"] == 5


def test_an_approval_is_used_up_by_the_call_it_lets_through() -> None:
    world = create_world()
    add_grant(world, issuer=OPERATOR, holder=AGENT, mask=0b0100)
    state = load_state(world)
    rules = create_strict_rules(approval_effects=0b100)
    approve = create_tx(Kind.APPROVE, target=AGENT, expires_us=NOW_US + 1)
    approve["subject"] = 17412625478105759  # the agent's call of DELETE for nothing
    calls = [create_tx(Kind.CALL, AGENT, NONCE + k, target=DELETE, parent=0) for k in (0, 1)]
    codes = [receipt["code"] for receipt in apply_all(state, rules, [approve, *calls])]
    assert codes == [Reason.APPLIED, Reason.APPLIED, Reason.APPROVAL_MISSING]
    assert state.approvals[0]["used_height"] == HEIGHT


def test_the_token_bucket_lets_through_its_cap_and_then_its_refill() -> None:
    """Cap of five calls, a quarter of a call a second; what is too little is kept."""
    world = create_world()
    world["accounts"][AGENT]["tokens_ppm"] = 5_000_000
    state = load_state(world)
    rules = create_strict_rules(rate_cap_ppm=5_000_000, rate_refill_ppm=250_000)
    applied = []
    for second in (0, 0, 0, 0, 0, 0, 2, 3, 4, 100, 100, 100, 100, 100, 100):
        nonce = int(state.accounts[AGENT]["nonce"])
        tx = create_tx(Kind.CALL, AGENT, nonce, target=READ, now_us=second * 1_000_000)
        applied.append(apply_one(state, rules, tx)["code"] == Reason.APPLIED)
    assert applied == [*[True] * 5, False, False, False, True, *[True] * 5, False]


def test_a_rejected_call_takes_nothing_from_the_rate() -> None:
    world = create_world()
    world["accounts"][AGENT]["tokens_ppm"] = 2_000_000
    state = load_state(world)
    tx = create_tx(Kind.CALL, AGENT, target=DELETE, now_us=0)
    receipt = apply_one(state, create_strict_rules(rate_cap_ppm=5_000_000), tx)
    assert receipt["code"] == Reason.CAPABILITY_DENIED
    assert state.accounts[AGENT]["tokens_ppm"] == 2_000_000


# grants


def grant(sender: int, nonce: int, target: int, mask: int, expires_us: int, **columns: int) -> Row:
    return create_tx(
        Kind.GRANT, sender, nonce, target=target, mask=mask, expires_us=expires_us, **columns
    )


FIRST = grant(OPERATOR, NONCE, AGENT, 0b1111, 1_000, depth_max=4, now_us=0)
SECOND = grant(AGENT, NONCE, HELPER, 0b0111, 900, depth_max=3, parent=0, now_us=0)
THIRD = grant(HELPER, NONCE, OWNER, 0b0011, 900, depth_max=2, parent=1, now_us=0)
USE = {"sender": OWNER, "target": READ}


def apply_chain(*more: Row) -> list[int]:
    """Codes of three grants, each out of the one before, and of what follows."""
    receipts = apply_all(load_state(create_world()), STRICT, [FIRST, SECOND, THIRD, *more])
    return [receipt["code"] for receipt in receipts]


def test_a_chain_of_ever_smaller_grants_is_valid() -> None:
    assert apply_chain() == [Reason.APPLIED] * 3


@pytest.mark.parametrize(
    ("mask", "expires_us", "reason"),
    [
        (0b1001, 900, Reason.MASK_NOT_SUBSET),
        (0b0011, 901, Reason.OUTLIVES_PARENT),
        (0b0011, 900, Reason.APPLIED),
    ],
)
def test_a_grant_is_within_the_one_it_comes_from(
    mask: int, expires_us: int, reason: Reason
) -> None:
    fourth = grant(HELPER, NONCE + 1, OWNER, mask, expires_us, depth_max=2, parent=1, now_us=0)
    assert apply_chain(fourth)[-1] == reason


@pytest.mark.parametrize(
    ("now_us", "reason"), [(899, Reason.APPLIED), (900, Reason.CAPABILITY_EXPIRED)]
)
def test_a_grant_authorises_up_to_its_expiry(now_us: int, reason: Reason) -> None:
    use = create_tx(Kind.CALL, nonce=0, now_us=now_us, **USE)
    assert apply_chain(use)[-1] == reason


def test_a_revocation_takes_effect_at_the_next_position_of_its_block() -> None:
    at = {"height": 50, "now_us": 50}
    before = create_tx(Kind.CALL, nonce=0, **USE, **at)
    revoke = create_tx(Kind.REVOKE, OPERATOR, NONCE + 1, target=0, subject=1, **at)
    after = create_tx(Kind.CALL, nonce=1, **USE, **at)
    codes = apply_chain(before, revoke, after)[3:]
    assert codes == [Reason.APPLIED, Reason.APPLIED, Reason.CAPABILITY_DENIED]


@pytest.mark.parametrize(
    ("sender", "reason"),
    [
        (OPERATOR, Reason.APPLIED),
        (AGENT, Reason.APPLIED),
        (HELPER, Reason.APPLIED),
        (OWNER, Reason.NOT_ISSUER),
    ],
)
def test_whoever_issued_a_link_may_cut_the_chain(sender: int, reason: Reason) -> None:
    nonce = NONCE + 1 if sender != OWNER else 0
    revoke = create_tx(Kind.REVOKE, sender, nonce, target=2, subject=3, now_us=1)
    assert apply_chain(revoke)[-1] == reason


def test_a_chain_has_at_most_eight_links_below_its_root() -> None:
    world, holders = create_world(), (AGENT, HELPER)
    add_grant(world, issuer=OPERATOR, holder=AGENT, mask=1, depth_max=8)
    state, codes = load_state(world), []
    for depth in range(1, 10):
        sender, target = holders[(depth - 1) % 2], holders[depth % 2]
        nonce = int(state.accounts[sender]["nonce"])
        tx = grant(sender, nonce, target, 1, NOW_US + 1, parent=depth - 1, depth_max=8 - depth)
        codes.append(apply_one(state, STRICT, tx)["code"])
    assert codes == [Reason.APPLIED] * 8 + [Reason.TOO_DEEP]


@pytest.mark.parametrize(
    ("scope_level", "ids", "reason"),
    [
        (ScopeLevel.ARGUMENTS, [3], Reason.APPLIED),
        (ScopeLevel.ARGUMENTS, [3, 4], Reason.MASK_NOT_SUBSET),
        (ScopeLevel.TASK, [3], Reason.MASK_NOT_SUBSET),
        (3, [], Reason.MALFORMED),
        (-1, [], Reason.MALFORMED),
    ],
)
def test_a_grant_for_arguments_passes_on_no_more_than_those(
    scope_level: int, ids: list[int], reason: Reason
) -> None:
    world = create_world()
    bound = {"scope_level": ScopeLevel.ARGUMENTS, "arguments": [3, 5], "depth_max": 1}
    add_grant(world, issuer=OPERATOR, holder=AGENT, mask=0b0100, **bound)
    tx = grant(AGENT, NONCE, HELPER, 0b0100, NOW_US + 1, parent=0, scope_level=scope_level)
    receipt = apply_one(load_state(world), STRICT, tx | {"arguments_to": len(ids)}, ids)
    assert receipt["code"] == reason


@pytest.mark.parametrize("ids", [[5, 3], [3, 3]])
def test_arguments_of_a_grant_rise(ids: list[int]) -> None:
    tx = grant(OPERATOR, NONCE, AGENT, 1, NOW_US + 1, arguments_to=2)
    receipt = apply_one(load_state(create_world()), STRICT, tx, ids)
    assert receipt["code"] == Reason.MASK_NOT_SUBSET


def test_a_grant_replaces_the_one_of_its_issuer_in_its_lane() -> None:
    state = load_state(create_world())
    block = [
        grant(OPERATOR, NONCE + k, AGENT, mask, NOW_US + 1, subject=lane)
        for k, (mask, lane) in enumerate([(1, 7), (2, 8), (4, 7), (8, 0), (16, 0)])
    ]
    slots = [receipt["counterparty"] for receipt in apply_all(state, STRICT, block)]
    assert slots == [0, 1, 0, 2, 3]
    assert state.grants["mask"][:4].tolist() == [4, 2, 8, 16]
    assert state.grants["id"][:4].tolist() == [3, 2, 4, 5]


def test_a_grant_takes_the_first_dead_slot_of_its_holders_list() -> None:
    world = create_world()
    for revoked_us in (1, 1, -1):
        add_grant(world, issuer=OPERATOR, holder=AGENT, mask=1, revoked_us=revoked_us)
    add_grant(world, issuer=OPERATOR, holder=HELPER, mask=1, revoked_us=1)
    state = load_state(world)  # the agent's list runs from the newest: 2, 1, 0
    receipt = apply_one(state, STRICT, grant(OPERATOR, NONCE, AGENT, 2, NOW_US + 1))
    assert receipt["counterparty"] == 1


def test_a_reused_slot_keeps_its_place_in_the_pool_while_the_arguments_fit() -> None:
    world = create_world()
    add_grant(world, issuer=OPERATOR, holder=AGENT, mask=1, revoked_us=1, arguments=[4, 6])
    state = load_state(world)
    for k, ids in enumerate(([9], [2, 3, 5])):
        tx = grant(OPERATOR, NONCE + k, AGENT, 1, NOW_US, arguments_to=len(ids))
        assert apply_one(state, STRICT, tx, ids)["counterparty"] == 0
        assert get_snapshot(state)["grants"][0]["arguments"] == ids
    assert get_snapshot(state)["pool_used"] == 2 + 3


# records


def test_only_the_issuer_approves() -> None:
    for sender, reason in ((OPERATOR, Reason.APPLIED), (HELPER, Reason.NOT_ISSUER)):
        tx = create_tx(Kind.APPROVE, sender, target=AGENT)
        assert apply_one(load_state(create_world()), STRICT, tx)["code"] == reason


def test_an_anchor_keeps_size_cut_and_root() -> None:
    state = load_state(create_world())
    words = {f"word{i}": i + 1 for i in range(4)}
    tx = create_tx(Kind.ANCHOR, target=0, subject=11, amount=48, **words)
    assert apply_one(state, STRICT, tx)["code"] == Reason.APPLIED
    assert state.logs[0].item() == (OPERATOR, 11, 48, HEIGHT, 1, 2, 3, 4)


def test_a_log_that_does_not_grow_is_not_anchored() -> None:
    tx = create_tx(Kind.ANCHOR, target=0, subject=10)
    assert apply_one(load_state(create_world()), STRICT, tx)["code"] == Reason.ANCHOR_STALE


# blocks


def test_a_receipt_tells_its_position_in_the_block() -> None:
    block = [create_tx(Kind.TRANSFER, nonce=NONCE + k, target=AGENT) for k in range(3)]
    receipts = apply_all(load_state(create_world()), STRICT, block)
    assert [receipt["position"] for receipt in receipts] == [0, 1, 2]


def test_blocks_are_applied_one_after_the_other() -> None:
    rows = [create_tx(Kind.TRANSFER, nonce=NONCE + k, target=AGENT, amount=1) for k in range(5)]
    receipts, state = np.zeros(5, dtype=RECEIPT), load_state(create_world())
    ends, nothing = np.array([2, 2, 5]), np.zeros(0, dtype=np.int64)
    transactions = create_records(TRANSACTION, rows)
    assert apply_blocks(state, STRICT, transactions, nothing, receipts, ends) == -1
    assert receipts["position"].tolist() == [0, 1, 0, 1, 2]
    assert get_balances(state, AGENT) == [105]


def test_the_first_block_after_which_money_is_missing_is_named() -> None:
    rows = [create_tx(Kind.TRANSFER, nonce=NONCE + k, target=AGENT, amount=1) for k in range(2)]
    receipts, state = np.zeros(2, dtype=RECEIPT), load_state(create_world())
    state.accounts[BURN]["balance"] = 1
    transactions, nothing = create_records(TRANSACTION, rows), np.zeros(0, dtype=np.int64)
    ends = np.array([1, 2])
    assert apply_blocks(state, STRICT, transactions, nothing, receipts, ends) == 0


def test_every_page_of_accounts_that_changed_is_marked() -> None:
    world = create_world()
    world["room"]["accounts"] = 4 * PAGE
    state = load_state(world)
    state.counters[0] = 2 * PAGE  # accounts in between are of no interest
    state.accounts["balance"][PAGE + 5] = 9
    state.accounts["grant_first"] = -1
    transfer = create_tx(Kind.TRANSFER, PAGE + 5, 0, target=AGENT, amount=3, fee=1)
    for tx, pages in (
        (transfer, [1, 1, 0, 0]),
        (transfer | {"nonce": 9}, [0, 0, 0, 0]),
        (create_tx(Kind.REGISTER, target=77), [1, 0, 1, 0]),
        (create_tx(Kind.ROTATE_KEY, TREASURY, 0, target=PAGE + 5), [1, 1, 0, 0]),
        (create_tx(Kind.GRANT, OPERATOR, NONCE + 1, target=PAGE + 5, mask=1), [1, 1, 0, 0]),
    ):
        state.dirty[:] = 0
        apply_one(state, STRICT, tx)
        assert state.dirty.tolist() == pages


def test_a_killed_kind_is_rejected_and_others_are_not() -> None:
    rules = create_strict_rules(killed_kinds=1 << Kind.TRANSFER)
    block = [
        create_tx(Kind.TRANSFER, target=AGENT),
        create_tx(Kind.APPROVE, nonce=NONCE + 1, target=AGENT),
    ]
    codes = [receipt["code"] for receipt in apply_all(load_state(create_world()), rules, block)]
    assert codes == [Reason.KILL_SWITCH, Reason.APPLIED]


@pytest.mark.parametrize("status", [Status.JAILED, Status.TOMBSTONED, Status.FROZEN])
def test_who_is_not_active_neither_acts_nor_receives(status: Status) -> None:
    world = create_world()
    world["accounts"][AGENT]["status"] = int(status)
    acts = create_tx(Kind.TRANSFER, AGENT, target=OPERATOR)
    gets = create_tx(Kind.TRANSFER, OPERATOR, target=AGENT)
    codes = [receipt["code"] for receipt in apply_all(load_state(world), STRICT, [acts, gets])]
    assert codes == [Reason.SENDER_NOT_ACTIVE, Reason.TARGET_NOT_ACTIVE]


def test_a_kinds_own_checks_hold_where_no_policy_binds_them() -> None:
    receipt = apply_one(load_state(create_world()), LOOSE, create_tx(Kind.TRANSFER, target=99))
    assert receipt["code"] == Reason.TARGET_UNKNOWN
