"""Small ledgers for tests: a world as plain rows, and the compiled state made from it.

A world is a dictionary of tables of rows (dictionaries), easy to write, compare and store.
Its rows carry lists where the compiled state chains slots and points into a pool.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from sim.core.market import DISPUTE, RATING, SALE, SIGNAL, SaleState, SignalState, Verdict
from sim.core.reasons import EVERY_CHECK
from sim.core.records import (
    ACCOUNT,
    APPROVAL,
    EVIDENCE,
    FOREVER_US,
    GRANT,
    LIVENESS,
    LOG,
    OPERATION,
    RECEIPT,
    TRANSACTION,
    UNBONDING,
    Effect,
    Kind,
    Posture,
    Records,
)
from sim.ledger import liveness, transition
from sim.ledger.rules import INSIDE, N_SITUATIONS, Rules, Source, create_rules, get_situation
from sim.ledger.state import (
    ESCROW,
    N_ACCOUNTS,
    N_APPROVALS,
    N_DISPUTES,
    N_EVIDENCE,
    N_GRANT_IDS,
    N_GRANTS,
    N_JUDGES,
    N_LOGS,
    N_POOL,
    N_RATINGS,
    N_SALES,
    N_SIGNALS,
    N_UNBONDING,
    N_VALIDATORS,
    State,
    create_state,
    index_entity,
)

Row = dict[str, Any]
World = dict[str, Any]

MEDIATED = get_situation(INSIDE, Posture.HONEST, Posture.HONEST, 1)
UNMEDIATED = get_situation(INSIDE, Posture.HONEST, Posture.HONEST, 0)
NOW_US, HEIGHT, NONCE = 5_000_000, 50, 4

# what a column holds where a row does not say; every other column is 0
DEFAULTS: dict[str, Row] = {
    "accounts": {"key_rotated_us": -1, "tokens_us": -(2**61), "grants": []},
    "grants": {"parent": -1, "revoked_us": -1, "expires_us": FOREVER_US, "arguments": []},
    "approvals": {"used_height": -1, "expires_us": FOREVER_US},
    "logs": {},
    "unbonding": {},
    "evidence": {},
    "liveness": {"places": []},
    "operations": {},
    "signals": {"sales": [], "dispute": -1},
    "sales": {},
    "disputes": {},
    "ratings": {},
    "transaction": {
        "chain_id": 1,
        "valid_until_height": HEIGHT,
        "parent": -1,
        "proof_valid": 1,
        "situation": MEDIATED,
        "submitted_us": NOW_US,
        "height": HEIGHT,
        "now_us": NOW_US,
    },
}
COLUMNS: dict[str, list[str]] = {
    "accounts": [c for c in ACCOUNT.names if c != "grant_first"] + ["grants"],
    "grants": [c for c in GRANT.names if c not in {"arguments_from", "arguments_to", "next"}]
    + ["arguments"],
    "approvals": list(APPROVAL.names),
    "logs": list(LOG.names),
    "unbonding": list(UNBONDING.names),
    "evidence": list(EVIDENCE.names),
    "liveness": [c for c in LIVENESS.names if c not in {"ring0", "ring1"}] + ["places"],
    "operations": list(OPERATION.names),
    "signals": [c for c in SIGNAL.names if c != "sale_first"] + ["sales"],
    "sales": [c for c in SALE.names if c != "next"],
    "disputes": list(DISPUTE.names),
    "ratings": list(RATING.names),
    "transaction": list(TRANSACTION.names),
}
LISTS = {"grants", "arguments", "places", "sales"}  # columns of a row that hold a list
ROOM = {
    "accounts": 16,
    "grants": 16,
    "approvals": 8,
    "logs": 4,
    "pool": 32,
    "unbonding": 8,
    "evidence": 8,
    "validators": 4,
    "signals": 4,
    "sales": 8,
    "disputes": 4,
    "ratings": 4,
    "judges": 4,
}

OPERATOR, AGENT, OWNER, HELPER = range(ESCROW + 1, ESCROW + 5)  # the accounts of `create_world`
READ, DELETE, ABROAD = range(3)  # its operations


def create_row(table: str, **columns: Any) -> Row:
    """One full row: what is given, else the table's default."""
    unknown = columns.keys() - set(COLUMNS[table])
    if unknown:
        raise ValueError(f"{table} has no column {sorted(unknown)}")
    row: Row = {name: [] if name in LISTS else 0 for name in COLUMNS[table]}
    given = DEFAULTS[table] | columns
    return row | {k: list(v) if k in LISTS else int(v) for k, v in given.items()}


