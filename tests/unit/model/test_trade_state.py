from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from sim.core.records import RECEIPT
from sim.model.domains import get_office_account
from sim.model.run import Replication
from sim.model.trade_layout import OCCASION, Chore
from tests.markets_world import CHEAT, GROUPS, get_market, get_policy, load_market
from tests.worlds import SEED

if TYPE_CHECKING:
    from pathlib import Path

    from sim.model.market import Market

S = 1_000_000
CHAMELEON = CHEAT | {"name": "chameleon", "strategy": "whitewasher", "count": 2, "rejoins": 2}
FIRST = 26  # row of the first chameleon


@pytest.fixture
def market(tmp_path: Path) -> Market:
    world = load_market(tmp_path, agents=[*GROUPS, CHAMELEON])
    return get_market(Replication(world, get_policy("chain"), SEED, 0))


def test_everybody_begins_under_the_first_name(market: Market) -> None:
    n = len(market.traders)
    assert market.n_identities == n == 28
    assert len(market.identities) == n + 4
    assert market.identities["account"][:n].tolist() == market.traders["account"].tolist()
    local = market.domain.local[market.traders["account"]]
    assert market.identity_of_local[local].tolist() == list(range(n))
    assert (market.standing["latest"] == -1).all()


def begin_anew(market: Market, before: int, counterparty: int) -> int:
    """Give who stands behind an identity its next name; return its account of the world."""
    row = int(market.identities["trader"][before])
    account = int(market.traders["spare_first"][row] + market.standing["incarnation"][row])
    receipt = np.zeros(1, dtype=RECEIPT)[0]
    receipt["counterparty"], receipt["committed_us"] = counterparty, 5 * S
    market.begin_anew(before, account, receipt)
    return account


def test_a_fresh_name_forgets_what_the_old_one_had(market: Market) -> None:
    market.until_us = 6 * S
    stands = market.standing[FIRST]
    stands["memory0"], stands["latest"], stands["is_away"], stands["next_us"] = 3, 9, 1, S
    account = begin_anew(market, FIRST, 40)
    assert market.n_identities == 29
    assert [int(stands[name]) for name in ("memory0", "latest", "is_away")] == [0, -1, 0]
    assert (stands["identity"], stands["incarnation"]) == (28, 1)
    assert stands["next_us"] == 6 * S  # no act in a window that is over
    fresh = market.identities[28]
    assert (fresh["trader"], fresh["account"], fresh["joined_us"]) == (FIRST, account, 5 * S)
    assert fresh["capital"] == 15_000
    assert market.identities["left_us"][FIRST] == 5 * S
    assert market.domain.local[account] == 40
    assert market.identity_of_local[40] == 28
    assert begin_anew(market, 28, 41) == account + 1


def test_stake_of_a_fresh_name_is_pledged_once_and_through_its_own_org(market: Market) -> None:
    account = begin_anew(market, FIRST, 40)
    market.until_us = 8 * S
    tx, truth = market.take_pledges()
    assert (tx["sender"].tolist(), tx["amount"].tolist()) == ([account], [5_000])
    assert truth["caller_org"].tolist() == [market.traders["org"][FIRST]]
    assert truth["entity"].tolist() == [market.identities["entity"][28]]
    assert tx["submitted_us"].tolist() == [8 * S]
    assert not len(market.take_pledges())


def test_what_was_to_come_to_an_old_name_is_void(market: Market) -> None:
    rows = np.zeros(2, dtype=OCCASION)
    rows["trader"] = rows["identity"] = [FIRST, FIRST + 1]
    market.schedule(rows)
    begin_anew(market, FIRST, 40)
    assert market.take_due(4 * S)["trader"].tolist() == [FIRST + 1]


def test_nothing_is_scheduled_in_a_window_that_is_over(market: Market) -> None:
    market.until_us = 4 * S
    rows = np.zeros(1, dtype=OCCASION)
    market.schedule(rows)
    market.add_chores(Chore.AUDIT, np.array([S]), np.array([0]), tries=1)
    assert market.occasions.take(9 * S)["time_us"].tolist() == [4 * S]
    due = market.waiting.take(9 * S)
    assert (due["time_us"].tolist(), due["tries"].tolist()) == ([4 * S], [1])


def test_a_verdict_is_noted_once(market: Market) -> None:
    assert market.is_decided(np.array([3, 4])).tolist() == [False, False]
    assert market.is_decided(np.array([4, 5])).tolist() == [True, False]


def test_names_that_one_replication_gives_are_unknown_to_the_next(market: Market) -> None:
    account = begin_anew(market, FIRST, 40)
    other = get_market(Replication(market.world, market.policy, SEED, 1))
    assert other.domain.local[account] == -1
    assert other.domain.local[get_office_account(market.world, 0)] >= 0
