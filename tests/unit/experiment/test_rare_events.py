"""Rare breaches and ruins: beside what is known exactly, and with defects that must be seen."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from math import comb, exp, sqrt
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from sim.cli import app
from sim.core.draws import Draws
from sim.core.errors import InputError
from sim.core.reasons import Reason
from sim.core.records import Goal
from sim.experiment.rare import EVENTS, RareOptions, RareResult, run_rare
from sim.model.breach import Breach, Ledgers
from sim.model.verdict import Ruin, Stakes, WrongfulConviction
from sim.policies.registry import compile_chain_rules
from sim.report.rare_table import create_rare_document, describe_rare
from sim.scenario.load import LoadedScenario, load_scenario
from sim.scenario.policies import create_policies
from sim.stats.closed_forms import compute_outvoted_chance
from sim.stats.splitting import estimate_chance
from tests.markets_world import GROUPS, JUDGE, MARKET, SELLER
from tests.worlds import POLICIES, WORKER, create_reacher, create_script, run, write_scenario

if TYPE_CHECKING:
    from sim.model.breach import Attack
    from sim.stats.splitting import Process, Rarity

PATIENT = {"count": 1, "review": "1s", "patience": "1h"}
BLANKET = {"name": "blanket", "preset": "gateway", "scope": "role", "approval": ["destructive"]}
MISLED = WORKER | {
    "name": "misled",
    "strategy": "injected",
    "role": "all",
    "goals": ["wipe", "look"],
    "injection": 0.01,
    "obey": 0.02,
}


def load(folder: Path, *agents: dict[str, Any], **changes: Any) -> LoadedScenario:
    return load_scenario(write_scenario(folder, agents=[WORKER, *agents], **changes))


def prepare_breach(loaded: LoadedScenario, policy: str) -> Any:
    return EVENTS["breach"](loaded, create_policies(loaded, [policy])[policy])


def compute_errors_off(rarity: Rarity[Any] | None, exact: float) -> float:
    """How many of its standard errors an estimate lies off the exact chance."""
    assert rarity is not None
    chances = [run.compute_chance(rarity.trials) for run in rarity.runs]
    error = float(np.std(chances, ddof=1)) / sqrt(len(chances))
    return abs(float(np.mean(chances)) - exact) / error


def estimate(process: Process[Any], levels: int, trials: int = 300) -> Rarity[Any]:
    return estimate_chance(process, levels, trials, 10, 1, "defect")


def get_words(result: RareResult) -> str:
    return "\n".join(describe_rare(result))


# a breach


@pytest.mark.slow
def test_a_breach_in_a_million_is_as_rare_as_is_known(tmp_path: Path) -> None:
    people = PATIENT | {"false_approve": 0.004}
    loaded = load(tmp_path, MISLED, reviewers=people, policies=["unguarded", BLANKET])
    result = run_rare(loaded, RareOptions("blanket", 1_000, 12, event="breach"))
    assert result.event.exact == pytest.approx(0.01 * 0.02 * 0.5 * 0.004, rel=1e-9)  # 4e-7
    assert compute_errors_off(result.rarity, result.event.exact) < 3.0
    assert result.rarity is not None
    assert result.crude is not None
    assert result.rarity.n_steps < result.crude / 1_000
    assert "exact: p = 4e-07" in get_words(result)


REACHING = {
    "role": "all",
    "temptation": 0.5,
    "on_denial": {"give_up": 0.1, "retry": 0.1, "other_path": 0.8},
}
REVIEWED = {"name": "reviewed", "preset": "gateway", "scope": "role", "mediation": 0.9}
REVIEWED |= {"approval": ["destructive"]}


def prepare_reviewed(folder: Path) -> Any:
    """A tenth of paths goes round, a reviewer approves a twentieth, and three attempts are made."""
    people = PATIENT | {"false_approve": 0.05}
    agent = create_reacher(**REACHING)
    loaded = load(folder, agent, reviewers=people, policies=["unguarded", REVIEWED])
    return prepare_breach(loaded, "reviewed")


def test_what_is_tried_again_is_counted_by_hand(tmp_path: Path) -> None:
    last = 0.05
    second = last + (1 - last) * (0.1 * last + 0.8 * (0.1 + 0.9 * last))
    first = last + (1 - last) * (0.1 * second + 0.8 * (0.1 + 0.9 * second))
    expected = 0.5 * (0.1 + 0.9 * first)
    assert prepare_reviewed(tmp_path).exact == pytest.approx(expected, rel=1e-9)


def test_a_breach_comes_as_often_as_is_known(tmp_path: Path) -> None:
    event = prepare_reviewed(tmp_path)
    rarity = estimate(event.process, event.n_levels)
    assert compute_errors_off(rarity, event.exact) < 3.0


class Hasty(Breach):
    """A planted defect: the gateway forgets that an approval is needed."""

    def open_ledgers(self, template: int) -> Ledgers:
        ledgers = super().open_ledgers(template)
        ledgers.home.rules.binding[:] &= ~(1 << int(Reason.APPROVAL_MISSING))
        return ledgers


class Stubborn(Breach):
    """A planted defect: a fresh path is drawn for no attempt but the first."""

    def attempt(self, state: Attack, aim: Any, draws: Draws) -> Attack:
        return super().attempt(state._replace(path_attempt=0), aim, draws)


class Lenient(Breach):
    """A planted defect: reviewers approve four times as often as the scenario says."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        scenario = self.world.scenario
        people = scenario.reviewers.model_copy(update={"false_approve": 200_000})
        changed = scenario.model_copy(update={"reviewers": people})
        self.world = replace(self.world, loaded=self.world.loaded._replace(scenario=changed))


