from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sim.core.errors import InputError, InputErrors
from sim.scenario.load import load_scenario
from sim.scenario.notes import format_place
from sim.scenario.trade import CAPABILITIES_MAX, MEMORIES_MAX, MONEY_MAX, NAMES_MAX
from tests.markets_world import BUYER, CHEAT, FORECAST, GROUPS, JUDGE, MARKET, SELLER
from tests.worlds import create_worker, write_scenario

HYDRA = CHEAT | {"strategy": "sybil", "identities": 3}
CHAMELEON = CHEAT | {"strategy": "whitewasher", "rejoins": 3}


def load(folder: Path, **changes: Any) -> None:
    load_scenario(write_scenario(folder, **(MARKET | changes)))


def refuse(folder: Path, **changes: Any) -> tuple[InputError, ...]:
    """Every refusal of a market that differs from the sound one as told."""
    with pytest.raises(InputErrors) as caught:
        load(folder, **changes)
    return caught.value.errors


def read_at(error: InputError) -> str:
    """What is written where a refusal points."""
    text = Path(error.where.file).read_text(encoding="utf-8")
    return text.splitlines()[error.where.line - 1][error.where.column - 1 :].rstrip(",")


def without(group: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in group.items() if name not in names}


CASES: dict[str, tuple[dict[str, Any], str, str, str, str]] = {
    # changes, key, problem, nearest name, what stands at the place
    "unknown type of signal": (
        {"agents": [SELLER | {"sells": "forcast"}, BUYER]},
        "agents[0].sells", "unknown type of signal 'forcast'", "forecast", '"forcast"',
    ),
    "seller without what it sells": (
        {"agents": [BUYER, without(CHEAT, "sells")]},
        "agents[1]", "needs `sells`: the type of signal it publishes", "", "{",
    ),
    "acts without time to think": (
        {"agents": [SELLER, BUYER | {"act_every": "1s"}]},
        "agents[1].act_every", "must be at least the scenario's think_min", "", '"1s"',
    ),
    "begins when all is over": (
        {"agents": [SELLER | {"starts": "60s"}, BUYER]},
        "agents[0].starts", "must be before the horizon", "", '"60s"',
    ),
    "nobody behind a controller": (
        {"agents": [SELLER, HYDRA | {"identities": 0}]},
        "agents[1].identities", "must be at least 1", "", "0",
    ),
    "signal and operation of one name": (
        {"signals": {"forecast": FORECAST, "send": FORECAST}},
        "signals.send", "the name 'send' is an operation already", "", "{",
    ),
    "traders without signals": (
        {"signals": {}, "agents": [JUDGE, BUYER]},
        "agents", "traders need at least one entry under `signals`", "", "[",
    ),
    "unknown rule of reputation": (
        {"policies": ["unguarded", {"name": "odd", "preset": "chain", "reputation": "betta"}]},
        "policies[1].reputation", "unknown reputation rule 'betta'", "beta", '"betta"',
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_contradiction_is_refused_where_it_stands(case: str, tmp_path: Path) -> None:
    changes, key, problem, nearest, written = CASES[case]
    errors = refuse(tmp_path, **changes)
    assert [error.problem for error in errors] == [problem]
    assert errors[0].key == key
    assert errors[0].nearest == nearest
    assert read_at(errors[0]).startswith(written)


@pytest.mark.parametrize("more", [0, 1])
def test_capabilities_fit_into_one_mask(tmp_path: Path, more: int) -> None:
    n = CAPABILITIES_MAX - 3 + more  # beside three operations
    signals = {f"s{index}": FORECAST for index in range(n)}
    agents = [SELLER | {"sells": "s0"}, BUYER, create_worker()]
    if more:
        errors = refuse(tmp_path, signals=signals, agents=agents)
        assert [error.key for error in errors] == ["signals"]
        assert str(CAPABILITIES_MAX) in errors[0].problem
    else:
        load(tmp_path, signals=signals, agents=agents)


def test_what_orgs_would_have_to_remember_is_limited(tmp_path: Path) -> None:
    """Names that somebody can begin anew under are remembered like any other."""
    orgs = [{"name": "firm", "count": 2}, {"name": "shady", "count": 499}]
    n = MEMORIES_MAX // 501 // 4
    for count in (n, n + 100):
        agents = [CHAMELEON | {"count": count, "stake": 0, "funds": 0}]
        if count == n:
            load(tmp_path, orgs=orgs, agents=agents, replications=1)
        else:
            errors = refuse(tmp_path, orgs=orgs, agents=agents, replications=1)
            assert [error.key for error in errors] == ["orgs"]


def test_identities_and_fresh_names_count_as_accounts(tmp_path: Path) -> None:
    agents = [*GROUPS, HYDRA | {"name": "hydra", "count": 1, "identities": NAMES_MAX}]
    problems = [error.problem for error in refuse(tmp_path, agents=agents)]
    assert any(f"at most {NAMES_MAX}" in problem for problem in problems)


@pytest.mark.parametrize("more", [0, 1])
def test_what_traders_start_with_can_be_paid(tmp_path: Path, more: int) -> None:
    """A fresh start costs its org as much as the first."""
    rich = CHAMELEON | {"count": 1, "rejoins": 9, "stake": 0, "funds": MONEY_MAX // 10 + more}
    if not more:
        load(tmp_path, agents=[*GROUPS, rich | {"name": "rich"}])
        return
    modest = rich | {"name": "rich", "funds": MONEY_MAX // 20, "stake": MONEY_MAX // 20 + 1}
    errors = refuse(tmp_path, agents=[*GROUPS, modest])
    assert [error.key for error in errors] == ["agents[4]"]
    assert str(MONEY_MAX) in errors[0].problem


def test_a_role_may_name_a_signal(tmp_path: Path) -> None:
    load(tmp_path, agents=[SELLER | {"role": ["forecast"]}, BUYER])
    errors = refuse(tmp_path, agents=[SELLER | {"role": ["forecasts"]}, BUYER])
    assert format_place(("agents", 0, "role", 0)) == errors[0].key
