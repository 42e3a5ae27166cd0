"""One controller behind many accounts."""

from __future__ import annotations

import numpy as np

from sim.strategies.fraudulent_seller import FraudulentSeller
from sim.strategies.registry import create_plain
from sim.strategies.sybil import Sybil
from tests.traders import trade


def test_each_of_its_accounts_sells_as_a_fraudulent_seller_does() -> None:
    columns = {"place": np.arange(300) % 3, "entity": 9, "ordinal": np.arange(300)}
    moves = trade(Sybil(identities=3, fraud_ppm=400_000), 300, **columns)
    assert moves["fraudulent"].any()
    assert moves.tolist() == trade(FraudulentSeller(400_000), 300, **columns).tolist()


def test_plain_it_is_one_account_that_cheats_as_much() -> None:
    assert create_plain(Sybil(identities=100, fraud_ppm=300_000)) == Sybil(1, 300_000)
