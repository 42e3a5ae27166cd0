"""A scenario file is read exactly, or refused with the place and the reason of every fault."""

from __future__ import annotations

import contextlib
import pickle
import re
import subprocess
import sys
from enum import Enum
from pathlib import Path
from typing import Annotated, Literal

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from sim.core.errors import InputErrors, Position
from sim.scenario import document
from sim.scenario.literals import Amount, Count, Duration, Name, Share, Text
from sim.scenario.reader import (
    ListNode,
    MapNode,
    Node,
    ScalarNode,
    load_document,
    validate_model,
)


class Mode(Enum):
    FAST = "fast"
    SLOW = "slow"


class Crash(BaseModel):
    kind: Literal["crash"]
    at: Duration


class Partition(BaseModel):
    kind: Literal["partition"]
    share: Share


class Agent(BaseModel):
    name: Name
    n: Count = Field(1, le=100)
    strategy: Literal["honest", "sybil"]
    stake: Amount = 0

    @field_validator("name")
    @classmethod
    def validate_known(cls, name: str) -> str:
        if name == "mallroy":
            raise PydanticCustomError("unknown", "unknown agent", {"nearest": "mallory"})
        return name


class Scenario(BaseModel):
    title: Text = ""
    whole: int = 0
    number: float = 0.0
    flag: bool = False
    text: str = ""
    maybe: int | None = 5
    maybe_text: str | None = "x"
    mode: Mode = Mode.FAST
    version: Literal[1] = 1
    wait: Duration = Field(9, ge=5)
    until: Duration | Literal["never"] = "never"
    share: Share = 0
    agents: list[Agent] = []
    leader: Agent | str = "none"
    faults: tuple[Annotated[Crash | Partition, Field(discriminator="kind")], ...] = ()
    fault: Annotated[Crash | Partition, Field(discriminator="kind")] | None = None
    limits: dict[Name, float] = {}
    pair: tuple[float, float] = (0.0, 1.0)
    label: int | Name = 0
    source: int = Field(0, alias="from")
    some: list[int] = Field([1], min_length=1)

    @model_validator(mode="after")
    def validate_pair(self) -> Scenario:
        if self.pair[0] > self.pair[1]:
            raise ValueError("pair[0] must not be above pair[1]")
        return self


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "s.yaml"


def read(file: Path, content: str | bytes) -> Scenario:
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return validate_model(load_document(file), Scenario, "s.yaml")


def refuse(file: Path, content: str | bytes) -> list[str]:
    """Messages of a refused file, its folder left out."""
    with pytest.raises(InputErrors) as caught:
        read(file, content)
    assert len(caught.value.errors) == len(str(caught.value).splitlines())
    return [line.replace(f"{file}", "s.yaml") for line in str(caught.value).splitlines()]


def test_a_sound_file_becomes_a_model(file: Path) -> None:
    scenario = read(
        file,
        """
title: 'Nine seconds: "no"'
whole: 1e3
number: 1.5e+3
flag: true
maybe: ~
mode: slow
version: 1
wait: 250ms
until: 2d
share: 0.25
agents:
  - {name: a.b-c, strategy: sybil, n: 3}
leader: {name: b, strategy: honest}
faults: [{kind: crash, at: 9s}, {kind: partition, share: 1}]
fault: {kind: crash, at: 1us}
limits: {a: 1, b: .5}
pair: [0, 1]
label: fast
from: -5
""",
    )
    assert scenario.title == 'Nine seconds: "no"'
    assert (scenario.whole, scenario.number) == (1_000, 1_500.0)
    assert type(scenario.number) is float
    assert (scenario.flag, scenario.maybe) == (True, None)
    assert (scenario.mode, scenario.wait, scenario.until) == (Mode.SLOW, 250_000, 172_800_000_000)
    assert scenario.share == 250_000
    assert scenario.agents == [Agent(name="a.b-c", strategy="sybil", n=3)]
    assert scenario.leader == Agent(name="b", strategy="honest")
    assert scenario.faults == (
        Crash(kind="crash", at=9_000_000),
        Partition(kind="partition", share=1_000_000),
    )
    assert scenario.fault == Crash(kind="crash", at=1)
    assert scenario.limits == {"a": 1.0, "b": 0.5}
    assert (scenario.label, scenario.source) == ("fast", -5)


