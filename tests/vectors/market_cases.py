"""Conformance vectors of trade: who sells, who buys, who disputes it and who judges."""

from __future__ import annotations

from sim.core.market import Resolution, SaleState, SignalState, Verdict
from sim.core.reasons import Reason
from sim.core.records import Kind, ScopeLevel, Status
from sim.ledger.rules import Judges, Reputation, Settlement, Slashing, Weighting
from tests.ledger_world import (
    ABROAD,
    AGENT,
    HELPER,
    NONCE,
    NOW_US,
    OPERATOR,
    OWNER,
    UNMEDIATED,
    Row,
    World,
    add_dispute,
    add_sale,
    add_signal,
    add_stake,
    create_row,
    create_world,
)
from tests.property.reference_words import compute_call_digest
from tests.vectors.cases import BOUND, DELETING, DELICATE, LOOSE, MAY_DELETE, Case

MARKET_KINDS = (Kind.BUY, Kind.ATTEST, Kind.CHALLENGE, Kind.RESOLVE)
SECOND, THIRD = HELPER + 1, HELPER + 2  # judges beside the helper
WHOLE_STAKE = 10_000_000
R = Reason


def create_market_world(kind: Kind, case: Case) -> World:
    """The owner sells a signal, the operator bought it, the agent disputes it, three judge.

    A dispute stands where the kind is RESOLVE, unless the case is about something else.
    """
    world = create_world() | {"supply": WHOLE_STAKE + 40_000}
    for entity in (14, 15):
        world["accounts"].append(create_row("accounts", entity=entity, nonce=NONCE))
    for account in (OPERATOR, AGENT):
        world["accounts"][account]["balance"] = 9_000
    held = sum(account["balance"] for account in world["accounts"][1:])
    world["accounts"][0]["balance"] = world["supply"] - held
    add_stake(world, OWNER, 100_000)
    add_stake(world, HELPER, WHOLE_STAKE - 100_000)
    world["judges"] = [HELPER, SECOND, THIRD] if case.judges is None else case.judges
    sold = {"seller": OWNER, "operation": ABROAD, "price": 1_001, "bond": 1_000, "has_proof": 1}
    times = {"published_height": 40, "published_us": NOW_US - 9, "closes_us": NOW_US + 9}
    add_signal(world, **sold | times | case.signal)
    price = world["signals"][0]["price"]
    bought = {"signal": 0, "buyer": OPERATOR, "price": price, "paid": price}
    bought |= {"bought_us": NOW_US - 8, "due_us": NOW_US, "state": SaleState.HELD}
    for sale in (case.sale, *case.more_sales):
        add_sale(world, **bought | sale)
    if kind == Kind.RESOLVE and case.dispute != ABSENT:
        opened = {"challenger": AGENT, "bond": world["signals"][0]["bond"], "n_seats": 3}
        given = {"signal": 0, "opened_us": NOW_US - 5, "opened_height": 45}
        add_dispute(world, **given | opened | case.dispute)
    return world


ABSENT = {"n_seats": -1}  # no dispute
PROVE, TIME_OUT = {"subject": Resolution.PROOF}, {"subject": Resolution.TIMEOUT}
RELEASE = {"subject": Resolution.RELEASE}
PAY = {"sender": OPERATOR, "subject": Resolution.PAY, "amount": 300}
TAKE = {"subject": Resolution.TAKE}
INVOICE = {"state": SaleState.INVOICED, "paid": 1}
PAID = {"state": SaleState.PAID}
CLOSED = {"state": SignalState.CLOSED, "bond": 0}
OVER = {"closes_us": NOW_US}
ONE_FOR = {"voted": 0b10, "upheld": 0b10}
ONE_AGAINST = {"voted": 0b10}
AT_ONCE = {"verdict_us": 5}
ARBITER = {"judges": Judges.ARBITER}
BETA = {"reputation_rule": Reputation.BETA, "newcomer_ppm": 500_000}
DELETE_SIGNAL = DELETING | {"amount": 5}

