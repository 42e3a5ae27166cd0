from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from sim.core.errors import InvariantError
from sim.core.records import TRANSACTION
from sim.experiment import cells as module
from sim.experiment.cells import Job, check_equal_stake, create_chunk, run_job
from sim.metrics.base import NullReason, Value
from sim.metrics.outcomes import PLAIN, get_outcomes
from sim.trace.market import NO_MARKET
from sim.trace.ordering import NO_ORDERING
from sim.trace.records import Trace
from tests.markets import create_chunk as create_market_chunk
from tests.markets import create_market
from tests.worlds import POLICIES, load_world

if TYPE_CHECKING:
    from pathlib import Path

JOB = Job("world.yaml", "0" * 16, POLICIES["gateway"], 1, 0, 2, "")
PAYOFFS = {"attack": 40, "idle": 0, "plain": 15}


@pytest.fixture
def trace() -> Trace:
    """A replication in which nothing happened."""
    chunk = create_market_chunk(NO_MARKET)
    return Trace(
        policy="gateway",
        replication=0,
        horizon_us=chunk.horizon_us,
        receipts=chunk.receipts,
        truths=chunk.truths,
        transactions=np.zeros(0, dtype=TRANSACTION),
        domains=np.zeros(0, dtype=np.int64),
        tasks=chunk.tasks,
        approvals=chunk.approvals,
        exposure=chunk.exposure,
        headers=[],
        ledgers=[],
        ordering=NO_ORDERING,
    )


def set_arms(
    monkeypatch: pytest.MonkeyPatch, trace: Trace, *, has_plain_arm: bool, stake: int = 100
) -> list[str]:
    """Let each arm be the same trace with a payoff of its own; return the arms as they run."""
    ran: list[str] = []

    def get_world(path: str, digest: str, settings: Any, *, arm: str) -> Any:
        return SimpleNamespace(arm=arm, has_plain_arm=has_plain_arm)

    def run_replication(world: Any, *_: Any) -> Trace:
        ran.append(world.arm)
        start = stake if world.arm == "plain" else 100
        attacker = {"is_adversary": 1, "wealth_start": start}
        attacker["wealth_end"] = start + PAYOFFS[world.arm]
        return trace._replace(market=create_market(traders=[attacker]))

    monkeypatch.setattr(module, "get_world", get_world)
    monkeypatch.setattr(module, "run_replication", run_replication)
    return ran


def test_a_third_arm_is_run_where_attackers_play_with_names(
    monkeypatch: pytest.MonkeyPatch, trace: Trace
) -> None:
    ran = set_arms(monkeypatch, trace, has_plain_arm=True)
    values = run_job(JOB).values
    assert ran == ["attack", "idle", "plain"] * 2
    assert values["attacker_payoff"] == [Value(40, 1, 1)] * 2
    assert values[PLAIN.name] == [Value(15, 1, 1)] * 2
    assert set(values) == set(get_outcomes())


def test_elsewhere_there_is_none_and_what_it_measures_does_not_apply(
    monkeypatch: pytest.MonkeyPatch, trace: Trace
) -> None:
    ran = set_arms(monkeypatch, trace, has_plain_arm=False)
    values = run_job(JOB).values
    assert ran == ["attack", "idle"] * 2
    assert values[PLAIN.name] == [Value(0, 0, 0, NullReason.NOT_APPLICABLE)] * 2


def test_another_stake_on_the_plain_arm_is_a_bug_with_its_replay(
    monkeypatch: pytest.MonkeyPatch, trace: Trace
) -> None:
    set_arms(monkeypatch, trace, has_plain_arm=True, stake=99)
    with pytest.raises(InvariantError, match="equal stake") as caught:
        run_job(JOB)
    assert (caught.value.expected, caught.value.found) == ("100", "99")
    assert caught.value.replay.startswith("replay: sim run world.yaml")


def test_names_may_differ_as_long_as_the_stake_does_not(trace: Trace) -> None:
    one = {"is_adversary": 1, "wealth_start": 30}
    three = [{"is_adversary": 1, "controller": 0, "wealth_start": 10}] * 3
    many, single = (
        trace._replace(market=create_market(traders=traders)) for traders in (three, [one])
    )
    check_equal_stake(many, single)


def test_a_chunk_has_the_market_and_what_the_policy_says_of_it(trace: Trace) -> None:
    policy = POLICIES["gateway"]
    market = create_market(traders=[{}])
    chunk = create_chunk(trace._replace(market=market), policy)
    assert chunk.market is market
    assert create_chunk(trace, policy).market == NO_MARKET
    declared = (policy.slashes_fraud, policy.shares_scores, policy.settles_disputes)
    assert chunk.facts[-3:] == declared


def test_a_world_without_such_attackers_has_no_plain_arm(tmp_path: Path) -> None:
    assert not load_world(tmp_path).has_plain_arm
