from __future__ import annotations

import numpy as np
import pytest

from sim.core.reasons import Reason
from sim.core.records import Kind, Status
from sim.core.units import PPM, SUPPLY_MAX
from sim.ledger.penalties import compute_escalated_rate, compute_harm_penalty
from sim.ledger.rules import Reputation, create_rules
from sim.ledger.slashing import (
    compute_correlated_share,
    compute_ethereum_slash,
    compute_slash,
    compute_slash_rate,
    compute_split,
    draw_stake,
    get_stake_at,
    get_total_stake_at,
    slash_account,
)
from sim.ledger.state import BURN, TREASURY, State, create_state
from sim.ledger.transition import is_conserved
from tests.ledger_world import (
    AGENT,
    HELPER,
    NONCE,
    OPERATOR,
    OWNER,
    Row,
    World,
    add_stake,
    add_unbonding,
    apply_all,
    apply_one,
    create_row,
    create_strict_rules,
    create_transaction,
    create_world,
    load_state,
)

STRICT = create_strict_rules()
TOTAL = 10_000_000
BETA = int(Reputation.BETA)


def create_staked_world(**stakes: int) -> World:
    """The small world with much money, and stake of the named accounts."""
    world = create_world() | {"supply": 10**9}
    world["accounts"][TREASURY]["balance"] += 10**9 - 10_000
    accounts = {"operator": OPERATOR, "agent": AGENT, "owner": OWNER, "helper": HELPER}
    for name, amount in stakes.items():
        add_stake(world, accounts[name], amount)
    return world


def create_evidence(view: int = 7, **columns: int) -> Row:
    """Evidence by the agent that the owner voted twice in a view, at height 100."""
    given = {"sender": AGENT, "nonce": NONCE, "target": OWNER, "subject": 90, "mask": 2}
    heights = {"height": 100, "valid_until_height": 10**6}
    words = {f"word{i}": view * 10 + i for i in range(4)}
    return create_transaction(Kind.EVIDENCE, **given | heights | words | {"amount": view} | columns)


def get_stakes(state: State, account: int) -> list[int]:
    return [int(state.accounts[account][name]) for name in ("stake", "unbonding")]


# the formulas


@pytest.mark.parametrize(
    ("base", "others", "slashable", "harm", "share", "rate", "amount", "parts"),
    [
        (100_000, 0, 100_000, 7_000, 10_000, 50_000, 5_000, (500, 2_500, 0, 2_000)),
        (100_000, 0, 100_000, 1_001, 10_000, 50_000, 5_000, (500, 1_001, 0, 3_499)),
        (100_000, 900_000, 100_000, 0, 100_000, 300_000, 30_000, (3_000, 0, 0, 27_000)),
        (100_000, 3_233_334, 100_000, 0, 333_333, 999_999, 99_999, (9_999, 0, 0, 90_000)),
        (10_000, 0, 800, 0, 1_000, 50_000, 800, (80, 0, 0, 720)),
        (123_457, 0, 123_457, 10**9, 12_345, 50_000, 6_172, (617, 3_086, 0, 2_469)),
    ],
)
def test_a_slash_grows_with_the_stake_that_offended_lately_and_is_shared_out(
    base: int,
    others: int,
    slashable: int,
    harm: int,
    share: int,
    rate: int,
    amount: int,
    parts: tuple[int, ...],
) -> None:
    world = create_world()
    world["evidence"].append(create_row("evidence", base=others, height=1))
    assert compute_correlated_share(load_state(world), base, TOTAL, 0) == share
    assert compute_slash_rate(STRICT.slash_rate_ppm, share) == rate
    assert compute_slash(base, slashable, rate, STRICT.slash_floor) == amount
    split = compute_split(STRICT, amount, harm)
    assert (split.reporter, split.victim, split.treasury, split.burned) == parts


@pytest.mark.parametrize(("slashable", "amount"), [(800, 800), (1_000, 1_000), (10_000, 1_000)])
def test_a_slash_is_at_least_the_floor_where_there_is_as_much(slashable: int, amount: int) -> None:
    assert compute_slash(slashable, slashable, 50_000, 1_000) == amount


