from __future__ import annotations

from pathlib import Path

import pytest

from sim.core.errors import AmbitError
from sim.scenario.load import LoadedScenario, load_scenario
from sim.scenario.policies import create_policies
from sim.scenario.settings import parse_setting
from tests.worlds import create_reacher, create_worker, write_scenario


def load(folder: Path, *settings: str) -> LoadedScenario:
    path = write_scenario(
        folder,
        agents=[create_worker(count=3), create_reacher(count=2)],
        baseline="gateway",
        policies=["gateway", {"name": "mine", "preset": "chain", "fee": 1}],
    )
    return load_scenario(path, [parse_setting(text) for text in settings])


def refuse(folder: Path, *settings: str) -> str:
    with pytest.raises(AmbitError) as caught:
        load(folder, *settings)
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_nothing_set_leaves_the_digest(tmp_path: Path) -> None:
    assert load(tmp_path).settings == ()
    assert load(tmp_path).digest == load(tmp_path, "replications=77").digest  # no part of a world


def test_a_key_a_file_has_and_one_it_has_not(tmp_path: Path) -> None:
    changed = load(tmp_path, "horizon=30s", "chain.validators=7")
    assert changed.scenario.horizon == 30_000_000
    assert changed.scenario.chain.validators == 7
    assert changed.digest != load(tmp_path).digest
    assert changed.stream == load(tmp_path).stream  # the same draws


def test_items_of_a_list_go_by_name_or_by_index(tmp_path: Path) -> None:
    name = load(tmp_path).scenario.agents[0].name
    for path in (f"agents.{name}.count", "agents[0].count", "agents.0.count"):
        assert load(tmp_path, f"{path}=9").scenario.agents[0].count == 9


def test_a_policy_named_alone_gets_levers(tmp_path: Path) -> None:
    policies = create_policies(load(tmp_path, "policies.gateway.fee=2", "policies.mine.fee=5"))
    assert [(name, policy.fee) for name, policy in policies.items()] == [
        ("gateway", 2),
        ("mine", 5),
    ]


def test_of_two_settings_the_later_one_holds(tmp_path: Path) -> None:
    assert load(tmp_path, "horizon=30s", "horizon=40s").scenario.horizon == 40_000_000


def test_a_list_is_written_as_in_the_file(tmp_path: Path) -> None:
    changed = load(tmp_path, "primary=[harm_per_episode, utility_under_attack]")
    assert list(changed.scenario.primary) == ["harm_per_episode", "utility_under_attack"]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("horizon", "expected PATH=VALUE"),
        ("=3", "expected a dotted path"),
        ("a..b=3", "expected a dotted path"),
        ("horizn=30s", "--set horizn: horizn: unknown key; did you mean 'horizon'?"),
        ("horizon=soon", "--set horizon: horizon: got"),
        ("policies.gatway.fee=2", "no item 'gatway' in this list of 2; did you mean 'gateway'?"),
        ("policies.mine.feee=2", "did you mean 'fee'?"),
        ("agents.7.count=2", "no item '7' in this list of 2"),
        ("horizon.x=2", "leads into a single value"),
        ("primary=[a", "not valid YAML"),
        ("title=&a b", "an anchor"),
    ],
)
def test_a_wrong_setting_says_which_and_why(tmp_path: Path, setting: str, message: str) -> None:
    text = refuse(tmp_path, setting)
    assert message in text
    assert "--set" in text
