"""The README says how to run and how to test, once, in a form that `.ci/run` executes."""

from __future__ import annotations

import pytest

from tests.readme_commands import README, find_command
from tests.tidy.sources import REPOSITORY

BLOCK = "Text.\n\n<!-- run -->\n```bash\nsim run a.yaml\n```\n\n"


@pytest.mark.parametrize("name", ["run", "test"])
def test_the_readme_has_the_command(name: str) -> None:
    assert find_command(README.read_text(encoding="utf-8"), name)


@pytest.mark.parametrize("name", ["run", "test"])
def test_ci_repeats_no_command(name: str) -> None:
    script = (REPOSITORY / ".ci" / "run").read_text(encoding="utf-8")
    assert find_command(README.read_text(encoding="utf-8"), name) not in script
    assert "readme_commands.py" in script
    assert f"run_readme {name}" in script


def test_a_marked_command_is_found_without_its_fence() -> None:
    assert find_command(f"```\nother\n```\n{BLOCK}", "run") == "sim run a.yaml"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "0 fenced commands"),
        ("<!-- run -->\n\n```\na\n```\n", "0 fenced commands"),
        (BLOCK + BLOCK, "2 fenced commands"),
        ("<!-- run -->\n```\na\nb\n```\n", "2 lines"),
        ("<!-- run -->\n```\n```\n", "0 lines"),
    ],
)
def test_anything_but_one_line_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        find_command(text, "run")
