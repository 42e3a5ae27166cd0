"""Random transactions of every kind.

The generator looks at the reference ledger to be right most of the time, and wrong often
enough that every check fails somewhere.
"""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from sim.core.records import FOREVER_US, Kind, ScopeLevel
from sim.core.units import SUPPLY_MAX
from sim.ledger.rules import N_SITUATIONS
from tests.ledger_world import Row, create_transaction
from tests.property import market_operations
from tests.property.reference_machine import ReferenceLedger
from tests.property.reference_words import compute_call_digest

PRICES, LISTS = (0, 5), ([], [1], [1, 2], [3])
WEIGHTS = {  # others 1
    Kind.CALL: 12,
    Kind.GRANT: 8,
    Kind.REVOKE: 2,
    Kind.APPROVE: 3,
    Kind.ROTATE_KEY: 2,
    Kind.UNBOND: 2,
    Kind.RESOLVE: 3,
}
MARKET_WEIGHTS = {
    Kind.CALL: 2,
    Kind.GRANT: 1,
    Kind.REVOKE: 0,
    Kind.PUBLISH: 6,
    Kind.BUY: 8,
    Kind.ATTEST: 4,
    Kind.CHALLENGE: 5,
    Kind.RESOLVE: 14,
}


class Moment(NamedTuple):
    """When a transaction is applied."""

    now_us: int
    height: int


def draw_transaction(
    rng: Random, ledger: ReferenceLedger, weights: dict[Kind, int], moment: Moment
) -> tuple[Row, list[int]]:
    """One transaction and the column of arguments of its batch."""
    kind = rng.choices(list(Kind), [weights.get(kind, 1) for kind in Kind])[0]
    sender = rng.choice([0, 3, 3, 4, 5, 6, 7, rng.randrange(len(ledger.accounts))])
    draw = "draw_" + kind.name.lower()
    drawer = globals().get(draw) or getattr(market_operations, draw)
    payload, wanted = drawer(rng, ledger, sender, moment)
    now_us, height = moment
    sender = payload.get("sender", sender)
    account = ledger.accounts[sender]
    arguments = [9, *wanted, 9]
    chosen = {
        "sender": sender,
        "nonce": account["nonce"],
        "key_version": account["key_version"],
        "fee": ledger.rules.fee_min + rng.choice([0, 0, 0, 1]),
        "situation": rng.randrange(N_SITUATIONS) | (rng.random() < 0.8),
        "claim": rng.getrandbits(4),
        "height": height,
        "valid_until_height": height + rng.randrange(3),
        "now_us": now_us,
        "arguments_from": 1,
        "arguments_to": 1 + len(wanted),
        "illegitimate": int(rng.random() < 0.03),
    }
    tx = create_transaction(kind, **chosen | payload)
    mistakes = draw_mistakes(rng, tx, len(ledger.accounts))
    mistakes += [("fee", max(0, ledger.rules.fee_min - 1))] * 3
    while rng.random() < 0.15:
        tx |= dict([rng.choice(mistakes)])
    return tx, arguments


def draw_mistakes(rng: Random, tx: Row, n_accounts: int) -> list[tuple[str, int]]:
    """What can be wrong with any transaction."""
    return [
        ("kind", rng.choice([0, 18])),
        ("sender", rng.choice([-1, n_accounts, 99])),
        ("nonce", rng.choice([-1, tx["nonce"] - 1, SUPPLY_MAX + 1, 2**63 - 1])),
        ("nonce", rng.choice([tx["nonce"] - 1, tx["nonce"] + 1, SUPPLY_MAX])),
        ("chain_id", 2),
        ("valid_until_height", tx["height"] - 1),
        ("fee", rng.choice([-1, 0, 60, 5_000, SUPPLY_MAX, SUPPLY_MAX + 1])),
        ("fee", rng.choice([60, 5_000, SUPPLY_MAX])),
        ("amount", rng.choice([-1, 2_000, SUPPLY_MAX, SUPPLY_MAX + 1])),
        ("amount", rng.choice([150, 2_000, SUPPLY_MAX])),
        ("mask", rng.choice([-1, 0, 1 << 40])),
        ("key_version", rng.choice([-1, tx["key_version"] - 1])),
        ("key_version", rng.choice([-1, tx["key_version"] - 1])),
        ("proof_valid", rng.choice([0, 2])),
        ("scope_level", rng.choice([-1, 3])),
        ("arguments_from", rng.choice([-1, 5])),
        ("arguments_to", 99),
    ] + [("subject", rng.choice([-1, SUPPLY_MAX + 1]))] * (tx["kind"] == Kind.PUBLISH)


