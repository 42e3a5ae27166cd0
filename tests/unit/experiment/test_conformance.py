"""The battery as somebody else runs it: what it takes for a plug-in, and that it bites."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from sim.core.errors import InputError
from sim.experiment.conformance.base import (
    ConformanceError,
    Outcome,
    require,
    require_equal,
    require_rows,
    require_same,
    show,
)
from sim.experiment.conformance.discovery import OURS, check_plug_ins, find_plug_ins
from sim.faults.registry import load_faults
from sim.policies.registry import load_policies
from sim.policies.reputation.registry import load_reputation_rules
from sim.strategies.registry import load_strategies, load_traders

Write = Callable[[str], str]  # a module's source to its path
HEAD = """
from dataclasses import dataclass, replace
from typing import ClassVar
import numpy as np
from sim.core.market import MOVE, Role
from sim.core.records import INTENT
from sim.faults.base import Class
from sim.faults.crash import Crash
from sim.ledger.rules import Reputation
from sim.policies.base import Policy, Scope
from sim.policies.presets import GATEWAY
from sim.policies.reputation.base import publish
from sim.strategies.base import Strategy
from sim.strategies.honest import Honest
"""
SOUND = '''
@dataclass(frozen=True, slots=True)
class Careful:
    """Works as the honest do, and makes no mistake.

    Source: an assumption.
    """

    error_ppm: int = 0  # of its steps

    def act(self, seen, draws):
        return Honest(self.error_ppm).act(seen, draws)

NARROW = replace(GATEWAY, name="narrow", scope=Scope.TASK)
'''
DEFECTS = {
    "strategy": (
        '''
@dataclass
class Forgetful:
    """Does nothing, and counts."""

    n_seen: int = 0

    def act(self, seen, draws):
        Forgetful.n_seen += 1
        intents = np.zeros(len(seen.agent), dtype=INTENT)
        intents["operation"] = Forgetful.n_seen
        return intents
''',
        {
            "It says one intent for each agent it sees",
            "The same sight gives the same intents",
            "It turns only to what it is offered",
            "It is frozen and remembers nothing",
            "Its docstring says what it does and where it is from",
            "Every knob is explained, in the docstring or in a comment on its line",
        },
    ),
    "trader": (
        """
@dataclass(frozen=True)
class Silent:
    role = Role.SELLER
    is_adversary = False

    def trade(self, seen, draws):
        return np.zeros(len(seen.trader), dtype=MOVE)
""",
        {"It makes one move for each occasion", "It is frozen and remembers nothing itself"},
    ),
    "fault": (
        '''
@dataclass(frozen=True, slots=True)
class Lasting:
    """Crashes, and never ends."""

    kind: ClassVar[Class] = Class.CRASH

    def begin(self, site, nodes):
        Crash().begin(site, nodes)
        return lambda: None
''',
        {"Once it ends nothing of it is left"},
    ),
    "reputation": (
        '''
@dataclass(frozen=True, slots=True)
class Blind:
    """Knows everybody, and thinks the same of all."""

    inside: ClassVar[Reputation] = Reputation.EPOCH

    def compute(self, view):
        known = np.ones(view.n_accounts, dtype=np.bool_)
        return publish(np.zeros(view.n_accounts, dtype=np.int64), known, view.newcomer_ppm)
''',
        {
            "Who is not known has the score of a newcomer",
            "Praise never ranks below blame",
            "Its docstring says what it does and who says so",
        },
    ),
    "policy": (
        """
class Odd(Policy):
    @property
    def checks_signatures(self):
        return False

