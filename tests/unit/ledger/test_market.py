from __future__ import annotations

import pytest

from sim.core.market import Resolution, SaleState, SignalState
from sim.core.reasons import Reason
from sim.core.records import Kind, Status
from sim.core.units import PPM, SUPPLY_MAX
from sim.ledger.market import compute_weight, have_one_controller
from sim.ledger.rules import Judges, Settlement, Slashing, Weighting
from sim.ledger.state import BURN, ESCROW, TREASURY, State
from sim.ledger.transition import is_conserved
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
    Row,
    World,
    add_dispute,
    add_grant,
    add_sale,
    add_signal,
    add_stake,
    apply_all,
    apply_one,
    create_row,
    create_strict_rules,
    create_transaction,
    create_world,
    load_state,
)
from tests.property.reference_words import compute_call_digest


def create_disputed_world(stake: int = 100_000, bond: int = 100, **signal: int) -> World:
    """The owner's signal, disputed by the agent before the helper, who keeps the escrow."""
    world = create_world() | {"supply": 10**9}
    world["accounts"][TREASURY]["balance"] += 10**9 - 10_000
    world["judges"] = [HELPER]
    add_stake(world, OWNER, stake)
    times = {"published_us": NOW_US - 9, "closes_us": NOW_US + 9, "published_height": 40}
    add_signal(world, **{"seller": OWNER, "price": 50, "bond": bond} | times | signal)
    add_dispute(world, signal=0, challenger=AGENT, bond=bond, n_seats=1, opened_us=NOW_US)
    return world


def uphold(state: State, **numbers: int) -> Row:
    """The arbiter upholds the dispute."""
    rules = create_strict_rules(judges=Judges.ARBITER, **numbers)
    vote = {"sender": HELPER, "nonce": NONCE, "subject": Resolution.VOTE, "amount": 1}
    return apply_one(state, rules, create_transaction(Kind.RESOLVE, **vote))


# the escrow pool


@pytest.mark.parametrize("rules", [create_strict_rules(), create_strict_rules(judges=3)])
def test_nobody_signs_for_the_escrow_pool(rules: object) -> None:
    world = create_world()
    world["accounts"][ESCROW]["balance"] = 90
    world["accounts"][TREASURY]["balance"] -= 90
    state = load_state(world)
    tx = create_transaction(Kind.TRANSFER, sender=ESCROW, target=AGENT, amount=90)
    assert apply_one(state, rules, tx)["code"] == Reason.UNKNOWN_SENDER  # type: ignore[arg-type]
    assert state.accounts["balance"][ESCROW] == 90


def test_the_escrow_pool_takes_no_gifts_that_nobody_could_get_out_again() -> None:
    state = load_state(create_world())
    gift = {"sender": OPERATOR, "nonce": NONCE, "target": ESCROW, "amount": 9}
    receipt = apply_one(state, create_strict_rules(), create_transaction(Kind.TRANSFER, **gift))
    assert receipt["code"] == Reason.TARGET_NOT_ACTIVE
    assert state.accounts["balance"][ESCROW] == 0


# harm and victims


def test_victims_get_no_more_than_their_pool_when_harm_stops_at_the_supply() -> None:
    world = create_disputed_world()
    for buyer in (OPERATOR, HELPER):  # money that went round: each paid more than half of all
        paid = {"price": SUPPLY_MAX, "paid": SUPPLY_MAX, "state": SaleState.PAID}
        add_sale(world, signal=0, buyer=buyer, **paid)
    state = load_state(world)
    balances = state.accounts["balance"].copy()
    receipt = uphold(state, slash_rule=Slashing.PROPORTIONAL)
    gained = state.accounts["balance"] - balances
    assert receipt["amount"] == 5_000
    assert (gained[HELPER] - 50, gained[OPERATOR]) == (2_500, 0)  # the newest sale is first
    assert gained[BURN] == 2_000
    assert is_conserved(state)


