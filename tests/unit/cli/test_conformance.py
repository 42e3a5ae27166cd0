from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer import Typer
from typer.testing import CliRunner

from sim.cli.conformance import conformance

SOURCE = '''
from dataclasses import dataclass
from sim.strategies.honest import Honest

@dataclass(frozen=True, slots=True)
class Plain:
    """Works as the honest do.

    Source: {source}
    """

    def act(self, seen, draws):
        return Honest().act(seen, draws)
'''
app = Typer()
app.command()(conformance)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    sources = {"sound_one": "an assumption.", "vague_one": ""}
    for name, source in sources.items():
        (tmp_path / f"{name}.py").write_text(SOURCE.format(source=source))
    yield
    for name in sources:
        sys.modules.pop(name, None)


def run(*words: str) -> tuple[int, str]:
    ended = CliRunner().invoke(app, words, catch_exceptions=False)
    return ended.exit_code, ended.stdout


@pytest.mark.parametrize("where", ["sound_one", "sound_one.py"])
def test_each_check_is_a_line_and_all_of_them_hold(where: str) -> None:
    code, text = run(where)
    *lines, summary = text.splitlines()
    assert code == 0
    assert all(line.startswith("holds  strategy Plain: ") for line in lines)
    assert summary == f"1 plug-ins, {len(lines)} checks, 0 failed"


def test_one_that_fails_ends_with_1_and_says_what_is_required() -> None:
    code, text = run("vague_one.py", "--quiet")
    assert code == 1
    (line,) = text.splitlines()
    assert line.startswith(
        "FAILS  strategy Plain: Its docstring says what it does and where it is from: "
        "expected `Source: ` and where it is from, found 'Source: '"
    )


def test_what_is_broken_on_purpose_can_be_left_out() -> None:
    code, text = run("vague_one.py", "--skip", "where it is from", "--json")
    document = json.loads(text)
    assert (code, document["failed"]) == (0, 0)
    assert all(row["holds"] for row in document["checks"])