ODD = Odd("odd", **{k: getattr(GATEWAY, k) for k in GATEWAY.__slots__ if k != "name"})
""",
        {"It says of itself what it does"},
    ),
}

SENTENCES = [
    (
        "strategy",
        "It is frozen and remembers nothing",
        "expected @dataclass(frozen=True, slots=True), found fields that can be changed",
    ),
    (
        "strategy",
        "It says one intent for each agent it sees",
        "expected the same agent that was seen, found 0 instead of 1 in row 1",
    ),
    (
        "strategy",
        "Its docstring says what it does and where it is from",
        "expected a line `Source: ...` in the docstring, found none",
    ),
    (
        "strategy",
        "Every knob is explained, in the docstring or in a comment on its line",
        "expected words about n_seen in a comment or the docstring, found none",
    ),
    (
        "trader",
        "It makes one move for each occasion",
        "expected a move on any of 300 occasions, found none",
    ),
    (
        "trader",
        "Only a seller publishes",
        "expected an offer of a SELLER on 300 occasions, found none",
    ),
    (
        "fault",
        "Once it ends nothing of it is left",
        "expected who is down, as before it to be [False, False, False, False], "
        "found [False, False, True, False]",
    ),
    (
        "reputation",
        "Who is not known has the score of a newcomer",
        "expected nobody to be known whom nobody rated, found True in row 0 (10 of 10 rows so)",
    ),
    (
        "reputation",
        "Praise never ranks below blame",
        "expected a higher raw score for eight of the best ratings than for eight of the worst, "
        "found 0 against 0",
    ),
    (
        "policy",
        "It says of itself what it does",
        "expected checks_signatures, by what binds to be True, found False",
    ),
]


@pytest.fixture
def write(tmp_path: Path) -> Iterator[Write]:
    names: list[str] = []

    def write_module(source: str) -> str:
        path = tmp_path / f"mine_{tmp_path.name}.py"
        path.write_text(HEAD + source)
        names.append(path.stem)
        return str(path)

    yield write_module
    for name in names:
        sys.modules.pop(name, None)


def run(where: str) -> list[Outcome]:
    return list(check_plug_ins(find_plug_ins(where)))


def test_what_is_sound_passes_every_check(write: Write) -> None:
    outcomes = run(write(SOUND))
    assert {(outcome.kind, outcome.name) for outcome in outcomes} == {
        ("strategy", "Careful"),
        ("policy", "narrow"),
    }
    assert [outcome for outcome in outcomes if not outcome.holds] == []


@pytest.mark.parametrize("kind", DEFECTS)
def test_a_defect_is_found_in_each_kind(kind: str, write: Write) -> None:
    source, expected = DEFECTS[kind]
    outcomes = run(write(source))
    assert {outcome.kind for outcome in outcomes} == {kind}
    failed = {outcome.check: outcome.problem for outcome in outcomes if not outcome.holds}
    assert expected <= set(failed)
    assert len(failed) < len(outcomes) or kind == "policy"
    for problem in failed.values():
        assert re.match(r"expected .+, found .+|[A-Z]\w+Error: ", problem), problem


@pytest.mark.parametrize(("kind", "check", "problem"), SENTENCES)
def test_a_defect_is_told_by_what_was_expected_and_what_was_found(
    kind: str, check: str, problem: str, write: Write
) -> None:
    problems = {outcome.check: outcome.problem for outcome in run(write(DEFECTS[kind][0]))}
    assert problems[check] == problem


def test_what_a_plug_in_raises_is_shown_with_its_place(write: Write) -> None:
    source = SOUND.replace("return Honest(self.error_ppm)", "return honest(self.error_ppm)")
    where = write(source)
    (problem,) = {
        outcome.problem
        for outcome in run(where)
        if outcome.check == "It says one intent for each agent it sees"
    }
    assert problem.startswith("NameError: name 'honest' is not defined")
    assert where in problem


def test_a_module_by_its_name_counts_what_is_below_it() -> None:
    found = find_plug_ins("sim.strategies.honest")
    assert [(plug_in.kind, plug_in.name) for plug_in in found] == [("strategy", "Honest")]


@pytest.mark.parametrize(
    ("where", "problem"),
    [
        ("no_such_package_anywhere", "neither an installed package nor a module"),
        ("nowhere.py", "cannot be imported"),
        ("sim.core.units", "brings no policy"),
        ("", "cannot be imported"),
    ],
)
def test_what_cannot_be_checked_is_refused(where: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        find_plug_ins(where)


def test_a_file_that_does_not_parse_is_refused(write: Write) -> None:
    with pytest.raises(InputError, match="cannot be imported"):
        find_plug_ins(write("def"))


def test_require_holds() -> None:
    require(True, "something", "it")
    with pytest.raises(ConformanceError, match=r"^expected something, found nothing$"):
        require([], "something", "nothing")


def test_one_value_is_told_beside_the_other() -> None:
    require_equal("the sum", 3, 3)
    with pytest.raises(ConformanceError, match=r"^expected the sum to be 3, found 4$"):
        require_equal("the sum", np.int64(4), 3)


def test_of_a_table_the_first_row_that_is_wrong_is_told() -> None:
    values = np.array([1, 2, 7, 9])
    require_rows(values > 0, "a number above 0", values)
    require_rows(values[:0] > 0, "a number above 0", values[:0])
    with pytest.raises(ConformanceError) as caught:
        require_rows(values < 5, "a number below 5", values)
    assert str(caught.value) == "expected a number below 5, found 7 in row 2 (2 of 4 rows so)"
    with pytest.raises(ConformanceError, match=r"found 9 in row 3 \(1 row so\)"):
        require_rows(values < 9, "less", values)


def test_of_two_tables_the_first_difference_is_told() -> None:
    values = np.array([1, 2, 7])
    require_same("moves", values, values.copy())
    with pytest.raises(ConformanceError) as caught:
        require_same("moves a second time", values, np.array([1, 3, 7]))
    told = "expected the same moves a second time, found 2 instead of 3 in row 1"
    assert str(caught.value) == told
    with pytest.raises(ConformanceError, match="rows of moves to be 2, found 3"):
        require_same("moves", values, values[:2])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("as it is", "as it is"),
        (np.float64(0.5), "0.5"),
        (np.array([1, 2]), "[1, 2]"),
        ({3, 1}, "[1, 3]"),
        (Path, "Path"),
        (["x" * 200], f"['{'x' * 98}..."),
    ],
)
def test_a_value_is_shown_in_few_words(value: object, text: str) -> None:
    assert show(value) == text


FROZEN = "@dataclass(frozen=True, slots=True)"
HOLLOW = """
class Plain:
    def act(self, seen, draws):
        return np.zeros(len(seen.agent))

    def rest(self):
        pass