def create_transaction(kind: Kind, **columns: int) -> Row:
    """A transaction that is in order wherever the columns do not say otherwise."""
    return create_row("transaction", kind=kind, **columns)


def create_world() -> World:
    """An operator with an agent and a helper, the owner of another org, and three operations."""
    accounts = [
        {"entity": 0, "org": -1, "namespace": -1, "balance": 8_350},  # treasury
        {"entity": 1, "org": -1, "namespace": -1},  # burn
        {"entity": 2, "org": -1, "namespace": -1},  # escrow
        {"entity": 10, "capabilities": 0b1111_1111, "balance": 1_000, "nonce": NONCE},
        {"entity": 11, "capabilities": 0b1011, "balance": 100, "nonce": NONCE, "issuer": OPERATOR},
        {"entity": 12, "org": 1, "namespace": 1, "capabilities": 0b1111, "balance": 500},
        {"entity": 13, "balance": 50, "nonce": NONCE, "issuer": OPERATOR},
    ]
    operations = [
        {"owner": OPERATOR, "requires": 0b0011},
        {"owner": OPERATOR, "requires": 0b0100, "effect": Effect.DESTRUCTIVE},
        {"org": 1, "owner": OWNER, "namespace": 1, "requires": 0b0001, "effect": Effect.WRITE},
    ]
    return {
        "supply": 10_000,
        "room": dict(ROOM),
        "client_scopes": [[0, 0], [0, 0]],
        "operations": [create_row("operations", **row) for row in operations],
        "accounts": [create_row("accounts", **row) for row in accounts],
        "grants": [],
        "approvals": [],
        "logs": [create_row("logs", owner=OPERATOR, size=10)],
        "unbonding": [],
        "evidence": [],
        "liveness": [],
        "signals": [],
        "sales": [],
        "disputes": [],
        "ratings": [],
        "judges": [],
        "grant_ids": 0,
        "pool_used": 0,
    }


def add_grant(world: World, **columns: Any) -> int:
    """Place a grant at the head of its holder's list; return its slot."""
    slot = len(world["grants"])
    world["grant_ids"] += 1
    grant = create_row("grants", id=world["grant_ids"], **columns)
    if grant["parent"] >= 0:
        grant["parent_id"] = world["grants"][grant["parent"]]["id"]
    world["pool_used"] += len(grant["arguments"])
    world["grants"].append(grant)
    world["accounts"][grant["holder"]]["grants"].insert(0, slot)
    return slot


def add_stake(world: World, account: int, amount: int) -> None:
    """Bond an amount of the treasury's for an account."""
    world["accounts"][0]["balance"] -= amount
    world["accounts"][account]["stake"] += amount


def add_unbonding(world: World, **columns: int) -> int:
    """Place an unbonding entry, paid by the treasury; return its slot."""
    entry = create_row("unbonding", **columns)
    world["accounts"][0]["balance"] -= entry["amount"]
    world["accounts"][entry["account"]]["unbonding"] += entry["amount"]
    world["unbonding"].append(entry)
    return len(world["unbonding"]) - 1


def add_signal(world: World, **columns: Any) -> int:
    """Place a signal whose bond the treasury paid into escrow; return its slot."""
    signal = create_row("signals", **columns)
    fund_escrow(world, signal["bond"])
    world["signals"].append(signal)
    return len(world["signals"]) - 1


