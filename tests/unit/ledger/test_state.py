from __future__ import annotations

import numpy as np
import pytest

from sim.core.units import SUPPLY_MAX
from sim.ledger.state import (
    BURN,
    ESCROW,
    N_ACCOUNTS,
    N_GRANTS,
    N_JUDGES,
    N_LOGS,
    SUPPLY,
    TREASURY,
    State,
    add_account,
    add_judge,
    add_log,
    create_grown,
    create_state,
    find_entity,
    index_entity,
)
from tests.ledger_world import (
    add_dispute,
    add_grant,
    add_sale,
    add_signal,
    add_unbonding,
    create_row,
    create_world,
    get_snapshot,
    load_state,
)


def test_a_new_ledger_has_a_treasury_that_owns_everything_and_others_with_nothing() -> None:
    state = create_state(supply=1_000)
    assert state.counters[N_ACCOUNTS] == 3
    assert state.counters[SUPPLY] == 1_000
    assert state.accounts["balance"][[TREASURY, BURN, ESCROW]].tolist() == [1_000, 0, 0]


@pytest.mark.parametrize("supply", [-1, SUPPLY_MAX + 1])
def test_a_supply_out_of_range_is_refused(supply: int) -> None:
    with pytest.raises(ValueError, match="supply"):
        create_state(supply=supply)


def test_the_largest_supply_is_allowed() -> None:
    assert create_state(supply=SUPPLY_MAX).accounts[TREASURY]["balance"] == SUPPLY_MAX


def test_an_account_of_the_genesis_block_is_funded_by_the_treasury() -> None:
    state = create_state(supply=1_000)
    index = add_account(state, entity=7, org=0, namespace=0, capabilities=0b11, balance=300)
    account = state.accounts[index]
    assert (account["balance"], account["issuer"], account["grant_first"]) == (300, TREASURY, -1)
    assert state.accounts[TREASURY]["balance"] == 700


def test_an_account_is_found_by_its_entity() -> None:
    state = create_state(supply=0)
    index = add_account(state, entity=2**63 - 1, org=0, namespace=0)
    assert find_entity(state.entity_index, state.accounts, 2**63 - 1) == index
    assert find_entity(state.entity_index, state.accounts, 5) == -1


def test_entities_that_fall_on_one_place_of_the_index_are_all_found() -> None:
    state = create_state(supply=0, accounts=32)
    size = state.entity_index.shape[0]
    entities = [size * k + 5 for k in range(29)]
    places = [add_account(state, entity=entity, org=0, namespace=0) for entity in entities]
    found = [find_entity(state.entity_index, state.accounts, entity) for entity in entities]
    assert found == places


def test_the_index_has_room_when_every_account_is_taken() -> None:
    index = create_state(supply=0, accounts=64).entity_index
    assert index.shape[0] >= 2 * 64
    index_entity(index, 3, 2)
    assert 2 in index


def test_a_log_starts_empty_and_belongs_to_its_owner() -> None:
    state = create_state(supply=0)
    assert (add_log(state, 1), state.counters[N_LOGS]) == (0, 1)
    assert state.logs[0].item() == (1, 0, 0, 0, 0, 0, 0, 0)


def test_a_grown_ledger_says_the_same_and_has_the_room_asked_for() -> None:
    world = create_world()
    add_grant(world, issuer=2, holder=3, mask=1, arguments=[4, 5])
    add_unbonding(world, account=3, amount=9, matures_height=7)
    world["evidence"].append(create_row("evidence", offender=3, word3=-1))
    world["liveness"].append(create_row("liveness", account=3, places=[0, 62, 63, 125]))
    state = load_state(world)
    add_signal(world, seller=3, bond=5, word3=-1)
    add_sale(world, signal=0, buyer=4, price=7, paid=7, state=1)
    add_sale(world, signal=0, buyer=5, price=7, paid=7, state=1)
    add_dispute(world, signal=0, challenger=4, bond=5)
    world["ratings"].append(create_row("ratings", rater=4, value=2**62))
    world["judges"] += [5, 4]
    state = load_state(world)
    market = {"signals": 40, "sales": 41, "disputes": 42, "ratings": 43}
    grown = create_grown(state, **market)
    assert get_snapshot(grown) == get_snapshot(state)
    assert all(getattr(grown, name).shape[0] >= room + 1 for name, room in market.items())
    grown = create_grown(state, grants=100, approvals=50, pool=500, unbonding=30, evidence=20)
    assert get_snapshot(grown) == get_snapshot(state)
    assert grown.grants.shape[0] >= state.counters[N_GRANTS] + 100
    assert grown.approvals.shape[0] >= 50
    assert grown.pool.shape[0] >= 502
    assert grown.unbonding.shape[0] >= 31
    assert grown.evidence.shape[0] >= 21


def test_a_ledger_with_room_enough_does_not_grow() -> None:
    state = create_state(supply=0)
    grown = create_grown(state, grants=1, approvals=1, pool=1, unbonding=1, evidence=1)
    assert all(ours is theirs for ours, theirs in zip(state, grown, strict=True))


def test_every_table_is_made_of_integers() -> None:
    for name, table in zip(State._fields, create_state(supply=0), strict=True):
        columns = (
            [table.dtype[c] for c in table.dtype.names] if table.dtype.names else [table.dtype]
        )
        assert all(np.issubdtype(column, np.integer) for column in columns), name


def test_judges_take_their_seats_in_order() -> None:
    state = create_state(supply=0)
    assert [add_judge(state, account) for account in (5, 3)] == [0, 1]
    assert state.judges[:2].tolist() == [5, 3]
    assert state.counters[N_JUDGES] == 2