@pytest.mark.parametrize("defect", [Hasty, Stubborn, Lenient])
def test_a_defect_moves_a_breach_out_of_its_interval(tmp_path: Path, defect: type[Breach]) -> None:
    event = prepare_reviewed(tmp_path)
    sound: Breach = event.process
    process = defect(sound.world, sound.policy, sound.cohort)
    assert compute_errors_off(estimate(process, process.n_levels), event.exact) > 4.0


@pytest.mark.slow
def test_whole_replications_break_as_often(tmp_path: Path) -> None:
    agent = create_reacher(**REACHING, count=40)
    policy = {"name": "leaky", "preset": "gateway", "mediation": 0.9}
    loaded = load(tmp_path, agent, horizon="200s", policies=["unguarded", policy])
    event = prepare_breach(loaded, "leaky")
    process: Breach = event.process
    trace = run(process.world, process.policy)
    truths = trace.truths
    attacks = np.flatnonzero((truths["goal"] == Goal.ATTACK) & (trace.receipts["code"] >= 0))
    names = [tuple(truths[name][row] for name in ("agent", "task", "call")) for row in attacks]
    executed = {
        name for name, row in zip(names, attacks, strict=True) if trace.receipts["code"][row] == 0
    }
    n, chance = len(set(names)), event.exact / 0.5  # of those that are tempted
    assert n > 300
    assert abs(len(executed) / n - chance) < 3.0 * sqrt(chance * (1.0 - chance) / n)


@pytest.mark.parametrize(
    ("policy", "exact", "words"),
    [
        ("gateway", 0.0, "CAPABILITY_DENIED"),
        ("chain", 0.0, "CAPABILITY_DENIED"),
        ("deny_all", 0.0, "KILL_SWITCH"),
        ("oracle", 0.0, "ILLEGITIMATE"),
        ("unguarded", 1.0, "nothing that is checked forbids it"),
    ],
)
def test_what_is_certain_is_said_in_words(
    tmp_path: Path, policy: str, exact: float, words: str
) -> None:
    script = create_script({"at": "2s", "call": "wipe", "purpose": "attack"}, scope=["look"])
    result = run_rare(load(tmp_path, script), RareOptions(policy, event="breach"))
    assert result.event.exact == exact
    assert result.rarity is None
    assert ("always, " if exact else "never, ") + "by construction" in get_words(result)
    assert words in get_words(result)
    assert create_rare_document(result)["estimate"] is None


def test_a_negligent_owner_is_open_to_a_chain_as_well(tmp_path: Path) -> None:
    orgs = [{"name": "firm", "count": 2}, {"name": "careless", "posture": "negligent"}]
    agent = create_reacher(cross_org_share=0.4)
    loaded = load(tmp_path, agent, orgs=orgs)
    assert prepare_breach(loaded, "chain").exact == pytest.approx(0.5 * 0.4 / 2)
    assert prepare_breach(loaded, "layered").exact == 0.0  # the caller's own gateway refuses


def test_an_act_that_waits_is_called_off_as_often_as_is_known(tmp_path: Path) -> None:
    delayed = {"name": "delayed", "preset": "unguarded", "commit_delay": "60s"}
    agent = create_reacher()
    loaded = load(tmp_path, agent, detection={"loss": "30s"}, policies=["unguarded", delayed])
    event = prepare_breach(loaded, "delayed")
    assert event.exact == pytest.approx(0.5 * exp(-2.0), rel=1e-6)
    assert compute_errors_off(estimate(event.process, event.n_levels), event.exact) < 3.0


def test_without_attackers_or_an_event_there_is_nothing_to_do(tmp_path: Path) -> None:
    loaded = load(tmp_path)
    with pytest.raises(InputError, match="nobody attacks"):
        run_rare(loaded, RareOptions("chain", event="breach"))
    with pytest.raises(InputError, match="did you mean 'breach'"):
        run_rare(loaded, RareOptions("chain", event="breech"))
    idle = load(tmp_path, create_reacher(goals=["look"]))
    assert "nothing that reacher is after" in get_words(
        run_rare(idle, RareOptions("chain", event="breach"))
    )


# a ruin

FINED = {"name": "fined", "preset": "chain", "slashing": "fixed", "slash_fixed": 1000}
FINED |= {"stake_min": 3000}  # of 5000: the third conviction ruins


