"""What must hold between policies, whatever the numbers: identities P1 to P11 of the metrics."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sim.core.reasons import Reason
from sim.core.records import Effect
from sim.metrics.base import NullReason, Value
from sim.model.world import World
from sim.policies.base import Inbound, Policy, Scope
from tests.worlds import (
    OPERATIONS,
    POLICIES,
    Calls,
    Document,
    create_reacher,
    create_thief,
    create_worker,
    get_calls,
    get_policies,
    is_refused,
    load_shipped,
    load_world,
    measure_trace,
    run,
)

ATTACKS = ("unauthorized_execution_rate", "overscoped_execution_rate")
COSTS = ("task_latency", "task_messages", "task_bytes", "task_fee")  # M55
EXPOSURES = ("unanchored_exposure", "unanchored_exposure_max")  # M31
CHECKING = {
    **{name: POLICIES[name] for name in ("gateway", "anchored", "federated", "chain", "layered")},
    "reference_monitor": POLICIES["reference_monitor"],
    "client_scopes": replace(POLICIES["gateway"], inbound=Inbound.CLIENT_SCOPES),
    "gateway_role": replace(POLICIES["gateway"], scope=Scope.ROLE),
    "chain_arguments": replace(POLICIES["chain"], scope=Scope.ARGUMENTS),
}
APPROVING = replace(
    POLICIES["chain"], name="chain_approving", approval=(Effect.WRITE, Effect.DESTRUCTIVE)
)
TRYING = {"give_up": 0.5, "retry": 0.2, "other_path": 0.3}
GROUPS: list[Document] = [
    create_worker(count=8, cross_org_share=0.3, error=0.05, on_denial=TRYING),
    create_reacher(count=4, cross_org_share=0.3, goals=["wipe", "send"], on_denial=TRYING),
    create_worker(name="reader", strategy="injected", goals=["send"], injection=0.8, count=4),
]
QUICK = {"report": {"calls": ["look", "send"], "deadline": "12s"}}
REVIEWERS = {"review": "2s", "patience": "8s"}


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Honest orgs, honest work, and three kinds of attackers."""
    return load_world(
        tmp_path_factory.mktemp("mixed"), agents=[*GROUPS, create_thief(count=2)], tasks=QUICK
    )


def get_share(value: Value) -> float:
    assert value.reason is None
    return value.num / value.den


@pytest.mark.parametrize("replication", [0, 1])
def test_p1_deny_all_stops_everything(mixed: World, replication: int) -> None:
    values = measure_trace(run(mixed, "deny_all", replication), "deny_all")
    for name in (*ATTACKS, "utility_under_attack"):
        assert get_share(values[name]) == 0
    assert get_share(values["false_denial_rate"]) == 1
    assert values["harm_per_1000_tasks"].reason is NullReason.NO_DENOMINATOR
    assert values["harm_per_episode"].num == 0


@pytest.mark.parametrize("replication", [0, 1])
def test_p2_unguarded_stops_nothing(mixed: World, replication: int) -> None:
    values = measure_trace(run(mixed, "unguarded", replication), "unguarded")
    assert get_share(values["false_denial_rate"]) == 0
    for name in ATTACKS:
        assert get_share(values[name]) == 1


@pytest.mark.parametrize("name", POLICIES)
def test_p3_without_adversary_and_error_nothing_is_unauthorized(tmp_path: Path, name: str) -> None:
    agents = [create_worker(count=12, cross_org_share=0.3)]
    values = measure_trace(run(load_world(tmp_path, agents=agents, tasks=QUICK), name), name)
    for metric in ATTACKS:
        assert values[metric].reason is NullReason.NO_DENOMINATOR
    assert values["harm_per_episode"].num == 0
    assert values["irreversible_unauthorized_acts"].num == 0
    if name == "deny_all":
        assert values["harm_per_1000_tasks"].reason is NullReason.NO_DENOMINATOR
    else:
        assert get_share(values["harm_per_1000_tasks"]) == 0


