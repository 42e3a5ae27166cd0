from __future__ import annotations

import numpy as np
import pytest

from sim.core.reasons import EVERY_CHECK, Reason, get_bit
from sim.core.records import ACCOUNT, TRANSACTION, Kind, ScopeLevel, Status
from sim.core.units import SUPPLY_MAX
from sim.ledger.checks import (
    Holding,
    compute_call_digest,
    compute_capability_violations,
    compute_tokens,
    get_first_reason,
    get_standing,
    is_dropped,
)
from sim.ledger.rules import Source, create_rules
from tests.ledger_world import (
    ABROAD,
    AGENT,
    DELETE,
    HEIGHT,
    HELPER,
    MEDIATED,
    NONCE,
    NOW_US,
    OPERATOR,
    READ,
    Row,
    World,
    add_grant,
    apply_one,
    create_records,
    create_row,
    create_split_rules,
    create_strict_rules,
    create_transaction,
    create_world,
    load_state,
)
from tests.property import reference_words

LIVE, EXPIRED, DEAD = 1, 2, 0


def test_the_smallest_number_in_a_mask_of_failures_is_the_reason() -> None:
    assert get_first_reason(0) == Reason.APPLIED
    assert get_first_reason(get_bit(Reason.RATE_LIMITED, Reason.EXPIRED)) == Reason.EXPIRED
    assert get_first_reason(EVERY_CHECK) == Reason.MALFORMED
    assert get_first_reason(1 << 62) == 62


def test_dropped_are_the_reasons_up_to_an_unpaid_fee() -> None:
    dropped = [reason for reason in Reason if is_dropped(int(reason))]
    assert dropped == [reason for reason in Reason if Reason.APPLIED < reason <= 9]


@pytest.mark.parametrize(("required", "missing"), [(0b0011, 0), (0b0100, 0b0100), (0b1100, 0b0100)])
def test_a_call_is_allowed_if_nothing_required_is_missing(required: int, missing: int) -> None:
    holding = Holding(static=0b1011, effective=0b1011, expired=0, covers=int(not missing))
    violations = compute_capability_violations(holding, required)
    assert required & ~0b1011 == missing
    assert violations == (get_bit(Reason.CAPABILITY_DENIED) if missing else 0)


def create_chain() -> World:
    """g1 from the operator to its agent, g2 from there to the helper, g3 back to the agent."""
    world = create_world()
    first = add_grant(world, issuer=OPERATOR, holder=AGENT, mask=0b1111, expires_us=1_000)
    link = {"issuer": AGENT, "holder": HELPER, "mask": 0b0111, "expires_us": 900}
    second = add_grant(world, parent=first, depth=1, **link)
    link = {"issuer": HELPER, "holder": AGENT, "mask": 0b0011, "expires_us": 900}
    add_grant(world, parent=second, depth=2, **link)
    return world


def get_standing_of_third(world: World, now_us: int, lag_us: int = 0) -> int:
    state = load_state(world)
    return get_standing(state.accounts, state.grants, 2, now_us, lag_us, HEIGHT)


def test_a_grant_lives_up_to_its_expiry_and_not_at_it() -> None:
    assert get_standing_of_third(create_chain(), 899) == LIVE
    assert get_standing_of_third(create_chain(), 900) == EXPIRED


@pytest.mark.parametrize("link", [0, 1, 2])
def test_a_revocation_anywhere_above_kills_a_grant_from_that_moment(link: int) -> None:
    world = create_chain()
    world["grants"][link]["revoked_us"] = 50
    assert get_standing_of_third(world, 49) == LIVE
    assert get_standing_of_third(world, 50) == DEAD


def test_a_revocation_reaches_a_late_verifier_late() -> None:
    world = create_chain()
    world["grants"][0]["revoked_us"] = 50
    assert get_standing_of_third(world, 59, lag_us=10) == LIVE
    assert get_standing_of_third(world, 60, lag_us=10) == DEAD


def test_a_grant_dies_with_the_standing_of_the_account_at_its_root() -> None:
    world = create_chain()
    world["accounts"][OPERATOR]["status"] = Status.JAILED
    assert get_standing_of_third(world, 10) == DEAD


def test_a_grant_dies_when_another_takes_the_slot_it_comes_from() -> None:
    world = create_chain()
    world["grants"][1]["id"] = 9
    assert get_standing_of_third(world, 10) == DEAD


def test_revoked_and_expired_is_dead() -> None:
    world = create_chain()
    world["grants"][2]["revoked_us"] = 50
    assert get_standing_of_third(world, 900) == DEAD


def call(world: World, rules: object = None, arguments: list[int] | None = None, **columns: int):
    """Receipt of the agent's call under rules where every check binds."""
    chosen = {
        "sender": AGENT,
        "nonce": NONCE,
        "target": DELETE,
        "arguments_to": len(arguments or []),
    }
    tx = create_transaction(Kind.CALL, **chosen | columns)
    return apply_one(load_state(world), rules or create_strict_rules(), tx, arguments)