def draw_sub_mask(rng: Random, mask: int) -> int:
    """Mostly a part of a mask; sometimes more."""
    part = mask & rng.choice([0b1, 0b10, 0b11, 0b100, rng.getrandbits(8)])
    return part or mask if rng.random() < 0.95 else rng.getrandbits(8)


def draw_account(rng: Random, ledger: ReferenceLedger) -> int:
    """Mostly an account."""
    return rng.randrange(-1, len(ledger.accounts) + 1)


def draw_register(rng: Random, ledger: ReferenceLedger, sender: int, _: Moment):
    account = ledger.accounts[sender]
    return {
        "target": rng.randrange(80),
        "subject": rng.choice([account["org"]] * 9 + [1]),
        "amount": rng.choice([0, 3, 20]),
        "namespace": rng.choice([account["namespace"]] * 9 + [1]),
        "mask": draw_sub_mask(rng, account["capabilities"]),
    }, []


def draw_rotate_key(rng: Random, ledger: ReferenceLedger, sender: int, _: Moment):
    return {"target": rng.choice([sender, draw_account(rng, ledger)])}, []


def draw_transfer(rng: Random, ledger: ReferenceLedger, sender: int, _: Moment):
    amount = rng.choice([0, 1, 10, 40, 2**60])
    sender = rng.choice([0, sender]) if amount == 2**60 else sender
    return {"sender": sender, "target": draw_account(rng, ledger), "amount": amount}, []


def draw_call(rng: Random, ledger: ReferenceLedger, sender: int, _: Moment):
    """Any call, one that a grant could be for, or one that an approval is waiting for."""
    n_operations = len(ledger.operations)
    call = rng.randrange(-1, n_operations + 1), rng.choice(PRICES), rng.choice(LISTS)
    if ledger.grants and rng.random() < 0.7:
        grant = rng.choice(ledger.grants)
        sender = grant["holder"]
        fitting = [
            operation
            for operation, row in enumerate(ledger.operations)
            if row["namespace"] == grant["namespace"] and row["requires"] & grant["mask"]
        ]
        call = rng.choice([*fitting, call[0]]), *call[1:]
    slot = rng.randrange(-1, len(ledger.approvals) + 1)
    if 0 <= slot < len(ledger.approvals) and rng.random() < 0.5:
        sender = ledger.approvals[slot]["sender"]
        for likely in ((o, p, a) for o in range(n_operations) for p in PRICES for a in LISTS):
            digest = compute_call_digest(sender, *likely[:2], *likely[2])
            if digest == ledger.approvals[slot]["call_digest"]:
                call = likely
    target, amount, wanted = call
    return {"sender": sender, "target": target, "amount": amount, "parent": slot}, wanted


def draw_grant(rng: Random, ledger: ReferenceLedger, sender: int, moment: Moment):
    """A root grant, or one out of a grant that somebody holds."""
    live = [s for s in range(len(ledger.grants)) if ledger.get_standing(s, *moment) == "live"]
    slot = rng.choice([-1, -1, *live, *live, *live, rng.randrange(len(ledger.grants) + 1)])
    scope_level, wanted = (
        rng.choice([*ScopeLevel, ScopeLevel.ARGUMENTS]),
        sorted(rng.sample(range(1, 5), 2)),
    )
    if rng.random() < 0.05:
        wanted.reverse()
    never_us = FOREVER_US - moment.now_us
    expires_us = moment.now_us + rng.choice([0, 500_000, 3_000_000, 20_000_000, never_us])
    drawn = {
        "target": rng.choice([4, 5, 6, 7, draw_account(rng, ledger)]),
        "subject": rng.choice([0, 0, 1, 2]),
        "namespace": ledger.accounts[sender]["namespace"],
        "mask": draw_sub_mask(rng, ledger.accounts[sender]["capabilities"]),
        "expires_us": expires_us,
        "scope_level": scope_level,
        "depth_max": rng.choice([-1, 9, *range(9), 7, 8, 7, 8]),
        "parent": -1,
    }
    if slot < 0:
        return drawn, wanted
    if slot == len(ledger.grants):
        return drawn | {"parent": slot}, wanted
    above = ledger.grants[slot]
    return drawn | {
        "sender": rng.choice([above["holder"]] * 9 + [sender]),
        "namespace": rng.choice([above["namespace"]] * 9 + [1]),
        "mask": draw_sub_mask(rng, above["mask"]),
        "expires_us": rng.choice([expires_us, min(expires_us, above["expires_us"])]),
        "scope_level": rng.choice([scope_level, above["scope_level"]]),
        "depth_max": rng.choice([drawn["depth_max"], above["depth_max"] - 1]),
        "parent": slot,
    }, rng.choice([wanted, above["arguments"], above["arguments"][:1]])


