"""Planted defects of trade: each must be caught, by an invariant or by the reference machine."""

from __future__ import annotations

from typing import Any

import pytest

from sim.core.market import SignalState, Verdict
from sim.core.reasons import Reason
from sim.core.units import PPM
from sim.ledger.state import BURN, ESCROW, TREASURY, State
from tests.canaries.planting import Defect, Rule, always, excuse, interpret, is_caught, plant
from tests.property.sequences import run_sequence

N_OPERATIONS, SEEDS = 200, range(60)


@pytest.fixture
def interpreted(monkeypatch: pytest.MonkeyPatch) -> None:
    interpret(monkeypatch)


def price_stays_held(rule: Rule) -> Rule:
    """The refund is made, and the sale is as before."""

    def undo_sales(state: State, rules: Any, signal: Any) -> None:
        before = state.sales["state"].copy()
        rule(state, rules, signal)
        state.sales["state"] = before

    return undo_sales


def bond_stays_in_the_pool(rule: Rule) -> Rule:
    def release_signal(state: State, rules: Any, signal: Any) -> int:
        bond = int(signal["bond"])
        released = rule(state, rules, signal)
        state.accounts["balance"][signal["seller"]] -= bond
        state.accounts["balance"][ESCROW] += bond
        return released

    return release_signal


def undecided_bond_stays_in_the_pool(rule: Rule) -> Rule:
    def decide(state: State, rules: Any, tx: Any, dispute: Any, verdict: int) -> int:
        bond = int(dispute["bond"]) if verdict == Verdict.UNDECIDED else 0
        slashed = rule(state, rules, tx, dispute, verdict)
        state.accounts["balance"][dispute["challenger"]] -= bond
        state.accounts["balance"][ESCROW] += bond
        return slashed

    return decide


def fee_is_rounded_up(rule: Rule) -> Rule:
    def release_sale(state: State, rules: Any, sale: Any, seller: int) -> int:
        left = rule(state, rules, sale, seller)
        if left * rules.escrow_fee_ppm % PPM:
            state.accounts["balance"][seller] -= 1
            state.accounts["balance"][TREASURY] += 1
        return left

    return release_sale


def victim_is_paid_past_the_harm(rule: Rule) -> Rule:
    return lambda rules, amount, harm: rule(rules, amount, 2 * harm)


def price_is_harm(_: Rule) -> Rule:
    def compute_harm(state: State, signal: Any) -> int:
        sales = state.sales[state.sales["price"] > 0]
        mine = sales[sales["signal"] == state.signals["seller"].tolist().index(signal["seller"])]
        return min(2**62, sum(mine["price"].tolist()))

    return compute_harm


def first_vote_decides(_: Rule) -> Rule:
    def compute_verdict(dispute: Any, tx: Any) -> int:
        return int(Verdict.UPHELD if dispute["upheld"] else Verdict.REJECTED)

    return compute_verdict


def verdict_is_turned(rule: Rule) -> Rule:
    upheld, rejected = int(Verdict.UPHELD), int(Verdict.REJECTED)

    def compute_verdict(dispute: Any, tx: Any) -> int:
        verdict = rule(dispute, tx)
        return {upheld: rejected, rejected: upheld}.get(verdict, verdict)

    return compute_verdict


def decided_is_open(rule: Rule) -> Rule:
    def validate_verdict(state: State, rules: Any, tx: Any) -> int:
        believed = state._replace(disputes=state.disputes.copy())
        believed.disputes["verdict"] = int(Verdict.OPEN)
        return rule(believed, rules, tx)

    return validate_verdict


def everyone_is_heard(rule: Rule) -> Rule:
    return lambda rules, *rest: rule(rules._replace(rater_ppm_min=0), *rest)


def judges_its_own_cause(rule: Rule) -> Rule:
    def find_seat(state: State, rules: Any, dispute: Any, account: int) -> int:
        others = dispute.copy()
        others["challenger"] = -1
        return rule(state, rules, others, account)

    return find_seat


