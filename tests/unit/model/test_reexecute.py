from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from sim.core.reasons import Reason
from sim.core.records import Effect, Kind
from sim.model.reexecute import (
    CallName,
    explain_at,
    explain_rows,
    find_agent,
    find_call,
    format_call,
    get_agent_name,
    list_calls,
    name_mask,
    rebuild_states,
)
from sim.model.run import Replication
from sim.policies.base import Inbound, Policy, Scope
from tests.worlds import (
    POLICIES,
    SEED,
    create_reacher,
    create_thief,
    create_worker,
    get_calls,
    load_world,
    run,
)

if TYPE_CHECKING:
    from pathlib import Path

    from sim.ledger.explain import Check
    from sim.model.world import World
    from sim.trace.records import Trace

GATEWAY, CHAIN, LAYERED = (POLICIES[name] for name in ("gateway", "chain", "layered"))
SETTINGS: dict[str, Any] = {
    "horizon": "30s",
    "issuer_error": 0.2,
    "orgs": [
        {"name": "firm", "count": 2},
        {"name": "sloppy", "posture": "negligent"},
        {"name": "rogue", "posture": "hostile"},
    ],
    "agents": [
        create_worker(count=3, cross_org_share=0.5, error=0.3, task_every="4s"),
        create_reacher(count=2, goals=["wipe", "send"], cross_org_share=0.5, task_every="4s"),
        create_reacher(name="raider", org="rogue", count=2, cross_org_share=0.8, task_every="4s"),
        create_reacher(name="idler", org="sloppy", count=1, cross_org_share=0.8, task_every="4s"),
    ],
    "detection": {"leak": "4s"},
    "reviewers": {"count": 2, "review": "1s", "patience": "4s", "false_refuse": 0.5},
}
TRIED: dict[str, Policy] = {
    "unguarded": POLICIES["unguarded"],
    "gateway": GATEWAY,
    "anchored": POLICIES["anchored"],
    "federated": POLICIES["federated"],
    "chain": CHAIN,
    "layered": LAYERED,
    "reference_monitor": POLICIES["reference_monitor"],
    "oracle": POLICIES["oracle"],
    "arguments": replace(CHAIN, scope=Scope.ARGUMENTS),
    "role": replace(GATEWAY, scope=Scope.ROLE),
    "client scopes": replace(GATEWAY, inbound=Inbound.CLIENT_SCOPES),
    "half mediated": replace(LAYERED, mediation_ppm=500_000),
    "approval": replace(GATEWAY, approval=(Effect.DESTRUCTIVE, Effect.WRITE)),
    "approval on chain": replace(CHAIN, approval=(Effect.WRITE,)),
    "rate": replace(CHAIN, rate_per_minute=1),
}


WITH_THIEVES = SETTINGS | {"agents": [*SETTINGS["agents"], create_thief(count=2, resend=0.4)]}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return load_world(tmp_path_factory.mktemp("world"), **SETTINGS)


@pytest.fixture(scope="module")
def robbed(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The same world, and two outsiders with the workers' keys."""
    return load_world(tmp_path_factory.mktemp("robbed"), **WITH_THIEVES)


@pytest.fixture(scope="module")
def trace(world: World) -> Trace:
    return run(world, GATEWAY)


def explain(world: World, policy: Policy, trace: Trace, row: int) -> list[Check]:
    return explain_at(world, policy, SEED, trace.replication, trace, row)


def get_deciding(checks: list[Check]) -> int:
    """The first check that binds and is seen to fail."""
    return next((int(check.reason) for check in checks if check.binds and check.seen), 0)


def check_every_call(world: World, policy: Policy) -> set[int]:
    """Each against the state it met; the codes that were met."""
    trace = run(world, policy)
    calls = (trace.truths["agent"] >= 0) & (trace.receipts["kind"] == Kind.CALL)
    rows = np.flatnonzero(calls & (trace.receipts["code"] >= 0))
    assert len(rows) > 20
    explained = explain_rows(world, policy, SEED, trace.replication, trace, rows.tolist())
    for row, checks in explained.items():
        receipt = trace.receipts[row]
        assert get_deciding(checks) == receipt["code"]
        violations = sum(1 << int(check.reason) for check in checks if check.fails)
        assert violations == receipt["violations"]
    return set(trace.receipts["code"][rows].tolist())


@pytest.mark.parametrize("name", TRIED)
def test_every_call_is_judged_again_as_it_was(name: str, world: World) -> None:
    """The first check that binds and fails is the receipt's code."""
    met = check_every_call(world, TRIED[name])
    assert 0 in met
    assert name == "unguarded" or len(met) > 1


@pytest.mark.parametrize("name", TRIED)
def test_so_is_every_call_with_a_stolen_key(name: str, robbed: World) -> None:
    check_every_call(robbed, TRIED[name])


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("gateway", Reason.CAPABILITY_DENIED),
        ("arguments", Reason.SCOPE_DENIED),
        ("approval", Reason.APPROVAL_MISSING),
        ("rate", Reason.RATE_LIMITED),
        ("oracle", Reason.ILLEGITIMATE),
    ],
)
def test_the_tried_runs_meet_the_refusal_they_are_there_for(
    name: str, reason: Reason, world: World
) -> None:
    assert int(reason) in get_calls(run(world, TRIED[name])).code


