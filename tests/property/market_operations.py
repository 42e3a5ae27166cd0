"""Random transactions of the market, mostly of somebody who may, about something that is there."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from sim.core.market import Resolution, SaleState, SignalState, Verdict
from sim.core.records import Kind
from sim.core.units import PPM, SUPPLY_MAX
from tests.ledger_world import Row
from tests.property.reference_words import compute_call_digest

if TYPE_CHECKING:
    from tests.property.operations import Moment
    from tests.property.reference_machine import ReferenceLedger

Drawn = tuple[Row, list[int]]
BONDS, ASKED = (0, 5), (0, 5)  # some of them approved


def draw_slot(rng: Random, rows: list[Row], **columns: int) -> int:
    """Mostly a row with these columns; sometimes any, or none at all."""
    fitting = [k for k, row in enumerate(rows) if columns.items() <= row.items()]
    return rng.choice([*fitting * 3, rng.randrange(-1, len(rows) + 1)])


def draw_publish(rng: Random, ledger: ReferenceLedger, sender: int, _: Moment) -> Drawn:
    """An operation that the sender may do, or the offer that an approval is waiting for."""
    bond = rng.choice([*BONDS, ledger.rules.bond_min, 40])
    price = rng.choice([*ASKED, 1, 40, 101, SUPPLY_MAX])
    sender = rng.choice([sender, 3, 3])
    account, n = ledger.accounts[sender], len(ledger.operations)
    mine = [k for k in range(n) if ledger.operations[k]["namespace"] == account["namespace"]]
    held = [k for k in mine if not ledger.operations[k]["requires"] & ~account["capabilities"]]
    target, wanted = rng.choice([*held * 3, rng.randrange(-1, n + 1)]), rng.choice([[], [], [1]])
    if ledger.grants and rng.random() < 0.3:
        grant = rng.choice(ledger.grants)
        sender, wanted = grant["holder"], rng.choice([grant["arguments"], [1], [4]])
        abilities = [k for k in range(n) if ledger.operations[k]["requires"] & grant["mask"]]
        target = rng.choice([*abilities, target])
    slot = rng.randrange(-1, len(ledger.approvals) + 1)
    if 0 <= slot < len(ledger.approvals) and rng.random() < 0.5:
        approval = ledger.approvals[slot]
        likely = [(o, b, p) for o in range(n) for b in BONDS for p in ASKED]
        for one in likely:
            offer = approval["sender"], *one[:2], Kind.PUBLISH, one[2]
            if compute_call_digest(*offer) == approval["call_digest"]:
                sender, (target, bond, price), wanted = approval["sender"], one, []
    drawn = {"sender": sender, "target": target, "amount": bond, "subject": price, "parent": slot}
    return drawn | {"mask": rng.choice([0, 1, 1, 3]), "word0": rng.getrandbits(62)}, wanted


def draw_buy(rng: Random, ledger: ReferenceLedger, sender: int, _: Moment) -> Drawn:
    target = draw_slot(rng, ledger.signals, state=int(SignalState.STANDING))
    price = ledger.signals[target]["price"] if 0 <= target < len(ledger.signals) else 5
    if 0 <= target < len(ledger.signals) and rng.random() < 0.1:
        sender = ledger.signals[target]["seller"]
    amount = rng.choice([price, price, min(SUPPLY_MAX, price + 3), max(0, price - 1)])
    return {"sender": sender, "target": target, "amount": amount}, []


def draw_attest(rng: Random, ledger: ReferenceLedger, sender: int, moment: Moment) -> Drawn:
    target = draw_slot(rng, ledger.sales, rated=0)
    due = [k for k, sale in enumerate(ledger.sales) if sale["due_us"] <= moment.now_us]
    target = rng.choice([target, target, *due[-2:]])
    if 0 <= target < len(ledger.sales):
        sender = rng.choice([ledger.sales[target]["buyer"]] * 5 + [sender])
    value = rng.choice([0, 499_999, 500_000, 700_000, PPM, 2 * PPM])
    return {"sender": sender, "target": target, "amount": value}, []


def draw_challenge(rng: Random, ledger: ReferenceLedger, sender: int, _: Moment) -> Drawn:
    target, asked = draw_slot(rng, ledger.signals, state=int(SignalState.STANDING)), 0
    if 0 <= target < len(ledger.signals):
        asked = max(ledger.signals[target]["bond"], ledger.rules.bond_min)
        sender = ledger.signals[target]["seller"] if rng.random() < 0.1 else sender
    amount = rng.choice([asked, asked, asked + 2, max(0, asked - 1)])
    return {
        "sender": sender,
        "target": target,
        "amount": amount,
        "draw_ppm": rng.randrange(PPM),
    }, []


def draw_resolve(rng: Random, ledger: ReferenceLedger, sender: int, _: Moment) -> Drawn:
    step = rng.choice([*Resolution, Resolution.VOTE, Resolution.VOTE, rng.choice([-1, 6])])
    drawn = {"sender": sender, "subject": step, "proof_valid": rng.randrange(2)}
    if step in {Resolution.VOTE, Resolution.PROOF, Resolution.TIMEOUT}:
        target = draw_slot(rng, ledger.disputes, verdict=int(Verdict.OPEN))
        drawn |= {"target": target, "amount": rng.choice([0, 1, 1])}
        if step == Resolution.VOTE and 0 <= target < len(ledger.disputes):
            bench = ledger.get_bench(ledger.disputes[target])
            drawn["sender"] = rng.choice([*bench * 3, sender])
    elif step == Resolution.RELEASE:
        drawn["target"] = draw_slot(rng, ledger.signals, state=int(SignalState.STANDING))
    else:
        state = SaleState.INVOICED if step == Resolution.PAY else SaleState.HELD
        target = draw_slot(rng, ledger.sales, state=int(state))
        drawn |= {"target": target, "amount": rng.choice([0, 1, 5, 40, SUPPLY_MAX])}
        if step == Resolution.TAKE:
            drawn["sender"] = rng.choice([*ledger.judges[:1] * 2, sender])
        elif 0 <= target < len(ledger.sales):
            drawn["sender"] = rng.choice([ledger.sales[target]["buyer"]] * 4 + [sender])
    return drawn, []
