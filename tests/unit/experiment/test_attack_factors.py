from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sim.core.errors import InputError, InputErrors
from sim.experiment.attack_factors import (
    LEFT_ALONE,
    Factor,
    Kind,
    check_factors,
    count_points,
    find_default_factors,
    parse_factor,
)
from sim.scenario.load import LoadedScenario, load_scenario
from sim.scenario.settings import Setting
from sim.strategies.registry import load_behaviours
from tests.worlds import SCENARIOS, SHIPPED, create_reacher, create_worker, write_scenario


def load(folder: Path, **changes: Any) -> LoadedScenario:
    agents = [create_worker(), create_reacher(goals=["wipe", "send"])]
    return load_scenario(write_scenario(folder, agents=agents, **changes))


@pytest.mark.parametrize(
    ("typed", "factor"),
    [
        ("a.b=1..30", Factor("a.b", Kind.WHOLE, 1, 30)),
        ("a.b = 0.25 .. 1", Factor("a.b", Kind.SHARE, 250_000, 1_000_000)),
        ("a[2].b=250ms..2s", Factor("a[2].b", Kind.DURATION, 250_000, 2_000_000)),
        ("a.b=0,1,0", Factor("a.b", Kind.CHOICE, choices=("0", "1"))),
        ("a.b=[x, y],[x]", Factor("a.b", Kind.CHOICE, choices=("[x, y]", "[x]"))),
    ],
)
def test_a_factor_is_read_as_typed_and_printed_as_it_could_be_typed(
    typed: str, factor: Factor
) -> None:
    assert parse_factor(typed) == factor
    assert parse_factor(str(factor)) == factor


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("a.b", "expected PATH=LOW..HIGH"),
        ("a b=0..1", "expected PATH=LOW..HIGH"),
        ("a.b=", "expected PATH=LOW..HIGH"),
        ("a.b=1..1", "lower end first"),
        ("a.b=2s..1s", "lower end first"),
        ("a.b=1..2s", "two whole numbers"),
        ("a.b=0.5..1.5", "two whole numbers"),
        ("a.b=1,,2", "empty choice"),
    ],
)
def test_what_is_no_range_is_refused(typed: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        parse_factor(typed)


@pytest.mark.parametrize("value", [0, 1, 417_022, 1_000_000])
def test_a_share_is_written_exactly(value: int) -> None:
    factor = Factor("a", Kind.SHARE, 0, 1_000_000)
    assert round(float(factor.format(value)) * 1_000_000) == value
    assert "e" not in factor.format(value)


def test_the_schema_says_whether_0_to_1_is_a_share(tmp_path: Path) -> None:
    typed = [parse_factor(f"agents.reacher.{key}=0..1") for key in ("temptation", "count")]
    loaded = load(tmp_path)
    (share,) = check_factors(loaded, typed[:1])
    assert share == Factor("agents.reacher.temptation", Kind.SHARE, 0, 1_000_000)
    with pytest.raises(InputErrors, match="count"):  # 0 agents are none
        check_factors(loaded, typed[1:])
    whole = parse_factor("reviewers.count=1..2")
    assert check_factors(loaded, [whole]) == [whole]


def test_what_the_schema_refuses_is_refused_before_a_search(tmp_path: Path) -> None:
    loaded = load(tmp_path)
    with pytest.raises(InputErrors, match="did you mean 'temptation'"):
        check_factors(loaded, [parse_factor("agents.reacher.temptatio=0..1")])
    with pytest.raises(InputErrors, match="from 0 to 1"):
        check_factors(loaded, [parse_factor("agents.reacher.temptation=0..2")])
    with pytest.raises(InputError, match="named twice"):
        check_factors(loaded, [parse_factor("reviewers.count=1..2")] * 2)


def test_attackers_choose_their_knobs_and_honest_agents_none(tmp_path: Path) -> None:
    assert list(map(str, find_default_factors(load(tmp_path)))) == [
        "agents.reacher.goals=[wipe, send],[wipe],[send]",
        "agents.reacher.temptation=0..1",
    ]


def test_a_group_that_no_dotted_path_can_name_goes_by_its_place(tmp_path: Path) -> None:
    loaded = load_scenario(write_scenario(tmp_path, agents=[create_reacher(name="a.b-c")]))
    assert [factor.path for factor in find_default_factors(loaded)] == ["agents[0].temptation"]


def test_sellers_choose_their_price_but_not_their_number_nor_their_means() -> None:
    paths = {f.path for f in find_default_factors(load_scenario(SCENARIOS / "sybil_flood.yaml"))}
    keys = {path.rpartition(".")[2] for path in paths}
    assert {"fraud", "price"} <= keys
    assert not keys & {"identities", "rejoins", "count", "funds", "stake", "act_every"}


@pytest.mark.parametrize("name", SHIPPED)
def test_every_default_range_is_legal_in_every_scenario(name: str) -> None:
    loaded = load_scenario(SCENARIOS / f"{name}.yaml")
    for factor in find_default_factors(loaded):
        values = factor.choices or (factor.low, factor.high)
        settings = [Setting(factor.path, factor.format(value)) for value in values]
        for setting in settings[-1:]:
            load_scenario(loaded.path, [setting])


def test_what_is_left_alone_are_knobs_that_exist() -> None:
    knobs = {
        name.replace("_ppm", "").replace("_us", "")
        for kind in load_behaviours().values()
        for name in kind.__dataclass_fields__
    }
    assert set(LEFT_ALONE) <= knobs


def test_points_are_counted_over_all_factors() -> None:
    factors = [parse_factor("a=1..3"), parse_factor("b=x,y")]
    assert count_points(factors) == 6
