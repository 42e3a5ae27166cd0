"""State of one enforcement domain: a tuple of structured arrays, integers only.

Invariant: balances, stakes and unbonding amounts of all accounts, the treasury, the burn account
and the escrow pool among them, always sum to the supply at genesis.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sim.core.compiled import njit
from sim.core.market import DISPUTE, RATING, SALE, SIGNAL
from sim.core.records import (
    ACCOUNT,
    APPROVAL,
    EVIDENCE,
    GRANT,
    LIVENESS,
    LOG,
    LONG_AGO_US,
    OPERATION,
    UNBONDING,
    Ints,
    Records,
)
from sim.core.units import SUPPLY_MAX

if TYPE_CHECKING:
    from numpy.typing import NDArray

TREASURY, BURN, ESCROW = 0, 1, 2  # the first accounts of every ledger
N_FIXED = 3
PAGE = 64  # records in one leaf of the state tree

# indices into `State.counters`
N_ACCOUNTS, N_GRANTS, N_GRANT_IDS, N_APPROVALS, N_LOGS, N_POOL, SUPPLY = range(7)
N_UNBONDING, N_EVIDENCE, N_VALIDATORS = range(7, 10)
N_SIGNALS, N_SALES, N_DISPUTES, N_RATINGS, N_JUDGES = range(10, 15)
N_COUNTERS = 15


class State(NamedTuple):
    """Everything a transaction can read or write.

    Shapes: tables have room beyond their count, which is in `counters`.
    """

    accounts: Records  # ACCOUNT
    dirty: NDArray[np.uint8]  # pages of accounts written since the last root
    entity_index: Ints  # open addressing: account of an entity, or -1
    grants: Records  # GRANT
    pool: Ints  # argument ids that grants name
    approvals: Records  # APPROVAL
    logs: Records  # LOG
    operations: Records  # OPERATION
    client_scopes: Ints  # (n_orgs, n_orgs): mask an owner keeps for a client org
    counters: Ints
    unbonding: Records  # UNBONDING
    evidence: Records  # EVIDENCE
    liveness: Records  # LIVENESS
    signals: Records  # SIGNAL
    sales: Records  # SALE
    disputes: Records  # DISPUTE
    ratings: Records  # RATING
    judges: Ints  # accounts with a seat, in order


def create_state(
    *,
    supply: int,
    operations: Records | None = None,
    client_scopes: Ints | None = None,
    accounts: int = 64,
    grants: int = 64,
    approvals: int = 64,
    logs: int = 8,
    pool: int = 256,
    unbonding: int = 8,
    evidence: int = 8,
    validators: int = 8,
    signals: int = 8,
    sales: int = 8,
    disputes: int = 8,
    ratings: int = 8,
    judges: int = 8,
) -> State:
    """Empty state: a treasury that owns the whole supply, a burn account, an escrow pool.

    Units:  supply in base units, 0..SUPPLY_MAX; the others are rows of room.
    Errors: ValueError if the supply is out of range.
    """
    if not 0 <= supply <= SUPPLY_MAX:
        raise ValueError(f"supply must be in 0..2**62, got {supply}")
    state = State(
        accounts=np.zeros(accounts, dtype=ACCOUNT),
        dirty=np.ones((accounts + PAGE - 1) // PAGE, dtype=np.uint8),
        entity_index=np.full(_get_index_size(accounts), -1, dtype=np.int64),
        grants=np.zeros(grants, dtype=GRANT),
        pool=np.zeros(pool, dtype=np.int64),
        approvals=np.zeros(approvals, dtype=APPROVAL),
        logs=np.zeros(logs, dtype=LOG),
        operations=np.zeros(0, dtype=OPERATION) if operations is None else operations,
        client_scopes=np.zeros((1, 1), dtype=np.int64) if client_scopes is None else client_scopes,
        counters=np.zeros(N_COUNTERS, dtype=np.int64),
        unbonding=np.zeros(unbonding, dtype=UNBONDING),
        evidence=np.zeros(evidence, dtype=EVIDENCE),
        liveness=np.zeros(validators, dtype=LIVENESS),
        signals=np.zeros(signals, dtype=SIGNAL),
        sales=np.zeros(sales, dtype=SALE),
        disputes=np.zeros(disputes, dtype=DISPUTE),
        ratings=np.zeros(ratings, dtype=RATING),
        judges=np.zeros(judges, dtype=np.int64),
    )
    state.counters[SUPPLY] = supply
    for entity in (TREASURY, BURN, ESCROW):
        add_account(state, entity=entity, org=-1, namespace=-1)
    state.accounts[TREASURY]["balance"] = supply
    return state


def _get_index_size(accounts: int) -> int:
    return 1 << max(4, (2 * accounts - 1).bit_length())


def add_account(
    state: State,
    *,
    entity: int,
    org: int,
    namespace: int,
    capabilities: int = 0,
    balance: int = 0,
    stake: int = 0,
) -> int:
    """Place an account of the genesis block; return its index.

    Units:  balance and stake in base units; the treasury pays both.
    """
    index = int(state.counters[N_ACCOUNTS])
    account = state.accounts[index]
    for column, value in (
        ("entity", entity),
        ("org", org),
        ("namespace", namespace),
        ("capabilities", capabilities),
        ("balance", balance),
        ("stake", stake),
        ("issuer", TREASURY),
        ("key_rotated_us", -1),
        ("tokens_us", LONG_AGO_US),
        ("grant_first", -1),
    ):
        account[column] = value
    state.accounts[TREASURY]["balance"] -= balance + stake
    state.counters[N_ACCOUNTS] += 1
    index_entity(state.entity_index, entity, index)
    return index


def add_log(state: State, owner: int) -> int:
    """Place an empty anchored log of the genesis block; return its index."""
    index = int(state.counters[N_LOGS])
    state.logs[index]["owner"] = owner
    state.counters[N_LOGS] += 1
    return index


def add_validator(state: State, account: int) -> int:
    """Watch the participation of an account from the genesis block on; return its row."""
    row = int(state.counters[N_VALIDATORS])
    state.liveness[row]["account"] = account
    state.counters[N_VALIDATORS] += 1
    return row


def add_judge(state: State, account: int) -> int:
    """Give an account of the genesis block a seat; return its number."""
    seat = int(state.counters[N_JUDGES])
    state.judges[seat] = account
    state.counters[N_JUDGES] += 1
    return seat


GROWING = {
    "grants": N_GRANTS,
    "approvals": N_APPROVALS,
    "pool": N_POOL,
    "unbonding": N_UNBONDING,
    "evidence": N_EVIDENCE,
    "signals": N_SIGNALS,
    "sales": N_SALES,
    "disputes": N_DISPUTES,
    "ratings": N_RATINGS,
}


def create_grown(state: State, **rooms: int) -> State:
    """Same state with at least this much free room in its growing tables.

    Units:  rows by the name of the table, one of `GROWING`.
    """
    grown: dict[str, Any] = {}
    for name, room in rooms.items():
        table, used = getattr(state, name), int(state.counters[GROWING[name]])
        if used + room > table.shape[0]:
            grown[name] = np.zeros(2 * (used + room), dtype=table.dtype)
            grown[name][:used] = table[:used]
    return state._replace(**grown)


@njit
def index_entity(entity_index: Ints, entity: int, account: int) -> None:
    """Remember the account of an entity."""
    slot = entity & (entity_index.shape[0] - 1)
    while entity_index[slot] >= 0:
        slot = (slot + 1) & (entity_index.shape[0] - 1)
    entity_index[slot] = account


@njit
def find_entity(entity_index: Ints, accounts: Records, entity: int) -> int:
    """Account of an entity, or -1."""
    slot = entity & (entity_index.shape[0] - 1)
    while entity_index[slot] >= 0:
        if accounts[entity_index[slot]]["entity"] == entity:
            return entity_index[slot]
        slot = (slot + 1) & (entity_index.shape[0] - 1)
    return -1


@njit
def is_account(state: State, index: int) -> bool:
    """Whether an index names an account."""
    return 0 <= index < state.counters[N_ACCOUNTS]