# One row a literal: what a whole-number, number, text and truth field make of it; None is an error.
LITERALS: list[tuple[str, int | None, float | None, str | None, bool | None]] = [
    ("no", None, None, None, None),
    ("on", None, None, None, None),
    ("TRUE", None, None, None, None),
    ("true", None, None, None, True),
    ("false", None, None, None, False),
    ("010", None, None, None, None),
    ("089", None, None, None, None),
    ("0o10", None, None, None, None),
    ("0x1F", None, None, None, None),
    ("0b11", None, None, None, None),
    ("1_000", None, None, None, None),
    ("1:30", None, None, None, None),
    ("1e3", 1_000, 1_000.0, None, None),
    ("1.5e+3", 1_500, 1_500.0, None, None),
    ("1.5", None, 1.5, None, None),
    ("-7", -7, -7.0, None, None),
    (".nan", None, None, None, None),
    (".inf", None, None, None, None),
    ("-.inf", None, None, None, None),
    ("9" * 5_000, None, None, None, None),
    ("~", None, None, None, None),
    ("", None, None, None, None),
    ("null", None, None, None, None),
    ("2024-01-01", None, None, None, None),
    ("12345678901234567890", None, 12345678901234567890.0, None, None),
    ("word", None, None, "word", None),
    ("'no'", None, None, "no", None),
    ('"010"', None, None, "010", None),
    ('""', None, None, "", None),
]


@pytest.mark.parametrize(("literal", "whole", "number", "text", "flag"), LITERALS)
def test_the_field_decides_what_a_literal_means(
    file: Path,
    literal: str,
    whole: int | None,
    number: float | None,
    text: str | None,
    flag: bool | None,
) -> None:
    fields = {"whole": whole, "number": number, "text": text, "flag": flag}
    for key, expected in fields.items():
        if expected is not None:
            assert getattr(read(file, f"{key}: {literal}"), key) == expected
        else:
            (message,) = refuse(file, f"{key}: {literal}")
            column = len(key) + (3 if literal else 2)
            assert message.startswith(f"s.yaml:1:{column}: {key}: got ")


@pytest.mark.parametrize("literal", ["no", "010", "0x1F", "1:30", "1e3", ".nan", "2024-01-01"])
def test_retyped_text_must_be_quoted(file: Path, literal: str) -> None:
    assert refuse(file, f"text: {literal}")[0].endswith("expected text: quote it")
    assert read(file, f"text: '{literal}'").text == literal


@pytest.mark.parametrize("literal", ["~", "", "null"])
def test_nothing_is_for_nullable_fields(file: Path, literal: str) -> None:
    scenario = read(file, f"maybe: {literal}\nmaybe_text: {literal}\nfault: {literal}")
    assert (scenario.maybe, scenario.maybe_text, scenario.fault) == (None, None, None)
    assert read(file, "maybe_text: 'null'").maybe_text == "null"
    assert "got nothing, expected a list" in refuse(file, f"agents: {literal}")[0]


WHOLE = f"a whole number from {-(2**62)} to {2**62}"