def votes_again(rule: Rule) -> Rule:
    """A judge who voted for takes another seat's vote as well."""

    def note_vote(state: State, rules: Any, dispute: Any, tx: Any) -> None:
        rule(state, rules, dispute, tx)
        free = ~dispute["voted"] & ((1 << dispute["n_seats"]) - 1)
        dispute["voted"] |= free & -free
        dispute["upheld"] |= free & -free

    return note_vote


def jail_never_ends(rule: Rule) -> Rule:
    return lambda rules, *rest: rule(rules._replace(fraud_jail_blocks=2**40), *rest)


def freeze_is_lifted(rule: Rule) -> Rule:
    def bar_account(rules: Any, account: Any, evidence: Any) -> None:
        account["status"] = 0
        rule(rules, account, evidence)

    return bar_account


def score_leaves_its_range(rule: Rule) -> Rule:
    def rate_account(rules: Any, account: Any, *rating: int) -> None:
        rule(rules, account, *rating)
        account["reputation_ppm"] = PPM + 1

    return rate_account


def absence_is_fraud(rule: Rule) -> Rule:
    def jail(state: State, watched: Any, until_height: int) -> None:
        rule(state, watched, until_height)
        state.accounts["offences"][watched["account"]] += 1

    return jail


def slash_is_not_in_the_receipt(rule: Rule) -> Rule:
    def decide(*given: Any) -> int:
        rule(*given)
        return 0

    return decide


def slash_is_drawn_twice(rule: Rule) -> Rule:
    def draw_stake(state: State, offender: int, offence_height: int, amount: int) -> None:
        more = min(amount, int(state.accounts["stake"][offender]))
        rule(state, offender, offence_height, amount)
        more = min(more, int(state.accounts["stake"][offender]))
        state.accounts["stake"][offender] -= more
        state.accounts["balance"][BURN] += more

    return draw_stake


def held_price_is_not_debited(rule: Rule) -> Rule:
    def process_buy(state: State, rules: Any, tx: Any, account: Any, receipt: Any) -> None:
        rule(state, rules, tx, account, receipt)
        account["balance"] += receipt["amount"]

    return process_buy


def tables_forget_the_dispute(rule: Rule) -> Rule:
    def process_challenge(state: State, rules: Any, tx: Any, account: Any, receipt: Any) -> None:
        rule(state, rules, tx, account, receipt)
        state.signals[tx["target"]]["state"] = int(SignalState.STANDING)

    return process_challenge


