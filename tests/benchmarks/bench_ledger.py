"""Transactions a second of the transition, by number of accounts and kind of access."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from sim.core.draws import Draws
from sim.core.purposes import Purpose
from sim.core.reasons import EVERY_CHECK, Reason, get_bit
from sim.core.records import FOREVER_US, OPERATION, RECEIPT, TRANSACTION, Kind, ScopeLevel
from sim.ledger.rules import Rules, create_rules
from sim.ledger.state import State, add_account, create_state
from sim.ledger.transition import apply_blocks

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

BLOCK, BLOCKS = 5_000, 40
EVERYTHING = 2**62 - 1
ARGUMENTS = np.arange(8, dtype=np.int64)


def create_world(n_accounts: int, level: ScopeLevel | None) -> tuple[State, Rules]:
    """An org with operations and accounts that hold them statically, or by one grant each."""
    operations = np.zeros(4, dtype=OPERATION)
    operations["requires"] = [1, 2, 4, 8]
    operations["owner"] = 2
    state = create_state(
        supply=10**15,
        operations=operations,
        accounts=n_accounts + 3,
        grants=n_accounts + 1,
        pool=8 * n_accounts + 1,
    )
    org = add_account(state, entity=5, org=0, namespace=0, capabilities=EVERYTHING, balance=10**12)
    for index in range(n_accounts):
        held = 15 if level is None else 0
        add_account(
            state, entity=1_000 + index, org=0, namespace=0, capabilities=held, balance=10**6
        )
    rules = create_rules(fee_min=1)
    rules.binding[:] = EVERY_CHECK & ~get_bit(Reason.ILLEGITIMATE)
    if level is not None:
        grant_all(state, rules, org, n_accounts, level)
    return state, rules


def grant_all(state: State, rules: Rules, org: int, n_accounts: int, level: ScopeLevel) -> None:
    """One grant of everything to each account."""
    transactions = create_transactions(n_accounts, Kind.GRANT)
    transactions["sender"] = org
    transactions["target"] = 3 + np.arange(n_accounts)
    transactions["mask"] = 15
    transactions["expires_us"] = FOREVER_US
    transactions["scope_level"] = int(level)
    transactions["arguments_to"] = 8 if level is ScopeLevel.ARGUMENTS else 0
    transactions["nonce"] = np.arange(n_accounts)
    receipts = np.zeros(n_accounts, dtype=RECEIPT)
    apply_blocks(state, rules, transactions, ARGUMENTS, receipts, np.array([n_accounts]))
    assert not receipts["code"].any()


def create_transactions(n: int, kind: Kind) -> Any:
    """Transactions that pass every check of form."""
    transactions = np.zeros(n, dtype=TRANSACTION)
    transactions["kind"] = int(kind)
    transactions["chain_id"] = 1
    transactions["valid_until_height"] = FOREVER_US
    transactions["fee"] = 1
    transactions["parent"] = -1
    transactions["situation"] = 1
    return transactions


def create_calls(n_accounts: int, n: int) -> Any:
    """Calls by accounts in a random order, each with its nonce."""
    draws = Draws(1, "benchmark", 0)
    rows = np.arange(n, dtype=np.int64)
    senders = 3 + draws.get_below(Purpose.ARRIVAL, 0, rows, n_accounts)
    calls = create_transactions(n, Kind.CALL)
    calls["sender"] = senders
    calls["target"] = draws.get_below(Purpose.OWNER, 0, rows, 4)
    calls["arguments_to"] = 1
    order = np.argsort(senders, kind="stable")
    ranked = senders[order]
    starts = np.flatnonzero(np.concatenate(([True], ranked[1:] != ranked[:-1])))
    calls["nonce"][order] = rows - np.repeat(starts, np.diff(np.append(starts, n)))
    return calls


@pytest.mark.parametrize("n_accounts", [1_000, 100_000])
@pytest.mark.parametrize(
    "level", [None, ScopeLevel.TASK, ScopeLevel.ARGUMENTS], ids=["static", "task", "arguments"]
)
def test_calls_applied(
    benchmark: BenchmarkFixture, n_accounts: int, level: ScopeLevel | None
) -> None:
    n = BLOCK * BLOCKS
    calls = create_calls(n_accounts, n)
    receipts = np.zeros(n, dtype=RECEIPT)
    ends = np.arange(BLOCK, n + 1, BLOCK, dtype=np.int64)

    def set_up() -> tuple[tuple[State, Rules], dict[str, Any]]:
        return create_world(n_accounts, level), {}

    def apply(state: State, rules: Rules) -> None:
        assert apply_blocks(state, rules, calls, ARGUMENTS, receipts, ends) == -1

    benchmark.pedantic(apply, setup=set_up, rounds=5, warmup_rounds=1)
    assert not receipts["code"].any()
    benchmark.extra_info["million_transactions_per_s"] = n / benchmark.stats["min"] / 1e6
    print(f"\n{n / benchmark.stats['min'] / 1e6:.1f} M transactions/s")
