from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from sim.core.market import SignalState
from sim.core.units import US_PER_S
from sim.policies.base import Protocol, Slashing
from tests.worlds import POLICIES, load_world, run

HORIZON_S, SETTLING_S = 60, 20


def test_a_seller_that_is_jailed_while_it_asks_for_its_money_still_gets_it(tmp_path: Path) -> None:
    """Convicted in the very window in which another signal of it is released."""
    seller = {"name": "seller", "strategy": "fraudulent_seller", "org": "shady", "count": 12}
    seller |= {"fraud": 0.5, "sells": "tip", "stake": 100_000, "act_every": "1s"}
    world = load_world(
        tmp_path,
        orgs=[{"name": "firm"}, {"name": "shady", "posture": "hostile"}],
        agents=[
            seller,
            {"name": "buyer", "strategy": "honest_buyer", "org": "firm", "act_every": "4s"},
        ],
        signals={"tip": {"detection": 1, "detection_time": "1ms", "verifiable": True}},
        horizon=f"{HORIZON_S}s",
        window="1s",
        think_min="1s",
    )
    policy = replace(
        POLICIES["chain"],
        protocol=Protocol.SEQUENCER,
        slashing=Slashing.FIXED,
        offer_us=5 * US_PER_S,
        window_us=5 * US_PER_S,
    )
    market = run(world, policy).market
    assert market.traders["n_convictions"].any()
    old = market.signals["published_us"] < (HORIZON_S - SETTLING_S) * US_PER_S
    final = (int(SignalState.FRAUDULENT), int(SignalState.CLOSED))
    assert np.isin(market.signals["state"][old], final).all()
