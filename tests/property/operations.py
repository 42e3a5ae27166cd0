"""Random worlds, rules and transactions, and the comparison of the two ledgers over them.

The generator looks at the reference ledger to be right most of the time, and wrong often
enough that every check fails somewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import NamedTuple

import numpy as np

from sim.core.reasons import EVERY_CHECK, Reason, get_bit
from sim.core.records import (
    FOREVER_US,
    RECEIPT,
    TRANSACTION,
    Effect,
    Kind,
    Posture,
    Records,
    ScopeLevel,
    Status,
)
from sim.core.units import SUPPLY_MAX
from sim.ledger import invariants, stake_invariants
from sim.ledger.rules import ACROSS, INSIDE, N_SITUATIONS, Rules, Source, create_rules
from sim.ledger.rules import get_situation as situate
from sim.ledger.state import State
from tests.ledger_world import (
    NOW_US,
    Row,
    World,
    add_grant,
    add_stake,
    add_unbonding,
    apply_one,
    create_records,
    create_row,
    create_strict_rules,
    create_transaction,
    create_world,
    get_snapshot,
    load_state,
    participate,
)
from tests.property.reference_machine import ReferenceLedger, compute_call_digest

LAG_US = 2_000_000
GATEWAY = get_bit(
    Reason.BAD_SIGNATURE,
    Reason.NONCE_REPLAYED,
    Reason.CAPABILITY_EXPIRED,
    Reason.CAPABILITY_DENIED,
    Reason.SCOPE_DENIED,
    Reason.APPROVAL_MISSING,
    Reason.RATE_LIMITED,
)
DELICATE = 1 << Effect.WRITE | 1 << Effect.DESTRUCTIVE
PRICES, LISTS = (0, 5), ([], [1], [1, 2], [3])
WEIGHTS = {  # others 1
    Kind.CALL: 12,
    Kind.GRANT: 8,
    Kind.REVOKE: 2,
    Kind.APPROVE: 3,
    Kind.ROTATE_KEY: 2,
    Kind.UNBOND: 2,
}
LAST_BIT = max(Reason) + 1


class Moment(NamedTuple):
    """When a transaction is applied."""

    now_us: int
    height: int


def create_gateway_rules(_: Random) -> Rules:
    """A gateway inside; across, an honest owner checks what it keeps for its clients."""
    rules = create_rules(
        approval_effects=1 << Effect.DESTRUCTIVE, rate_cap_ppm=20_000_000, rate_refill_ppm=500_000
    )
    for caller in Posture:
        rules.binding[situate(INSIDE, caller, Posture.HONEST, 1)] |= GATEWAY
        row = situate(ACROSS, caller, Posture.HONEST, 1)
        rules.binding[row] |= GATEWAY
        rules.source[row] = Source.CLIENT
    return rules


def create_any_rules(rng: Random) -> Rules:
    """Every number at random, another mask and source in every situation."""
    rules = create_rules(
        revocation_lag_us=rng.choice([0, LAG_US]),
        fee_min=rng.choice([0, 2]),
        killed_kinds=rng.getrandbits(13) & rng.getrandbits(13),
        approval_effects=rng.getrandbits(3),
        stake_min=rng.choice([0, 100]),
        reputation_ppm_min=rng.choice([0, 500_000]),
        **draw_stake_numbers(rng),
    )
    checks = np.array([rng.getrandbits(LAST_BIT) for _ in range(N_SITUATIONS)])
    rules.binding[:] |= checks & EVERY_CHECK
    rules.source[:] = [rng.choice(list(Source)) for _ in range(N_SITUATIONS)]
    return rules


def create_rate_rules(rng: Random) -> Rules:
    """A small bucket, so that it is often empty."""
    numbers = {"rate_cap_ppm": 2_000_000, "rate_refill_ppm": rng.choice([0, 150_000])}
    return create_strict_rules(**numbers)


def draw_stake_numbers(rng: Random) -> dict[str, int]:
    """Short times, so that entries mature and evidence ages within a sequence."""
    return {
        "evidence_age_blocks": rng.choice([3, 8, 30]),
        "unbonding_blocks": rng.choice([0, 6, 20]),
        "slash_rate_ppm": rng.choice([0, 50_000, 333_333]),
        "slash_floor": rng.choice([0, 7]),
        "slash_victim_ppm": rng.choice([0, 300_000]),
        "slash_reporter_ppm": rng.choice([0, 100_000, 333_333]),
        "slash_treasury_ppm": rng.choice([0, 366_667]),
        "reporter_cap": rng.choice([1, 10**6]),
        "liveness_window_blocks": rng.choice([1, 4, 8]),
        "liveness_signed_min_ppm": rng.choice([0, 300_000, 500_000, 1_000_000]),
        "jail_blocks": rng.choice([1, 5]),
    }


def create_stake_rules(rng: Random) -> Rules:
    """Everything binds, and what stake and evidence go by is short and small."""
    return create_strict_rules(**draw_stake_numbers(rng))


RULES: dict[str, Callable[[Random], Rules]] = {
    "all_bind": lambda _: create_strict_rules(),
    "none_binds": lambda _: create_rules(),
    "gateway": create_gateway_rules,
    "token_with_lag": lambda _: create_strict_rules(Source.TOKEN, revocation_lag_us=LAG_US),
    "client_scopes": lambda _: create_strict_rules(Source.CLIENT),
    "claims": lambda _: create_strict_rules(Source.CLAIM),
    "rate_limit": create_rate_rules,
    "approvals": lambda _: create_strict_rules(approval_effects=DELICATE),
    "killed_kinds": lambda rng: create_strict_rules(killed_kinds=rng.getrandbits(13)),
    "floors": lambda _: create_strict_rules(fee_min=2, stake_min=100, reputation_ppm_min=500_000),
    "stakes": create_stake_rules,
    "any": create_any_rules,
}


def create_random_world(rng: Random) -> World:
    """The small world with more accounts, in any standing, and with almost all money there is."""
    world = create_world()
    world["supply"] = rng.choice([20_000, SUPPLY_MAX])
    for entity in range(14, 17):
        account = create_row("accounts", entity=entity, org=entity % 2, namespace=entity % 2)
        world["accounts"].append(account | {"issuer": 2})
    for account in world["accounts"][2:]:
        account["status"] = rng.choice([Status.ACTIVE] * 12 + list(Status))
        account["reputation_ppm"] = rng.choice([400_000, 500_000, 1_000_000, 1_000_000])
        account["tokens_ppm"] = rng.choice([0, 1_500_000, 9_000_000])
        account["balance"] = rng.choice([30, 300, 1_500])
        account["stake"] = rng.choice([0, 99, 100, 100])
    for account in world["accounts"][3:]:
        account["capabilities"] &= rng.getrandbits(4)
    rest = sum(account["balance"] + account["stake"] for account in world["accounts"][1:])
    world["accounts"][0]["balance"] = world["supply"] - rest
    create_random_stakes(rng, world)
    world["operations"].append(
        create_row("operations", owner=-1, namespace=1, org=1, requires=0b11)
    )
    world["client_scopes"] = [[rng.getrandbits(4) for _ in range(2)] for _ in range(2)]
    world["logs"].append(create_row("logs", owner=4))
    add_grant(world, issuer=2, holder=3, mask=0b1111, depth_max=8)
    world["room"] |= {"accounts": 12, "grants": rng.choice([8, 30]), "pool": rng.choice([20, 90])}
    return world


def create_random_stakes(rng: Random, world: World) -> None:
    """Unbonding entries of any age, a validator or two, and stake of a size that products wrap."""
    for account in rng.choices(range(3, 7), k=rng.randrange(6)):
        created_height, amount = rng.randrange(-20, 1), rng.choice([0, 9, 40, 150])
        entry = {"created_height": created_height, "matures_height": rng.randrange(-5, 30)}
        add_unbonding(world, account=account, amount=amount, **entry)
    for account in rng.sample(range(2, 7), rng.randrange(4)):
        world["liveness"].append(create_row("liveness", account=account))
    if world["supply"] == SUPPLY_MAX:
        add_stake(world, rng.randrange(3, 7), 2**60)
    full = rng.random() < 0.3
    world["room"] |= {"unbonding": 7 if full else 60, "evidence": 2 if full else 40}


def draw_transaction(
    rng: Random, ledger: ReferenceLedger, now_us: int, height: int
) -> tuple[Row, list[int]]:
    """One transaction and the column of arguments of its batch."""
    kind = rng.choices(list(Kind), [WEIGHTS.get(kind, 1) for kind in Kind])[0]
    sender = rng.choice([0, 2, 2, 3, 4, 5, 6, rng.randrange(len(ledger.accounts))])
    moment = Moment(now_us, height)
    payload, wanted = globals()["draw_" + kind.name.lower()](rng, ledger, sender, moment)
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
        ("kind", rng.choice([0, 13])),
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
    ]


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


def draw_transfer(rng: Random, ledger: ReferenceLedger, _: int, __: Moment):
    return {"target": draw_account(rng, ledger), "amount": rng.choice([0, 1, 10, 40, 2**60])}, []


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
    live = [s for s in range(len(ledger.grants)) if ledger.get_standing(s, moment.now_us) == "live"]
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
        "target": rng.choice([3, 4, 5, 6, draw_account(rng, ledger)]),
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
    digest = compute_call_digest(target, call, rng.choice(PRICES), *rng.choice(LISTS))
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
        "target": rng.choice([2, 3, 4, 5, 6, draw_account(rng, ledger)]),
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


class Run(NamedTuple):
    """What a sequence showed."""

    mismatch: str  # empty where the two ledgers agree
    rules: Rules
    before: State
    after: State
    transactions: list[Row]
    receipts: list[Row]  # of the compiled ledger

    def check_invariants(self) -> None:
        """Let every checker look at the run."""
        for invariant in ("I8", "I9", "I10", "I11", "I12", "I13", "I14", "I15", "dropped"):
            self.check(invariant)

    def check(self, invariant: str) -> None:
        """Let one checker look at the run."""
        transactions = create_records(TRANSACTION, self.transactions)
        receipts = create_records(RECEIPT, self.receipts)
        before, after, rules = self.before, self.after, self.rules
        match invariant:
            case "I8":
                invariants.check_conservation(after, 0)
                stake_invariants.check_unbonding(after, 0)
            case "I9":
                invariants.check_range(after, 0)
            case "I10":
                invariants.check_nonces(before, after, rules, transactions, receipts)
            case "I11":
                invariants.check_capabilities(after, rules, transactions, receipts)
            case "I12":
                invariants.check_attenuation(after, 0)
            case "I13":
                invariants.check_authority(before, after, transactions, receipts)
            case "I14":
                stake_invariants.check_slashing(before, rules, transactions, receipts)
            case "I15":
                stake_invariants.check_stakes(before, after, rules, transactions, receipts)
            case "dropped":
                invariants.check_dropped(before, after, transactions, receipts)


def run_sequence(name: str, seed: int, n_operations: int, *, stop: bool = True) -> Run:
    """Run both ledgers side by side, by default up to the first difference."""
    rng = Random(f"{name}:{seed}")
    world, rules = create_random_world(rng), RULES[name](rng)
    state, before = load_state(world), load_state(world)
    reference = ReferenceLedger(world, rules)
    now_us, height, first_mismatch = rng.choice([0, NOW_US]), 1, ""
    transactions, receipts = [], []
    for index in range(n_operations):
        now_us += rng.choice([0, 0, 1_000, 100_000, 400_000])
        if rng.random() < 0.3:
            height += 1
            watched = sorted(row["account"] for row in reference.liveness)
            signed = [int(rng.random() < 0.6) for _ in watched]
            jailed = reference.participate(watched, signed, height)
            is_other = jailed != participate(state, rules, watched, signed, height)
            first_mismatch = first_mismatch or "jailed another number" * is_other
        if rng.random() < 0.02:
            disturb(rng, [reference.accounts, state.accounts, before.accounts])
        tx, arguments = draw_transaction(rng, reference, now_us, height)
        expected, found = reference.apply(tx, arguments), apply_one(state, rules, tx, arguments)
        transactions.append(tx)
        receipts.append(found)
        mismatch = describe_mismatch(expected, found, reference, state)
        if mismatch and not first_mismatch:
            where = f"rules {name}, seed {seed}, operation {index}"
            first_mismatch = f"{where}\n{tx}\narguments {arguments}\n{mismatch}"
            if stop:
                break
    return Run(first_mismatch, rules, before, state, transactions, receipts)


def disturb(rng: Random, ledgers: list[list[Row] | Records]) -> None:
    """Jail or free an account, as punishment and governance do."""
    index = rng.randrange(2, len(ledgers[0]))
    status = rng.choice([Status.ACTIVE] * 6 + [Status.JAILED])
    for accounts in ledgers:
        accounts[index]["status"] = int(status)


def describe_mismatch(expected: Row, found: Row, reference: ReferenceLedger, state: State) -> str:
    """Both receipts, and where the states differ; empty if all is equal."""
    before, after = reference.get_snapshot(), get_snapshot(state)
    tables = [name for name in before if before[name] != after[name]]
    if expected == found and not tables:
        return ""
    differing = {k: (v, found[k]) for k, v in expected.items() if v != found[k]}
    lines = [f"receipts (reference, compiled): {expected}\n{found}", f"differ in: {differing}"]
    for name in tables:
        pairs = [(before[name], after[name])]
        if isinstance(before[name], list):
            rows = max(len(before[name]), len(after[name]))
            pairs = [(before[name][i : i + 1], after[name][i : i + 1]) for i in range(rows)]
        lines += [
            f"{name}: reference {ours}\n  compiled {theirs}"
            for ours, theirs in pairs
            if ours != theirs
        ]
    return "\n".join(lines)