def test_a_slash_of_all_the_money_there_is_does_not_wrap() -> None:
    assert compute_slash(SUPPLY_MAX, SUPPLY_MAX, PPM, 0) == SUPPLY_MAX
    assert compute_slash(SUPPLY_MAX, SUPPLY_MAX, 50_000, 0) == SUPPLY_MAX * 50_000 // PPM
    split = compute_split(STRICT, SUPPLY_MAX, SUPPLY_MAX)
    assert (split.reporter, split.victim) == (10**6, SUPPLY_MAX // 2)
    assert sum(split) == SUPPLY_MAX


@pytest.mark.parametrize("amount", [0, 1, 3, 9, 6_172, 10**7, SUPPLY_MAX])
def test_a_split_is_of_the_whole_whatever_its_shares(amount: int) -> None:
    rules = create_rules(slash_victim_ppm=333_333, slash_treasury_ppm=566_667)
    split = compute_split(rules, amount, 10**9)
    assert sum(split) == amount
    assert min(split) >= 0


def test_who_reports_himself_regains_at_most_a_tenth_and_with_a_puppet_victim_six_tenths() -> None:
    split = compute_split(STRICT, 10_000, 10**9)
    assert split.reporter == 1_000
    assert split.reporter + split.victim == 6_000


def test_the_share_of_the_convicted_never_passes_the_whole() -> None:
    world = create_world()
    world["evidence"] += [create_row("evidence", base=SUPPLY_MAX, height=1)] * 3
    state = load_state(world)
    assert compute_correlated_share(state, SUPPLY_MAX, SUPPLY_MAX, 0) == PPM
    assert compute_correlated_share(state, 5, 4, 0) == PPM
    assert compute_correlated_share(state, 0, 0, 0) == 0


def test_convictions_of_the_last_blocks_alone_are_correlated() -> None:
    world = create_world()
    world["evidence"] += [create_row("evidence", base=1_000, height=h) for h in (10, 11, 12)]
    shares = [
        compute_correlated_share(load_state(world), 1_000, 10_000, h) for h in (9, 10, 11, 12)
    ]
    assert shares == [400_000, 300_000, 200_000, 100_000]


# the stake at risk


def test_what_left_before_the_offence_is_not_at_risk() -> None:
    world = create_staked_world(owner=60, helper=1_000)
    for account, amount, created_height in ((OWNER, 20, 89), (OWNER, 30, 90), (HELPER, 7, 95)):
        add_unbonding(world, account=account, amount=amount, created_height=created_height)
    state = load_state(world)
    assert [get_stake_at(state, OWNER, height) for height in (89, 90, 91)] == [110, 90, 60]
    assert [get_total_stake_at(state, height) for height in (89, 90, 96)] == [1_117, 1_097, 1_060]


def test_a_slash_is_drawn_from_what_matures_first_then_from_what_is_bonded() -> None:
    world = create_staked_world(owner=60)
    for amount, matures_height in ((10, 300), (20, 200), (5, 200)):
        heights = {"created_height": 90, "matures_height": matures_height}
        add_unbonding(world, account=OWNER, amount=amount, **heights)
    state = load_state(world)
    for amount, entries, stakes in (
        (19, [10, 1, 5], [60, 16]),
        (3, [10, 0, 3], [60, 13]),  # of equals, the lowest slot comes first
        (4, [9, 0, 0], [60, 9]),
        (11, [0, 0, 0], [58, 0]),
    ):
        draw_stake(state, OWNER, 90, amount)
        assert state.unbonding["amount"][:3].tolist() == entries
        assert get_stakes(state, OWNER) == stakes


def test_evidence_draws_from_the_entry_that_was_bonded_at_the_offence() -> None:
    world = create_staked_world(owner=60_000, helper=TOTAL)
    for amount, created_height in ((20_000, 100), (30_000, 900)):
        heights = {"created_height": created_height, "matures_height": created_height + 2_000}
        add_unbonding(world, account=OWNER, amount=amount, **heights)
    state = load_state(world)
    receipt = apply_one(state, STRICT, create_evidence(subject=120, height=1_000))
    assert (receipt["code"], receipt["amount"]) == (Reason.APPLIED, 4_500)
    assert state.evidence[0]["base"] == 90_000
    assert state.unbonding["amount"][:2].tolist() == [20_000, 25_500]
    assert get_stakes(state, OWNER) == [60_000, 45_500]


@pytest.mark.parametrize(
    ("height", "code"), [(1_120, Reason.APPLIED), (1_121, Reason.EVIDENCE_TOO_OLD)]
)
def test_evidence_is_good_for_as_long_as_it_is_young(height: int, code: Reason) -> None:
    state = load_state(create_staked_world(owner=60_000, helper=TOTAL))
    receipt = apply_one(state, STRICT, create_evidence(subject=120, height=height))
    assert (receipt["code"], receipt["amount"] > 0) == (code, code == Reason.APPLIED)


# the writer


def test_an_offender_is_tombstoned_and_the_reporter_rewarded() -> None:
    state = load_state(create_staked_world(owner=100_000, helper=TOTAL - 100_000))
    treasury = state.accounts[TREASURY]["balance"]
    receipt = apply_one(state, create_strict_rules(reputation_rule=BETA), create_evidence())
    owner = state.accounts[OWNER]
    assert (receipt["amount"], receipt["counterparty"]) == (5_000, 0)
    assert (owner["stake"], owner["status"]) == (95_000, Status.TOMBSTONED)
    assert owner["negative"] == 10 * PPM
    assert state.accounts[AGENT]["balance"] == 100 + 500
    assert state.accounts[BURN]["balance"] == 4_500
    assert state.accounts[TREASURY]["balance"] == treasury
    assert is_conserved(state)


def test_one_offence_is_slashed_once_however_many_pairs_prove_it() -> None:
    state = load_state(create_staked_world(owner=100_000, helper=TOTAL))
    words = {"word0": 1, "word1": 2, "word2": 3, "word3": 4}
    block = [
        create_evidence(),
        create_evidence(nonce=NONCE + 1),
        create_evidence(nonce=NONCE + 2, **words),
        create_evidence(sender=HELPER, **words),
    ]
    codes = [receipt["code"] for receipt in apply_all(state, STRICT, block)]
    assert codes == [Reason.APPLIED] + [Reason.EVIDENCE_USED] * 3
    assert get_stakes(state, OWNER) == [95_000, 0]


@pytest.mark.parametrize("other", [{"view": 8}, {"mask": 3, "word0": 1}])
def test_all_offences_before_the_tombstone_have_one_price(other: Row) -> None:
    state = load_state(create_staked_world(owner=100_000, helper=TOTAL))
    block = [create_evidence(), create_evidence(nonce=NONCE + 1, **other)]
    receipts = apply_all(state, create_strict_rules(reputation_rule=BETA), block)
    assert [receipt["code"] for receipt in receipts] == [Reason.APPLIED, Reason.APPLIED]
    assert [receipt["amount"] for receipt in receipts] == [5_000, 0]
    assert state.evidence["base"][:2].tolist() == [100_000, 0]
    assert state.accounts[OWNER]["negative"] == 10 * PPM


def test_one_account_may_be_proven_guilty_of_what_another_did_in_the_same_view() -> None:
    state = load_state(create_staked_world(owner=100_000, helper=100_000, operator=TOTAL))
    block = [create_evidence(), create_evidence(nonce=NONCE + 1, target=HELPER, word0=1)]
    receipts = apply_all(state, STRICT, block)
    assert [receipt["code"] for receipt in receipts] == [Reason.APPLIED, Reason.APPLIED]
    assert receipts[1]["amount"] == 5_885  # 200_000 of 10_195_000 offended: 3 * 19_617 ppm


def test_a_reporter_of_himself_is_slashed_too() -> None:
    world = create_staked_world(owner=100_000, helper=TOTAL)
    world["accounts"][OWNER]["nonce"] = NONCE
    state = load_state(world)
    assert apply_one(state, STRICT, create_evidence(sender=OWNER))["amount"] == 5_000
    assert state.accounts[OWNER]["balance"] == 500 + 500
    assert get_stakes(state, OWNER) == [95_000, 0]


def test_the_harm_that_is_recorded_is_made_good_up_to_its_share() -> None:
    world = create_staked_world(owner=100_000, helper=TOTAL - 100_000)
    proof = create_row("evidence", offender=OWNER, reporter=AGENT, offence_height=90, height=100)
    for harm, restored, burned in ((7_000, 2_500, 2_000), (1_001, 1_001, 3_499)):
        state = load_state(world | {"evidence": [proof]})
        state.counters[8] = 0  # it is being written, not accepted yet
        assert slash_account(state, STRICT, state.evidence[0], harm, HELPER) == 5_000
        assert state.accounts[HELPER]["balance"] == 50 + restored
        assert state.accounts[BURN]["balance"] == burned
        assert is_conserved(state)


def test_a_share_of_the_treasury_is_paid_to_it() -> None:
    state = load_state(create_staked_world(owner=100_000, helper=TOTAL - 100_000))
    treasury = state.accounts[TREASURY]["balance"]
    apply_one(state, create_strict_rules(slash_treasury_ppm=250_000), create_evidence())
    assert state.accounts[TREASURY]["balance"] == treasury + 1_250
    assert state.accounts[BURN]["balance"] == 5_000 - 500 - 1_250


def test_an_account_without_stake_has_nothing_to_lose_but_its_standing() -> None:
    state = load_state(create_staked_world())
    assert apply_one(state, STRICT, create_evidence())["amount"] == 0
    assert state.accounts[OWNER]["status"] == Status.TOMBSTONED


def test_almost_all_the_money_there_can_be_is_slashed_without_wrapping() -> None:
    world = create_world() | {"supply": SUPPLY_MAX}
    for account in world["accounts"]:
        account["balance"] = 0
    world["accounts"][OWNER]["stake"] = SUPPLY_MAX
    state = load_state(world)
    assert apply_one(state, STRICT, create_evidence())["amount"] == SUPPLY_MAX
    assert state.accounts[BURN]["balance"] == SUPPLY_MAX - 10**6
    assert is_conserved(state)


def test_every_page_that_punishment_touches_is_marked() -> None:
    state = create_state(supply=10**9, accounts=256)
    state.counters[0] = 256
    offender, reporter, victim = 70, 130, 200
    state.accounts[offender]["stake"] = 10_000
    state.evidence[0]["offender"], state.evidence[0]["reporter"] = offender, reporter
    state.dirty[:] = 0
    slash_account(state, STRICT, state.evidence[0], 10, victim)
    assert np.flatnonzero(state.dirty).tolist() == [0, 1, 2, 3]


# the other rules


@pytest.mark.parametrize(
    ("rate_ppm", "offences", "escalated_ppm"),
    [
        (50_000, 0, 50_000),
        (50_000, 1, 100_000),
        (50_000, 4, 800_000),
        (50_000, 5, PPM),
        (1, 19, 524_288),
        (1, 20, PPM),
        (PPM, 2**62, PPM),
        (0, 30, 0),
    ],
)
def test_a_rate_doubles_with_each_fraud_up_to_all(
    rate_ppm: int, offences: int, escalated_ppm: int
) -> None:
    assert compute_escalated_rate(rate_ppm, offences) == escalated_ppm


@pytest.mark.parametrize(
    ("base", "harm", "rate_ppm", "amount"),
    [
        (100_000, 1_001, PPM, 1_001),
        (100_000, 1_001, 2_500_000, 2_502),
        (100_000, 1_001, 300_000, 300),
        (1_000, 1_001, PPM, 1_000),
        (1_000, 0, 10 * PPM, 0),
        (SUPPLY_MAX, SUPPLY_MAX, 10 * PPM, SUPPLY_MAX),
        (SUPPLY_MAX, SUPPLY_MAX // 10, 9_999_999, SUPPLY_MAX // 10 * 9_999_999 // PPM),
        (0, SUPPLY_MAX, 10 * PPM, 0),
    ],
)
def test_damages_are_a_multiple_of_the_harm_as_far_as_the_stake_goes(
    base: int, harm: int, rate_ppm: int, amount: int
) -> None:
    assert compute_harm_penalty(harm, base, rate_ppm) == amount


@pytest.mark.parametrize(
    ("base", "share_ppm", "amount"),
    [
        (32_000_000_000, 0, 7_812_500),
        (32_000_000_000, 10_000, 7_812_500 + 960_000_000),
        (32_000_000_000, 333_334, 32_000_000_000),
        (SUPPLY_MAX, PPM, SUPPLY_MAX),
    ],
)
def test_both_penalties_of_ethereum_come_at_once(base: int, share_ppm: int, amount: int) -> None:
    assert compute_ethereum_slash(base, share_ppm) == amount
