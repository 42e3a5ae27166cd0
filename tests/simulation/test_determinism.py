"""One world and one seed give one result: repeated, in parallel, compiled or not.

And chance never depends on the policy, on what else is run, or on how long a window is.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from itertools import combinations, permutations
from pathlib import Path

import numpy as np
import pytest

from sim.core.reasons import PENDING
from sim.core.records import Goal
from sim.experiment.run import RunOptions, RunResult, run_scenario
from sim.metrics.base import Form
from sim.metrics.outcomes import OUTCOMES
from sim.model.world import World, create_world
from sim.policies.base import Policy
from sim.scenario.load import load_scenario
from sim.trace.records import Trace
from tests.markets_world import BUYER, CHEAT, FORECAST, JUDGE, SELLER
from tests.watching import Watch
from tests.worlds import (
    POLICIES,
    Document,
    create_reacher,
    create_thief,
    create_worker,
    get_calls,
    load_world,
    run,
    write_scenario,
)

REPOSITORY = Path(__file__).parents[2]
REAL = [name for name, policy in POLICIES.items() if not policy.is_bound]
TRYING = {"give_up": 0.5, "retry": 0.2, "other_path": 0.3}
TRADE: Document = {"signals": {"forecast": FORECAST}}
TRADERS: list[Document] = [
    SELLER | {"count": 3},
    CHEAT | {"org": "firm", "strategy": "whitewasher", "fraud": 0.7, "leave": 0.5},
    BUYER | {"count": 5},
    JUDGE,
]
GROUPS: list[Document] = [
    create_worker(count=8, cross_org_share=0.3, error=0.05, on_denial=TRYING),
    create_reacher(count=4, cross_org_share=0.3, on_denial=TRYING),
    create_thief(count=2),
    *TRADERS,
]
PRINT_DIGESTS = """
import sys
from tests.worlds import POLICIES, create_world, load_scenario, run
from pathlib import Path
world = create_world(load_scenario(Path(sys.argv[1])))
for name in POLICIES:
    print(name, run(world, name).compute_digest().hex())
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scenario with honest work, errors, attackers and stolen keys."""
    policies = [*POLICIES, {"name": "leaky", "preset": "chain", "mediation": 0.7}]
    folder = tmp_path_factory.mktemp("determinism")
    return write_scenario(folder, agents=GROUPS, policies=policies, issuer_error=0.05, **TRADE)


@pytest.fixture(scope="module")
def world(path: Path) -> World:
    return create_world(load_scenario(path))


def run_all(path: Path, **options: object) -> RunResult:
    """The scenario's policies, by default two replications in this process."""
    defaults: dict[str, object] = {"replications": 2, "workers": 1}
    return run_scenario(load_scenario(path), RunOptions(**(defaults | options)))  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", [1, 2, 77])
def test_the_same_cell_gives_the_same_digest_every_time(world: World, seed: int) -> None:
    for name in REAL:
        digests = {run(world, name, seed=seed).compute_digest() for _ in range(3)}
        assert len(digests) == 1, name


def test_workers_change_nothing(path: Path) -> None:
    alone, together = run_all(path, workers=1), run_all(path, workers=2)
    assert alone.digests == together.digests
    assert alone.estimates == together.estimates
    assert alone.digest == together.digest