@dataclass(frozen=True)
class Roomy:
    '''no sentence'''

    def act(self, seen, draws):
        return np.zeros(len(seen.agent))

@dataclass(frozen=True, slots=True)
class Chatty:
    '''Has two methods.

    Source:
    '''

    def act(self, seen, draws):
        return np.zeros(len(seen.agent))

    def rest(self):
        pass

@dataclass(frozen=True, slots=True)
class Unnamed:
    def act(self, seen, draws):
        return np.zeros(len(seen.agent))
"""


def test_what_a_class_looks_like_is_told_in_words(write: Write) -> None:
    found = {(each.name, each.check): each.problem for each in run(write(HOLLOW))}
    frozen = "It is frozen and remembers nothing"
    docstring = "Its docstring says what it does and where it is from"
    roomy = f"expected {FROZEN}, found room for attributes beside its fields"
    unnamed = "expected a docstring, found none but the signature that a dataclass fills in"
    assert found["Roomy", frozen] == roomy
    assert found["Chatty", frozen] == "expected no public method but `act`, found act, rest"
    assert found["Roomy", docstring] == (
        "expected a first line that is a sentence, found 'no sentence'"
    )
    assert found["Chatty", docstring] == "expected `Source: ` and where it is from, found 'Source:'"
    assert found["Unnamed", docstring] == unnamed
    types = "It says one intent for each agent it sees"
    assert found["Chatty", types] == "expected records of the type INTENT, found float64"
    assert found["Plain", frozen] == "expected a dataclass, found a plain class"


# strategies that only a run would show to be wrong


@pytest.mark.parametrize(
    ("defect", "check"),
    [
        ("intents['account'] += 1", "It says one intent for each agent it sees"),
        ("intents['agent'][:1] += 5", "It says one intent for each agent it sees"),
        ("intents = seen.step * 0.5", "It says one intent for each agent it sees"),
        ("intents['operation'] += next(N)", "The same sight gives the same intents"),
        ("seen.step[:] = 0", "It writes to nothing it sees"),
    ],
)
def test_who_acts_for_others_by_chance_or_in_floats_is_named(
    defect: str, check: str, write: Write
) -> None:
    act = "        return Honest(self.error_ppm).act(seen, draws)\n"
    worse = act.replace("return", "intents =") + f"        {defect}\n        return intents\n"
    outcomes = run(write("from itertools import count\nN = count()\n" + SOUND.replace(act, worse)))
    failed = {(outcome.name, outcome.check) for outcome in outcomes if not outcome.holds}
    assert ("Careful", check) in failed
    assert {name for name, _ in failed} == {"Careful"}


# packages that are not installed, and what is shipped

ENTRIES = """
[project.entry-points."ambit.strategies"]
careful = "{module}:Careful"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package beside its pyproject.toml, in a layout with `src`."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    module = f"ours_{tmp_path.name}"
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / f"{module}.py").write_text(HEAD + SOUND)
    (tmp_path / "pyproject.toml").write_text(ENTRIES.format(module=module))
    yield tmp_path
    sys.modules.pop(module, None)


def test_a_folder_brings_what_its_entry_points_name(folder: Path) -> None:
    outcomes = run(str(folder))
    assert {(outcome.kind, outcome.name) for outcome in outcomes} == {("strategy", "careful")}
    assert all(outcome.holds for outcome in outcomes)


@pytest.mark.parametrize(
    ("entries", "problem"),
    [
        ("[project", "is not TOML"),
        ("[project]\nname = 'x'\n", "brings no policy"),
        (ENTRIES.format(module="nowhere_at_all"), "cannot be loaded: No module named"),
        (ENTRIES.format(module="json"), "cannot be loaded: .* has no attribute"),
        (ENTRIES.format(module="json").replace("Careful", "loads"), "neither a Policy nor a class"),
    ],
)
def test_a_folder_that_cannot_be_checked_is_refused(
    entries: str, problem: str, folder: Path
) -> None:
    (folder / "pyproject.toml").write_text(entries)
    with pytest.raises(InputError, match=problem):
        find_plug_ins(str(folder))


def test_ours_are_all_that_is_shipped() -> None:
    found = {(plug_in.kind, plug_in.name) for plug_in in find_plug_ins(OURS)}
    shipped = {
        *(("policy", name) for name in load_policies()),
        *(("strategy", name) for name in load_strategies()),
        *(("trader", name) for name in load_traders()),
        *(("fault", name) for name in load_faults()),
        *(("reputation", name) for name in load_reputation_rules()),
    }
    assert found == shipped