def add_sale(world: World, **columns: int) -> int:
    """Place a sale at the head of its signal's list; what is held, the treasury paid."""
    slot, sale = len(world["sales"]), create_row("sales", **columns)
    if sale["state"] == SaleState.HELD:
        fund_escrow(world, sale["paid"])
    world["sales"].append(sale)
    signal = world["signals"][sale["signal"]]
    signal["sales"].insert(0, slot)
    signal["n_sales"] += 1
    return slot


def add_dispute(world: World, **columns: int) -> int:
    """Place a dispute about a signal, its bond paid by the treasury; return its slot."""
    slot, dispute = len(world["disputes"]), create_row("disputes", **columns)
    fund_escrow(world, dispute["bond"])
    world["disputes"].append(dispute)
    signal = world["signals"][dispute["signal"]]
    signal["dispute"] = slot
    if dispute["verdict"] == Verdict.OPEN:
        signal["state"] = int(SignalState.DISPUTED)
    return slot


def fund_escrow(world: World, amount: int) -> None:
    """Move money of the treasury's into the escrow pool."""
    world["accounts"][0]["balance"] -= amount
    world["accounts"][ESCROW]["balance"] += amount


def create_records(dtype: np.dtype[np.void], rows: list[Row]) -> Records:
    """Rows as a structured array."""
    return np.array([tuple(row[name] for name in dtype.names) for row in rows], dtype=dtype)


def load_state(world: World) -> State:
    """The compiled state of a world."""
    state = create_state(
        supply=world["supply"],
        operations=create_records(OPERATION, world["operations"]),
        client_scopes=np.array(world["client_scopes"], dtype=np.int64),
        **world["room"],
    )
    nexts, pool = {}, [a for grant in world["grants"] for a in grant["arguments"]]
    accounts = [dict(row, grant_first=[*row["grants"], -1][0]) for row in world["accounts"]]
    for account in accounts:
        nexts.update(pairwise([*account["grants"], -1]))
    grants, end = [], 0
    for slot, grant in enumerate(world["grants"]):
        first, end = end, end + len(grant["arguments"])
        grants.append(dict(grant, next=nexts[slot], arguments_from=first, arguments_to=end))
    state.pool[: len(pool)] = pool
    state.judges[: len(world["judges"])] = world["judges"]
    signals = [dict(row, sale_first=[*row["sales"], -1][0]) for row in world["signals"]]
    older: dict[int, int] = {}
    for signal in signals:
        older.update(pairwise([*signal["sales"], -1]))
    sales = [dict(row, next=older[slot]) for slot, row in enumerate(world["sales"])]
    for table, dtype, rows in (
        (state.accounts, ACCOUNT, accounts),
        (state.grants, GRANT, grants),
        (state.approvals, APPROVAL, world["approvals"]),
        (state.logs, LOG, world["logs"]),
        (state.unbonding, UNBONDING, world["unbonding"]),
        (state.evidence, EVIDENCE, world["evidence"]),
        (state.liveness, LIVENESS, [row | get_rings(row) for row in world["liveness"]]),
        (state.signals, SIGNAL, signals),
        (state.sales, SALE, sales),
        (state.disputes, DISPUTE, world["disputes"]),
        (state.ratings, RATING, world["ratings"]),
    ):
        table[: len(rows)] = create_records(dtype, rows)
    for index in range(ESCROW + 1, len(accounts)):
        index_entity(state.entity_index, accounts[index]["entity"], index)
    for counter, count in (
        (N_ACCOUNTS, len(accounts)),
        (N_GRANTS, len(grants)),
        (N_GRANT_IDS, world["grant_ids"]),
        (N_APPROVALS, len(world["approvals"])),
        (N_LOGS, len(world["logs"])),
        (N_POOL, world["pool_used"]),
        (N_UNBONDING, len(world["unbonding"])),
        (N_EVIDENCE, len(world["evidence"])),
        (N_VALIDATORS, len(world["liveness"])),
        (N_SIGNALS, len(signals)),
        (N_SALES, len(sales)),
        (N_DISPUTES, len(world["disputes"])),
        (N_RATINGS, len(world["ratings"])),
        (N_JUDGES, len(world["judges"])),
    ):
        state.counters[counter] = count
    return state


