"""Planted defects: each must be caught, by an invariant or by the reference machine.

The transition runs interpreted here, so that one of its rules can be replaced by a wrong one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sim.core.errors import InvariantError
from sim.core.reasons import Reason
from sim.core.records import Kind
from sim.ledger.checks import CAPABILITY_BITS, REPLAYED_BIT, Judgement
from sim.ledger.state import BURN, N_EVIDENCE, N_VALIDATORS, TREASURY, State
from tests.canaries.planting import (
    Defect,
    Rule,
    always,
    excuse,
    interpret,
    is_caught,
    plant,
    wrap,
)
from tests.ledger_world import (
    AGENT,
    DELETE,
    HELPER,
    NONCE,
    NOW_US,
    OPERATOR,
    OWNER,
    add_grant,
    add_stake,
    apply_all,
    create_strict_rules,
    create_transaction,
    create_world,
    load_state,
)
from tests.property.sequences import Run, run_sequence

N_OPERATIONS, SEEDS = 200, range(90)


@pytest.fixture
def interpreted(monkeypatch: pytest.MonkeyPatch) -> None:
    interpret(monkeypatch)


def fee_is_not_booked(rule: Rule) -> Rule:
    def include(accounts: Any, account: Any, tx: Any, receipt: Any, dirty: Any) -> None:
        before = int(accounts[0]["balance"])
        rule(accounts, account, tx, receipt, dirty)
        if tx["sender"] != 0:
            accounts[0]["balance"] = before

    return include


def nonce_is_not_spent(rule: Rule) -> Rule:
    def include(accounts: Any, account: Any, *rest: Any) -> None:
        before = int(account["nonce"])
        rule(accounts, account, *rest)
        account["nonce"] = before

    return include


def fee_beyond_the_balance(_: Rule) -> Rule:
    def include(accounts: Any, account: Any, tx: Any, receipt: Any, dirty: Any) -> None:
        account["nonce"] = max(account["nonce"], tx["nonce"] + 1)
        receipt["fee"] = tx["fee"]
        account["balance"] -= tx["fee"]
        accounts[0]["balance"] += tx["fee"]

    return include


def transfer_is_written_from_stale_copies(_: Rule) -> Rule:
    def process_transfer(state: State, tx: Any, account: Any, receipt: Any) -> None:
        debited = account["balance"] - tx["amount"]
        credited = state.accounts[tx["target"]]["balance"] + tx["amount"]
        account["balance"] = debited
        state.accounts[tx["target"]]["balance"] = credited
        receipt["amount"], receipt["counterparty"] = tx["amount"], tx["target"]

    return process_transfer


def amount_wraps(_: Rule) -> Rule:
    def process_transfer(state: State, tx: Any, account: Any, receipt: Any) -> None:
        share = wrap(int(tx["amount"]) * 1_000_000) // 1_000_000
        account["balance"] -= tx["amount"]
        state.accounts[tx["target"]]["balance"] += share
        receipt["amount"], receipt["counterparty"] = share, tx["target"]

    return process_transfer


def forget(bits: int) -> Callable[[Rule], Rule]:
    """A check of the envelope that is made and not looked at."""

    def defect(rule: Rule) -> Rule:
        def compute_envelope_violations(*given: Any) -> tuple[int, int]:
            violations, seen = rule(*given)
            return violations, seen & ~bits

        return compute_envelope_violations

    return defect


def capability_is_not_awaited(rule: Rule) -> Rule:
    def judge_call(*given: Any) -> Judgement:
        judgement = rule(*given)
        return judgement._replace(seen=judgement.seen & ~CAPABILITY_BITS)

    return judge_call


def revocation_is_late(rule: Rule) -> Rule:
    def get_standing(*given: Any) -> int:
        *where, lag_us, height = given
        return rule(*where, lag_us + 1_000_000, height)

    return get_standing


def expiry_is_not_looked_at(rule: Rule) -> Rule:
    def get_standing(*given: Any) -> int:
        return min(1, rule(*given))

    return get_standing


def believe(**columns: int) -> Callable[[Rule], Rule]:
    """A kind's own check that takes some columns of the transaction as in order."""

    def defect(rule: Rule) -> Rule:
        def validate(state: State, rules: Any, tx: Any) -> int:
            believed = tx.copy()
            for name, value in columns.items():
                believed[name] = value
            return rule(state, rules, believed)

        return validate

    return defect


