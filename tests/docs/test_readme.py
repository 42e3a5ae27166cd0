from __future__ import annotations

import re
from pathlib import Path

from sim.cli.app import app
from sim.scenario.load import load_scenario
from tests.docs.readme_tables import README, create_table, get_table


def test_the_table_in_the_readme_is_what_a_run_prints() -> None:
    assert get_table(README.read_text("utf-8")) == create_table()


def test_the_example_scenario_is_sound(tmp_path: Path) -> None:
    example = re.search(r"```yaml\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    assert example is not None
    file = tmp_path / "first.yaml"
    file.write_text(example.group(1))
    assert load_scenario(file).scenario.title == "A first world"


def test_every_command_in_the_readme_exists() -> None:
    known = {command.name or command.callback.__name__ for command in app.registered_commands}
    named = set(re.findall(r"`?sim (\w+)(?= [A-Z/.s\-`]|`)", README.read_text("utf-8")))
    assert named
    assert named <= known
