"""Write the conformance vectors: `python -m tests.vectors.emit`.

Each case starts from one small world and one transaction of its kind that is in order, and
spoils just what its name says. The expected receipt and state come from the reference
machine; the compiled ledger has no part in them.
"""

from __future__ import annotations

import hashlib
import json
from copy import deepcopy
from pathlib import Path
from typing import Any

from sim.core.reasons import EVERY_CHECK, Reason
from sim.core.records import RECEIPT, Kind
from sim.ledger.rules import Rules, Source
from tests.ledger_world import (
    AGENT,
    HEIGHT,
    HELPER,
    NONCE,
    OPERATOR,
    OWNER,
    ROOM,
    Row,
    World,
    add_grant,
    add_stake,
    add_unbonding,
    create_row,
    create_split_rules,
    create_transaction,
    create_world,
)
from tests.property.reference_machine import ReferenceLedger
from tests.vectors import market_cases
from tests.vectors.cases import IN_ORDER, OWN, VARIANTS, Case, spoil_any
from tests.vectors.market_cases import MARKET_KINDS, create_market_world

FOLDER = Path(__file__).parent
TABLES = (
    "accounts",
    "grants",
    "approvals",
    "logs",
    "unbonding",
    "evidence",
    "liveness",
    "signals",
    "sales",
    "disputes",
    "ratings",
    "operations",
)
STAKE_KINDS = (Kind.BOND, Kind.UNBOND, Kind.WITHDRAW, Kind.EVIDENCE)
COUNTS = ("grant_ids", "pool_used")


def create_staked_world() -> World:
    """The small world with stake: the operator's, and the owner's, of which some is leaving."""
    world = create_world() | {"supply": 100_000}
    world["accounts"][0]["balance"] += 90_000
    for account, amount in ((OPERATOR, 500), (OWNER, 1_000), (HELPER, 60_000)):
        add_stake(world, account, amount)
    add_unbonding(world, account=OPERATOR, amount=30, created_height=9, matures_height=HEIGHT)
    for amount, created_height, matures_height in ((70, 44, 60), (200, 46, 80), (90, 45, 70)):
        heights = {"created_height": created_height, "matures_height": matures_height}
        add_unbonding(world, account=OWNER, amount=amount, **heights)
    return world


def create_case_world(kind: Kind, case: Case) -> World:
    """The small world with one grant by the operator to its agent, and what the case changes."""
    if kind in MARKET_KINDS:
        world = create_market_world(kind, case)
    else:
        world = create_staked_world() if kind in STAKE_KINDS else create_world()
    if case.freed >= 0:
        entry = world["unbonding"][case.freed]
        world["accounts"][0]["balance"] += entry["amount"]
        world["accounts"][entry["account"]]["unbonding"] -= entry["amount"]
        entry["amount"] = 0
    world["evidence"] += [create_row("evidence", **row) for row in case.evidence]
    given = {"issuer": OPERATOR, "holder": AGENT, "mask": 0b010000, "depth_max": 2}
    add_grant(world, **given | case.grant)
    for grant in case.more_grants:
        add_grant(world, **grant)
    for index, columns in case.accounts.items():
        has = world["accounts"][index]["balance"]
        world["accounts"][0]["balance"] += has - columns.get("balance", has)
        world["accounts"][index] |= {name: int(value) for name, value in columns.items()}
    if case.approval:
        approval = create_row("approvals", approver=OPERATOR, sender=AGENT, **case.approval)
        world["approvals"].append(approval)
    world["room"] |= case.room
    world["client_scopes"][1][0] = case.client_scope
    return world


def create_rules_of(columns: Row) -> Rules:
    """Rules from the few numbers a vector gives; every check binds unless it says otherwise."""
    numbers = {k: int(v) for k, v in columns.items() if k not in {"binding", "source"}}
    rules = create_split_rules(columns.get("binding", EVERY_CHECK), **numbers)
    rules.source[:] = columns.get("source", Source.TRUTH)
    return rules


def compact(table: str, row: Row) -> Row:
    """Only the columns that differ from the table's default."""
    default = create_row(table)
    return {name: value for name, value in row.items() if value != default[name]}