def evidence_is_a_block_older(rule: Rule) -> Rule:
    def validate_evidence(state: State, rules: Any, tx: Any) -> int:
        return rule(state, rules._replace(evidence_age_blocks=rules.evidence_age_blocks + 1), tx)

    return validate_evidence


def burn_is_not_booked(rule: Rule) -> Rule:
    def credit_slash(state: State, account: int, amount: int) -> None:
        if account != BURN:
            rule(state, account, amount)

    return credit_slash


def draw_is_reversed(_: Rule) -> Rule:
    def draw_stake(state: State, offender: int, offence_height: int, amount: int) -> None:
        account = state.accounts[offender]
        bonded = min(amount, account["stake"])
        account["stake"] -= bonded
        rest = amount - bonded
        for entry in state.unbonding[::-1]:
            if entry["account"] == offender and entry["created_height"] >= offence_height:
                drawn = min(rest, entry["amount"])
                entry["amount"] -= drawn
                account["unbonding"] -= drawn
                rest -= drawn

    return draw_stake


def left_stake_is_drawn(rule: Rule) -> Rule:
    def draw_stake(state: State, offender: int, _: int, amount: int) -> None:
        rule(state, offender, -(2**40), amount)

    return draw_stake


def product_wraps(_: Rule) -> Rule:
    def mul_ppm(amount: int, rate_ppm: int) -> int:
        return wrap(int(amount) * int(rate_ppm)) // 1_000_000

    return mul_ppm


def sum_of_entries_is_stale(rule: Rule) -> Rule:
    def process_withdraw(state: State, tx: Any, account: Any, receipt: Any) -> None:
        rule(state, tx, account, receipt)
        account["unbonding"] += receipt["amount"]
        account["balance"] -= receipt["amount"]

    return process_withdraw


def tombstone_is_lifted(rule: Rule) -> Rule:
    def release_all(state: State, height: int) -> None:
        rule(state, height)
        n_validators = state.counters[N_VALIDATORS]
        state.accounts["status"][state.liveness["account"][:n_validators]] = 0

    return release_all


def tombstone_is_not_seen(rule: Rule) -> Rule:
    def slash_account(state: State, rules: Any, evidence: Any, *harm: int) -> int:
        state.accounts[evidence["offender"]]["status"] = 0
        return rule(state, rules, evidence, *harm)

    return slash_account


def silence_is_slashed(rule: Rule) -> Rule:
    def jail(state: State, watched: Any, until_height: int) -> None:
        rule(state, watched, until_height)
        account = state.accounts[watched["account"]]
        slash = (account["stake"] + 99) // 100
        account["stake"] -= slash
        state.accounts[BURN]["balance"] += slash

    return jail


def get_last_reason(_: Rule) -> Rule:
    return lambda failed: max(0, int(failed).bit_length() - 1)