def load_market(folder: Path, error: float, *groups: dict[str, Any], **levers: Any) -> Any:
    agents = list(groups) or [group for group in GROUPS if group is not JUDGE] + [JUDGE]
    changes = {"agents": agents, "market": {"judge_error": error}}
    changes |= {"policies": ["unguarded", FINED | levers]}
    return load_scenario(write_scenario(folder, **(MARKET | changes)))


def compute_tail(n: int, k: int, chance: float) -> float:
    return sum(comb(n, i) * chance**i * (1 - chance) ** (n - i) for i in range(k, n + 1))


@pytest.mark.slow
def test_a_seller_is_ruined_as_rarely_as_is_known(tmp_path: Path) -> None:
    result = run_rare(load_market(tmp_path, 0.05), RareOptions("fined", 100, 10, event="ruin"))
    convicted = compute_tail(5, 3, 0.05)
    assert result.event.exact == pytest.approx(compute_tail(12, 3, convicted), rel=1e-9)
    assert result.event.exact < 1e-6
    assert compute_errors_off(result.rarity, result.event.exact) < 3.0


RULES = compile_chain_rules(POLICIES["chain"])


@pytest.mark.parametrize("committee", [3, 4])  # a majority of 2 or, of an even number, still 3
def test_a_smaller_committee_moves_a_conviction_out_of_its_interval(committee: int) -> None:
    process = WrongfulConviction(RULES._replace(committee=committee), (200_000,) * 5)
    exact = compute_outvoted_chance([0.2] * 5, 5)
    assert compute_errors_off(estimate(process, process.n_levels), exact) > 4.0


SEVERE = RULES._replace(committee=3, slash_rule=2, slash_fixed=1_000, stake_min=3_000)


def count_errors_of_ruin(**defect: int) -> float:
    """How far the ruin of a seller lies off, under rules with a defect, in standard errors."""
    process = Ruin(SEVERE._replace(**defect), (300_000,) * 3, 6, Stakes(5_000), 3)
    exact = compute_tail(6, 3, compute_tail(3, 2, 0.3))
    return compute_errors_off(estimate(process, process.n_levels, 50), exact)


def test_a_ruin_comes_as_often_as_is_known() -> None:
    assert count_errors_of_ruin() < 3.0


@pytest.mark.slow
@pytest.mark.parametrize(
    "defect",
    [{"slash_fixed": 2_500}, {"stake_min": 4_500}, {"slash_fixed": 600}, {"committee": 1}],
)
def test_a_wrong_slash_moves_a_ruin_out_of_its_interval(defect: dict[str, int]) -> None:
    assert count_errors_of_ruin(**defect) > 4.0


@pytest.mark.parametrize(
    ("levers", "exact", "words"),
    [
        ({"stake_min": 1, "slashing": "none"}, 0.0, "leave it enough"),
        ({"stake_min": 6000}, 1.0, "before any dispute"),
    ],
)
def test_a_ruin_that_is_certain_is_said_in_words(
    tmp_path: Path, levers: dict[str, Any], exact: float, words: str
) -> None:
    loaded = load_market(tmp_path, 0.05, **levers)
    result = run_rare(loaded, RareOptions("fined", event="ruin"))
    assert result.event.exact == exact
    assert words in get_words(result)


def test_a_policy_without_a_floor_ruins_nobody(tmp_path: Path) -> None:
    result = run_rare(load_market(tmp_path, 0.05), RareOptions("chain", event="ruin"))
    assert "never, by construction: the policy demands no stake" in get_words(result)


def test_what_ruin_does_not_cover_is_refused(tmp_path: Path) -> None:
    by_harm = load_market(tmp_path, 0.05, slashing="harm")
    with pytest.raises(InputError, match="depends on who bought"):
        run_rare(by_harm, RareOptions("fined", event="ruin"))
    without = load_market(tmp_path, 0.05, SELLER | {"strategy": "fraudulent_seller"}, JUDGE)
    with pytest.raises(InputError, match="nobody sells"):
        run_rare(without, RareOptions("fined", event="ruin"))


def test_the_command_prints_a_document_of_any_event(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    path = str(load(tmp_path, create_reacher(), policies=["unguarded", "gateway"]).path)
    words = ["sim", "rare", path, "--event", "breach", "--policy", "unguarded", "--json"]
    monkeypatch.setattr(sys, "argv", [*words, "--trials", "20", "--runs", "3"])
    with pytest.raises(SystemExit) as ended:
        app.main()
    assert ended.value.code == 0
    document = json.loads(capfd.readouterr().out)
    assert document["event"] == "breach"
    assert document["exact"] == 0.5
    assert document["given"]["temptation"] == 0.5
    assert document["by_construction"] is None
    assert document["estimate"]["levels"] == 3
    assert document["estimate"]["runs"] == 3
    assert document["estimate"]["shares"][-1] == 1.0
