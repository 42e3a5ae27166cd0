from __future__ import annotations

import json
import sys
from math import comb, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.cli import app
from sim.core.draws import Draws
from sim.core.errors import InputError
from sim.core.market import Verdict
from sim.experiment.events.conviction import find_chances
from sim.experiment.rare import RareOptions, run_rare
from sim.model.verdict import WrongfulConviction
from sim.policies.registry import compile_chain_rules
from sim.report.rare_table import describe_rare
from sim.scenario.load import LoadedScenario, load_scenario
from sim.scenario.policies import create_policies
from sim.scenario.settings import parse_setting
from sim.stats.closed_forms import compute_outvoted_chance
from tests.markets_world import GROUPS, JUDGE, MARKET
from tests.worlds import POLICIES, write_scenario

RULES = compile_chain_rules(POLICIES["chain"])


def load(folder: Path, error: float, *judges: dict[str, Any]) -> LoadedScenario:
    agents = [*(group for group in GROUPS if group is not JUDGE), *judges]
    market = MARKET | {"agents": agents, "market": {"judge_error": error}}
    return load_scenario(write_scenario(folder, **market))


@pytest.mark.parametrize(("error", "n_seats"), [(0.05, 5), (0.1, 4), (0.5, 7), (0.0, 3), (1.0, 3)])
def test_equal_judges_are_a_binomial_tail(error: float, n_seats: int) -> None:
    tail = sum(
        comb(n_seats, k) * error**k * (1 - error) ** (n_seats - k)
        for k in range(n_seats // 2 + 1, n_seats + 1)
    )
    assert compute_outvoted_chance([error] * 9, n_seats) == pytest.approx(tail, rel=1e-12)


def test_who_sits_together_counts() -> None:
    assert compute_outvoted_chance([1.0, 1.0, 0.0, 0.0], 3) == pytest.approx(0.5)
    with pytest.raises(ValueError, match="expected chances"):
        compute_outvoted_chance([0.1], 2)


@pytest.mark.parametrize(("chance_ppm", "verdict"), [(0, "REJECTED"), (1_000_000, "UPHELD")])
def test_the_ledger_decides_by_majority_and_no_later(chance_ppm: int, verdict: str) -> None:
    process = WrongfulConviction(RULES, (chance_ppm,) * 7)
    state, draws = process.create(), Draws(1, "dispute", 0)
    while not process.is_over(state):
        state = process.advance(state, draws)
    assert state.state.disputes[0]["verdict"] == int(Verdict[verdict])
    assert state.n_asked == process.n_levels == 3
    assert process.get_level(state) == (process.n_levels if chance_ppm else 0)


def test_a_copy_goes_on_by_itself() -> None:
    process = WrongfulConviction(RULES, (500_000,) * 5)
    state = process.advance(process.create(), Draws(1, "dispute", 0))
    other = process.copy(state)
    process.advance(other, Draws(1, "dispute", 1))
    assert int(state.state.disputes[0]["voted"]) == 0
    assert int(other.state.disputes[0]["voted"]) != 0


@pytest.mark.slow
def test_an_innocent_is_convicted_as_rarely_as_is_known(tmp_path: Path) -> None:
    loaded = load(tmp_path, 0.05, JUDGE | {"count": 13})
    wide = load_scenario(loaded.path, [parse_setting("policies.chain.committee=11")])
    result = run_rare(wide, RareOptions("chain", 200, 12))
    assert result.event.exact == pytest.approx(5.801e-6, rel=1e-3)  # six or more of eleven
    assert result.rarity is not None
    assert not result.rarity.is_starved
    chances = [run.compute_chance(200) for run in result.rarity.runs]
    error = float(np.std(chances, ddof=1)) / sqrt(len(chances))
    assert error < 0.25 * result.event.exact
    assert abs(float(np.mean(chances)) - result.event.exact) < 3.0 * error
    assert result.crude is not None
    assert result.rarity.n_steps < result.crude / 100
    assert "exact: p = 5.8" in "\n".join(describe_rare(result))


def test_too_few_copies_are_owned_up_to(tmp_path: Path) -> None:
    result = run_rare(load(tmp_path, 0.01, JUDGE), RareOptions("chain", 20, 2))
    assert result.rarity is not None
    assert result.rarity.is_starved
    assert "too narrow" in "\n".join(describe_rare(result))


def test_judges_err_as_their_strategies_do(tmp_path: Path) -> None:
    judges = [
        JUDGE | {"count": 2},
        JUDGE | {"name": "liar", "strategy": "byzantine_judge", "count": 1},
        JUDGE | {"name": "lazy", "strategy": "rubber_stamp", "count": 1, "lazy": 0.5},
    ]
    loaded = load(tmp_path, 0.1, *judges)
    policy = create_policies(loaded, ["chain"])["chain"]
    assert sorted(find_chances(loaded, policy)) == [50_000, 100_000, 100_000, 900_000]


def test_a_level_that_no_run_reached_is_a_bound(tmp_path: Path) -> None:
    result = run_rare(load(tmp_path, 0.0001, JUDGE), RareOptions("chain", 5, 2))
    text = "\n".join(describe_rare(result))
    assert result.rarity is not None
    assert result.rarity.interval is None
    assert "in none of 2 runs; p < " in text
    assert result.crude is None


@pytest.mark.parametrize(
    ("policy", "judges", "problem"),
    [
        ("gateway", [JUDGE], "has no committee"),
        ("federated", [JUDGE], "has no committee"),
        ("chain", [], "nobody judges"),
        ("chian", [JUDGE], "did you mean 'chain'"),
    ],
)
def test_what_has_no_committee_is_refused(
    tmp_path: Path, policy: str, judges: list[dict[str, Any]], problem: str
) -> None:
    with pytest.raises(InputError, match=problem):
        run_rare(load(tmp_path, 0.1, *judges), RareOptions(policy))


def test_the_command_prints_one_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    path = load(tmp_path, 0.2, JUDGE).path
    words = ["sim", "rare", str(path), "--trials", "20", "--runs", "3", "--json"]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as ended:
        app.main()
    assert ended.value.code == 0
    document = json.loads(capfd.readouterr().out)
    assert document["event"] == "conviction"
    assert document["given"] == {"judges": 5, "seats": 5}
    assert document["estimate"]["levels"] == 3
    assert document["estimate"]["runs"] == 3
    assert document["exact"] == pytest.approx(0.05792)