PAID_TWICE = {
    "undo_sales": price_stays_held,
    "validate_release": excuse(Reason.WINDOW_CLOSED),
}
COMMITTEE, ARBITER, TRUST = "escrow_committee", "escrow_arbiter", "trust_operator"
DEFECTS = {
    "escrow pays on refund and on release": Defect(PAID_TWICE, "I16", COMMITTEE),
    "bond is not returned": Defect({"release_signal": bond_stays_in_the_pool}, "I16", COMMITTEE),
    "bond of an undecided dispute is kept": Defect(
        {"decide": undecided_bond_stays_in_the_pool}, "I16", COMMITTEE
    ),
    "released in a dispute": Defect(
        {"validate_release": excuse(Reason.DISPUTE_OPEN)}, "I16", COMMITTEE
    ),
    "released early": Defect({"validate_release": excuse(Reason.WINDOW_OPEN)}, "I16", COMMITTEE),
    "taken twice": Defect({"validate_payment": excuse(Reason.SALE_SETTLED)}, "I16", ARBITER),
    "paid twice": Defect({"validate_payment": excuse(Reason.SALE_SETTLED)}, "I16", TRUST),
    "paid by another": Defect({"validate_payment": excuse(Reason.NOT_BUYER)}, "I16", TRUST),
    "sold after the dispute began": Defect(
        {"validate_buy": excuse(Reason.SIGNAL_CLOSED)}, "I16", COMMITTEE
    ),
    "sold above the limit": Defect(
        {"validate_buy": excuse(Reason.PRICE_ABOVE_LIMIT)}, "I16", COMMITTEE
    ),
    "bought from oneself": Defect({"validate_buy": excuse(Reason.TARGET_SELF)}, "I16", COMMITTEE),
    "challenged by the seller": Defect(
        {"validate_challenge": excuse(Reason.TARGET_SELF)}, "I16", COMMITTEE
    ),
    "challenged late": Defect(
        {"validate_challenge": excuse(Reason.WINDOW_CLOSED)}, "I16", COMMITTEE
    ),
    "signal forgets its dispute": Defect(
        {"process_challenge": tables_forget_the_dispute}, "I16", COMMITTEE
    ),
    "rated twice": Defect({"validate_attest": excuse(Reason.ALREADY_RATED)}, "I16", COMMITTEE),
    "rated by another": Defect({"validate_attest": excuse(Reason.NOT_BUYER)}, "I16", COMMITTEE),
    "verdict without a majority": Defect({"compute_verdict": first_vote_decides}, "I16", COMMITTEE),
    "verdict is turned": Defect({"compute_verdict": verdict_is_turned}, "I14", COMMITTEE),
    "vote counts twice": Defect({"note_vote": votes_again}, "I16", COMMITTEE),
    "anyone judges": Defect({"find_seat": always(0)}, "I14", COMMITTEE),
    "judge in its own cause": Defect({"find_seat": judges_its_own_cause}, "I14", COMMITTEE),
    "votes twice": Defect({"validate_verdict": excuse(Reason.ALREADY_VOTED)}, "I14", COMMITTEE),
    "votes late": Defect({"validate_verdict": excuse(Reason.WINDOW_CLOSED)}, "I14", COMMITTEE),
    "times out early": Defect({"validate_verdict": excuse(Reason.WINDOW_OPEN)}, "I14", COMMITTEE),
    "proof that is not there": Defect(
        {"validate_verdict": excuse(Reason.PROOF_INVALID)}, "I14", COMMITTEE
    ),
    "decided twice": Defect({"validate_verdict": decided_is_open}, "I14", COMMITTEE),
    "fraud slashed beyond the stake": Defect(
        {"compute_penalty": always(2**50)}, "I14", "slash_fixed"
    ),
    "slash is not in the receipt": Defect(
        {"decide": slash_is_not_in_the_receipt}, "I15", "slash_proportional"
    ),
    "slash is drawn twice": Defect({"draw_stake": slash_is_drawn_twice}, "I15", "slash_harm"),
    "absence counts as fraud": Defect({"jail": absence_is_fraud}, "I15", "stakes"),
    "score leaves its range": Defect({"rate_account": score_leaves_its_range}, "I17", COMMITTEE),
    "price is not debited": Defect({"process_buy": held_price_is_not_debited}, "I8", COMMITTEE),
    "fee is rounded up": Defect({"release_sale": fee_is_rounded_up}, "", COMMITTEE),
    "victim is paid past the harm": Defect(
        {"compute_split": victim_is_paid_past_the_harm}, "", "slash_fixed"
    ),
    "unpaid invoice counts as harm": Defect({"compute_harm": price_is_harm}, "", "slash_harm"),
    "jail never ends": Defect({"bar_account": jail_never_ends}, "", "slash_proportional"),
    "freeze is lifted by a fraud": Defect(
        {"bar_account": freeze_is_lifted}, "", "slash_proportional"
    ),
    "rater of low standing is heard": Defect(
        {"compute_weight": everyone_is_heard},
        "",
        COMMITTEE,
    ),
    "one org rates itself": Defect({"have_one_controller": always(False)}, "", COMMITTEE),
    "approval of a signal is used twice": Defect({"use_approval": always(None)}, "", "approvals"),
}


@pytest.mark.usefixtures("interpreted")
@pytest.mark.parametrize("rules", sorted({defect.rules for defect in DEFECTS.values()}))
def test_the_interpreted_ledger_agrees_while_nothing_is_planted(rules: str) -> None:
    run = run_sequence(rules, 0, N_OPERATIONS)
    assert not run.mismatch, run.mismatch
    run.check_invariants()


@pytest.mark.usefixtures("interpreted")
@pytest.mark.parametrize("name", DEFECTS)
def test_a_wrong_rule_is_caught(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    plant(monkeypatch, DEFECTS[name].plants)
    assert is_caught(DEFECTS[name], SEEDS, N_OPERATIONS)
