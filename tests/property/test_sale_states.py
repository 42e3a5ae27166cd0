"""Every way a price could move, tried on the compiled ledger: the table of moves, and no other.

As for the escrow of ERC-8183: all ordered pairs of states but the allowed ones are refused.
"""

from __future__ import annotations

from itertools import product

import pytest

from sim.core.market import Resolution, SaleState, SignalState, Verdict
from sim.core.reasons import Reason
from sim.core.records import Kind
from sim.ledger.market_invariants import SALE_MOVES, SIGNAL_MOVES
from sim.ledger.rules import Judges
from sim.ledger.transition import is_conserved
from tests.ledger_world import (
    AGENT,
    HELPER,
    NOW_US,
    OPERATOR,
    OWNER,
    Row,
    World,
    add_dispute,
    add_sale,
    add_signal,
    apply_one,
    create_strict_rules,
    create_transaction,
    create_world,
    get_snapshot,
    load_state,
)

PRICE = 20
SENDERS = (OPERATOR, HELPER)  # buyer; judge, and keeper of the escrow
ATTEMPTS = [
    *((Kind.RESOLVE, {"subject": step, "amount": PRICE}) for step in Resolution),
    (Kind.RESOLVE, {"subject": Resolution.PROOF, "proof_valid": 0}),
    (Kind.RESOLVE, {"subject": Resolution.VOTE}),
    (Kind.BUY, {"amount": PRICE}),
    (Kind.CHALLENGE, {"amount": 9}),
    (Kind.ATTEST, {"amount": 1}),
]


def create_sold_world(sale: SaleState, signal: SignalState, *, is_over: bool) -> World:
    """One sale and one signal in these states, and the dispute that goes with them."""
    world = create_world()
    world["judges"] = [HELPER]
    closes_us = NOW_US if is_over else NOW_US + 9
    has_bond = signal in {SignalState.STANDING, SignalState.DISPUTED}
    given = {"seller": OWNER, "price": PRICE, "has_proof": 1, "bond": 9 * has_bond}
    add_signal(world, state=signal, published_us=NOW_US - 9, closes_us=closes_us, **given)
    paid = 0 if sale in {SaleState.INVOICED, SaleState.VOID} else PRICE
    add_sale(world, signal=0, buyer=OPERATOR, price=PRICE, paid=paid, state=sale)
    if signal in {SignalState.DISPUTED, SignalState.FRAUDULENT}:
        is_open = signal == SignalState.DISPUTED
        verdict = Verdict.OPEN if is_open else Verdict.UPHELD
        opened_us = NOW_US - 99 * is_over
        dispute = {"signal": 0, "challenger": AGENT, "n_seats": 1, "verdict": verdict}
        add_dispute(world, bond=9 * is_open, opened_us=opened_us, **dispute)
    return world


def try_all(sale: SaleState, signal: SignalState) -> set[tuple[str, int, int]]:
    """Every move that some transaction makes from here; what is refused changes nothing."""
    moves = set()
    ways = product(ATTEMPTS, SENDERS, (False, True), (0, 1))
    for (kind, columns), sender, is_over, claws_back in ways:
        rules = create_strict_rules(judges=Judges.ARBITER, claws_back=claws_back, verdict_us=99)
        world = create_sold_world(sale, signal, is_over=is_over)
        state = load_state(world)
        before = get_snapshot(state)
        nonce = world["accounts"][sender]["nonce"]
        tx: Row = create_transaction(kind, **{"sender": sender, "nonce": nonce} | columns)
        receipt, after = apply_one(state, rules, tx), get_snapshot(state)
        assert is_conserved(state)
        if receipt["code"] != Reason.APPLIED:
            after["accounts"][sender]["nonce"] -= 1
            assert after == before
        moves.add(("sale", sale, after["sales"][0]["state"]))
        moves.add(("signal", signal, after["signals"][0]["state"]))
    return moves


@pytest.mark.parametrize("signal", SignalState, ids=lambda state: state.name.lower())
@pytest.mark.parametrize("sale", SaleState, ids=lambda state: state.name.lower())
def test_every_move_is_in_the_table_and_a_refusal_changes_nothing(
    sale: SaleState, signal: SignalState
) -> None:
    for what, start, end in try_all(sale, signal):
        table = SALE_MOVES if what == "sale" else SIGNAL_MOVES
        assert start == end or (start, end) in table


def test_every_move_of_the_table_can_happen() -> None:
    moves = set().union(*(try_all(sale, signal) for sale in SaleState for signal in SignalState))
    made = {move for move in moves if move[1] != move[2]}
    expected = {("sale", *move) for move in SALE_MOVES}
    assert made == expected | {("signal", *move) for move in SIGNAL_MOVES}