OWN: dict[tuple[Kind, Reason], Case] = {
    (Kind.PUBLISH, R.CAPABILITY_EXPIRED): Case(
        DELETE_SIGNAL, grant=MAY_DELETE | {"expires_us": NOW_US}
    ),
    (Kind.PUBLISH, R.CAPABILITY_DENIED): Case(DELETE_SIGNAL),
    (Kind.PUBLISH, R.SCOPE_DENIED): Case(DELETE_SIGNAL, [3, 4], grant=BOUND),
    (Kind.PUBLISH, R.APPROVAL_MISSING): Case(DELETE_SIGNAL, grant=MAY_DELETE, rules=DELICATE),
    (Kind.PUBLISH, R.RATE_LIMITED): Case(
        accounts={AGENT: {"tokens_ppm": 999_999, "tokens_us": NOW_US}},
        rules={"rate_cap_ppm": 3_000_000, "rate_refill_ppm": 1},
    ),
    (Kind.PUBLISH, R.INSUFFICIENT_STAKE): Case(rules={"stake_min": 1}),
    (Kind.PUBLISH, R.INSUFFICIENT_REPUTATION): Case(rules={"reputation_ppm_min": 1}),
    (Kind.PUBLISH, R.ILLEGITIMATE): Case({"illegitimate": 1}),
    (Kind.PUBLISH, R.INSUFFICIENT_FUNDS): Case({"amount": 99}),
    (Kind.PUBLISH, R.TARGET_UNKNOWN): Case({"target": 3}),
    (Kind.PUBLISH, R.BOND_TOO_LOW): Case(rules={"bond_min": 21}),
    (Kind.PUBLISH, R.NEWCOMER_LIMIT): Case(rules={"newcomer_price_max": 29}),
    (Kind.PUBLISH, R.TABLE_FULL): Case(room={"signals": 0}),
    (Kind.BUY, R.INSUFFICIENT_FUNDS): Case(accounts={OPERATOR: {"balance": 1_002}}),
    (Kind.BUY, R.SIGNAL_UNKNOWN): Case({"target": 1}),
    (Kind.BUY, R.SIGNAL_CLOSED): Case(signal=CLOSED),
    (Kind.BUY, R.TARGET_SELF): Case({"sender": OWNER, "nonce": 0}, signal={"price": 400}),
    (Kind.BUY, R.TARGET_NOT_ACTIVE): Case(accounts={OWNER: {"status": Status.JAILED}}),
    (Kind.BUY, R.PRICE_ABOVE_LIMIT): Case({"amount": 1_000}),
    (Kind.BUY, R.TABLE_FULL): Case(room={"sales": 1}),
    (Kind.ATTEST, R.SALE_UNKNOWN): Case({"target": 1}),
    (Kind.ATTEST, R.NOT_BUYER): Case({"sender": AGENT}),
    (Kind.ATTEST, R.ALREADY_RATED): Case(sale={"rated": 1}),
    (Kind.ATTEST, R.SALE_UNSETTLED): Case(sale={"due_us": NOW_US + 1}),
    (Kind.ATTEST, R.SAME_CONTROLLER): Case(accounts={OWNER: {"issuer": OPERATOR}}),
    (Kind.ATTEST, R.TABLE_FULL): Case(room={"ratings": 0}),
    (Kind.CHALLENGE, R.INSUFFICIENT_FUNDS): Case({"amount": 8_999}),
    (Kind.CHALLENGE, R.SIGNAL_UNKNOWN): Case({"target": 1}),
    (Kind.CHALLENGE, R.TARGET_SELF): Case({"sender": OWNER, "nonce": 0, "amount": 400}),
    (Kind.CHALLENGE, R.DISPUTE_OPEN): Case(signal={"state": SignalState.DISPUTED}),
    (Kind.CHALLENGE, R.WINDOW_CLOSED): Case(signal=OVER),
    (Kind.CHALLENGE, R.BOND_TOO_LOW): Case({"amount": 999}),
    (Kind.CHALLENGE, R.TABLE_FULL): Case(room={"disputes": 0}),
    (Kind.RESOLVE, R.INSUFFICIENT_FUNDS): Case(PAY | {"amount": 8_999}, sale=INVOICE),
    (Kind.RESOLVE, R.TARGET_UNKNOWN): Case({"subject": 6}),
    (Kind.RESOLVE, R.DISPUTE_UNKNOWN): Case({"target": 1}),
    (Kind.RESOLVE, R.DISPUTE_DECIDED): Case(dispute={"verdict": Verdict.REJECTED, "bond": 0}),
    (Kind.RESOLVE, R.DISPUTE_OPEN): Case(RELEASE, signal=OVER),
    (Kind.RESOLVE, R.TABLE_FULL): Case(room={"evidence": 0}),
    (Kind.RESOLVE, R.WINDOW_OPEN): Case(TIME_OUT, rules={"verdict_us": 6}),
    (Kind.RESOLVE, R.WINDOW_CLOSED): Case(rules=AT_ONCE),
    (Kind.RESOLVE, R.PROOF_INVALID): Case(PROVE, signal={"has_proof": 0}),
    (Kind.RESOLVE, R.NOT_JUDGE): Case({"sender": OPERATOR}),
    (Kind.RESOLVE, R.ALREADY_VOTED): Case(dispute={"voted": 0b1}),
    (Kind.RESOLVE, R.SIGNAL_UNKNOWN): Case(RELEASE | {"target": 1}),
    (Kind.RESOLVE, R.SALE_UNKNOWN): Case(PAY | {"target": 1}),
    (Kind.RESOLVE, R.NOT_BUYER): Case(PAY | {"sender": AGENT}, sale=INVOICE),
    (Kind.RESOLVE, R.SALE_SETTLED): Case(PAY, sale=PAID),
}