def draw_revoke(rng: Random, ledger: ReferenceLedger, sender: int, _: Moment):
    standing = [s for s, grant in enumerate(ledger.grants) if grant["revoked_us"] < 0]
    slot = rng.choice([*standing, rng.randrange(-1, len(ledger.grants) + 1)])
    if not 0 <= slot < len(ledger.grants):
        return {"target": slot}, []
    chain, _whole = ledger.get_chain(slot)
    likely = [link["issuer"] for link in chain] * 3 + [sender]
    identity = ledger.grants[slot]["id"] - (rng.random() < 0.1)
    return {"sender": rng.choice(likely), "target": slot, "subject": identity}, []


def draw_approve(rng: Random, ledger: ReferenceLedger, sender: int, moment: Moment):
    """The issuer mostly approves a call of its account."""
    target, call = draw_account(rng, ledger), rng.randrange(len(ledger.operations))
    offer = rng.choice([[], [], [Kind.PUBLISH, rng.choice(PRICES)]])
    digest = compute_call_digest(target, call, rng.choice(PRICES), *offer, *rng.choice(LISTS))
    if 0 <= target < len(ledger.accounts):
        sender = rng.choice([ledger.accounts[target]["issuer"]] * 4 + [sender])
    expires_us = moment.now_us + rng.choice([1_000_000, 60_000_000])
    return {"sender": sender, "target": target, "subject": digest, "expires_us": expires_us}, []


def draw_anchor(rng: Random, ledger: ReferenceLedger, sender: int, _: Moment):
    log = rng.randrange(-1, len(ledger.logs) + 1)
    if not 0 <= log < len(ledger.logs):
        return {"target": log}, []
    owner, size = ledger.logs[log]["owner"], ledger.logs[log]["size"]
    words = {f"word{i}": rng.getrandbits(62) for i in range(4)}
    return {
        "sender": rng.choice([owner, owner, owner, sender]),
        "target": log,
        "subject": size + rng.choice([-1, 0, 1, 7]),
        "amount": rng.randrange(50),
    } | words, []


def draw_bond(rng: Random, _: ReferenceLedger, __: int, ___: Moment):
    return {"amount": rng.choice([0, 1, 20, 100, 2**59])}, []


def draw_unbond(rng: Random, ledger: ReferenceLedger, sender: int, _: Moment):
    stake = ledger.accounts[sender]["stake"]
    return {"amount": rng.choice([0, 1, stake // 2, stake // 2, stake, stake + 1])}, []


def draw_withdraw(rng: Random, ledger: ReferenceLedger, sender: int, moment: Moment):
    entries = list(enumerate(ledger.unbonding))
    mature = [s for s, e in entries if e["amount"] and e["matures_height"] <= moment.height]
    slot = rng.choice([*mature, *mature, rng.randrange(-1, len(entries) + 1)])
    if 0 <= slot < len(entries):
        sender = rng.choice([ledger.unbonding[slot]["account"]] * 4 + [sender])
    return {"sender": sender, "target": slot}, []


def draw_evidence(rng: Random, ledger: ReferenceLedger, sender: int, moment: Moment):
    """Of an offence at any age; now and then one that is known, or known by another pair."""
    age = rng.choice([-1, 0, 1, 2, 3, 4, 5, 8, 9, ledger.rules.evidence_age_blocks + 1])
    drawn = {
        "target": rng.choice([3, 4, 5, 6, 7, draw_account(rng, ledger)]),
        "subject": moment.height - rng.choice([age, age, ledger.rules.evidence_age_blocks]),
        "amount": rng.randrange(4),
        "mask": rng.randrange(1, 3),
        "proof_valid": rng.random() < 0.9,
    } | {f"word{i}": rng.randrange(2) - (i > 2) * 2**62 for i in range(4)}
    if ledger.evidence and rng.random() < 0.3:
        known = rng.choice(ledger.evidence)
        words = {f"word{i}": known[f"word{i}"] for i in range(4)}
        offence = {"target": known["offender"], "amount": known["view"], "mask": known["statement"]}
        drawn |= rng.choice([words, offence])
    if 0 <= drawn["target"] < len(ledger.accounts) and rng.random() < 0.1:
        sender = drawn["target"]
    return drawn | {"sender": sender}, []