def get_rings(watched: Row) -> Row:
    """The two words of a ring in which these places are marked."""
    ring = sum(1 << place for place in watched["places"])
    return {"ring0": ring % 2**63, "ring1": ring >> 63}


def get_snapshot(state: State) -> World:
    """What a compiled state says, in the rows of a world."""
    counters, pool = state.counters.tolist(), state.pool.tolist()
    grants = get_rows(state.grants, counters[N_GRANTS])
    accounts = get_rows(state.accounts, counters[N_ACCOUNTS])
    for account in accounts:
        slot, slots = account.pop("grant_first"), []
        while slot >= 0 and len(slots) <= len(grants):
            slots.append(slot)
            slot = grants[slot]["next"]
        account["grants"] = slots
    for grant in grants:
        grant["arguments"] = pool[grant.pop("arguments_from") : grant.pop("arguments_to")]
        del grant["next"]
    watched = get_rows(state.liveness, counters[N_VALIDATORS])
    for row in watched:
        ring = row.pop("ring0") | row.pop("ring1") << 63
        row["places"] = [place for place in range(126) if ring >> place & 1]
    signals, sales = get_rows(state.signals, counters[N_SIGNALS]), state.sales
    for signal in signals:
        slot, slots = signal.pop("sale_first"), []
        while slot >= 0 and len(slots) <= counters[N_SALES]:
            slots.append(slot)
            slot = int(sales[slot]["next"])
        signal["sales"] = slots
    sold = get_rows(sales, counters[N_SALES])
    for sale in sold:
        del sale["next"]
    return {
        "signals": signals,
        "sales": sold,
        "disputes": get_rows(state.disputes, counters[N_DISPUTES]),
        "ratings": get_rows(state.ratings, counters[N_RATINGS]),
        "judges": state.judges[: counters[N_JUDGES]].tolist(),
        "accounts": accounts,
        "grants": grants,
        "approvals": get_rows(state.approvals, counters[N_APPROVALS]),
        "logs": get_rows(state.logs, counters[N_LOGS]),
        "unbonding": get_rows(state.unbonding, counters[N_UNBONDING]),
        "evidence": get_rows(state.evidence, counters[N_EVIDENCE]),
        "liveness": watched,
        "grant_ids": counters[N_GRANT_IDS],
        "pool_used": counters[N_POOL],
    }


def get_rows(records: Records, count: int) -> list[Row]:
    """The first rows of a structured array as dictionaries."""
    return [dict(zip(records.dtype.names, row, strict=True)) for row in records[:count].tolist()]


def create_strict_rules(source: Source = Source.TRUTH, **numbers: int) -> Rules:
    """Rules under which every check binds, whatever the situation."""
    rules = create_rules(**numbers)
    rules.binding[:] = EVERY_CHECK
    rules.source[:] = source
    return rules


def create_split_rules(mask: int, **numbers: int) -> Rules:
    """Rules under which the same mask of checks binds in every situation."""
    return create_rules(**numbers)._replace(binding=np.full(N_SITUATIONS, mask, dtype=np.int64))


def apply_all(
    state: State, rules: Rules, transactions: list[Row], arguments: list[int] | None = None
) -> list[Row]:
    """Apply one block of transactions to the compiled state; return its receipts."""
    receipts = np.zeros(len(transactions), dtype=RECEIPT)
    ids = np.array(arguments or [], dtype=np.int64)
    batch = create_records(TRANSACTION, transactions)
    transition.apply_block(state, rules, batch, ids, receipts)
    return get_rows(receipts, len(transactions))


def apply_one(state: State, rules: Rules, tx: Row, arguments: list[int] | None = None) -> Row:
    """Apply one transaction to the compiled state; return its receipt."""
    return apply_all(state, rules, [tx], arguments)[0]


def participate(
    state: State, rules: Rules, accounts: list[int], signed: list[int], height: int
) -> int:
    """Record one block's participation in the compiled state; return how many it jailed."""
    ours = np.array(accounts, dtype=np.int64), np.array(signed, dtype=np.int64)
    return liveness.record_participation(state, rules, *ours, height)