SELF_TRANSFER = {
    "validate_transfer": excuse(Reason.TARGET_SELF),
    "process_transfer": transfer_is_written_from_stale_copies,
}
DEFECTS = {
    "fee is not booked": Defect({"include": fee_is_not_booked}, "I8"),
    "self transfer is written twice": Defect(SELF_TRANSFER, "I8"),
    "amount wraps": Defect({"process_transfer": amount_wraps}, "I8"),
    "fee beyond the balance": Defect({"include": fee_beyond_the_balance}, "I9", "none_binds"),
    "nonce is not spent": Defect({"include": nonce_is_not_spent}, "I10"),
    "nonce is not checked": Defect({"compute_envelope_violations": forget(REPLAYED_BIT)}, "I10"),
    "capability is checked late": Defect({"judge_call": capability_is_not_awaited}, "I11"),
    "child beyond its parent": Defect({"validate_parent": excuse(Reason.MASK_NOT_SUBSET)}, "I12"),
    "child outlives its parent": Defect({"validate_parent": excuse(Reason.OUTLIVES_PARENT)}, "I12"),
    "child as deep as its parent": Defect({"validate_parent": excuse(Reason.TOO_DEEP)}, "I12"),
    "grant by who does not hold it": Defect({"validate_parent": excuse(Reason.NOT_ISSUER)}, "I12"),
    "revocation is late": Defect({"get_standing": revocation_is_late}, "I13"),
    "expiry is not looked at": Defect({"get_standing": expiry_is_not_looked_at}, "I13"),
    "dropped is included": Defect({"is_dropped": always(False)}, "dropped"),
    "anyone revokes": Defect({"validate_revoke": excuse(Reason.NOT_ISSUER)}),
    "anyone approves": Defect({"validate_approve": excuse(Reason.NOT_ISSUER)}),
    "anchor may shrink": Defect({"validate_anchor": excuse(Reason.ANCHOR_STALE)}),
    "approval is used twice": Defect({"use_approval": always(None)}, rules="approvals"),
    "arguments are not compared": Defect({"names_arguments": always(True)}),
    "lane is not replaced": Defect({"find_grant_slot": always(-1)}),
    "last reason comes first": Defect({"get_first_reason": get_last_reason}),
    "rate is not spent": Defect({"spend_token": always(None)}, rules="rate_limit"),
    "sum of entries is stale": Defect(
        {"process_withdraw": sum_of_entries_is_stale}, "I8 unbonding"
    ),
    "burn is not booked": Defect({"credit_slash": burn_is_not_booked}, "I8 conservation"),
    "evidence is accepted twice": Defect(
        {"validate_evidence": excuse(Reason.EVIDENCE_USED)}, "I14"
    ),
    "proof is not looked at": Defect({"validate_evidence": believe(proof_valid=1)}, "I14"),
    "offence is to come": Defect({"validate_evidence": believe(subject=0)}, "I14"),
    "evidence is a block older": Defect(
        {"validate_evidence": evidence_is_a_block_older}, "I14", "stakes"
    ),
    "withdrawn early": Defect({"validate_withdraw": excuse(Reason.NOT_MATURED)}, "I14"),
    "anyone withdraws": Defect({"validate_withdraw": excuse(Reason.NOT_ISSUER)}, "I14"),
    "slash beyond the stake": Defect({"compute_slash": lambda _: lambda *_: 2**50}, "I14"),
    "draw is reversed": Defect({"draw_stake": draw_is_reversed}, "I15", "stakes"),
    "left stake is drawn": Defect({"draw_stake": left_stake_is_drawn}, "I15", "stakes"),
    "silence is slashed": Defect({"jail": silence_is_slashed}, "I15", "stakes"),
    "slash product wraps": Defect({"mul_ppm": product_wraps}),
    "share product wraps": Defect(
        {"muldiv": lambda _: lambda a, b, c: wrap(int(a) * int(b)) // int(c)}
    ),
    "absence is forgiven": Defect({"is_absent": always(False)}, rules="stakes"),
    "tombstone is lifted": Defect({"release_all": tombstone_is_lifted}, rules="stakes"),
    "punished again after the tombstone": Defect({"slash_account": tombstone_is_not_seen}),
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


def create_honest_run() -> Run:
    """A grant, its use, its revocation, a refused and a dropped call, and a transfer."""
    world, rules = create_world(), create_strict_rules()
    add_grant(world, issuer=OPERATOR, holder=AGENT, mask=0b0100, depth_max=2)
    call = {"sender": AGENT, "target": DELETE}
    transactions = [
        create_transaction(Kind.CALL, nonce=NONCE, fee=1, **call),
        create_transaction(
            Kind.GRANT,
            sender=AGENT,
            nonce=NONCE + 1,
            target=HELPER,
            mask=0b0100,
            parent=0,
            depth_max=1,
            expires_us=NOW_US + 1,
        ),
        create_transaction(Kind.CALL, nonce=NONCE, sender=HELPER, target=DELETE),
        create_transaction(Kind.REVOKE, nonce=NONCE, sender=OPERATOR, target=0, subject=1),
        create_transaction(Kind.CALL, nonce=NONCE + 2, **call),
        create_transaction(Kind.CALL, nonce=NONCE, **call),
        create_transaction(Kind.TRANSFER, nonce=NONCE + 1, sender=OPERATOR, target=AGENT, amount=7),
    ]
    before, after = load_state(world), load_state(world)
    receipts = apply_all(after, rules, transactions)
    return Run("", rules, before, after, transactions, receipts)


def set_account(column: str, value: int, account: int = AGENT) -> Callable[[Run], None]:
    return lambda run: run.after.accounts[account].__setitem__(column, value)


def set_child(column: str, value: int) -> Callable[[Run], None]:
    return lambda run: run.after.grants[1].__setitem__(column, value)


def set_row(row: int, **columns: int) -> Callable[[Run], None]:
    """Change both the transaction and the receipt of one row."""

    def spoil(run: Run) -> None:
        for table in (run.transactions, run.receipts):
            table[row] |= {name: value for name, value in columns.items() if name in table[row]}

    return spoil


def wrap_the_sum(run: Run) -> None:
    """Amounts whose sum differs from the supply by 2**64: equal in a 64-bit register."""
    accounts = run.after.accounts
    accounts["stake"][:4] = 2**62


SPOILED = [
    ("I8", "burn is not booked", set_account("balance", 0, TREASURY)),
    ("I8", "sum wraps to the supply", wrap_the_sum),
    ("I9", "negative amount", set_account("balance", -1)),
    ("I9", "amount above the largest supply", set_account("stake", 2**62 + 1)),
    ("I10", "nonce falls", set_account("nonce", NONCE - 1)),
    ("I10", "nonce is not spent", set_account("nonce", NONCE + 2)),
    ("I10", "nonce comes twice", set_row(4, nonce=NONCE)),
    ("I10", "nonce from before the run", set_row(0, nonce=NONCE - 1)),
    ("I11", "held less than required", set_row(0, caps_effective=0b1011)),
    ("I11", "denied but applied", set_row(4, code=0)),
    ("I12", "mask of the child", set_child("mask", 0b1100)),
    ("I12", "expiry of the child", lambda run: run.after.grants[0].__setitem__("expires_us", 0)),
    ("I12", "scope of the child", lambda run: run.after.grants[0].__setitem__("scope_level", 2)),
    ("I12", "depth of the child", set_child("depth_max", 2)),
    ("I12", "namespace of the child", set_child("namespace", 1)),
    ("I12", "issuer of the child", set_child("issuer", OPERATOR)),
    ("I13", "held after the revocation", set_row(4, caps_effective=0b1111)),
    ("I13", "held by nobody's grant", set_row(0, caps_effective=0b11111)),
    ("I13", "held after the expiry", set_row(2, committed_us=NOW_US + 1)),
    ("I13", "held before the grant", set_row(1, kind=Kind.CALL, code=0)),
    ("dropped", "a dropped call has a fee", set_row(5, fee=1)),
    ("dropped", "someone else's account changes", set_account("reputation_ppm", 1, OWNER)),
]


def test_every_invariant_holds_over_the_honest_run() -> None:
    run = create_honest_run()
    codes = [Reason(receipt["code"]).name for receipt in run.receipts]
    assert codes == [
        "APPLIED",
        "APPLIED",
        "APPLIED",
        "APPLIED",
        "CAPABILITY_DENIED",
        "NONCE_REPLAYED",
        "APPLIED",
    ]
    run.check_invariants()


@pytest.mark.parametrize(
    ("invariant", "spoil"),
    [(invariant, spoil) for invariant, _, spoil in SPOILED],
    ids=[f"{invariant}: {what}" for invariant, what, _ in SPOILED],
)
def test_a_spoiled_result_is_caught(invariant: str, spoil: Callable[[Run], None]) -> None:
    run = create_honest_run()
    spoil(run)
    with pytest.raises(InvariantError, match=f"^{invariant} "):
        run.check(invariant)


def create_stake_run() -> Run:
    """Stake that is bonded, leaves and is withdrawn, and a slash of somebody else's."""
    world, rules = create_world(), create_strict_rules(unbonding_blocks=3, evidence_age_blocks=2)
    add_stake(world, HELPER, 900)
    owner = {"sender": OWNER, "valid_until_height": 99}
    proof = {"sender": AGENT, "nonce": NONCE, "valid_until_height": 99, "word0": 5}
    transactions = [
        create_transaction(Kind.BOND, amount=200, height=50, **owner),
        create_transaction(Kind.UNBOND, nonce=1, amount=80, height=50, **owner),
        create_transaction(Kind.EVIDENCE, target=HELPER, subject=50, height=52, **proof),
        create_transaction(Kind.WITHDRAW, nonce=2, target=0, height=53, **owner),
        create_transaction(Kind.UNBOND, nonce=3, amount=60, height=53, **owner),
    ]
    before, after = load_state(world), load_state(world)
    receipts = apply_all(after, rules, transactions)
    return Run("", rules, before, after, transactions, receipts)


def add_known(**columns: int) -> Callable[[Run], None]:
    """The same evidence, or other evidence of the same offence, in the table from the start."""

    def spoil(run: Run) -> None:
        run.before.counters[N_EVIDENCE] = 1
        for name, value in columns.items():
            run.before.evidence[0][name] = value

    return spoil


def repeat_row(row: int) -> Callable[[Run], None]:
    """The same transaction and receipt once more."""

    def spoil(run: Run) -> None:
        for table in (run.transactions, run.receipts):
            table.insert(row, table[row])

    return spoil


def set_entry(column: str, value: int) -> Callable[[Run], None]:
    return lambda run: run.after.unbonding[0].__setitem__(column, value)


SPOILED_STAKE = [
    ("I8", "entries are not summed", set_account("unbonding", 59, OWNER)),
    ("I14", "proof is not valid", set_row(2, proof_valid=0)),
    ("I14", "offence is too old", set_row(2, subject=49)),
    ("I14", "offence is to come", set_row(2, subject=53)),
    ("I14", "slash beyond the stake", set_row(2, amount=901)),
    ("I14", "negative slash", set_row(2, amount=-1)),
    ("I14", "evidence of before the run", add_known(word0=5, view=7)),
    ("I14", "offence of before the run", add_known(word0=6, offender=HELPER)),
    ("I14", "evidence comes twice", repeat_row(2)),
    ("I14", "withdrawn early", set_row(3, height=52)),
    ("I14", "withdrawn by another", set_row(1, sender=HELPER)),
    ("I14", "withdrawn without an entry", set_row(3, target=1)),
    ("I15", "stake falls", set_account("stake", 119, OWNER)),
    ("I15", "stake rises", set_account("stake", 1, AGENT)),
    ("I15", "evidence names another", set_row(2, target=OPERATOR)),
    ("I15", "entry shrinks", set_entry("amount", 59)),
    ("I15", "entry is gone", set_entry("amount", 0)),
    ("I15", "entry matures early", set_entry("matures_height", 55)),
]


def test_every_invariant_holds_over_the_stake_run() -> None:
    run = create_stake_run()
    assert [receipt["code"] for receipt in run.receipts] == [Reason.APPLIED] * 5
    run.check_invariants()


@pytest.mark.parametrize(
    ("invariant", "spoil"),
    [(invariant, spoil) for invariant, _, spoil in SPOILED_STAKE],
    ids=[f"{invariant}: {what}" for invariant, what, _ in SPOILED_STAKE],
)
def test_a_spoiled_stake_is_caught(invariant: str, spoil: Callable[[Run], None]) -> None:
    run = create_stake_run()
    spoil(run)
    with pytest.raises(InvariantError, match=f"^{invariant} "):
        run.check(invariant)


def test_a_state_that_changed_though_all_was_dropped_is_caught() -> None:
    run = create_honest_run()
    dropped = [5]
    run = run._replace(
        transactions=[run.transactions[row] for row in dropped],
        receipts=[run.receipts[row] for row in dropped],
    )
    run.after.accounts[:] = run.before.accounts
    with pytest.raises(InvariantError, match="grants changed"):
        run.check("dropped")