def convict(rules: Row | None = None, **more: object) -> Case:
    """The second of three votes against the seller."""
    return Case(rules=rules or {}, dispute=ONE_FOR, **more)  # type: ignore[arg-type]


# the same outcomes by another way
VARIANTS: dict[tuple[Kind, Reason, str], Case] = {
    (Kind.PUBLISH, R.APPLIED, "with_approval"): Case(
        DELETE_SIGNAL | {"subject": 30},
        grant=MAY_DELETE,
        approval={"call_digest": compute_call_digest(AGENT, 1, 5, Kind.PUBLISH, 30)},
        rules=DELICATE,
    ),
    (Kind.PUBLISH, R.APPROVAL_MISSING, "of_a_call"): Case(
        DELETE_SIGNAL,
        grant=MAY_DELETE,
        approval={"call_digest": compute_call_digest(AGENT, 1, 5)},
        rules=DELICATE,
    ),
    (Kind.PUBLISH, R.APPROVAL_MISSING, "of_another_price"): Case(
        DELETE_SIGNAL | {"subject": 31},
        grant=MAY_DELETE,
        approval={"call_digest": compute_call_digest(AGENT, 1, 5, Kind.PUBLISH, 30)},
        rules=DELICATE,
    ),
    (Kind.PUBLISH, R.APPLIED, "within_arguments"): Case(DELETE_SIGNAL, [3, 5], grant=BOUND),
    (Kind.PUBLISH, R.APPLIED, "past_the_enforcement_point"): Case({"situation": UNMEDIATED}),
    (Kind.PUBLISH, R.APPLIED, "of_what_there_is"): Case({"amount": 999}, rules=LOOSE),
    (Kind.PUBLISH, R.APPLIED, "by_one_who_is_rated"): Case(
        accounts={AGENT: {"n_ratings": 1}}, rules={"newcomer_price_max": 29}
    ),
    (Kind.PUBLISH, R.MALFORMED, "negative_price"): Case({"subject": -1}),
    (Kind.PUBLISH, R.MALFORMED, "price_above_all_money"): Case({"subject": 2**62 + 1}),
    (Kind.PUBLISH, R.SCOPE_DENIED, "of_another_task"): Case(
        {"target": 1, "amount": 5},
        [4],
        grant=MAY_DELETE | {"scope_level": ScopeLevel.ARGUMENTS, "arguments": [3]},
    ),
    (Kind.BUY, R.APPLIED, "prepaid"): Case(rules={"settlement": Settlement.PREPAID}),
    (Kind.BUY, R.APPLIED, "on_trust"): Case(rules={"settlement": Settlement.TRUST}),
    (Kind.BUY, R.APPLIED, "of_what_there_is"): Case(
        accounts={OPERATOR: {"balance": 402}}, rules=LOOSE | {"settlement": Settlement.PREPAID}
    ),
    (Kind.BUY, R.APPLIED, "from_one_who_served"): Case(
        accounts={OWNER: {"status": Status.JAILED, "jailed_until_height": 50}}
    ),
    (Kind.BUY, R.SIGNAL_CLOSED, "after_the_offer"): Case(rules={"offer_us": 9}),
    (Kind.ATTEST, R.APPLIED, "good"): Case(sale=PAID, rules=BETA),
    (Kind.ATTEST, R.APPLIED, "bad"): Case({"amount": 0}, sale=PAID, rules=BETA),
    (Kind.ATTEST, R.APPLIED, "by_value"): Case(
        {"amount": 2**62},
        sale=PAID,
        rules=BETA | {"rating_weight": Weighting.VALUE},
    ),
    (Kind.ATTEST, R.APPLIED, "by_stake_of_none"): Case(
        sale=PAID, rules=BETA | {"rating_weight": Weighting.STAKE}
    ),
    (Kind.ATTEST, R.APPLIED, "by_steps"): Case(
        {"amount": 499_999}, sale=PAID, rules={"reputation_rule": Reputation.NOVAI}
    ),
    (Kind.ATTEST, R.APPLIED, "by_one_of_low_standing"): Case(
        sale=PAID, accounts={OPERATOR: {"n_ratings": 1, "reputation_ppm": 199_999}}, rules=BETA
    ),
    (Kind.ATTEST, R.APPLIED, "by_a_convict"): Case(
        sale=PAID, accounts={OPERATOR: {"offences": 1, "reputation_ppm": 199_999}}, rules=BETA
    ),
    (Kind.ATTEST, R.SAME_CONTROLLER, "both_of_one_org"): Case(
        accounts={OWNER: {"issuer": HELPER}, OPERATOR: {"issuer": HELPER}}
    ),
    (Kind.CHALLENGE, R.APPLIED, "of_a_signal_without_bond"): Case(
        signal={"bond": 0}, rules={"bond_min": 40}
    ),
    (Kind.CHALLENGE, R.APPLIED, "of_the_last_seats"): Case({"draw_ppm": 999_999}),
    (Kind.CHALLENGE, R.APPLIED, "before_few_judges"): Case(judges=[HELPER]),
    (Kind.CHALLENGE, R.APPLIED, "before_an_arbiter"): Case(rules=ARBITER),
    (Kind.CHALLENGE, R.WINDOW_CLOSED, "fraudulent"): Case(
        signal={"state": SignalState.FRAUDULENT, "bond": 0}
    ),
    (Kind.RESOLVE, R.APPLIED, "upheld"): convict(),
    (Kind.RESOLVE, R.APPLIED, "upheld_odd_bonds"): convict(signal={"bond": 1_001}),
    (Kind.RESOLVE, R.APPLIED, "upheld_large_harm"): convict(signal={"price": 7_000}),
    (Kind.RESOLVE, R.APPLIED, "upheld_many_victims"): convict(
        sale={"buyer": SECOND, "paid": 700},
        more_sales=[{"paid": 5}, {"buyer": THIRD, "paid": 296, **PAID}],
    ),
    (Kind.RESOLVE, R.APPLIED, "upheld_unpaid_invoice_is_no_harm"): convict(
        sale=INVOICE, rules={"settlement": Settlement.TRUST}
    ),
    (Kind.RESOLVE, R.APPLIED, "upheld_and_clawed_back"): convict(
        sale=PAID, accounts={OWNER: {"balance": 900}}, rules={"claws_back": 1}
    ),
    (Kind.RESOLVE, R.APPLIED, "upheld_with_beta"): convict(rules=BETA),
    (Kind.RESOLVE, R.APPLIED, "upheld_by_steps"): convict(
        rules={"reputation_rule": Reputation.NOVAI}, accounts={OWNER: {"reputation_ppm": 500_000}}
    ),
    (Kind.RESOLVE, R.APPLIED, "upheld_against_the_frozen"): convict(
        accounts={OWNER: {"status": Status.FROZEN}}
    ),
    (Kind.RESOLVE, R.APPLIED, "upheld_against_the_jailed_for_good"): convict(
        accounts={OWNER: {"status": Status.JAILED}}
    ),
    (Kind.RESOLVE, R.APPLIED, "upheld_against_the_tombstoned"): convict(
        accounts={OWNER: {"status": Status.TOMBSTONED}}
    ),
    (Kind.RESOLVE, R.APPLIED, "rejected"): Case({"amount": 0}, dispute=ONE_AGAINST),
    (Kind.RESOLVE, R.APPLIED, "rejected_odd_bonds"): Case(
        {"amount": 0}, signal={"bond": 1_001}, dispute=ONE_AGAINST
    ),
    (Kind.RESOLVE, R.APPLIED, "proof_fails"): Case(PROVE | {"proof_valid": 0}),
    (Kind.RESOLVE, R.APPLIED, "proof_holds_against_votes"): Case(PROVE, dispute=ONE_FOR),
    (Kind.RESOLVE, R.APPLIED, "time_out_without_votes"): Case(TIME_OUT, rules=AT_ONCE),
    (Kind.RESOLVE, R.APPLIED, "time_out_with_one_vote"): Case(
        TIME_OUT, dispute=ONE_FOR, rules=AT_ONCE
    ),
    (Kind.RESOLVE, R.APPLIED, "time_out_with_a_tie"): Case(
        TIME_OUT, dispute={"voted": 0b11, "upheld": 0b10}, rules=AT_ONCE
    ),
    (Kind.RESOLVE, R.APPLIED, "by_the_arbiter"): Case(rules=ARBITER, dispute={"n_seats": 1}),
    (Kind.RESOLVE, R.APPLIED, "by_the_operator"): Case(
        accounts={OWNER: {"issuer": HELPER}},
        dispute={"n_seats": 1},
        rules={"judges": Judges.OPERATOR},
    ),
    (Kind.RESOLVE, R.NOT_JUDGE, "in_its_own_cause"): Case(
        {"sender": AGENT}, judges=[AGENT], dispute={"n_seats": 1}
    ),
    (Kind.RESOLVE, R.NOT_JUDGE, "where_nobody_judges"): Case(
        dispute={"n_seats": 1}, rules={"judges": Judges.NOBODY}
    ),
    (Kind.RESOLVE, R.APPLIED, "released"): Case(
        RELEASE, signal=OVER, dispute=ABSENT, rules={"escrow_fee_ppm": 20_000}
    ),
    (Kind.RESOLVE, R.APPLIED, "released_by_the_arbiter"): Case(
        RELEASE, signal=OVER, dispute=ABSENT, rules=ARBITER | {"escrow_fee_ppm": 20_000}
    ),
    (Kind.RESOLVE, R.WINDOW_OPEN, "released_early"): Case(RELEASE, dispute=ABSENT),
    (Kind.RESOLVE, R.WINDOW_CLOSED, "released_twice"): Case(
        RELEASE, signal=CLOSED, sale=PAID, dispute=ABSENT
    ),
    (Kind.RESOLVE, R.APPLIED, "paid_in_part"): Case(PAY, sale=INVOICE, dispute=ABSENT),
    (Kind.RESOLVE, R.APPLIED, "paid"): Case(PAY | {"amount": 4_000}, sale=INVOICE, dispute=ABSENT),
    (Kind.RESOLVE, R.APPLIED, "taken"): Case(TAKE, dispute=ABSENT, rules=ARBITER),
    (Kind.RESOLVE, R.SALE_SETTLED, "taken_twice"): Case(
        TAKE, sale={"state": SaleState.TAKEN}, dispute=ABSENT, rules=ARBITER
    ),
    (Kind.RESOLVE, R.NOT_JUDGE, "taken_where_nobody_keeps_it"): Case(TAKE, dispute=ABSENT),
} | {
    (Kind.RESOLVE, R.APPLIED, f"upheld_slash_{rule.name.lower()}"): convict(
        rules={"slash_rule": rule, "offences_max": 2}, accounts={OWNER: {"offences": 1}}
    )
    for rule in Slashing
}
