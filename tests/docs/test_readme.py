from __future__ import annotations

import re
from pathlib import Path

import pytest

from sim.cli.app import app
from sim.scenario.load import load_scenario
from tests.docs.readme_tables import README, TABLES, create_table, get_table


@pytest.mark.parametrize("name", TABLES)
def test_a_table_in_the_readme_is_what_a_run_prints(name: str) -> None:
    assert get_table(name, README.read_text("utf-8")) == create_table(name)


def test_the_example_scenario_is_sound(tmp_path: Path) -> None:
    example = re.search(r"```yaml\n(version: 1\n.*?)```", README.read_text("utf-8"), re.DOTALL)
    assert example is not None
    file = tmp_path / "first.yaml"
    file.write_text(example.group(1))
    assert load_scenario(file).scenario.title == "A first world"


def test_every_command_in_the_readme_exists() -> None:
    known = {command.name or command.callback.__name__ for command in app.registered_commands}
    named = set(re.findall(r"`?sim (\w+)(?= [A-Z/.s\-`]|`)", README.read_text("utf-8")))
    assert named
    assert named <= known