def test_a_forged_signature_is_explained_whoever_signs(
    robbed: World, tmp_path_factory: pytest.TempPathFactory
) -> None:
    signed = load_world(tmp_path_factory.mktemp("signed"), **WITH_THIEVES, signatures="ed25519")
    trace, same = run(signed, CHAIN), run(robbed, CHAIN)
    rows = np.flatnonzero(trace.receipts["code"] == Reason.BAD_SIGNATURE)
    assert len(rows)
    for row in rows.tolist():
        checks = explain(signed, CHAIN, trace, row)
        assert get_deciding(checks) == Reason.BAD_SIGNATURE
        expected = explain(robbed, CHAIN, same, row)
        assert [check[:4] for check in checks] == [check[:4] for check in expected]


def test_checks_come_in_the_order_of_their_codes(world: World, trace: Trace) -> None:
    row = int(np.flatnonzero(trace.truths["agent"] >= 0)[0])
    reasons = [check.reason for check in explain(world, GATEWAY, trace, row)]
    assert reasons == sorted(reasons)
    assert Reason.APPLIED not in reasons


def test_explaining_changes_nothing(world: World, trace: Trace) -> None:
    before = trace.compute_digest()
    row = int(np.flatnonzero(trace.truths["agent"] >= 0)[-1])
    assert explain(world, GATEWAY, trace, row) == explain(world, GATEWAY, trace, row)
    assert trace.compute_digest() == before
    assert run(world, GATEWAY).compute_digest() == before


def test_a_call_that_was_not_decided_cannot_be_explained(world: World, trace: Trace) -> None:
    row = int(np.flatnonzero(trace.truths["agent"] >= 0)[0])
    receipts = trace.receipts.copy()
    receipts["code"][row] = -1
    with pytest.raises(ValueError, match="still pending at the horizon"):
        explain(world, GATEWAY, trace._replace(receipts=receipts), row)


# names


def test_every_attempt_is_found_by_its_name(world: World) -> None:
    for policy in (GATEWAY, CHAIN, LAYERED):
        trace = run(world, policy)
        rows = np.flatnonzero(trace.truths["agent"] >= 0)
        names = [CallName(*(int(trace.truths[c][row]) for c in CallName._fields)) for row in rows]
        assert len(set(names)) == len(names)
        assert [find_call(trace, name) for name in names] == rows.tolist()


def test_a_call_that_was_not_made_is_not_found(trace: Trace) -> None:
    assert find_call(trace, CallName(0, 999, 0, 0)) is None
    assert find_call(trace, CallName(-5, 0, 0, 0)) is None


def test_names_of_agents_go_both_ways(world: World) -> None:
    names = [get_agent_name(world, agent) for agent in range(len(world.agents))]
    assert len(set(names)) == len(names)
    assert names[:4] == ["worker-0", "worker-1", "worker-2", "reacher-0"]
    assert "idler" in names  # alone in its group
    assert [find_agent(world, name) for name in names] == list(range(len(names)))
    assert [find_agent(world, name) for name in ("idler-0", "worker", "")] == [None] * 3
    with pytest.raises(ValueError, match="no agent 99"):
        get_agent_name(world, 99)


def test_listed_calls_are_those_nobody_asked_for_then_those_refused(
    world: World, trace: Trace
) -> None:
    listed = list_calls(world, trace, 10_000)
    of_agents = trace.truths["agent"] >= 0
    unasked = of_agents & (trace.truths["legit"] == 0)
    refused = of_agents & (trace.truths["legit"] == 1) & (trace.receipts["code"] > 0)
    rows = [*np.flatnonzero(unasked), *np.flatnonzero(refused)]
    assert listed == [format_call(world, trace.truths[row]) for row in rows]
    assert list_calls(world, trace, 3) == listed[:3]


def test_a_mask_is_named_by_what_it_allows(world: World, trace: Trace) -> None:
    tx = get_calls(trace).transactions[0]
    assert name_mask(world, tx, 0) == "nothing"
    assert name_mask(world, tx, 0b101) == "look, wipe"
    assert name_mask(world, tx, -1) == "look, send, wipe"


def test_a_ledger_rebuilt_from_its_record_has_its_state_root(tmp_path: Path) -> None:
    faults = [
        {"fault": "vote_withholding", "validators": [3]},
        {"fault": "double_vote", "validators": [2], "from": "20s"},
    ]
    chain = {"link": "100ms", "allow_unsafe": True}
    world = load_world(
        tmp_path, agents=[create_worker()], horizon="80s", faults=faults, chain=chain
    )
    trace = run(world, CHAIN)
    assert trace.ordering.penalties.n_jailed >= 1
    (ledger,) = trace.ledgers
    domain = Replication(world, CHAIN, SEED, 0).chain_domain
    assert domain is not None
    n = len(ledger.transactions) - domain.n_applied
    domain.state = next(rebuild_states(domain, ledger, [n]))
    assert domain.compute_state_root() == ledger.state_root


@pytest.mark.parametrize("policy", [GATEWAY, LAYERED], ids=["gateway", "layered"])
def test_many_calls_are_explained_as_each_alone(world: World, policy: Policy) -> None:
    trace = run(world, policy)
    calls = (trace.truths["agent"] >= 0) & (trace.receipts["kind"] == Kind.CALL)
    rows = np.flatnonzero(calls & (trace.receipts["code"] >= 0))[::-17].tolist()
    together = explain_rows(world, policy, SEED, 0, trace, rows)
    assert sorted(together) == sorted(rows)
    for row in rows[:5]:
        assert together[row] == explain(world, policy, trace, row)


def test_of_many_calls_none_may_be_pending(world: World, trace: Trace) -> None:
    receipts = trace.receipts.copy()
    receipts["code"][1] = -1
    with pytest.raises(ValueError, match="pending"):
        explain_rows(world, GATEWAY, SEED, 0, trace._replace(receipts=receipts), [0, 1])
