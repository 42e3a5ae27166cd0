"""Small markets for tests of whole replications, and what to look at in their traces.

What is not given comes from `MARKET`: two honest firms and a hostile one, six honest sellers,
three cheats, twelve buyers and five judges.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.core.market import SaleState
from sim.core.records import Kind, Records
from sim.model.run import Replication
from tests.worlds import POLICIES, SEED, Document, create_worker, load_world

if TYPE_CHECKING:
    from pathlib import Path

    from sim.model.market import Market
    from sim.model.world import World
    from sim.policies.base import Policy
    from sim.trace.records import Trace

FORECAST: Document = {"worth": 150, "harm": 300, "detection": 0.8, "detection_time": "3s"}
SELLER: Document = {
    "name": "seller",
    "strategy": "honest_seller",
    "org": "firm",
    "count": 6,
    "sells": "forecast",
    "stake": 5000,
    "act_every": "5s",
}
CHEAT: Document = SELLER | {
    "name": "cheat",
    "strategy": "fraudulent_seller",
    "org": "shady",
    "count": 3,
    "price": 90,
}
BUYER: Document = {
    "name": "buyer",
    "strategy": "honest_buyer",
    "org": "firm",
    "count": 12,
    "act_every": "4s",
}
JUDGE: Document = {"name": "judge", "strategy": "honest_judge", "org": "firm", "count": 5}
HONEST: list[Document] = [SELLER, BUYER, JUDGE]
GROUPS: list[Document] = [SELLER, CHEAT, BUYER, JUDGE]
# everybody there can be, beside agents with tasks
CROWD: list[Document] = [
    *GROUPS,
    CHEAT | {"name": "pretender", "count": 2, "role": []},
    CHEAT | {"name": "chameleon", "strategy": "whitewasher", "fraud": 0.7, "leave": 0.5},
    CHEAT | {"name": "hydra", "strategy": "sybil", "count": 1, "identities": 4},
    CHEAT | {"name": "ring", "strategy": "collusion_ring", "count": 3},
    CHEAT | {"name": "runner", "strategy": "stake_and_run", "count": 1},
    BUYER | {"name": "deadbeat", "strategy": "deadbeat", "org": "shady", "count": 3, "funds": 40},
    BUYER | {"name": "griefer", "strategy": "griefer", "org": "shady", "count": 2, "funds": 300},
    JUDGE | {"name": "enemy", "strategy": "byzantine_judge", "org": "shady", "count": 1},
    create_worker(count=3, cross_org_share=0.3),
]
MARKET: Document = {
    "horizon": "60s",
    "signals": {"forecast": FORECAST},
    "orgs": [{"name": "firm", "count": 2}, {"name": "shady", "posture": "hostile"}],
    "agents": GROUPS,
    "market": {"judgement": "1s", "judge_error": 0.0},
}
QUICK: dict[str, Any] = {"window_us": 8_000_000, "offer_us": 8_000_000, "verdict_us": 8_000_000}


def load_market(folder: Path, *, arm: str = "attack", **changes: Any) -> World:
    """The world of a market that differs from `MARKET` as told."""
    return load_world(folder, arm=arm, **(MARKET | changes))


def get_policy(preset: str, **levers: Any) -> Policy:
    """A preset with short windows, so that much is settled before the horizon."""
    return replace(POLICIES[preset], **(QUICK | levers))


def run_market(
    world: World, policy: Policy, replication: int = 0, seed: int = SEED
) -> tuple[Trace, Replication]:
    """A replication's trace, and the replication itself as it stands at its end."""
    done = Replication(world, policy, seed, replication)
    return done.run(), done


def get_market(done: Replication) -> Market:
    """The market of a replication that has one."""
    assert done.market is not None
    return done.market


def get_rows(trace: Trace, kind: Kind) -> Records:
    """Rows of a trace that are of one kind, by number."""
    rows: Records = np.flatnonzero(trace.transactions["kind"] == kind)
    return rows


def count_states(sales: Records) -> dict[SaleState, int]:
    """How many sales ended in which state."""
    states, counts = np.unique(sales["state"], return_counts=True)
    return {SaleState(state): count for state, count in zip(states.tolist(), counts, strict=True)}


def get_cohort(world: World, name: str) -> int:
    """Number of a group of traders among all of them."""
    return [cohort.name for cohort in world.market.cohorts].index(name)
