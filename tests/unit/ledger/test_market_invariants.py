from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest

from sim.core.errors import InvariantError
from sim.core.market import Resolution, SaleState, SignalState, Verdict
from sim.core.reasons import Reason
from sim.core.records import RECEIPT, TRANSACTION, Kind
from sim.core.units import PPM
from sim.ledger.invariants import (
    check_authority,
    check_capabilities,
    check_dropped,
    check_nonces,
)
from sim.ledger.market_invariants import SALE_MOVES, SIGNAL_MOVES, Deal, MarketBook, Offer
from sim.ledger.rules import Judges
from sim.ledger.stake_invariants import check_slashing, check_stakes
from sim.ledger.state import ESCROW, N_RATINGS, N_SIGNALS
from tests.ledger_world import (
    AGENT,
    HELPER,
    NOW_US,
    OPERATOR,
    OWNER,
    UNMEDIATED,
    apply_all,
    create_records,
    create_strict_rules,
)
from tests.unit.ledger.market_runs import (
    WINDOWS,
    MarketRun,
    create_arbiter_run,
    create_escrow_run,
    create_trust_run,
    publish,
    resolve,
    run_market,
)

RUNS = {"escrow": create_escrow_run, "trust": create_trust_run, "arbiter": create_arbiter_run}


@pytest.mark.parametrize("name", RUNS)
def test_an_honest_run_is_applied_and_agrees_with_the_book(name: str) -> None:
    run = RUNS[name]()
    codes = [Reason(receipt["code"]).name for receipt in run.receipts]
    assert codes == ["APPLIED"] * len(codes)
    run.check()


def test_sales_end_where_the_rules_send_them() -> None:
    states = [run().after.sales["state"][:2].tolist() for run in RUNS.values()]
    refunded, paid, taken = SaleState.REFUNDED, SaleState.PAID, SaleState.TAKEN
    assert states == [[refunded, paid], [paid, SaleState.VOID], [taken, 0]]


@pytest.mark.parametrize("name", RUNS)
def test_a_book_that_begins_anywhere_agrees_with_the_rest(name: str) -> None:
    whole = RUNS[name]()
    for cut in range(len(whole.transactions)):
        state = RUNS[name]().before
        apply_all(state, whole.rules, whole.transactions[:cut])
        book = MarketBook(state, whole.rules)
        for row in whole.transactions[cut:]:
            receipts = create_records(RECEIPT, apply_all(state, whole.rules, [row]))
            book.add(create_records(TRANSACTION, [row]), receipts, state)
            book.check(state, 0)


def test_what_is_not_applied_is_not_booked() -> None:
    run = create_escrow_run()
    refused = dict(run.receipts[0], code=int(Reason.BOND_TOO_LOW), counterparty=5)
    book = MarketBook(run.after, run.rules)
    book.add(
        create_records(TRANSACTION, [run.transactions[0]]),
        create_records(RECEIPT, [refused]),
        run.after,
    )
    book.check(run.after, 0)
    assert 5 not in book.offers


def test_a_signal_past_the_enforcement_point_is_on_no_book() -> None:
    run = run_market(create_strict_rules(), [publish(situation=UNMEDIATED)])
    assert run.receipts[0]["code"] == Reason.APPLIED
    assert run.after.counters[N_SIGNALS] == 0
    run.check()


Spoil = Callable[[MarketRun], None]


def set_tx(row: int, **columns: int) -> Spoil:
    return lambda run: run.transactions[row].update(columns)


def set_receipt(row: int, **columns: int) -> Spoil:
    return lambda run: run.receipts[row].update(columns)


def set_table(table: str, row: int, column: str, value: int) -> Spoil:
    return lambda run: getattr(run.after, table)[column].__setitem__(row, value)


def repeat(row: int, **columns: int) -> Spoil:
    def spoil(run: MarketRun) -> None:
        for table in (run.transactions, run.receipts):
            again = {name: value for name, value in columns.items() if name in table[row]}
            table.insert(row + 1, table[row] | again)

    return spoil


def leave_out(row: int) -> Spoil:
    def spoil(run: MarketRun) -> None:
        del run.transactions[row], run.receipts[row]

    return spoil


def count_a_rating(run: MarketRun) -> None:
    run.after.counters[N_RATINGS] += 1