def test_p4_anchoring_changes_nothing_but_its_own_columns(mixed: World) -> None:
    measured = {name: measure_trace(run(mixed, name), name) for name in ("gateway", "anchored")}
    differing = {
        name for name, value in measured["gateway"].items() if value != measured["anchored"][name]
    }
    of_validators = {name for name, value in measured["gateway"].items() if is_lacking(value)}
    assert differing <= {*COSTS, *of_validators}
    assert differing >= {*EXPOSURES, "task_fee", "block_latency_p50", "wasted_view_share"}


def is_lacking(value: Value) -> bool:
    """Whether a policy has nothing that an outcome is about."""
    return value.reason is NullReason.NOT_APPLICABLE


def get_verdicts(calls: Calls) -> dict[tuple[int, ...], tuple[bool, ...]]:
    """For each attempt: legitimate, over-scoped, executed, denied."""
    missing = (calls.receipts["required"] & ~calls.receipts["caps_effective"]) != 0
    flags = (calls.truths["legit"] == 1, missing, calls.code == 0, is_refused(calls.code))
    return dict(zip(calls.names, zip(*(flag.tolist() for flag in flags), strict=True), strict=True))


@pytest.mark.parametrize("replication", range(3))
def test_p5_a_chain_only_delays_what_a_monitor_would_say(tmp_path: Path, replication: int) -> None:
    world = load_world(tmp_path, agents=GROUPS, horizon="60s")  # tasks have 400 s
    verdicts = {}
    for name in ("chain", "reference_monitor"):
        calls = get_calls(run(world, name, replication))
        verdicts[name] = get_verdicts(calls.take(calls.code >= 0))
    chain, monitor = verdicts["chain"], verdicts["reference_monitor"]
    both = chain.keys() & monitor.keys()
    assert len(both) > 0.6 * len(monitor)
    assert {chain[name] for name in both} >= {
        (True, False, True, False),
        (False, True, False, True),
    }
    assert {name: chain[name] for name in both} == {name: monitor[name] for name in both}


@pytest.mark.parametrize("name", CHECKING)
def test_p6_a_binding_check_lets_nothing_overscoped_through(mixed: World, name: str) -> None:
    value = measure_trace(run(mixed, CHECKING[name]), CHECKING[name])["overscoped_execution_rate"]
    assert value.den > 0
    assert value.num == 0


@pytest.mark.parametrize("name", [name for name in CHECKING if name != "reference_monitor"])
def test_p6_only_a_path_round_the_check_lets_it_through(mixed: World, name: str) -> None:
    policy = replace(CHECKING[name], mediation_ppm=600_000)
    trace = run(mixed, policy)
    calls = get_calls(trace)
    missing = (calls.receipts["required"] & ~calls.receipts["caps_effective"]) != 0
    overscoped = calls.take(missing & (calls.truths["legit"] == 0))
    overscoped = overscoped.take((overscoped.code == 0) | is_refused(overscoped.code))
    round_it = overscoped.truths["mediated"] == 0
    value = measure_trace(trace, policy)["overscoped_execution_rate"]
    assert 0 < round_it.sum() < len(overscoped)
    assert np.array_equal(overscoped.code == 0, round_it)
    assert (value.num, value.den) == (round_it.sum(), len(overscoped))


@pytest.mark.parametrize("policy", [*POLICIES.values(), APPROVING], ids=lambda policy: policy.name)
def test_p8_the_order_of_groups_changes_no_metric(tmp_path: Path, policy: Policy) -> None:
    worlds = [
        load_world(tmp_path, agents=agents, tasks=QUICK, reviewers=REVIEWERS)
        for agents in (GROUPS, GROUPS[::-1])
    ]
    first, second = (measure_trace(run(world, policy), policy) for world in worlds)
    assert [name for name in first if first[name] != second[name]] == []