def compact_world(world: World) -> Row:
    """A world without defaults."""
    tables = {t: [compact(t, row) for row in world[t]] for t in TABLES if world[t]}
    rest = {name: world[name] for name in ("supply", *COUNTS) if world[name]}
    room = {name: size for name, size in world["room"].items() if size != ROOM[name]}
    rest |= {"judges": world["judges"]} if world["judges"] else {}
    scopes = world["client_scopes"] if any(map(any, world["client_scopes"])) else []
    return tables | rest | {k: v for k, v in (("room", room), ("client_scopes", scopes)) if v}


def expand_world(before: Row) -> World:
    """A world with its defaults again."""
    empty = dict.fromkeys(("supply", *COUNTS), 0) | {"judges": []}
    empty["client_scopes"] = [[0, 0], [0, 0]]
    tables = {
        table: [create_row(table, **row) for row in before.get(table, [])] for table in TABLES
    }
    return empty | before | tables | {"room": ROOM | before.get("room", {})}


def get_changes(before: World, after: World) -> Row:
    """Columns that changed, by table and row; counts that changed, whole."""
    changes: Row = {name: after[name] for name in COUNTS if after[name] != before[name]}
    for table in TABLES[:-1]:
        rows = {}
        for index, row in enumerate(after[table]):
            is_new = index >= len(before[table])
            old = create_row(table) if is_new else before[table][index]
            if differing := {name: value for name, value in row.items() if value != old[name]}:
                rows[str(index)] = differing
        if rows:
            changes[table] = rows
    return changes


def apply_changes(before: World, changes: Row) -> World:
    """The state after, from the state before and what changed."""
    after = deepcopy({name: before[name] for name in (*TABLES[:-1], *COUNTS, "judges")})
    for name, value in changes.items():
        if name in COUNTS:
            after[name] = value
            continue
        for index, columns in value.items():
            if int(index) == len(after[name]):
                after[name].append(create_row(name))
            after[name][int(index)] |= columns
    return after


def create_vector(kind: Kind, expected: Reason, case: Case) -> Row:
    """One vector, with the receipt and the state that the reference machine gives."""
    world = create_case_world(kind, case)
    sender = {"sender": OPERATOR, "nonce": NONCE, "fee": 2, "arguments_to": len(case.arguments)}
    tx = create_transaction(kind, **sender | IN_ORDER[kind] | case.tx)
    reference = ReferenceLedger(world, create_rules_of(case.rules))
    receipt = reference.apply(tx, case.arguments)
    if receipt["code"] != expected:
        raise ValueError(f"{kind.name} {expected.name}: got {Reason(receipt['code']).name}")
    after = get_changes(world, reference.get_snapshot())
    vector = {
        "rules": {name: int(value) for name, value in case.rules.items()},
        "before": compact_world(world),
        "transaction": compact("transaction", tx),
        "arguments": case.arguments,
        "receipt": {name: int(receipt[name]) for name in RECEIPT.names},
        "after": after,
    }
    return {name: value for name, value in vector.items() if value}


def create_vectors() -> dict[str, Row]:
    """All vectors by the path of their file."""
    cases = {(k, reason, ""): case for k in Kind for reason, case in spoil_any(k).items()}
    own = OWN | market_cases.OWN
    cases |= {(kind, reason, ""): case for (kind, reason), case in own.items()}
    cases |= VARIANTS | market_cases.VARIANTS
    vectors = {}
    for (kind, reason, variant), case in cases.items():
        name = f"{reason.name.lower()}-{variant}" if variant else reason.name.lower()
        vectors[f"{kind.name.lower()}/{name}.json"] = create_vector(kind, reason, case)
    return dict(sorted(vectors.items()))


def write_text(vector: Row) -> str:
    """The one form a vector is written in: a line for each part, and for each row of a table."""
    lines = []
    for part, value in vector.items():
        if part != "before":
            lines.append(f"  {json.dumps(part)}: {json.dumps(value)}")
            continue
        inner = [f"    {json.dumps(name)}: {write_table(table)}" for name, table in value.items()]
        lines.append('  "before": {\n' + ",\n".join(inner) + "\n  }")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def write_table(table: Any) -> str:
    if not isinstance(table, list):
        return json.dumps(table)
    return "[\n" + ",\n".join(f"      {json.dumps(row)}" for row in table) + "\n    ]"


def compute_digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def main() -> None:
    """Replace all vectors and their digests."""
    for old in FOLDER.glob("*/*.json"):
        old.unlink()
    lines = []
    for name, vector in create_vectors().items():
        path, text = FOLDER / name, write_text(vector)
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        lines.append(f"{compute_digest(text)}  {name}\n")
    (FOLDER / "DIGESTS").write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