def test_an_invoice_that_nobody_paid_is_no_harm() -> None:
    world = create_disputed_world()
    add_sale(world, signal=0, buyer=OPERATOR, price=9_000, state=SaleState.INVOICED)
    state = load_state(world)
    slashed = uphold(state, slash_rule=Slashing.HARM)["amount"]
    assert slashed == 0
    assert state.accounts["balance"][OPERATOR] == 1_000
    assert state.sales["state"][0] == SaleState.VOID


def test_what_is_clawed_back_is_what_the_seller_still_has() -> None:
    world = create_disputed_world()
    world["accounts"][OWNER]["balance"] -= 430
    world["accounts"][TREASURY]["balance"] += 430
    for buyer in (OPERATOR, HELPER):
        add_sale(world, signal=0, buyer=buyer, price=50, paid=50, state=SaleState.PAID)
    state = load_state(world)
    uphold(state, claws_back=1, slash_rule=Slashing.NONE)
    assert state.sales["paid"][:2].tolist() == [50, 50]  # what was paid is not forgotten
    assert state.sales["state"][:2].tolist() == [SaleState.RECOVERED] * 2
    assert state.accounts["balance"][OWNER] == 0  # 70 were left: the newest sale came first


# standing


@pytest.mark.parametrize("status", [Status.FROZEN, Status.JAILED])
def test_a_fraud_does_not_lift_what_has_no_end(status: Status) -> None:
    world = create_disputed_world()
    world["accounts"][OWNER]["status"] = int(status)
    state = load_state(world)
    uphold(state, fraud_jail_blocks=1)
    owner = state.accounts[OWNER]
    assert (owner["status"], owner["jailed_until_height"], owner["offences"]) == (status, 0, 1)


def test_a_convict_is_active_again_once_its_time_is_over() -> None:
    state = load_state(create_disputed_world())
    uphold(state, fraud_jail_blocks=3)
    rules = create_strict_rules()
    for height, nonce, code in (
        (HEIGHT + 2, 0, Reason.SENDER_NOT_ACTIVE),
        (HEIGHT + 3, 1, Reason.APPLIED),
    ):
        moment = {"height": height, "valid_until_height": height, "nonce": nonce}
        tx = create_transaction(Kind.TRANSFER, sender=OWNER, target=AGENT, **moment)
        assert apply_one(state, rules, tx)["code"] == code
    assert state.accounts[OWNER]["status"] == Status.ACTIVE
    assert state.accounts[OWNER]["jailed_until_height"] == 0


def test_what_a_convict_granted_lives_again_once_its_time_is_over() -> None:
    world = create_world()
    add_grant(world, issuer=OPERATOR, holder=AGENT, mask=0b0100)
    world["accounts"][OPERATOR] |= {"status": int(Status.JAILED), "jailed_until_height": HEIGHT}
    call = {"sender": AGENT, "target": DELETE, "valid_until_height": HEIGHT}
    state, rules = load_state(world), create_strict_rules()
    for nonce, height in ((NONCE, HEIGHT - 1), (NONCE + 1, HEIGHT)):
        tx = create_transaction(Kind.CALL, nonce=nonce, **call | {"height": height})
        code = Reason.APPLIED if height == HEIGHT else Reason.CAPABILITY_DENIED
        assert apply_one(state, rules, tx)["code"] == code


# approvals, judges and ratings