SPOILED = [
    ("escrow", "I16 signal", "sale of a signal that is not there", set_tx(1, target=3)),
    ("escrow", "I16 sale", "bought from oneself", set_tx(1, sender=AGENT)),
    ("escrow", "I16 sale", "bought in a dispute", repeat(2, kind=Kind.BUY, counterparty=5)),
    ("escrow", "I16 sale", "more than the price", set_receipt(1, amount=21)),
    ("escrow", "I16 sale", "above the limit", set_tx(1, amount=19)),
    ("escrow", "I16 dispute", "challenged by the seller", set_tx(2, sender=AGENT)),
    ("escrow", "I16 dispute", "challenged late", set_receipt(2, committed_us=NOW_US + 20)),
    ("escrow", "I16 signal", "challenged twice", repeat(2, counterparty=5)),
    ("escrow", "I14 fraud", "vote on no dispute", set_tx(3, target=7)),
    ("escrow", "I14 fraud", "vote on a decided dispute", repeat(4, sender=9)),
    ("escrow", "I14 fraud", "vote of a bystander", set_tx(3, sender=OWNER)),
    ("escrow", "I14 fraud", "vote comes twice", repeat(3)),
    ("escrow", "I14 fraud", "vote comes late", set_receipt(3, committed_us=NOW_US + 10)),
    ("escrow", "I14 fraud", "time-out comes early", set_receipt(8, committed_us=NOW_US + 9)),
    ("escrow", "I14 fraud", "slashed by a minority", set_tx(3, amount=0)),
    ("escrow", "I14 fraud", "slashed before the verdict", set_receipt(3, amount=1)),
    ("trust", "I14 fraud", "proof that is not there", set_tx(0, mask=0)),
    ("escrow", "I16 rating", "rated by another", set_tx(9, sender=HELPER)),
    ("escrow", "I16 rating", "rated without a sale", set_tx(9, target=9)),
    ("escrow", "I16 rating", "rated twice", repeat(9)),
    ("escrow", "I16 rating", "rating from nowhere", count_a_rating),
    ("escrow", "I16 escrow", "released early", set_receipt(10, committed_us=NOW_US + 19)),
    ("escrow", "I16 escrow", "another sum leaves", set_receipt(10, amount=29)),
    ("escrow", "I16 signal", "released twice", repeat(10)),
    ("escrow", "I16 signal", "a fraud is released", set_tx(10, target=0)),
    ("trust", "I16 escrow", "paid without a sale", set_tx(3, target=9)),
    ("trust", "I16 sale", "paid by another", set_tx(3, sender=HELPER)),
    ("trust", "I16 sale", "paid twice", repeat(4)),
    ("trust", "I16 sale", "paid beyond the price", set_receipt(4, amount=6)),
    ("trust", "I16 sale", "paid backwards", set_receipt(3, amount=-1)),
    ("arbiter", "I16 escrow", "another sum is taken", set_receipt(2, amount=19)),
    ("arbiter", "I16 sale", "taken twice", repeat(2)),
    ("escrow", "I16 books", "sale is held again", set_table("sales", 0, "state", 1)),
    ("escrow", "I16 books", "signal stands again", set_table("signals", 0, "state", 0)),
    ("escrow", "I16 books", "bond is there again", set_table("signals", 1, "bond", 10)),
    ("escrow", "I16 books", "verdict is another", set_table("disputes", 0, "verdict", 2)),
    ("escrow", "I16 books", "rating is not noted", set_table("sales", 1, "rated", 0)),
    ("escrow", "I16 escrow", "money is left", set_table("accounts", ESCROW, "balance", 1)),
    ("arbiter", "I16 escrow", "money is gone", set_table("accounts", ESCROW, "balance", 19)),
    ("escrow", "I17 score", "score too high", set_table("accounts", 4, "reputation_ppm", PPM + 1)),
    ("escrow", "I17 score", "score below zero", set_table("accounts", 4, "reputation_ppm", -1)),
    ("escrow", "I15 conviction", "one offence too many", set_table("accounts", 4, "offences", 2)),
    ("trust", "I15 conviction", "not even a rule", set_table("accounts", 4, "offences", 1)),
]


@pytest.mark.parametrize(
    ("name", "invariant", "spoil"),
    [(name, invariant, spoil) for name, invariant, _, spoil in SPOILED],
    ids=[what for _, _, what, _ in SPOILED],
)
def test_a_spoiled_run_is_caught(name: str, invariant: str, spoil: Spoil) -> None:
    run = RUNS[name]()
    spoil(run)
    with pytest.raises(InvariantError, match=f"^{invariant} "):
        run.check()


SALE_PAIRS = list(product(SaleState, SaleState))
SIGNAL_PAIRS = list(product(SignalState, SignalState))