def create_granted(**columns: object) -> World:
    """The world in which the agent may delete by a grant."""
    world = create_world()
    add_grant(world, **{"issuer": OPERATOR, "holder": AGENT, "mask": 0b0100} | columns)
    return world


def test_what_a_grant_adds_is_effective_and_not_static() -> None:
    receipt = call(create_granted())
    assert receipt["code"] == Reason.APPLIED
    assert (receipt["caps_static"], receipt["caps_effective"]) == (0b1011, 0b1111)


def test_static_bits_count_only_in_their_own_namespace() -> None:
    receipt = call(create_world(), target=ABROAD)
    assert receipt["code"] == Reason.CAPABILITY_DENIED
    assert (receipt["caps_static"], receipt["caps_effective"]) == (0, 0)


def test_grants_count_only_in_their_own_namespace() -> None:
    assert call(create_granted(namespace=1))["code"] == Reason.CAPABILITY_DENIED
    world = create_granted(namespace=1, mask=0b0001)
    assert call(world, target=ABROAD)["code"] == Reason.APPLIED


def test_only_expired_grants_make_a_call_expired_rather_than_denied() -> None:
    assert call(create_granted(expires_us=NOW_US))["code"] == Reason.CAPABILITY_EXPIRED
    world = create_granted(expires_us=NOW_US, mask=0b1000)
    assert call(world)["code"] == Reason.CAPABILITY_DENIED


@pytest.mark.parametrize(
    ("named", "wanted", "reason"),
    [
        ([3, 5], [3], Reason.APPLIED),
        ([3, 5], [5, 3], Reason.APPLIED),
        ([3, 5], [4], Reason.SCOPE_DENIED),
        ([3, 5], [3, 6], Reason.SCOPE_DENIED),
        ([], [], Reason.APPLIED),
        ([], [1], Reason.SCOPE_DENIED),
    ],
)
def test_a_grant_for_arguments_covers_calls_with_those_alone(
    named: list[int], wanted: list[int], reason: Reason
) -> None:
    world = create_granted(scope_level=ScopeLevel.ARGUMENTS, arguments=named)
    assert call(world, arguments=wanted)["code"] == reason


def test_one_grant_must_cover_bits_and_arguments_together() -> None:
    world = create_world()
    world["operations"][DELETE]["requires"] = 0b110000
    for mask, named in ((0b010000, [1]), (0b100000, [2])):
        bound = {"scope_level": ScopeLevel.ARGUMENTS, "arguments": named}
        add_grant(world, issuer=OPERATOR, holder=AGENT, mask=mask, **bound)
    assert call(world, arguments=[1])["code"] == Reason.SCOPE_DENIED
    add_grant(world, issuer=OPERATOR, holder=AGENT, mask=0b100000)
    assert call(world, arguments=[1])["code"] == Reason.APPLIED


def test_a_claim_is_believed_and_the_receipt_says_the_truth() -> None:
    receipt = call(create_world(), create_strict_rules(Source.CLAIM), claim=0b0100)
    assert receipt["code"] == Reason.APPLIED
    assert receipt["violations"] == get_bit(Reason.CAPABILITY_DENIED)


def test_an_owner_that_keeps_scopes_for_clients_looks_at_nothing_else() -> None:
    world, rules = create_granted(), create_strict_rules(Source.CLIENT)
    assert call(world, rules)["code"] == Reason.CAPABILITY_DENIED
    world["client_scopes"][0][0] = 0b0100
    assert call(world, rules)["code"] == Reason.APPLIED


def test_an_offline_verifier_learns_of_a_revocation_after_the_lag() -> None:
    rules = create_strict_rules(Source.TOKEN, revocation_lag_us=10)
    receipt = call(create_granted(revoked_us=NOW_US - 9), rules)
    assert receipt["code"] == Reason.APPLIED
    assert receipt["violations"] == get_bit(Reason.CAPABILITY_DENIED)
    assert call(create_granted(revoked_us=NOW_US - 10), rules)["code"] == Reason.CAPABILITY_DENIED


def test_an_offline_verifier_takes_the_old_key_until_word_of_the_rotation_arrives() -> None:
    rules = create_strict_rules(Source.TOKEN, revocation_lag_us=10)
    world = create_granted()
    world["accounts"][AGENT] |= {"key_version": 2, "key_rotated_us": NOW_US - 9}
    receipt = call(world, rules, key_version=1)
    assert receipt["code"] == Reason.APPLIED
    assert receipt["violations"] == get_bit(Reason.BAD_SIGNATURE)
    assert call(world, rules, key_version=0)["code"] == Reason.BAD_SIGNATURE
    assert call(world, rules, key_version=1, now_us=NOW_US + 1)["code"] == Reason.BAD_SIGNATURE


def test_a_forged_signature_is_never_believed_however_young_the_account() -> None:
    rules = create_strict_rules(Source.TOKEN, revocation_lag_us=10)
    receipt = call(create_granted(), rules, key_version=-1, now_us=5)
    assert receipt["code"] == Reason.BAD_SIGNATURE