REFUSED_BY_THE_SCHEMA = [
    ("titel: x", "1:1: titel: unknown key; did you mean 'title'?"),
    (
        "agents:\n- {nme: a, strategy: honest}",
        "2:4: agents[0].nme: unknown key; did you mean 'name'?",
    ),
    (
        "agents: [{name: a, strategy: honset}]",
        "1:30: agents[0].strategy: got 'honset', expected one of 'honest', 'sybil'; did you "
        "mean 'honest'?",
    ),
    ("mode: fats", "1:7: mode: got 'fats', expected one of 'fast', 'slow'; did you mean 'fast'?"),
    ("version: 2", "1:10: version: got 2, expected 1"),
    ("version: 01", "1:10: version: got '01', expected 1"),
    ("agents:\n  - name: a", "2:5: agents[0].strategy: this key is required"),
    (
        "agents: [{name: a, strategy: honest, n: 101}]",
        "1:41: agents[0].n: must be at most 100, got 101",
    ),
    (
        "agents: [{name: a, strategy: honest, stake: -1}]",
        "1:45: agents[0].stake: must be at least 0, got -1",
    ),
    ("wait: 2us", "1:7: wait: must be at least 5 us, got '2us'"),
    ("wait: 9", "1:7: wait: got 9, a duration needs a unit: us, ms, s, min, h or d"),
    ("share: 1.5", "1:8: share: got 1.5, expected a number from 0 to 1 with at most 6 decimals"),
    ("whole: '5'", f"1:8: whole: got the text '5', expected {WHOLE} without quotes"),
    ("maybe: 12345678901234567890", f"1:8: maybe: got 12345678901234567890, expected {WHOLE}"),
    (
        "agents: [{name: a, strategy: honest, n: 99999999999999999999}]",
        "1:41: agents[0].n: got 99999999999999999999, expected a whole number from 0 to 100",
    ),
    ("number: 1_000", "1:9: number: got '1_000', expected a finite number in plain decimal digits"),
    ("whole: [1]", f"1:8: whole: got a list, expected {WHOLE}"),
    ("agents: a", "1:9: agents: got 'a', expected a list"),
    ("agents: {a: b}", "1:9: agents: got a mapping, expected a list"),
    ("leader: []", "1:9: leader: got a list, expected a mapping or text"),
    ("leader: no", "1:9: leader: got 'no', expected text: quote it"),
    ("label: 010", f"1:8: label: got '010', expected {WHOLE} or text: quote it"),
    (
        "until: nevr",
        "1:8: until: got 'nevr', expected a duration such as 250ms (us, ms, s, min, h, d) or "
        "'never'; did you mean 'never'?",
    ),
    (
        "faults: [{at: 9s}]",
        "1:10: faults[0]: the key 'kind' is missing, expected one of 'crash', 'partition'",
    ),
    ("fault: {knd: crash, at: 9s}", "1:9: fault.knd: unknown key; did you mean 'kind'?"),
    (
        "fault: {kind: crsh, at: 9s}",
        "1:15: fault.kind: got 'crsh', expected one of 'crash', 'partition'; did you mean 'crash'?",
    ),
    (
        "fault: {kind: crash, at: 9s, share: 1}",
        "1:30: fault.share: unknown key, expected one of 'at', 'kind'",
    ),
    ("pair: [0, 1, 2]", "1:7: pair: got 3 items, expected 2"),
    ("some: []", "1:7: some: must hold at least 1, got 0"),
    (
        "limits: {'a b': 1}",
        "1:10: limits['a b']: got 'a b', expected 1 to 64 letters, digits, '_', '-', '.'",
    ),
    ("limits: {a: x}", "1:13: limits.a: got 'x', expected a finite number"),
    (
        "agents: [{name: mallroy, strategy: honest}]",
        "1:17: agents[0].name: unknown agent, got 'mallroy'; did you mean 'mallory'?",
    ),
    ("text: x\npair: [1, 0]", "1:1: pair[0] must not be above pair[1]"),
    ('title: "\\e[31m"', "1:8: title: holds U+001B, expected printable characters and line breaks"),
]


@pytest.mark.parametrize(
    ("content", "message"),
    REFUSED_BY_THE_SCHEMA,
    ids=[re.sub(r"\W+", "-", row[0]) for row in REFUSED_BY_THE_SCHEMA],
)
def test_what_the_schema_refuses(file: Path, content: str, message: str) -> None:
    assert refuse(file, content) == [f"s.yaml:{message}"]


def test_all_errors_come_at_once_in_file_order(file: Path) -> None:
    content = """\
whole: x
agents:
  - {name: a, n: 200, strategy: honest, stake: no}
  - {strategi: honest, name: on}
titel: y
some: [1, b, 3, c]
flag: yes
"""
    places = [message.split(": ")[:2] for message in refuse(file, content)]
    assert places == [
        ["s.yaml:1:8", "whole"],
        ["s.yaml:3:18", "agents[0].n"],
        ["s.yaml:3:48", "agents[0].stake"],
        ["s.yaml:4:6", "agents[1].strategi"],
        ["s.yaml:4:30", "agents[1].name"],
        ["s.yaml:5:1", "titel"],
        ["s.yaml:6:11", "some[1]"],
        ["s.yaml:6:17", "some[3]"],
        ["s.yaml:7:7", "flag"],
    ]


def test_errors_stop_at_a_hundred(file: Path) -> None:
    messages = refuse(file, "some: [" + "x, " * 5_000 + "]")
    assert len(messages) == 101
    assert messages[-1] == "s.yaml: too many errors; the rest is not shown"


