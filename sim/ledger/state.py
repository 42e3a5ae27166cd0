"""State of one enforcement domain: a tuple of structured arrays, integers only.

Invariant: balances, stakes and unbonding amounts of all accounts, the treasury and the burn
account among them, always sum to the supply at genesis.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np

from sim.core.compiled import njit
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

TREASURY, BURN = 0, 1  # the first two accounts of every ledger
PAGE = 64  # records in one leaf of the state tree

# indices into `State.counters`
N_ACCOUNTS, N_GRANTS, N_GRANT_IDS, N_APPROVALS, N_LOGS, N_POOL, SUPPLY = range(7)
N_UNBONDING, N_EVIDENCE, N_VALIDATORS = range(7, 10)


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
) -> State:
    """Empty state with a treasury that owns the whole supply, and a burn account.

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
        counters=np.zeros(10, dtype=np.int64),
        unbonding=np.zeros(unbonding, dtype=UNBONDING),
        evidence=np.zeros(evidence, dtype=EVIDENCE),
        liveness=np.zeros(validators, dtype=LIVENESS),
    )
    state.counters[SUPPLY] = supply
    for entity in (TREASURY, BURN):
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


def create_grown(
    state: State, *, grants: int, approvals: int, pool: int, unbonding: int, evidence: int
) -> State:
    """Same state with at least this much free room in its growing tables."""

    def grow(table: Records, used: int, room: int) -> Records:
        if used + room <= table.shape[0]:
            return table
        grown = np.zeros(2 * (used + room), dtype=table.dtype)
        grown[:used] = table[:used]
        return grown

    counters = state.counters
    return state._replace(
        grants=grow(state.grants, int(counters[N_GRANTS]), grants),
        approvals=grow(state.approvals, int(counters[N_APPROVALS]), approvals),
        pool=cast("Ints", grow(cast("Records", state.pool), int(counters[N_POOL]), pool)),
        unbonding=grow(state.unbonding, int(counters[N_UNBONDING]), unbonding),
        evidence=grow(state.evidence, int(counters[N_EVIDENCE]), evidence),
    )


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
