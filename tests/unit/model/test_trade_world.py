from __future__ import annotations

from pathlib import Path

import pytest

from sim.core.identity import compute_entity
from sim.core.market import Role
from sim.model.trade_world import share_out
from tests.markets_world import BUYER, CHEAT, GROUPS, SELLER, load_market

HYDRA = CHEAT | {"name": "hydra", "strategy": "sybil", "count": 2, "identities": 3}
CHAMELEON = CHEAT | {"name": "chameleon", "strategy": "whitewasher", "count": 2, "rejoins": 2}


@pytest.mark.parametrize(("amount", "n"), [(10, 3), (0, 4), (2, 5), (99, 1)])
def test_shares_add_up_and_the_first_has_what_is_left(amount: int, n: int) -> None:
    shares = [share_out(amount, n, place) for place in range(n)]
    assert sum(shares) == amount
    assert shares[0] >= max(shares[1:], default=0)
    assert len(set(shares[1:])) <= 1


def test_a_controller_is_behind_a_range_of_names(tmp_path: Path) -> None:
    market = load_market(tmp_path, agents=[*GROUPS, HYDRA]).market
    cohort = market.cohorts[-1]
    rows = market.traders[cohort.first : cohort.last]
    assert len(rows) == 6
    assert rows["place"].tolist() == [0, 1, 2] * 2
    assert rows["controller"].tolist() == [cohort.first] * 3 + [cohort.first + 3] * 3
    assert rows["group_first"].tolist() == rows["controller"].tolist()
    assert (rows["group_last"] - rows["group_first"]).tolist() == [3] * 6
    assert len(set(rows["org"].tolist())) == 1
    assert rows["stake"].reshape(2, 3).sum(axis=1).tolist() == [5_000, 5_000]
    assert rows["entity"][0] == compute_entity("hydra", 0)
    assert rows["entity"][4] == compute_entity("hydra/1", 1)


def test_everybody_of_a_group_without_many_names_is_a_partner(tmp_path: Path) -> None:
    market = load_market(tmp_path).market
    cohort = market.cohorts[1]
    rows = market.traders[cohort.first : cohort.last]
    assert rows["controller"].tolist() == list(range(cohort.first, cohort.last))
    assert set(rows["group_first"].tolist()) == {cohort.first}
    assert set(rows["group_last"].tolist()) == {cohort.last}


def test_spare_names_have_accounts_that_nobody_registers_at_first(tmp_path: Path) -> None:
    world = load_market(tmp_path, agents=[*GROUPS, CHAMELEON])
    rows = world.market.traders[world.market.cohorts[-1].first :]
    assert (rows["spare_last"] - rows["spare_first"]).tolist() == [2, 2]
    entities = set()
    for row in rows:
        spares = world.holders[row["spare_first"] - world.n_orgs : row["spare_last"] - world.n_orgs]
        own = world.holders[row["account"] - world.n_orgs]
        assert not own.is_spare
        assert all(spare.is_spare and spare.trades for spare in spares)
        for spare in spares:
            assert (spare.funds, spare.stake) == (own.funds, own.stake)
            assert spare.role == own.role
        entities |= {own.entity, *(spare.entity for spare in spares)}
    assert len(entities) == 6


def test_what_a_group_says_stands_in_its_rows(tmp_path: Path) -> None:
    late = SELLER | {"starts": "9s", "price": 7, "pretrusted": True, "act_every": "4s"}
    signals = {"other": {}, "forecast": {"verifiable": True, "worth": 5, "detection": 0.25}}
    market = load_market(tmp_path, agents=[BUYER, late], signals=signals).market
    row = market.traders[-1]
    assert (row["starts_us"], row["price"], row["pretrusted"]) == (9_000_000, 7, 1)
    assert (row["act_us"], row["signal_type"], row["role"]) == (4_000_000, 1, int(Role.SELLER))
    assert market.traders[0]["signal_type"] == -1
    kind = market.types[1]
    assert (kind["offset"], kind["verifiable"], kind["worth"]) == (4, 1, 5)
    assert kind["detection_ppm"] == 250_000
