"""The package that the page on plug-ins shows is sound, and named as the page says."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from sim.experiment.conformance.discovery import BATTERIES, check_plug_ins, find_plug_ins
from tests.docs.references import ROOT

PAGE = ROOT / "sim" / "experiment" / "conformance" / "README.md"


def find_block(language: str) -> str:
    """The only block of code in a language."""
    (block,) = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return str(block)


@pytest.fixture
def module(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "my_plug_ins.py"
    path.write_text(find_block("python"))
    yield path
    sys.modules.pop(path.stem, None)


def test_its_plug_ins_pass_every_check(module: Path) -> None:
    outcomes = list(check_plug_ins(find_plug_ins(str(module))))
    assert [outcome for outcome in outcomes if not outcome.holds] == []
    assert {outcome.kind for outcome in outcomes} == {"policy", "strategy"}


def test_its_entry_points_name_what_the_module_has(module: Path) -> None:
    project = tomllib.loads(find_block("toml"))
    brought = {
        (plug_in.name, f"{module.stem}:{plug_in.name}") for plug_in in find_plug_ins(str(module))
    }
    named = project["project"]["entry-points"]
    assert named["ambit.policies"] == {"narrow_gateway": "my_plug_ins:NARROW_GATEWAY"}
    assert ("narrow_gateway", "my_plug_ins:narrow_gateway") in brought
    assert set(named["ambit.strategies"].values()) <= {value for _, value in brought}
    assert project["tool"]["setuptools"]["py-modules"] == [module.stem]


def test_the_page_has_a_row_for_each_kind() -> None:
    rows = re.findall(r"^\| (\w+) \| ", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == ["kind", *BATTERIES]