def print_digests(path: Path, **variables: str) -> list[str]:
    """Digest of one replication under every policy, computed by another process."""
    done = subprocess.run(
        [sys.executable, "-c", PRINT_DIGESTS, str(path)],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.slow
def test_no_order_of_a_hash_shows(path: Path, world: World) -> None:
    expected = [f"{name} {run(world, name).compute_digest().hex()}" for name in POLICIES]
    for hash_seed in ("0", "1", "random"):
        assert print_digests(path, PYTHONHASHSEED=hash_seed) == expected


@pytest.mark.slow
def test_compiled_and_plain_rules_agree(tmp_path: Path) -> None:
    agents = [create_worker(count=3, cross_org_share=0.5), create_reacher(count=2), create_thief()]
    agents += TRADERS
    settings = {"horizon": "20s", "detection": {"leak": "5s"}, **TRADE}
    path = write_scenario(tmp_path, agents=agents, **settings)
    assert print_digests(path) == print_digests(path, NUMBA_DISABLE_JIT="1")


def test_another_policy_changes_no_other_cell(path: Path) -> None:
    every = run_all(path)
    some = run_all(path, policies=("chain", "leaky"))
    for name, digest in some.digests.items():
        assert every.digests[name] == digest


def test_another_replication_changes_no_other_cell(path: Path) -> None:
    digests: list[list[bytes]] = []
    for replications in (1, 5):
        options = RunOptions(policies=("layered",), replications=replications, workers=1)
        watch = Watch()
        run_scenario(load_scenario(path), options, watch)
        digests.append([digest for cell in watch.cells for digest in cell.digests])
    assert [len(found) for found in digests] == [1, 5]
    assert digests[0] == digests[1][:1]
    assert len(set(digests[1])) == 5


def test_seeds_replications_and_streams_differ(world: World) -> None:
    named = rename_stream(world, "another")
    traces = [run(world, "gateway", replication, seed) for replication in (0, 1) for seed in (1, 2)]
    traces.append(run(named, "gateway"))
    assert len({trace.compute_digest() for trace in traces}) == 5
    arrivals = {trace.tasks["submitted_us"].tobytes() for trace in traces}
    assert len(arrivals) == 5


def rename_stream(world: World, stream: str) -> World:
    """The same world, its draws named after another stream."""
    scenario = world.scenario.model_copy(update={"stream": stream})
    return replace(world, loaded=world.loaded._replace(scenario=scenario))


def get_tasks(trace: Trace) -> list[tuple[int, ...]]:
    """Tasks that came, with their arrival and kind, in order of agent and number."""
    columns = ("agent", "task", "template", "submitted_us", "deadline_us")
    return sorted(zip(*(trace.tasks[name].tolist() for name in columns), strict=True))


def get_harms(trace: Trace) -> dict[tuple[int, ...], tuple[int, ...]]:
    """For each attempt, what it is for, where it goes and the harm it would do."""
    calls = get_calls(trace)
    columns = ("goal", "operation", "owner_org", "harm", "legit")
    facts = zip(*(calls.truths[name].tolist() for name in columns), strict=True)
    return dict(zip(calls.names, facts, strict=True))


def find_difference(traces: list[Trace]) -> str:
    """The first thing that is not the same in the worlds that two policies met, or nothing."""
    for first, second in combinations(traces, 2):
        if get_tasks(first) != get_tasks(second):
            return f"tasks of {first.policy} and {second.policy}"
        mine, other = get_harms(first), get_harms(second)
        common = mine.keys() & other.keys()
        if any(mine[name] != other[name] for name in common):
            return f"acts under {first.policy} and {second.policy}"
    return ""


@pytest.mark.parametrize("replication", range(3))
def test_every_policy_meets_the_same_world(world: World, replication: int) -> None:
    traces = [run(world, name, replication) for name in POLICIES]
    assert len(get_harms(traces[0])) > 100
    assert find_difference(traces) == ""


def test_a_policy_in_the_name_of_a_draw_is_noticed(world: World) -> None:
    traces = [run(rename_stream(world, f"test-{name}"), name) for name in ("gateway", "chain")]
    assert find_difference(traces).startswith("tasks")


def test_without_attack_the_same_tasks_come(path: Path, world: World) -> None:
    idle = create_world(load_scenario(path), arm="idle")
    assert get_tasks(run(idle, "chain")) == get_tasks(run(world, "chain"))


def test_without_attack_nobody_attacks(path: Path) -> None:
    idle = create_world(load_scenario(path), arm="idle")
    assert set(get_calls(run(idle, "chain")).truths["goal"].tolist()) == {Goal.WORK, Goal.ERROR}


@pytest.mark.parametrize("order", list(permutations(range(3)))[1::2])
def test_agents_live_the_same_life_wherever_their_group_is_listed(
    tmp_path: Path, order: tuple[int, ...]
) -> None:
    groups = [
        create_worker(count=4),
        create_reacher(count=3),
        create_worker(name="other", count=5, error=0.1),
    ]
    lives = []
    for listed in (groups, [groups[index] for index in order]):
        world = load_world(tmp_path, agents=listed)
        trace = run(world, "reference_monitor")
        calls = get_calls(trace)
        entity = world.agents["entity"][calls.truths["agent"]].tolist()
        code, time_us = calls.code.tolist(), calls.receipts["submitted_us"].tolist()
        lives.append(sorted(zip(entity, time_us, code, strict=True)))
    assert lives[0] == lives[1]


def test_there_is_trade_in_the_cells_that_are_compared(world: World) -> None:
    market = run(world, "chain").market
    assert len(market.sales) > 5
    assert len(market.traders) > 14  # somebody began anew


def test_nothing_is_decided_twice(world: World) -> None:
    for name in POLICIES:
        names = get_calls(run(world, name)).names
        assert len(names) == len(set(names)), name


def test_pending_calls_are_those_that_a_longer_run_decides(tmp_path: Path) -> None:
    agents = [create_worker(count=40, task_every="2s")]
    short, long = (
        get_calls(run(load_world(tmp_path, agents=agents, horizon=horizon), "chain"))
        for horizon in ("40s", "60s")
    )
    pending = set(short.take(short.code == PENDING).names)
    assert pending
    assert pending <= set(long.take(long.code != PENDING).names)


@pytest.mark.slow
@pytest.mark.parametrize("groups", [GROUPS[:2], GROUPS[:3]], ids=["insiders", "thieves"])
def test_a_shorter_window_moves_nothing_beyond_its_interval(
    tmp_path: Path, groups: list[Document]
) -> None:
    quick = {"report": {"calls": ["look", "send"], "deadline": "12s"}}
    policies = ["gateway", "layered"]
    results = []
    for window in ("2s", "1s"):
        path = write_scenario(
            tmp_path,
            agents=groups,
            window=window,
            tasks=quick,
            policies=policies,
            baseline="gateway",
        )
        results.append(run_all(path, replications=20).estimates)
    for policy in policies:
        for name, outcome in OUTCOMES.items():
            before, after = (result[policy][name].interval for result in results)
            if before is None or after is None or outcome.form is Form.QUANTILE:
                assert before == after or outcome.form is Form.QUANTILE, (policy, name)
                continue
            if before.low is not None and before.high is not None:
                assert before.low <= after.mean <= before.high, (policy, name)


def test_a_policy_is_only_a_label_to_its_levers(world: World) -> None:
    gateway: Policy = replace(POLICIES["gateway"], name="renamed")
    assert run(world, gateway).compute_digest() == run(world, "gateway").compute_digest()
    assert np.array_equal(run(world, gateway).receipts, run(world, "gateway").receipts)