def test_p8_outsiders_may_be_listed_before_their_victims(tmp_path: Path) -> None:
    agents = [create_worker(), create_thief()]
    first, second = (
        measure_trace(run(load_world(tmp_path, agents=listed), "chain"), "chain")
        for listed in (agents, agents[::-1])
    )
    assert first == second


@pytest.mark.parametrize("name", POLICIES)
def test_p9_doubled_values_double_the_harm_and_no_share(tmp_path: Path, name: str) -> None:
    doubled = {
        key: operation | {"value_at_risk": 2 * operation.get("value_at_risk", 0)}
        for key, operation in OPERATIONS.items()
    }
    agents = [*GROUPS, create_thief(count=2)]
    measured = []
    for operations in (OPERATIONS, doubled):
        trace = run(load_world(tmp_path, agents=agents, operations=operations, tasks=QUICK), name)
        measured.append((measure_trace(trace, name), len(get_calls(trace))))
    (once, n_calls), (twice, _) = measured
    harm = ("harm_per_1000_tasks", "harm_per_episode")
    assert [key for key in once if key not in harm and once[key] != twice[key]] == []
    for key, unit in zip(harm, (1000, 1), strict=True):  # each act's harm is rounded down
        assert 0 <= twice[key].num - 2 * once[key].num <= unit * n_calls
    assert once["harm_per_episode"].num > 0 or name in ("deny_all", "oracle")


def compare_signatures(trusted: World, signed: World, policy: Policy, replication: int) -> None:
    """Both ways of signing leave the same receipts, truths and digest."""
    first, second = (run(world, policy, replication) for world in (trusted, signed))
    assert np.array_equal(first.receipts, second.receipts)
    assert np.array_equal(first.truths, second.truths)
    assert first.compute_digest() == second.compute_digest()


@pytest.mark.parametrize("name", ["nine_seconds", "recorded_calls"])
def test_p11_real_signatures_change_nothing_in_a_shipped_scenario(name: str) -> None:
    trusted, signed = load_shipped(name), load_shipped(name, signatures="ed25519")
    differing = [
        policy.name
        for policy in get_policies(trusted).values()
        if run(trusted, policy).compute_digest() != run(signed, policy).compute_digest()
    ]
    assert differing == []


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("replication", [0, 1])
def test_p11_real_signatures_change_nothing_with_stolen_keys(
    tmp_path: Path, name: str, replication: int
) -> None:
    agents = [*GROUPS, create_thief(count=4, act_every="2s", resend=0.3)]
    settings = {"agents": agents, "tasks": QUICK, "detection": {"leak": "15s"}}
    worlds = (
        load_world(tmp_path, **settings),
        load_world(tmp_path, signatures="ed25519", **settings),
    )
    compare_signatures(*worlds, POLICIES[name], replication)


def test_p11_real_signatures_agree_on_two_rotations_at_once(tmp_path: Path) -> None:
    thieves = [create_thief(leak="3s"), create_thief(name="second", leak="3s")]
    settings = {"agents": [create_worker(), *thieves], "detection": {"leak": "1ms"}}
    worlds = (
        load_world(tmp_path, **settings),
        load_world(tmp_path, signatures="ed25519", **settings),
    )
    compare_signatures(*worlds, POLICIES["gateway"], replication=0)


@pytest.mark.parametrize("outsiders", [[], [create_thief(count=2)]], ids=["insiders", "thieves"])
@pytest.mark.parametrize("name", ["gateway", "chain"])
def test_p11_real_signatures_change_nothing_with_approvals(
    tmp_path: Path, name: str, outsiders: list[Document]
) -> None:
    settings = {"agents": [*GROUPS, *outsiders], "tasks": QUICK, "reviewers": REVIEWERS}
    worlds = (
        load_world(tmp_path, **settings),
        load_world(tmp_path, signatures="ed25519", **settings),
    )
    policy = replace(POLICIES[name], approval=(Effect.WRITE, Effect.DESTRUCTIVE))
    assert Reason.APPROVAL_MISSING in run(worlds[0], policy).receipts["code"]
    compare_signatures(*worlds, policy, replication=0)