def test_an_approval_is_good_for_one_signal_at_its_price() -> None:
    world = create_world()
    add_grant(world, issuer=OPERATOR, holder=AGENT, mask=0b0100)
    digest = compute_call_digest(AGENT, DELETE, 5, Kind.PUBLISH, 30)
    given = {"approver": OPERATOR, "sender": AGENT, "call_digest": digest}
    world["approvals"].append(create_row("approvals", **given))
    state, rules = load_state(world), create_strict_rules(approval_effects=0b100)
    offer = {"sender": AGENT, "target": DELETE, "amount": 5, "parent": 0}
    rows = [
        create_transaction(Kind.PUBLISH, nonce=NONCE, subject=31, **offer),
        create_transaction(Kind.CALL, nonce=NONCE + 1, subject=30, **offer),
        create_transaction(Kind.PUBLISH, nonce=NONCE + 2, subject=30, **offer),
        create_transaction(Kind.PUBLISH, nonce=NONCE + 3, subject=30, **offer),
    ]
    missing = Reason.APPROVAL_MISSING
    codes = [receipt["code"] for receipt in apply_all(state, rules, rows)]
    assert codes == [missing, missing, Reason.APPLIED, missing]


@pytest.mark.parametrize("party", [AGENT, OWNER])
@pytest.mark.parametrize("judges", [Judges.ARBITER, Judges.COMMITTEE])
def test_nobody_judges_its_own_cause(judges: Judges, party: int) -> None:
    world = create_disputed_world()
    world["judges"] = [party]
    state = load_state(world)
    nonce = world["accounts"][party]["nonce"]
    vote = {"sender": party, "nonce": nonce, "subject": Resolution.VOTE, "amount": 1}
    tx = create_transaction(Kind.RESOLVE, **vote)
    assert apply_one(state, create_strict_rules(judges=judges), tx)["code"] == Reason.NOT_JUDGE
    assert state.signals["state"][0] == SignalState.DISPUTED


@pytest.mark.parametrize(
    ("issuer", "other_issuer", "is_one"),
    [
        (TREASURY, TREASURY, False),
        (OPERATOR, OPERATOR, True),
        (HELPER, TREASURY, True),
        (TREASURY, OWNER, True),
        (OPERATOR, TREASURY, False),
    ],
)
def test_one_org_does_not_rate_itself(issuer: int, other_issuer: int, is_one: bool) -> None:
    state = load_state(create_world())
    state.accounts["issuer"][OWNER], state.accounts["issuer"][HELPER] = issuer, other_issuer
    assert bool(have_one_controller(state, OWNER, HELPER)) is is_one


@pytest.mark.parametrize(
    ("weighting", "price", "rater", "weight_ppm"),
    [
        (Weighting.EQUAL, 1, {}, PPM),
        (Weighting.VALUE, 2_500, {}, 250_000),
        (Weighting.VALUE, SUPPLY_MAX, {}, PPM),
        (Weighting.STAKE, 9, {"stake": 3_333}, 333_300),
        (Weighting.STAKE, 9, {"stake": 0}, 0),
        (Weighting.EQUAL, 1, {"n_ratings": 1, "reputation_ppm": 199_999}, 0),
        (Weighting.EQUAL, 1, {"n_ratings": 1, "reputation_ppm": 200_000}, PPM),
        (Weighting.EQUAL, 1, {"offences": 1}, 0),
    ],
)
def test_a_rating_weighs_what_is_at_stake_and_nothing_from_the_disreputable(
    weighting: Weighting, price: int, rater: Row, weight_ppm: int
) -> None:
    row = load_state(create_world()).accounts[OWNER]
    for name, value in rater.items():
        row[name] = value
    rules = create_strict_rules(rating_weight=weighting, weight_reference=10_000)
    assert compute_weight(rules, row, price) == weight_ppm


@pytest.mark.parametrize("settlement", [Settlement.ESCROW, Settlement.PREPAID])
def test_a_purchase_of_nothing_costs_nothing(settlement: Settlement) -> None:
    state = load_state(create_world())
    tx = create_transaction(Kind.BUY, sender=OPERATOR, nonce=NONCE, target=READ, amount=SUPPLY_MAX)
    receipt = apply_one(state, create_strict_rules(settlement=settlement), tx)
    assert (receipt["code"], receipt["violations"]) == (
        Reason.SIGNAL_UNKNOWN,
        1 << Reason.SIGNAL_UNKNOWN,
    )
