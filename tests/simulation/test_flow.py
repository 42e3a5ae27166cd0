"""The way of calls through a world: who may act when, who judges, and what comes of it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest

from sim.core.draws import Draws
from sim.core.purposes import Purpose
from sim.core.reasons import PENDING, Reason
from sim.core.records import Decision, Effect, Goal, Kind, Posture
from sim.engine.queues import serve
from sim.ledger import invariants
from sim.ledger.rules import ACROSS, INSIDE, Rules, Source, get_situation
from sim.ledger.state import State
from sim.model.run import Replication
from sim.model.world import World
from sim.policies.base import Inbound, Log, Policy, Protocol, Scope
from sim.policies.enforcement import CHAINED, GOVERNED, INBOUND
from sim.policies.registry import compile_chain_rules, compile_gateway_rules
from sim.trace.records import Trace
from tests.worlds import (
    POLICIES,
    SEED,
    SHIPPED,
    Calls,
    Document,
    create_reacher,
    create_script,
    create_thief,
    create_worker,
    get_calls,
    get_policies,
    get_records,
    is_refused,
    load_shipped,
    load_world,
    measure_trace,
    run,
)

ALPHA = 1e-4
HONEST, NEGLIGENT, HOSTILE = Posture
TRYING = {"give_up": 0.4, "retry": 0.3, "other_path": 0.3}
APPROVING = {"approval": (Effect.WRITE, Effect.DESTRUCTIVE)}
POSTURES: list[Document] = [
    {"name": "honest"},
    {"name": "negligent", "posture": "negligent"},
    {"name": "hostile", "posture": "hostile"},
]


def is_likely(successes: int, trials: int, share: float) -> bool:
    return bool(binomtest(successes, trials, share).pvalue > ALPHA)


# --- time and persistence


@pytest.mark.parametrize("name", POLICIES)
def test_nobody_follows_up_sooner_than_think_min(tmp_path: Path, name: str) -> None:
    agents = [
        create_worker(cross_org_share=0.4, error=0.1, on_denial=TRYING),
        create_reacher(cross_org_share=0.4, on_denial=TRYING),
        create_thief(count=3),
    ]
    world = load_world(tmp_path, agents=agents, think_min="2s", window="2s")
    calls = get_calls(run(world, replace(POLICIES[name], mediation_ppm=900_000)))
    for agent in np.unique(calls.truths["agent"]):
        own = calls.take(calls.truths["agent"] == agent)
        own = own.take(np.argsort(own.receipts["submitted_us"], kind="stable"))
        waits = own.receipts["submitted_us"][1:] - own.truths["final_us"][:-1]
        assert (waits >= 2_000_000).all()


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("outsiders", [[], [create_thief(count=3)]], ids=["insiders", "thieves"])
def test_time_never_runs_backwards_on_a_ledger(
    tmp_path: Path, name: str, outsiders: list[Document]
) -> None:
    groups = [create_worker(cross_org_share=0.4), create_reacher(), *outsiders]
    for ledger in run(load_world(tmp_path, agents=groups), name).ledgers:
        assert (np.diff(ledger.transactions["now_us"]) >= 0).all()


def create_refused(**shares: float) -> Document:
    """Agents that try `send` again and again and may not."""
    on_denial = {"give_up": 0, "retry": 0, "other_path": 0} | shares
    tasks = {"tasks": {"report": 1}, "task_every": "10s", "think": "2s"}
    return create_worker(count=250, role=["look"], on_denial=on_denial, **tasks)


def get_attempts(folder: Path, **shares: float) -> dict[int, Calls]:
    """First, second and third attempts at the refused call; half of all paths are governed."""
    world = load_world(
        folder, agents=[create_refused(**shares)], tasks={"report": {"calls": ["send"]}}
    )
    policy = replace(POLICIES["gateway"], scope=Scope.ROLE, mediation_ppm=500_000)
    calls = get_calls(run(world, policy))
    return {number: calls.take(calls.truths["attempt"] == number) for number in range(4)}


def get_followed(attempts: dict[int, Calls], number: int) -> tuple[Calls, Calls]:
    """Refused attempts whose follow-up had time to come, and those follow-ups."""
    refused = attempts[number].take(is_refused(attempts[number].code))
    refused = refused.take(refused.truths["final_us"] < 36_000_000)
    keys = {name[:3] for name in refused.names}
    following = attempts[number + 1]
    kept = [row for row, name in enumerate(following.names) if name[:3] in keys]
    return refused, following.take(np.array(kept, dtype=np.int64))


def test_a_refused_agent_acts_by_the_shares_of_on_denial(tmp_path: Path) -> None:
    attempts = get_attempts(tmp_path, give_up=0.4, retry=0.3, other_path=0.3)
    for number in (0, 1):
        refused, following = get_followed(attempts, number)
        assert len(refused) > 30
        assert is_likely(len(following), len(refused), 0.6)
        another_way = int((following.truths["mediated"] == 0).sum())
        assert is_likely(another_way, len(refused), 0.3 * 0.5)
    assert len(attempts[3]) == 0


def test_who_gives_up_never_tries_again(tmp_path: Path) -> None:
    attempts = get_attempts(tmp_path, give_up=1)
    assert len(attempts[0]) > 200
    assert len(attempts[1]) == 0


def test_who_retries_takes_the_same_path_to_the_end(tmp_path: Path) -> None:
    attempts = get_attempts(tmp_path, retry=1)
    for number in (0, 1):
        refused, following = get_followed(attempts, number)
        assert len(following) == len(refused) > 30
        assert (following.truths["mediated"] == 1).all()
        assert is_refused(following.code).all()


def test_who_looks_for_another_path_finds_one_as_often_as_there_is_one(tmp_path: Path) -> None:
    attempts = get_attempts(tmp_path, other_path=1)
    refused, following = get_followed(attempts, 0)
    assert len(following) == len(refused) > 30
    assert is_likely(int((following.truths["mediated"] == 0).sum()), len(following), 0.5)


# --- stolen keys


def run_stolen(folder: Path, name: str, **changes: object) -> Trace:
    """A world whose thieves want nothing that their victims do not hold."""
    thief = create_thief(count=4, goals=["look"], act_every="2s", resend=0)
    settings: Document = {"agents": [create_worker(), thief], "detection": {"leak": "15s"}}
    return run(load_world(folder, **(settings | changes)), name)


def get_stolen(trace: Trace) -> list[tuple[int, int, int]]:
    """Of each act with a stolen key: its time, its code, the time its key was replaced."""
    calls, rotations = get_calls(trace), get_records(trace, Kind.ROTATE_KEY)
    thefts = calls.take((calls.truths["goal"] == Goal.ATTACK) & (calls.code >= 0))
    replaced = {
        (int(tx["sender"]), int(tx["target"])): int(tx["now_us"]) for tx in rotations.transactions
    }
    return [
        (int(tx["now_us"]), int(code), time_us)
        for tx, code in zip(thefts.transactions, thefts.code, strict=True)
        for (_, target), time_us in replaced.items()
        if target == int(tx["sender"])
    ]


@pytest.mark.parametrize("signatures", ["trusted", "ed25519"])
@pytest.mark.parametrize("name", ["anchored", "chain"])
def test_a_stolen_key_works_until_it_is_replaced(
    tmp_path: Path, name: str, signatures: str
) -> None:
    one = [{"name": "firm"}]  # accounts of one ledger only
    acts = get_stolen(run_stolen(tmp_path, name, orgs=one, signatures=signatures))
    assert {code for _, code, _ in acts} == {Reason.APPLIED, Reason.BAD_SIGNATURE}
    for now_us, code, replaced_us in acts:
        if now_us != replaced_us:  # in one block they have an order, but one time
            assert (code == Reason.APPLIED) == (now_us < replaced_us)


@pytest.mark.parametrize("signatures", ["trusted", "ed25519"])
@pytest.mark.parametrize("name", ["gateway", "federated", "chain", "layered"])
def test_in_the_order_of_the_ledger_a_replaced_key_signs_nothing(
    tmp_path: Path, name: str, signatures: str
) -> None:
    trace = run_stolen(tmp_path, name, signatures=signatures)
    replaced: dict[int, set[int]] = {}
    codes: dict[bool, set[int]] = {True: set(), False: set()}
    for tx, truth, receipt, domain in zip(
        trace.transactions, trace.truths, trace.receipts, trace.domains.tolist(), strict=True
    ):
        gone = replaced.setdefault(domain, set())
        if receipt["kind"] == Kind.ROTATE_KEY:
            gone.add(int(tx["target"]))
        elif truth["goal"] == Goal.ATTACK and truth["agent"] >= 0 and receipt["code"] >= 0:
            codes[int(tx["sender"]) in gone].add(int(receipt["code"]))
    assert codes == {False: {Reason.APPLIED}, True: {Reason.BAD_SIGNATURE}}


def test_a_key_that_was_replaced_is_a_forgery_in_truth_too(tmp_path: Path) -> None:
    idle = create_worker(task_every="10000s")  # the victims never call anything themselves
    thief = create_thief(count=4, goals=["look"], act_every="2s", resend=0)
    world = load_world(tmp_path, agents=[idle, thief], detection={"leak": "1ms"})
    calls = get_calls(run(world, "chain"))
    refused = calls.take(calls.code == Reason.BAD_SIGNATURE)
    assert len(refused) > 5
    assert (refused.truths["forged"] == 1).all()


def test_a_forgery_costs_its_victim_no_call(tmp_path: Path) -> None:
    thief = create_thief(count=6, act_every="2s", resend=0)
    agents = [create_worker(task_every="3s"), thief]
    for name in ("gateway", "chain"):
        for replication in range(4):
            world = load_world(tmp_path, agents=agents, detection={"leak": "1ms"})
            calls = get_calls(run(world, name, replication))
            honest = calls.take(calls.truths["goal"] == Goal.WORK)
            assert Reason.NONCE_GAP not in honest.code.tolist()


@pytest.mark.parametrize("name", ["gateway", "chain"])
def test_a_captured_call_sent_again_is_refused(tmp_path: Path, name: str) -> None:
    thief = create_thief(count=4, goals=["look"], act_every="2s", resend=1)
    world = load_world(tmp_path, agents=[create_worker(), thief], detection={"leak": "1000s"})
    calls = get_calls(run(world, name))
    again = calls.take((calls.truths["forged"] == 1) & (calls.code >= 0))
    assert len(again) > 10
    assert (again.code == Reason.NONCE_REPLAYED).all()


def test_a_late_word_of_a_rotation_lets_a_stolen_key_work_longer(tmp_path: Path) -> None:
    """What `revocation_lag` is for: some world must show it."""
    worlds = [
        load_shipped("cross_org_calls"),
        load_world(
            tmp_path,
            orgs=POSTURES,
            agents=[
                create_worker(org="negligent", cross_org_share=0.9),
                create_thief(org="negligent", count=4),
            ],
            detection={"leak": "5s"},
        ),
    ]
    prompt, late = (
        [
            run(world, replace(POLICIES["federated"], revocation_lag_us=lag_us)).compute_digest()
            for world in worlds
        ]
        for lag_us in (0, 60_000_000)
    )
    assert prompt != late


# --- approvals


def create_actors(n: int, step_us: int, **step: object) -> list[Document]:
    """Agents of one call each, at even distances in time."""
    return [
        create_script({"at": f"{2_000_000 + index * step_us}us", **step}, name=f"actor{index}")
        for index in range(n)
    ]


def run_approvals(
    folder: Path, reviewers: Document, name: str = "gateway", **changes: object
) -> tuple[Calls, Trace]:
    """Calls that need a human, in one org."""
    settings: Document = {"orgs": [{"name": "firm"}], "reviewers": reviewers, "horizon": "120s"}
    settings["agents"] = create_actors(20, 400_000, call="send", purpose="work")
    world = load_world(folder, **(settings | changes))
    trace = run(world, replace(POLICIES[name], **APPROVING))
    return get_calls(trace), trace


@pytest.mark.parametrize("name", ["gateway", "chain"])
def test_no_answer_in_time_is_a_refusal(tmp_path: Path, name: str) -> None:
    reviewers = {"review": "10000s", "patience": "3s"}
    calls, trace = run_approvals(tmp_path, reviewers, name)
    assert set(trace.approvals["decision"].tolist()) == {Decision.TIMED_OUT}
    assert (trace.approvals["decided_us"] - trace.approvals["asked_us"] == 3_000_000).all()
    assert set(calls.code.tolist()) == {Reason.APPROVAL_MISSING}


@pytest.mark.parametrize("name", ["gateway", "chain", "layered"])
def test_an_approved_call_goes_through(tmp_path: Path, name: str) -> None:
    reviewers = {"review": "100ms", "count": 20, "false_refuse": 0}
    calls, trace = run_approvals(tmp_path, reviewers, name)
    assert set(trace.approvals["decision"].tolist()) == {Decision.APPROVED}
    assert set(calls.code.tolist()) == {Reason.APPLIED}
    assert (calls.truths["approved"] == 1).all()


@pytest.mark.parametrize("name", ["gateway", "chain", "layered"])
def test_an_approved_call_goes_through_across_orgs(tmp_path: Path, name: str) -> None:
    reviewers = {"review": "100ms", "count": 20, "false_refuse": 0}
    agents = [create_worker(count=10, cross_org_share=1)]
    orgs = [{"name": "firm", "count": 2}]
    calls, _ = run_approvals(tmp_path, reviewers, name, agents=agents, orgs=orgs)
    approved = calls.take((calls.truths["approved"] == 1) & (calls.code >= 0))
    assert len(approved) > 20
    assert set(approved.code.tolist()) == {Reason.APPLIED}


def test_a_refused_request_leaves_the_call_without_approval(tmp_path: Path) -> None:
    reviewers = {"review": "100ms", "count": 20, "false_refuse": 1}
    calls, trace = run_approvals(tmp_path, reviewers)
    assert set(trace.approvals["decision"].tolist()) == {Decision.REFUSED}
    assert set(calls.code.tolist()) == {Reason.APPROVAL_MISSING}


@pytest.mark.parametrize("name", ["gateway", "chain"])
def test_an_approval_is_used_once_and_only_for_its_call(tmp_path: Path, name: str) -> None:
    agents = [create_worker(count=12, task_every="4s"), create_reacher(count=4)]
    reviewers = {"review": "1s", "count": 4, "false_refuse": 0, "false_approve": 1}
    calls, trace = run_approvals(tmp_path, reviewers, name, agents=agents)
    done = calls.take((calls.truths["needs_approval"] == 1) & (calls.code == 0))
    approvals = get_records(trace, Kind.APPROVE)
    slots = done.transactions["parent"].tolist()
    assert len(slots) == len(set(slots)) > 20
    approved = dict(
        zip(
            approvals.receipts["counterparty"].tolist(),
            approvals.transactions["target"].tolist(),
            strict=True,
        )
    )
    assert [approved[slot] for slot in slots] == done.transactions["sender"].tolist()
    quiet = calls.take(calls.truths["needs_approval"] == 0)
    assert (quiet.transactions["parent"] == -1).all()


def get_requests(trace: Trace) -> tuple[np.ndarray, np.ndarray]:
    """When each request was made and decided, in order."""
    order = np.argsort(trace.approvals["asked_us"], kind="stable")
    return trace.approvals["asked_us"][order], trace.approvals["decided_us"][order]


@pytest.mark.parametrize("count", [1, 2, 5])
def test_reviewers_serve_one_request_each_in_order_of_arrival(tmp_path: Path, count: int) -> None:
    plenty = {"review": "2s", "patience": "1000s", "count": 1000}
    asked_us, decided_us = get_requests(run_approvals(tmp_path, plenty)[1])
    service_us = decided_us - asked_us  # nobody waits for one of a thousand
    few = plenty | {"count": count}
    asked_again_us, found_us = get_requests(run_approvals(tmp_path, few)[1])
    assert np.array_equal(asked_us, asked_again_us)
    expected_us = np.zeros_like(asked_us)
    free_us = np.zeros((1, count), dtype=np.int64)
    serve(np.zeros_like(asked_us), asked_us.copy(), service_us, free_us, expected_us)
    assert np.array_equal(found_us, expected_us)


@pytest.mark.parametrize(("fatigue", "tires"), [(0, False), (1, True)])
def test_a_tired_reviewer_waves_harm_through(tmp_path: Path, fatigue: float, tires: bool) -> None:
    people = {"review": "10s", "patience": "1000s", "count": 1, "false_approve": 0}
    reviewers = people | {"fatigue": fatigue}
    actors = create_actors(8, 100_000, call="send", purpose="attack")
    _, trace = run_approvals(tmp_path, reviewers, agents=actors)
    order = np.argsort(trace.approvals["asked_us"])
    decisions = trace.approvals["decision"][order].tolist()
    decided = [decision for decision in decisions if decision != Decision.OPEN]
    assert trace.approvals["harmful"].all()
    assert len(decided) > 3
    assert decided[0] == Decision.REFUSED  # whoever comes first meets a rested one
    assert set(decided[1:]) == {Decision.APPROVED if tires else Decision.REFUSED}


# --- delayed effects and paths round the enforcement point


def test_a_delayed_effect_is_called_off_iff_noticed_in_time(tmp_path: Path) -> None:
    agents = [create_worker(role="all"), create_reacher(count=12, goals=["wipe", "send"])]
    tasks = {"report": {"calls": ["look", "wipe"], "deadline": "400s"}}
    world = load_world(tmp_path, agents=agents, tasks=tasks, detection={"loss": "20s"})
    policy = replace(POLICIES["unguarded"], commit_delay_us=15_000_000)
    trace = run(world, policy)
    calls, draws = get_calls(trace), Draws(SEED, "test", 0)
    harmful = (calls.truths["irreversible"] == 1) & (calls.truths["goal"] != Goal.WORK)
    noticed_us = draws.get_wait_us(
        Purpose.DETECTION,
        world.agents["entity"][calls.truths["agent"]],
        calls.truths["task"] * 128 + calls.truths["call"],
        20_000_000,
    )
    in_time = harmful & (noticed_us < policy.commit_delay_us)
    assert 0 < in_time.sum() < harmful.sum()
    assert np.array_equal(calls.truths["cancelled"] == 1, in_time)
    kept = calls.take((calls.code == 0) & ~in_time)
    assert measure_trace(trace, policy)["harm_per_episode"].num == kept.truths["harm"].sum()
    assert not run(world, "unguarded").truths["cancelled"].any()


def test_a_call_past_every_check_spends_no_nonce_and_no_fee(tmp_path: Path) -> None:
    world = load_world(tmp_path, agents=[create_worker(count=10), create_reacher()])
    calls = get_calls(run(world, replace(POLICIES["chain"], mediation_ppm=500_000)))
    calls = calls.take(calls.code >= 0)
    past = calls.truths["mediated"] == 0
    assert 0 < past.sum() < len(calls)
    assert (calls.receipts["fee"][past] == 0).all()
    assert (calls.receipts["fee"][~past] == 1).all()
    for sender in np.unique(calls.receipts["sender"]):
        own = calls.transactions[~past & (calls.receipts["sender"] == sender)]
        assert sorted(own["nonce"].tolist()) == list(range(len(own)))


# --- postures


def get_expected(
    inbound: Inbound, boundary: int, caller: Posture, owner: Posture
) -> tuple[int, Source] | None:
    """What a gateway policy checks, by the table of the model; None: nothing."""
    if boundary == INSIDE:
        return None if owner is NEGLIGENT else (GOVERNED, Source.TRUTH)
    if caller is HONEST:
        return GOVERNED, Source.TRUTH  # its own gateway, going out
    return None if owner is NEGLIGENT else INBOUND[inbound]


def get_rule(
    rules: Rules, boundary: int, caller: Posture, owner: Posture, mediated: int
) -> tuple[int, int]:
    row = get_situation(boundary, caller, owner, mediated)
    return int(rules.binding[row]), int(rules.source[row])


@pytest.mark.parametrize("inbound", Inbound)
@pytest.mark.parametrize("boundary", [INSIDE, ACROSS])
@pytest.mark.parametrize("caller", Posture)
@pytest.mark.parametrize("owner", Posture)
def test_a_gateway_checks_as_its_posture_and_word_allow(
    inbound: Inbound, boundary: int, caller: Posture, owner: Posture
) -> None:
    rules = compile_gateway_rules(replace(POLICIES["gateway"], inbound=inbound))
    nothing = get_rule(rules, boundary, caller, owner, mediated=0)
    expected = get_expected(inbound, boundary, caller, owner) or nothing
    assert get_rule(rules, boundary, caller, owner, mediated=1) == expected


@pytest.mark.parametrize("name", ["chain", "layered"])
@pytest.mark.parametrize("boundary", [INSIDE, ACROSS])
@pytest.mark.parametrize("caller", Posture)
@pytest.mark.parametrize("owner", Posture)
def test_a_chain_binds_wherever_the_owner_looks(
    name: str, boundary: int, caller: Posture, owner: Posture
) -> None:
    rules = compile_chain_rules(POLICIES[name])
    nothing = get_rule(rules, boundary, caller, owner, mediated=0)
    expected = nothing if owner is NEGLIGENT else (CHAINED, Source.TRUTH)
    assert get_rule(rules, boundary, caller, owner, mediated=1) == expected


@pytest.fixture(scope="module")
def postures(tmp_path_factory: pytest.TempPathFactory) -> World:
    """In every org, agents that reach for `send` (in their role) and `wipe` (in nobody's)."""
    agents = [
        create_reacher(
            name=f"reacher-{share}-{org['name']}",
            org=org["name"],
            count=12,
            tasks={"read": 1},
            goals=["send", "wipe"],
            temptation=0.8,
            cross_org_share=share,
            task_every="3s",
        )
        for org in POSTURES
        for share in (0, 1)
    ]
    tasks = {"read": {"calls": ["look"], "deadline": "400s"}}
    return load_world(
        tmp_path_factory.mktemp("postures"), orgs=POSTURES, agents=agents, tasks=tasks
    )


def passes(policy: Policy, caller: int, owner: int, is_across: bool, operation: str) -> bool:
    """Whether an over-scoped call is executed, in words of the model."""
    if policy.checks == "chain":
        return owner == NEGLIGENT
    if not is_across:
        return owner == NEGLIGENT
    if caller == HONEST:
        return False
    if owner == NEGLIGENT:
        return True
    if policy.inbound is Inbound.API_KEY:
        return True
    return policy.inbound is Inbound.CLIENT_SCOPES and operation == "send"


@pytest.mark.parametrize(
    "policy",
    [POLICIES["chain"], *(replace(POLICIES["gateway"], inbound=word) for word in Inbound)],
    ids=["chain", *Inbound],
)
def test_what_is_overscoped_passes_only_where_nobody_can_tell(
    postures: World, policy: Policy
) -> None:
    calls = get_calls(run(postures, policy))
    calls = calls.take((calls.truths["goal"] == Goal.ATTACK) & (calls.code >= 0))
    seen = set()
    for truth, receipt in zip(calls.truths, calls.receipts, strict=True):
        caller, owner = (
            int(postures.postures[truth[side]]) for side in ("caller_org", "owner_org")
        )
        is_across = bool(truth["caller_org"] != truth["owner_org"])
        operation = postures.operation_names[truth["operation"]]
        assert receipt["required"] & ~receipt["caps_effective"] != 0
        expected = passes(policy, caller, owner, is_across, operation)
        assert (receipt["code"] == 0) == expected, (caller, owner, is_across, operation)
        seen.add((caller, owner, is_across, operation))
    assert len(seen) == 18


def test_unguarded_checks_nothing_whatever_the_posture(postures: World) -> None:
    calls = get_calls(run(postures, "unguarded"))
    assert (calls.code == 0).all()


# --- scopes


@pytest.mark.parametrize("name", ["gateway", "chain", "reference_monitor"])
@pytest.mark.parametrize(
    ("scope", "after"),
    [
        (Scope.ROLE, Reason.APPLIED),
        (Scope.TASK, Reason.CAPABILITY_EXPIRED),
        (Scope.TASK_EXACT, Reason.CAPABILITY_EXPIRED),
        (Scope.ARGUMENTS, Reason.CAPABILITY_EXPIRED),
    ],
)
def test_a_narrow_grant_ends_with_the_task(
    tmp_path: Path, name: str, scope: Scope, after: Reason
) -> None:
    steps = [{"at": "4s", "call": "send"}, {"at": "20s", "call": "send"}]
    world = load_world(tmp_path, agents=[create_script(*steps, deadline="10s")])
    calls = get_calls(run(world, replace(POLICIES[name], scope=scope)))
    assert calls.code.tolist() == [Reason.APPLIED, after]


@pytest.mark.parametrize("name", ["gateway", "chain"])
@pytest.mark.parametrize(
    ("scope", "reason"),
    [
        (Scope.ROLE, Reason.APPLIED),
        (Scope.TASK, Reason.APPLIED),
        (Scope.ARGUMENTS, Reason.SCOPE_DENIED),
    ],
)
def test_only_argument_scope_sees_a_foreign_argument(
    tmp_path: Path, name: str, scope: Scope, reason: Reason
) -> None:
    steps = [{"at": "4s", "call": "send"}, {"at": "8s", "call": "send", "purpose": "attack"}]
    world = load_world(tmp_path, agents=[create_script(*steps)])
    calls = get_calls(run(world, replace(POLICIES[name], scope=scope)))
    assert calls.code.tolist() == [Reason.APPLIED, reason]


@pytest.mark.parametrize(
    ("scope", "reason"),
    [(Scope.TASK_EXACT, Reason.CAPABILITY_DENIED), (Scope.TASK, Reason.APPLIED)],
)
def test_only_exact_scope_leaves_out_quiet_reads(
    tmp_path: Path, scope: Scope, reason: Reason
) -> None:
    world = load_world(
        tmp_path, agents=[create_script({"at": "4s", "call": "look"}, scope=["send"])]
    )
    calls = get_calls(run(world, replace(POLICIES["gateway"], scope=scope)))
    assert calls.code.tolist() == [reason]


# --- order


def test_layered_puts_only_what_crosses_on_the_chain(tmp_path: Path) -> None:
    agents = [create_worker(count=10, cross_org_share=0.5), create_reacher(cross_org_share=0.5)]
    trace = run(load_world(tmp_path, agents=agents), "layered")
    of_agents = (trace.truths["agent"] >= 0) & (trace.receipts["code"] >= 0)
    across = trace.truths["caller_org"] != trace.truths["owner_org"]
    applied = trace.receipts["code"] == 0
    on_chain = trace.domains == -1
    assert (of_agents & ~across).any()
    assert not (of_agents & ~across & on_chain).any()
    assert (of_agents & across & applied).any()
    assert (on_chain | ~applied | ~across | ~of_agents).all()  # what crosses passed both
    assert (of_agents & across & ~applied & ~on_chain).any()  # the gateway's refusals end there
    names = get_calls(trace).names
    assert len(names) == len(set(names))
    calls = (trace.receipts["kind"] == Kind.CALL) & across
    twice = calls & (trace.truths["agent"] == -1)  # passed the gateway, counted on the chain
    pending = (trace.receipts["code"] < 0) & across
    assert twice.sum() == (calls & on_chain & (trace.receipts["code"] >= 0)).sum() + pending.sum()


def test_layered_lets_a_scripted_step_cross(tmp_path: Path) -> None:
    step = {"at": "4s", "call": "send", "org": "other"}
    orgs = [{"name": "firm"}, {"name": "other"}]
    world = load_world(tmp_path, orgs=orgs, agents=[create_script(step)])
    codes = {name: get_calls(run(world, name)).code.tolist() for name in ("chain", "layered")}
    assert codes == {"chain": [Reason.APPLIED], "layered": [Reason.APPLIED]}


def check_blocks(trace: Trace) -> None:
    """Blocks have their limit and order, and calls the times of theirs."""
    headers = trace.headers
    assert len(headers) > 20
    assert {header.n_transactions for header in headers} <= {1, 2, 3}
    assert any(header.n_transactions == 3 for header in headers)
    for before, after in pairwise(headers):
        assert after.height > before.height
        assert after.committed_us >= before.committed_us
    rows = np.flatnonzero((trace.domains == -1) & (trace.receipts["code"] >= 0))
    assert (np.diff(trace.receipts["height"][rows]) >= 0).all()
    heights = {header.height: header.committed_us for header in headers}
    for row in rows:
        assert trace.truths["final_us"][row] == heights[int(trace.receipts["height"][row])]
        assert trace.truths["ready_us"][row] <= trace.receipts["committed_us"][row]


@pytest.mark.parametrize("protocol", Protocol)
@pytest.mark.parametrize("name", ["chain", "layered"])
def test_blocks_keep_their_interval_limit_and_order(
    tmp_path: Path, name: str, protocol: Protocol
) -> None:
    """With validators an interval is the least distance; empty blocks have heights as well."""
    agents = [create_worker(count=30, cross_org_share=0.6, task_every="2s")]
    chain = {"block_interval": "700ms", "block_limit": 3}
    world = load_world(tmp_path, agents=agents, chain=chain)
    trace = run(world, replace(POLICIES[name], protocol=protocol))
    check_blocks(trace)
    for before, after in pairwise(trace.headers):
        distance_us = after.proposed_us - before.proposed_us
        assert distance_us >= 700_000 * (after.height - before.height)
    views = trace.ordering.views[trace.ordering.views["proposed_us"] >= 0]
    assert (np.diff(views["proposed_us"]) >= 700_000).all()


@pytest.mark.parametrize("name", ["chain", "layered"])
def test_a_sequencer_makes_a_block_at_every_interval_at_which_something_waits(
    tmp_path: Path, name: str
) -> None:
    agents = [create_worker(count=30, cross_org_share=0.6, task_every="2s")]
    chain = {"block_interval": "700ms", "block_limit": 3}
    world = load_world(tmp_path, agents=agents, chain=chain)
    headers = run(world, replace(POLICIES[name], protocol=Protocol.SEQUENCER)).headers
    assert [header.height for header in headers] == list(range(1, len(headers) + 1))
    for header in headers:
        assert header.proposed_us % 700_000 == 0
        assert header.committed_us >= header.proposed_us + 547_000


@pytest.mark.parametrize("protocol", [each for each in Protocol if each != Protocol.SEQUENCER])
@pytest.mark.parametrize("at", ["4s", "5s"])
def test_a_lone_call_takes_its_way_through_the_validators_and_no_time_out(
    tmp_path: Path, protocol: Protocol, at: str
) -> None:
    """At the end of a window as within it; nobody gives up on a view before it is final."""
    agents = [create_script({"at": at, "call": "send"})]
    world = load_world(tmp_path, agents=agents, chain={"link": "10ms"})
    calls = get_calls(run(world, replace(POLICIES["chain"], protocol=protocol)))
    assert calls.code.tolist() == [Reason.APPLIED]
    waited_us = int(calls.truths["final_us"][0] - calls.receipts["submitted_us"][0])
    # a certificate takes two messages; each view but the first begins an interval after the last
    expected_us = {
        Protocol.HOTSTUFF_2: 2 * 250_000 + 10_000,
        Protocol.HOTSTUFF_3: 3 * 250_000 + 10_000,
        Protocol.HOTSTUFF_BASIC: 7 * 10_000,
    }
    assert waited_us == expected_us[protocol]


@pytest.mark.parametrize("name", ["gateway", "chain", "layered"])
def test_what_is_not_final_at_the_horizon_is_pending(tmp_path: Path, name: str) -> None:
    agents = [create_worker(count=60, cross_org_share=0.5, task_every="2s")]
    trace = run(load_world(tmp_path, agents=agents), name)
    decided = trace.receipts["code"] != PENDING
    assert (trace.truths["final_us"][decided] <= trace.horizon_us).all()


@pytest.mark.parametrize("name", ["anchored", "federated", "layered"])
@pytest.mark.parametrize("blocks", [4, 3, 10])
def test_logs_are_anchored_every_few_blocks(tmp_path: Path, name: str, blocks: int) -> None:
    agents = [create_worker(count=20, cross_org_share=0.3, task_every="3s")]
    policy = replace(POLICIES[name], anchor_blocks=blocks)
    trace = run(load_world(tmp_path, agents=agents), policy)
    anchors = get_records(trace, Kind.ANCHOR)
    every_us = blocks * 250_000
    for org in (0, 1):
        times = anchors.receipts["submitted_us"][anchors.truths["caller_org"] == org]
        count = len(times)
        assert times.tolist() == [every_us * number for number in range(1, count + 1)]
        assert count >= 40_000_000 // every_us - 2


@pytest.mark.parametrize("blocks", [4, 3])
def test_an_anchor_covers_all_that_was_logged_by_then(tmp_path: Path, blocks: int) -> None:
    agents = [create_worker(count=30, task_every="3s")]
    policy = replace(POLICIES["anchored"], anchor_blocks=blocks)
    trace = run(load_world(tmp_path, agents=agents), policy)
    anchors = get_records(trace, Kind.ANCHOR)
    wrong = []
    for tx, truth in zip(anchors.transactions, anchors.truths, strict=True):
        own = (trace.domains == truth["caller_org"]) & (trace.truths["mediated"] == 1)
        logged = own & (trace.truths["final_us"] <= tx["submitted_us"])
        if logged.sum() != tx["subject"]:
            wrong.append((int(tx["submitted_us"]), int(logged.sum()), int(tx["subject"])))
    assert wrong == []


@pytest.mark.parametrize("name", [n for n, p in POLICIES.items() if p.log is Log.NOBODY])
def test_where_nobody_keeps_a_log_nothing_is_anchored(tmp_path: Path, name: str) -> None:
    trace = run(load_world(tmp_path), name)
    assert len(get_records(trace, Kind.ANCHOR)) == 0
    assert not trace.truths["logged"].any()


# --- levers that must not contradict what a policy declares


@pytest.mark.parametrize("name", POLICIES)
def test_a_policy_that_declares_approvals_asks_for_them(tmp_path: Path, name: str) -> None:
    policy = replace(POLICIES[name], **APPROVING)
    trace = run(load_world(tmp_path), policy)
    assert (len(trace.approvals) > 0) == policy.requires_approval


def test_a_limited_agent_may_make_its_first_call(tmp_path: Path) -> None:
    world = load_world(tmp_path, agents=[create_script({"at": "2s", "call": "look"})])
    calls = get_calls(run(world, replace(POLICIES["gateway"], rate_per_minute=12)))
    assert calls.code.tolist() == [Reason.APPLIED]


# --- what must hold of every ledger


def copy_state(state: State) -> State:
    return State(*(np.copy(table) for table in state))


@pytest.mark.parametrize("name", SHIPPED)
def test_no_ledger_breaks_an_invariant_in_a_shipped_scenario(name: str) -> None:
    world = load_shipped(name)
    for policy in get_policies(world).values():
        replication = Replication(world, policy, SEED, 0)
        domains = replication.get_domains()
        befores = [(copy_state(domain.state), domain.n_applied) for domain in domains]
        replication.run()
        for domain, (before, first) in zip(domains, befores, strict=True):
            transactions = domain.create_record().transactions[first:]
            receipts = domain.get_receipts()[first:]
            invariants.check_conservation(domain.state, domain.height)
            invariants.check_range(domain.state, domain.height)
            invariants.check_attenuation(domain.state, domain.height)
            history = (transactions, receipts)
            invariants.check_nonces(before, domain.state, domain.rules, *history)
            invariants.check_capabilities(domain.state, domain.rules, *history)
            invariants.check_authority(before, domain.state, *history)
            invariants.check_dropped(before, domain.state, domain.rules, *history)