def test_the_call_digest_is_that_of_the_reference_machine() -> None:
    for sender, operation, amount, ids in ((0, 0, 0, []), (3, 7, SUPPLY_MAX, [1, 2**62, -1])):
        row = create_transaction(
            Kind.CALL, sender=sender, target=operation, amount=amount, arguments_to=len(ids)
        )
        tx = create_records(TRANSACTION, [row])[0]
        digest = compute_call_digest(tx, np.array(ids, dtype=np.int64))
        assert digest == reference_words.compute_call_digest(sender, operation, amount, *ids)
        assert 0 <= digest < 2**63


APPROVED = {"approval_effects": 0b100}


def approve(world: World, **columns: int) -> World:
    digest = reference_words.compute_call_digest(AGENT, DELETE, 5)
    given = {"approver": OPERATOR, "sender": AGENT, "call_digest": digest}
    world["approvals"].append(create_row("approvals", **given | columns))
    return world


@pytest.mark.parametrize(
    ("approval", "tx", "reason"),
    [
        ({}, {}, Reason.APPLIED),
        ({}, {"amount": 6}, Reason.APPROVAL_MISSING),
        ({}, {"parent": -1}, Reason.APPROVAL_MISSING),
        ({}, {"parent": 1}, Reason.APPROVAL_MISSING),
        ({"expires_us": NOW_US}, {}, Reason.APPROVAL_MISSING),
        ({"used_height": 0}, {}, Reason.APPROVAL_MISSING),
        ({"sender": HELPER}, {}, Reason.APPROVAL_MISSING),
    ],
)
def test_an_approval_is_for_one_call_of_one_sender_once_and_in_time(
    approval: Row, tx: Row, reason: Reason
) -> None:
    world = approve(create_granted(), **approval)
    receipt = call(world, create_strict_rules(**APPROVED), **{"amount": 5, "parent": 0} | tx)
    assert receipt["code"] == reason


def test_effects_that_need_no_approval_are_not_asked_for_one() -> None:
    receipt = call(create_world(), create_strict_rules(**APPROVED), target=READ)
    assert receipt["code"] == Reason.APPLIED


def test_every_check_is_made_though_none_binds() -> None:
    world = create_world()
    world["accounts"][AGENT]["status"] = Status.JAILED
    rules = create_rules(
        fee_min=2, killed_kinds=1 << Kind.CALL, stake_min=1, reputation_ppm_min=1, **APPROVED
    )
    wrong = {"key_version": 5, "chain_id": 9, "valid_until_height": 0, "illegitimate": 1}
    receipt = call(world, rules, amount=101, **wrong)
    assert receipt["code"] == Reason.APPLIED
    assert receipt["violations"] == get_bit(
        Reason.BAD_SIGNATURE,
        Reason.WRONG_CHAIN,
        Reason.EXPIRED,
        Reason.FEE_TOO_LOW,
        Reason.SENDER_NOT_ACTIVE,
        Reason.KILL_SWITCH,
        Reason.CAPABILITY_DENIED,
        Reason.APPROVAL_MISSING,
        Reason.INSUFFICIENT_STAKE,
        Reason.INSUFFICIENT_REPUTATION,
        Reason.ILLEGITIMATE,
        Reason.INSUFFICIENT_FUNDS,
    )


def test_the_situation_chooses_what_binds() -> None:
    rules = create_rules()
    rules.binding[MEDIATED] |= get_bit(Reason.CAPABILITY_DENIED)
    assert call(create_world(), rules)["code"] == Reason.CAPABILITY_DENIED
    assert call(create_world(), rules, situation=MEDIATED + 2)["code"] == Reason.APPLIED


def test_the_first_of_several_binding_failures_is_the_reason() -> None:
    rules = create_split_rules(
        get_bit(Reason.CAPABILITY_DENIED, Reason.ILLEGITIMATE, Reason.INSUFFICIENT_FUNDS)
    )
    assert call(create_world(), rules, amount=101)["code"] == Reason.CAPABILITY_DENIED
    assert call(create_granted(), rules, amount=101)["code"] == Reason.INSUFFICIENT_FUNDS
    receipt = call(create_granted(), rules, amount=101, illegitimate=1)
    assert receipt["code"] == Reason.ILLEGITIMATE


@pytest.mark.parametrize(
    ("tokens_ppm", "elapsed_s", "tokens_after"),
    [
        (500_000, 0, 500_000),
        (500_000, 1, 750_000),
        (4_900_000, 1, 5_000_000),
        (9_000_000, 0, 5_000_000),
        (0, 2**40, 5_000_000),
    ],
)
def test_tokens_come_back_with_time_up_to_the_cap(
    tokens_ppm: int, elapsed_s: int, tokens_after: int
) -> None:
    account = np.zeros(1, dtype=ACCOUNT)[0]
    account["tokens_ppm"], account["tokens_us"] = tokens_ppm, 7
    rules = create_rules(rate_cap_ppm=5_000_000, rate_refill_ppm=250_000)
    assert compute_tokens(account, rules, 7 + elapsed_s * 1_000_000) == tokens_after