@pytest.mark.parametrize("pair", SALE_PAIRS, ids=lambda p: f"{p[0].name}-{p[1].name}")
def test_a_price_moves_along_the_table_and_no_other_way(
    pair: tuple[SaleState, SaleState],
) -> None:
    book = MarketBook(create_escrow_run().after, create_strict_rules())
    deal, receipt = Deal(0, OWNER, 20, 20, pair[0]), np.zeros(1, dtype=RECEIPT)[0]
    if pair in SALE_MOVES:
        book.move_sale(deal, pair[1], receipt)
        assert deal.state == pair[1]
        return
    with pytest.raises(InvariantError, match="I16 sale"):
        book.move_sale(deal, pair[1], receipt)
    assert deal.state == pair[0]


@pytest.mark.parametrize("pair", SIGNAL_PAIRS, ids=lambda p: f"{p[0].name}-{p[1].name}")
def test_a_signal_moves_along_the_table_and_no_other_way(
    pair: tuple[SignalState, SignalState],
) -> None:
    book = MarketBook(create_escrow_run().after, create_strict_rules())
    offer, receipt = Offer(AGENT, 1, 1, True, 9, pair[0]), np.zeros(1, dtype=RECEIPT)[0]
    if pair in SIGNAL_MOVES:
        book.move_signal(offer, pair[1], receipt)
        assert offer.state == pair[1]
        return
    with pytest.raises(InvariantError, match="I16 signal"):
        book.move_signal(offer, pair[1], receipt)
    assert offer.state == pair[0]


def test_where_nobody_judges_there_is_no_bench() -> None:
    rules = create_strict_rules(judges=Judges.NOBODY, **WINDOWS)
    steps = [
        publish(),
        (OPERATOR, Kind.CHALLENGE, {"target": 0, "amount": 10}),
        resolve(7, Resolution.VOTE, 0),
        resolve(7, Resolution.TIMEOUT, 0, now_us=NOW_US + 10),
    ]
    run = run_market(rules, steps)
    codes = [receipt["code"] for receipt in run.receipts]
    assert codes == [Reason.APPLIED, Reason.APPLIED, Reason.NOT_JUDGE, Reason.APPLIED]
    assert run.after.disputes["verdict"][0] == Verdict.UNDECIDED
    run.check()


# the other checkers, over trade


def check_stake(run: MarketRun) -> None:
    transactions = create_records(TRANSACTION, run.transactions)
    receipts = create_records(RECEIPT, run.receipts)
    check_slashing(run.before, run.rules, transactions, receipts)
    check_stakes(run.before, run.after, run.rules, transactions, receipts)
    check_dropped(run.before, run.after, run.rules, transactions, receipts)
    check_capabilities(run.after, run.rules, transactions, receipts)
    check_authority(run.before, run.after, transactions, receipts)
    check_nonces(run.before, run.after, run.rules, transactions, receipts)


@pytest.mark.parametrize("name", RUNS)
def test_stake_that_a_verdict_takes_is_booked(name: str) -> None:
    check_stake(RUNS[name]())


SPOILED_STAKE = [
    ("I14 slashing", "fraud slashed twice", repeat(4)),
    ("I14 slashing", "fraud slashed beyond the stake", set_receipt(4, amount=1_001)),
    ("I14 slashing", "fraud slashed backwards", set_receipt(4, amount=-1)),
    ("I15 stake", "slash is not in the receipt", set_receipt(4, amount=0)),
    ("I14 slashing", "another signal's seller pays", set_tx(2, target=1)),
    ("I11 capability", "signal without its capability", set_receipt(0, caps_effective=0)),
    ("I13 authority", "capability from nowhere", set_receipt(0, caps_effective=0b11111)),
]


@pytest.mark.parametrize(
    ("invariant", "spoil"),
    [(invariant, spoil) for invariant, _, spoil in SPOILED_STAKE],
    ids=[what for _, what, _ in SPOILED_STAKE],
)
def test_spoiled_stake_is_caught(invariant: str, spoil: Spoil) -> None:
    run = create_escrow_run()
    spoil(run)
    with pytest.raises(InvariantError, match=f"^{invariant} "):
        check_stake(run)


def test_a_bystander_of_a_dispute_does_not_change() -> None:
    run = create_trust_run()
    check_stake(run)
    run.after.accounts["reputation_ppm"][HELPER] += 1
    with pytest.raises(InvariantError, match=f"account {HELPER} changed"):
        check_stake(run)


@pytest.mark.parametrize("table", ["signals", "sales", "disputes", "ratings"])
def test_a_market_that_changed_though_nothing_was_applied_is_caught(table: str) -> None:
    run = create_escrow_run()
    after = run.before._replace(**{table: getattr(run.after, table)})
    empty = create_records(TRANSACTION, []), create_records(RECEIPT, [])
    with pytest.raises(InvariantError, match=f"{table} changed"):
        check_dropped(run.before, after, run.rules, *empty)