def test_errors_survive_pickling(file: Path) -> None:
    with pytest.raises(InputErrors) as caught:
        read(file, "whole: x")
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_the_tree_names_the_file_unless_another_name_is_given(file: Path) -> None:
    file.write_text("whole: x")
    with pytest.raises(InputErrors) as caught:
        validate_model(load_document(file), Scenario)
    assert caught.value.errors[0].where == Position(str(file), 1, 8)


def test_a_type_no_file_can_spell_is_a_fault_of_the_schema() -> None:
    class Wrong(BaseModel):
        value: bytes

    where = Position("s.yaml", 1, 1)
    tree = MapNode({"value": (where, ScalarNode("x", False, where))}, where)
    with pytest.raises(TypeError, match="no file can spell it"):
        validate_model(tree, Wrong)


def test_models_without_a_common_tag_are_a_fault_of_the_schema() -> None:
    class Wrong(BaseModel):
        value: Agent | Crash

    where = Position("s.yaml", 1, 1)
    tree = MapNode({"value": (where, MapNode({}, where))}, where)
    with pytest.raises(TypeError, match="Literal field in common"):
        validate_model(tree, Wrong)


@pytest.mark.slow
def test_twenty_thousand_rows_load(file: Path) -> None:
    rows = "".join(f"- {{name: a{i}, n: 5, strategy: sybil}}\n" for i in range(20_000))
    assert len(read(file, f"agents:\n{rows}").agents) == 20_000


def test_reading_imports_no_heavy_library() -> None:
    heavy = "{'numba', 'numpy', 'scipy', 'pandas'}"
    code = f"import sys, sim.scenario.reader; sys.exit(bool({heavy} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


SEED = """\
title: "Nine"
whole: 12
number: 1.5
flag: true
maybe: ~
wait: 9s
until: never
share: 0.25
agents:
  - {name: a, n: 3, strategy: honest}
  - name: b
    strategy: sybil
leader: {name: c, strategy: honest}
faults: [{kind: crash, at: 9s}]
limits: {a: 1}
pair: [0, 1]
"""
MARKS = tuple("-?:,[]{}#&*!|>'\"%@`\\/~\t \n\r\0\x85\u2028\ufeffé")
WORDS = ("null", "no", "010", "1e3", "1_000", ".nan", "1e99999", "99999999999999999999", "1:30")
SYNTAX = ("&a", "*a", "!!int", "<<:", "---", "...", "%YAML 1.1", "[[", "{{", '""', "\n  ", "\n- ")
FIELDS = (
    "kind",
    "agents:",
    "title:",
    "9s",
    "-1",
    "0.5",
    '"\\ud800"',
    '"\\U99999999"',
    "2024-01-01",
)
TOKENS = MARKS + WORDS + SYNTAX + FIELDS


def apply_edit(text: str, edit: tuple[int, int, str]) -> str:
    at, length, token = edit
    at %= len(text) + 1
    return text[:at] + token + text[at + length :]


EDITS = st.lists(
    st.tuples(
        st.integers(0, 10_000),
        st.integers(0, 12),
        st.sampled_from(TOKENS) | st.text(max_size=4).filter(lambda t: t.isprintable()),
    ),
    min_size=1,
    max_size=6,
)


def spell(node: Node) -> object:
    """A tree without its places: the parsers disagree where an empty value stands."""
    match node:
        case MapNode(entries):
            return {key: spell(child) for key, (_, child) in entries.items()}
        case ListNode(items):
            return [spell(item) for item in items]
    return node.text, node.quoted


def find_spelling(file: Path) -> object:
    try:
        return spell(load_document(file))
    except InputErrors:
        return None


@pytest.mark.slow
@settings(
    max_examples=2_000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(edits=EDITS)
def test_a_mutated_file_is_read_or_refused_and_never_read_differently(
    file: Path, monkeypatch: pytest.MonkeyPatch, edits: list[tuple[int, int, str]]
) -> None:
    text = SEED
    for edit in edits:
        text = apply_edit(text, edit)
    with contextlib.suppress(InputErrors):
        read(file, text)
    fast = find_spelling(file)
    with monkeypatch.context() as patch:
        patch.setattr(document, "LOADER", yaml.SafeLoader)
        slow = find_spelling(file)
    assert fast == slow or None in (fast, slow)  # one of them may be stricter within [] and {}
